"""Whether a column tells when loans went wrong rather than whether: then it was made of early arrears.

What is known at the application tells good loans from bad ones far better than it tells those that fell
behind in the second month from those that did in the fourth. A column made of a month's arrears does the
reverse.
"""

import numpy as np

from tasks.governance.policy import Audit
from tasks.leakage_audit.hindsight import SPEARMAN, at_a_like, correlate_ranks, to_normal
from tasks.leakage_audit.reference import Book, Column, Mask
from tasks.statistics.performance import Floats

SHARE = (
    0.5  # of its correlation with default, beyond which that with early arrears among defaults is too much
)
MIN_LOANS = 10  # of a cohort


def find_timing(column: Column, book: Book, limits: Audit) -> str:
    """Among loans that defaulted it goes with whether they were overdue in an early month."""
    odds = book.maturity.by_mob[0]
    rows = book.ripe & np.isfinite(column.numbers) & np.isfinite(odds)
    bad = rows & (book.labels == 1)
    default, _ = _correlate_within(column.numbers, book.labels, odds, rows, book)
    found = [(0.0, 0.0, 0)]
    for mob in range(1, len(book.maturity.by_mob)):
        # Whether, not how much: what is overdue of a large loan is more, and its size was known.
        overdue = (book.later[f"overdue_amt at MOB {mob}"].fill_null(0.0) > 0).to_numpy().astype(float)
        z, error = _correlate_within(column.numbers, overdue, odds, bad, book)
        found.append((abs(z) / error if error else 0.0, z, mob))
    z, early, mob = max(found)
    if z <= limits.hindsight_z or abs(early) <= SHARE * abs(default):
        return ""
    return (
        f"among loans that defaulted its rank correlation with being overdue at MOB {mob} is "
        f"{np.tanh(early):.2f} at a like PD ({z:.1f} standard errors), with default itself "
        f"{np.tanh(default):.2f}: it tells when they went wrong, which was not known"
    )


def _correlate_within(x: Floats, y: Floats, odds: Floats, rows: Mask, book: Book) -> tuple[float, float]:
    """Mean over cohorts of Fisher's z of the correlation of x and y at like odds, and its standard error."""
    total, weights = 0.0, 0.0
    for place in range(len(book.maturity.ages)):
        here = np.flatnonzero(rows & (book.maturity.cohort == place))
        if len(here) >= MIN_LOANS and np.ptp(y[here]) > 0:
            r = correlate_ranks(np.column_stack([x[here], y[here], odds[here]]))
            total += (len(here) - 4) * to_normal(at_a_like(r[0, 1], r[0, 2], r[1, 2]))
            weights += len(here) - 4
    return (total / weights, (SPEARMAN / weights) ** 0.5) if weights else (0.0, 0.0)
