"""From applications to answers: score, decision and reasons, by one snapshot."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from serving.customer_state import CustomerState, features_known
from serving.snapshot import Snapshot
from tasks.lender.current import lender
from tasks.schemas.feature_store import HAS_SOURCE
from tasks.schemas.reasons import REASON_TEXTS
from tasks.schemas.source_features import BETWEEN
from tasks.scoring.compiled_model import Score, score_rows
from tasks.scoring.compiled_rows import Layout
from tasks.text import plain_name

Decision = Literal["approve", "decline", "refer"]


@dataclass(frozen=True)
class Application:
    """What is asked: whose application, of which day, and what the applicant stated, by source."""

    customer_id: str
    loan_id: str | None
    day: date
    stated: Mapping[str, Mapping[str, Any]]


def answer(
    snapshot: Snapshot, applications: Sequence[Application]
) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """The answer to each application, and the features that it rests on, by name."""
    known = [known_of(snapshot.state, snapshot.model.compiled.layout, one) for one in applications]
    scores = score_rows(snapshot.model.compiled, known)
    answers = [
        _word(snapshot, application, features, score)
        for application, features, score in zip(applications, known, scores, strict=True)
    ]
    return list(zip(answers, known, strict=True))


def names_of(layout: Layout) -> tuple[str, ...]:
    """The features that a model learned, and has_<source>."""
    return (*HAS_SOURCE.values(), *layout.numbers, *layout.words)


def known_of(state: CustomerState, layout: Layout, application: Application) -> dict[str, Any]:
    """What is known of an application of the features that a model learned.

    What is stated of another team's source takes the place of what it said of the customer, whole.
    """
    ours = {name: row for name, row in application.stated.items() if name in HAS_SOURCE}
    known = features_known(state, application.customer_id, ours)
    stated = {name: row for name, row in application.stated.items() if name not in HAS_SOURCE}
    others = {
        f"{source}{BETWEEN}{name}": row.get(name)
        for source, row in stated.items()
        for name in {*row, *map(plain_name, state.others.get(source, {}))}
    }
    everything = known | others
    return {name: everything.get(name) for name in names_of(layout)}


def _word(
    snapshot: Snapshot, application: Application, known: Mapping[str, Any], score: Score
) -> dict[str, Any]:
    referred = refer_because(snapshot, known, score.path)
    return {
        "customer_id": application.customer_id,
        "loan_id": application.loan_id,
        "application_date": str(application.day),
        "pd": score.pd,
        "grade": score.grade,
        "decision": decide(score.pd, snapshot.cutoff_pd, referred=bool(referred)),
        "referred_because": referred,
        "reasons": [{"code": code, "text": REASON_TEXTS[code]} for code in score.reasons if code],
        "score_path": score.path,
        "model_id": snapshot.model.model_id,
        "model_effective_from": snapshot.model.effective_from,
        "policy": snapshot.policy,
        "policy_digest": snapshot.policy_digest,
        "cutoff_pd": snapshot.cutoff_pd,
        "state_as_of": snapshot.state.as_of,
    }


def decide(pd: float, cutoff_pd: float, *, referred: bool) -> Decision:
    """Refer what a person has to look at; approve a PD up to the cut-off; decline a higher one."""
    if referred:
        return "refer"
    return "approve" if pd <= cutoff_pd else "decline"


def refer_because(snapshot: Snapshot, known: Mapping[str, Any], path: str) -> list[str]:
    """Why a person has to decide, as the review list of a month says it; empty where the score may."""
    needed = [source.name for source in lender().applications if not source.may_be_missing]
    reasons = [f"no {name} known" for name in needed if not known[HAS_SOURCE[name]]]
    if path not in snapshot.model.validated:
        reasons.append("its score path was not validated")
    return reasons
