"""gold.actions: what follows from a month's figures, who does it and until when, and what became of it."""

import dataframely as dy
import polars as pl

OPEN = ("opened", "continuing", "escalated")


class Actions(dy.Schema):
    """Key: (snapshot_date, trigger). `evidence` names the figures; `policy` is the digest of the policy.

    `state` is opened, continuing, escalated, done (what was ordered happened) or closed. `opened` is the
    month in which it began, `months` counts how many it stands, `due_date` is the day it was due first, and
    `severity` that of its figures now. `closed_by` and `closed_why` say of one that is done or closed who
    ended it and why, `escalated_by` who escalated it. `subjects`, `path` and `model_id` say what the figures
    are of; `command` carries the order out. `explains` names findings of the same cause, which have no action
    of their own, `explained_by` the trigger of its own cause. Rows of older code have none of these: null.
    """

    snapshot_date = dy.Date(nullable=False, primary_key=True)
    trigger = dy.String(nullable=False, primary_key=True)
    severity = dy.String(nullable=False, regex="^(info|amber|red)$")
    action = dy.String(nullable=False)
    owner = dy.String(nullable=False)
    due_date = dy.Date(nullable=False)
    evidence = dy.String(nullable=False)
    policy = dy.String(nullable=False)
    state = dy.String(nullable=True, regex="^(opened|continuing|escalated|done|closed)$")
    opened = dy.Date(nullable=True)
    months = dy.Int32(nullable=True, min=1)
    closed_by = dy.String(nullable=True)
    closed_why = dy.String(nullable=True)
    escalated_by = dy.String(nullable=True)
    model_id = dy.String(nullable=True)
    path = dy.String(nullable=True)
    subjects = dy.String(nullable=True)
    command = dy.String(nullable=True)
    explains = dy.String(nullable=True)
    explained_by = dy.String(nullable=True)


def keep_open(actions: pl.DataFrame) -> pl.DataFrame:
    """The actions that are still to be done; rows of older code, which have no state, are."""
    return actions.filter(pl.col("state").is_null() | pl.col("state").is_in(OPEN))
