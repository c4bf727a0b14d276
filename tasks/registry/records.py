"""The records of the registry: what was decided on a model, and the line that says so."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

State = Literal["challenger", "approved", "champion", "retired", "rejected"]


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
    the line's own other fields, so that an edit of the last line shows too.
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
