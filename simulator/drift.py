"""Ways in which a lender's months change: one short text each, closed list.

    stop:SOURCE:FROM        the source (clickstream, attributes, financials) has no rows from FROM on
    gap:SOURCE:FROM:MONTHS  the source has no rows for so many months, and returns
    close:SOURCE:FROM       the source has no rows of those who apply from FROM on; of earlier ones it goes on
    pause:FROM:MONTHS       no loan starts for so many months; to the end of the book or longer: it runs off
    shift:COLUMN:FROM:SDS   a column moves by SDS standard deviations; defaults do not follow
    swap:COL1:COL2:FROM     two columns of one source change places
    mix:FROM:SHARE          a share (0 to 1) of the applicants has a bad credit mix on top of the usual
    badrate:FROM:FACTOR     the odds of default are multiplied by FACTOR
    decay:FROM:MONTHS       what ties features to default fades to nothing over MONTHS months

FROM is the first of a month (2024-03-01) or the month's number, the first month being 1. A drift of
clickstream columns acts on snapshots from FROM on, any other on the loans that start from FROM on; `decay`
reaches the clickstream of those loans' customers too.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

from simulator.layout import COLUMNS_BY_SOURCE, SPREADS, source_of
from tasks.errors import UsageError

Kind = Literal["stop", "gap", "close", "pause", "shift", "swap", "mix", "badrate", "decay"]

PATTERNS: Final[dict[Kind, str]] = {
    "stop": "stop:SOURCE:FROM",
    "gap": "gap:SOURCE:FROM:MONTHS",
    "close": "close:SOURCE:FROM",
    "pause": "pause:FROM:MONTHS",
    "shift": "shift:COLUMN:FROM:SDS",
    "swap": "swap:COL1:COL2:FROM",
    "mix": "mix:FROM:SHARE",
    "badrate": "badrate:FROM:FACTOR",
    "decay": "decay:FROM:MONTHS",
}


@dataclass(frozen=True)
class Drift:
    """One change: what, from which month (a date, or 1 for the first month), on which columns, how much."""

    kind: Kind
    since: date | int
    names: tuple[str, ...] = ()
    amount: float = 0.0


def parse_drift(text: str) -> Drift:
    """Return the drift that `text` names.

    Raises: UsageError when the kind, source, column, month or amount makes no sense.
    """
    kind, *parts = text.split(":")
    if kind not in PATTERNS:
        raise UsageError(
            f"No drift is called {kind!r} (in {text!r}); use one of {', '.join(PATTERNS.values())}."
        )
    pattern = PATTERNS[kind]
    fields = pattern.split(":")[1:]
    if len(parts) != len(fields):
        raise UsageError(f"The drift {text!r} has {len(parts)} parts after its kind; write it as {pattern}.")
    given = dict(zip(fields, parts, strict=True))
    amounts = [given.pop(field) for field in ("SDS", "SHARE", "FACTOR", "MONTHS") if field in given]
    since = _month(given.pop("FROM"), text)
    drift = Drift(kind, since, tuple(given.values()), _number(amounts, text))
    _check(drift, text)
    return drift


def first_month(drift: Drift, start: date) -> int:
    """Return the month from which the drift acts: 0 is the month of `start`, below 0 is earlier."""
    if isinstance(drift.since, int):
        return drift.since - 1
    return (drift.since.year - start.year) * 12 + drift.since.month - start.month


def active_drifts(drifts: Sequence[Drift], kind: Kind, month: int, start: date) -> list[Drift]:
    """Return the drifts of one kind that act in `month` (0 is the month of `start`), in the order given."""
    return [drift for drift in drifts if drift.kind == kind and first_month(drift, start) <= month]


def _month(text: str, drift: str) -> date | int:
    if text.isdecimal() and int(text) >= 1:
        return int(text)
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or day.day != 1:
        raise UsageError(
            f"FROM is {text!r} in the drift {drift!r}; "
            f"write the first of a month (2024-03-01) or a month's number from 1."
        )
    return day


def _number(amounts: list[str], drift: str) -> float:
    if not amounts:
        return 0.0
    try:
        return float(amounts[0])
    except ValueError:
        raise UsageError(f"{amounts[0]!r} is no number in the drift {drift!r}; write it like 0.5.") from None


def _check(drift: Drift, text: str) -> None:
    names, amount = drift.names, drift.amount
    if not -1e6 < amount < 1e6:
        raise UsageError(
            f"The amount of the drift {text!r} is out of all proportion; use one between -1e6 and 1e6."
        )
    if drift.kind in ("stop", "gap", "close") and names[0] not in COLUMNS_BY_SOURCE:
        raise UsageError(f"No source is called {names[0]!r}; use one of {', '.join(COLUMNS_BY_SOURCE)}.")
    if drift.kind == "shift" and names[0] not in SPREADS:
        raise UsageError(f"The column {names[0]!r} cannot be shifted; shift one of {', '.join(SPREADS)}.")
    if drift.kind == "swap" and (source_of(names[0]) is None or source_of(names[0]) != source_of(names[1])):
        raise UsageError(f"{names[0]!r} and {names[1]!r} cannot be swapped; name two columns of one source.")
    if drift.kind == "mix" and not 0 <= amount <= 1:
        raise UsageError(f"SHARE is {amount:g} in the drift {text!r}; write a share between 0 and 1.")
    if drift.kind == "badrate" and amount <= 0:
        raise UsageError(f"FACTOR is {amount:g} in the drift {text!r}; write a factor above 0.")
    if drift.kind in ("gap", "pause", "decay") and amount < 1:
        raise UsageError(f"MONTHS is {amount:g} in the drift {text!r}; write 1 or more months.")
