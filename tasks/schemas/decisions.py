"""gold.decisions: what the scoring service answered, one row per application."""

import dataframely as dy

from tasks.schemas.predictions import Predictions


class Decisions(Predictions):
    """Key: request_id. `snapshot_date` is the day of the answer (UTC), `application_date` the day stood on.

    `asked` and `known` are JSON: what the applicant stated, and the features that the score rests on.
    """

    request_id = dy.String(nullable=False, primary_key=True)
    loan_id = dy.String(nullable=True)
    at = dy.String(nullable=False)
    application_date = dy.Date(nullable=False)
    decision = dy.String(nullable=False, regex="^(approve|decline|refer)$")
    referred_because = dy.String(nullable=True)
    policy = dy.String(nullable=False)
    policy_digest = dy.String(nullable=False)
    cutoff_pd = dy.Float64(nullable=False)
    state_as_of = dy.String(nullable=False)
    asked = dy.String(nullable=False)
    known = dy.String(nullable=False)
