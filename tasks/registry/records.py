"""The records of the registry: what was decided on a model, and the line that says so."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

State = Literal["challenger", "approved", "champion", "retired", "rejected"]
GATE = "policy:auto"  # who decides where no person does
RECALIBRATED = "-recalibrated-"  # in the id of a model that is a champion with another calibration
ROLLED_BACK = "rolled back to "  # begins the reason for which a champion gives way to a former one
OVERRIDE = "override of the gate: "  # begins the reason for which a person approves what the gate rejected


@dataclass(frozen=True)
class Change:
    """A decision on one model: who moved it into which state, why, and on what figures."""

    model_id: str
    state: State
    by: str
    why: str
    figures: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True)
class Entry:
    """One line of the registry: from `effective_from` on, `model_id` is in `state`.

    `by` is who decided, `why` and `figures` on what grounds; `sha256` is the digest of the artefact, `files`
    those of the other files of its folder; `previous` is the digest of the line before, and `seal` that of
    the line's own other fields, so that an edit of the last line shows too. `signature` is empty where no key
    signed the line.
    """

    effective_from: str
    model_id: str
    state: State
    by: str
    why: str
    sha256: str
    previous: str
    seal: str
    figures: Mapping[str, Any] = field(default_factory=dict[str, Any])
    files: Mapping[str, str] = field(default_factory=dict[str, str])
    signature: str = ""


@dataclass(frozen=True)
class Standing:
    """Where the models stand on a `day`, later decisions not counted.

    `states` holds the state of each model; `trained_before` is the newest model trained before the day,
    whatever became of it; `trained` and `trained_after` are those of the day and of later ones. `latest` is
    the day of the last decision of all, empty before the first.
    """

    day: date
    states: Mapping[str, State]
    champion: str | None
    trained_before: str | None
    trained: Sequence[str]
    trained_after: Sequence[str]
    latest: str


def end_override(override: str, former: str) -> list[Change]:
    """The lines that let the `former` champion serve again in place of one that served by an override."""
    return [
        Change(former, "champion", GATE, f"the override that let {override} serve has ended"),
        Change(override, "retired", GATE, "an override ends at the next gate"),
    ]


def take_over(
    model_id: str, champion: str | None, *, by: str, why: str, figures: Mapping[str, Any]
) -> list[Change]:
    """The lines that make an approved challenger the champion in place of the present one."""
    states: tuple[State, ...] = ("approved", "champion")
    retired = [Change(champion, "retired", by, f"replaced by {model_id}")] if champion else []
    return [*(Change(model_id, state, by, why, figures) for state in states), *retired]
