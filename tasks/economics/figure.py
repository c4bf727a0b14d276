"""What an economic figure is, and how the figures of a window become rows of gold.economics."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date

import numpy as np
import polars as pl

from tasks.schemas.economics import ALL, Economics
from tasks.schemas.monitoring import CONFIDENCE
from tasks.statistics.performance import Floats, find_z

Z = find_z(CONFIDENCE)
MEASURED = "measured"


@dataclass(frozen=True)
class Figure:
    """One figure of gold.economics, of `n` applications for `amount` together."""

    figure: str
    basis: str
    cutoff: float
    n: int
    amount: float
    value: float | None
    ci_low: float | None = None
    ci_high: float | None = None
    path: str = ALL
    reference: float | None = None
    status: str = MEASURED


@dataclass(frozen=True)
class Loans:
    """Applications of one window: `pds` (n,), `amounts` (n,) asked for, and `outcomes` (n,).

    The outcome of an expected book is the PD, of a realised one the label.
    """

    basis: str
    pds: Floats
    amounts: Floats
    outcomes: Floats

    def keep(self, rows: np.ndarray) -> "Loans":
        """The same of some rows."""
        return Loans(self.basis, self.pds[rows], self.amounts[rows], self.outcomes[rows])


def half_width(amounts: Floats, loans: Loans) -> float:
    """Half the interval of a sum over loans, each of which adds its amount times its outcome.

    Expected: the outcomes are draws from the PDs. Realised: the loans are a sample (normal, of their sum).
    Needs: `amounts` (n,), what a default changes in the sum; 0 for a loan that does not count.
    """
    if loans.basis == "expected":
        variance = np.sum(amounts**2 * loans.outcomes * (1 - loans.outcomes))
    else:
        variance = len(amounts) * np.var(amounts * loans.outcomes)
    return Z * float(variance) ** 0.5


def to_rows(figures: Sequence[Figure], *, as_of: date, window: str, model_id: str) -> pl.DataFrame:
    """Rows of gold.economics of one window."""
    columns = {name: column.dtype for name, column in Economics.columns().items()}
    given = {name: kind for name, kind in columns.items() if name in Figure.__dataclass_fields__}
    frame = pl.DataFrame([asdict(one) for one in figures], schema=given)
    constants = {"snapshot_date": pl.lit(as_of), "window": pl.lit(window), "model_id": pl.lit(model_id)}
    return pl.DataFrame(Economics.validate(frame.with_columns(**constants).select(*columns)))
