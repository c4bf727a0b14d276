"""An answer from the log, computed again from what was known."""

from collections.abc import Mapping
from typing import Any

from serving.answers import decide
from tasks.config import Settings
from tasks.decisions.log import find_answer
from tasks.registry.history import load_registry
from tasks.registry.registered_files import load_model
from tasks.scoring.compiled_model import compile_model, score_rows

MAX_DIFFERENCE = 1e-12  # of a PD


def replay_decision(request_id: str, settings: Settings) -> dict[str, Any]:
    """What was asked, known and answered, the answer computed again, and whether it is the same.

    Raises: UsageError where there is no such answer; ModelStoreError for a log or a model that was changed.
    """
    line = find_answer(request_id, settings)
    said: Mapping[str, Any] = line["answer"]
    model = compile_model(load_model(load_registry(settings), said["model_id"]))
    (score,) = score_rows(model, [line["known"]])
    again = {
        "pd": score.pd,
        "grade": score.grade,
        "decision": decide(score.pd, said["cutoff_pd"], referred=bool(said["referred_because"])),
        "score_path": score.path,
        "reasons": [code for code in score.reasons if code],
    }
    told = {**{name: said[name] for name in again}, "reasons": [one["code"] for one in said["reasons"]]}
    close = abs(said["pd"] - score.pd) <= MAX_DIFFERENCE
    same = close and {**told, "pd": score.pd} == again
    return {"at": line["at"], "asked": line["asked"], "known": line["known"], "answer": said,
            "again": again, "same": same}  # fmt: skip


def describe_decision(found: Mapping[str, Any]) -> list[str]:
    """The same in lines, as people read it."""
    said = found["answer"]
    known = [f"{name} {value}" for name, value in found["known"].items() if value is not None]
    why = [f"  {one['code']}: {one['text']}" for one in said["reasons"]]
    return [
        f"{said['request_id']} of {found['at']}",
        f"Application of {said['customer_id']} on {said['application_date']}",
        f"Answer: {said['decision']}, grade {said['grade']}, PD {said['pd']:.4f}",
        *(f"  referred: {one}" for one in said["referred_because"]),
        "Reasons:" if why else "Reasons: none",
        *why,
        f"By {said['model_id']} (effective from {said['model_effective_from']}), score path "
        f"{said['score_path']}",
        f"Policy {said['policy']} ({said['policy_digest']}), cut-off {said['cutoff_pd']}",
        f"Stated: {found['asked'] or 'nothing'}",
        f"Known: {', '.join(known)}",
        "Computed again: the same." if found["same"] else f"Computed again: NOT the same: {found['again']}",
    ]
