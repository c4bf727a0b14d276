"""gold.actions: what follows from a month's figures, who does it and until when."""

import dataframely as dy


class Actions(dy.Schema):
    """Key: (snapshot_date, trigger). `evidence` names the figures; `policy` is the digest of the policy."""

    snapshot_date = dy.Date(nullable=False, primary_key=True)
    trigger = dy.String(nullable=False, primary_key=True)
    severity = dy.String(nullable=False, regex="^(info|amber|red)$")
    action = dy.String(nullable=False)
    owner = dy.String(nullable=False)
    due_date = dy.Date(nullable=False)
    evidence = dy.String(nullable=False)
    policy = dy.String(nullable=False)
