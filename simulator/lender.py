"""Simulate a lender: write the files it would deliver, and beside them the truth about its loans."""

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import polars as pl

from simulator import clickstream, layout
from simulator.attributes import build_attributes
from simulator.car_loans import files as car_loans
from simulator.dirt import soil
from simulator.faults.plant import check, plant
from simulator.financials import build_financials
from simulator.payments import build_loans, loan_ids
from simulator.population import customer_ids, draw_credit, draw_defaults
from simulator.terms import Lender, cohort_size, cohorts_of, is_stopped, month_start
from simulator.truth import true_default_probability
from tasks.errors import UsageError

__all__ = ["Lender", "Summary", "simulate"]

DECLARATION: Final = "lender.toml"


@dataclass(frozen=True)
class Summary:
    """What was written: rows by file name, and the share (0 to 1) of all loans that become bad."""

    rows: dict[str, int]
    bad_rate: float


def simulate(lender: Lender, out: Path) -> Summary:
    """Write the lender's files and true_default_probability.csv into `out`; return what was written.

    The same lender gives the same bytes. All files are finished in a folder beside them before the first one
    takes its place. Memory holds one month of one cohort at a time. Rows are counted before faults.

    Raises: UsageError when nothing can be written in `out`, a fault cannot be planted, or no loan starts.
    """
    check(lender.faults)
    if not cohorts_of(lender):
        raise UsageError("No loan starts in any of the lender's months; let lending pause later or shorter.")
    made = [folder for folder in (out, *out.parents) if not folder.exists()]
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".simulate-", dir=out) as name:
            work = Path(name)
            parts = BOOKS[lender.kind].parts
            rows = {
                file: _write(part(lender), work / file, BOOKS[lender.kind].dialect(file))
                for file, part in parts.items()
            }
            plant(work, lender.faults, lender.seed)
            declared = BOOKS[lender.kind].declaration
            if declared is not None:
                (work / DECLARATION).write_bytes(declared.read_bytes())
            for file in (*parts, *([DECLARATION] if declared else [])):
                _publish(work / file, out / file)
    except OSError as error:
        raise UsageError(
            f"Cannot write the lender's files in {out} ({error}); choose a folder you may write."
        ) from error
    finally:
        for folder in made:
            with suppress(OSError):  # it holds the files
                folder.rmdir()
    return Summary(rows, _bad_rate(lender))


def _write(frames: Iterator[pl.DataFrame], path: Path, dialect: Mapping[str, Any]) -> int:
    rows = 0
    with path.open("wb") as file:
        for number, frame in enumerate(frames):
            frame.write_csv(file, include_header=number == 0, **dialect)
            rows += len(frame)
    return rows


def _publish(draft: Path, path: Path) -> None:
    if draft.exists():
        draft.replace(path)
    else:
        path.unlink(missing_ok=True)


def _clickstream(lender: Lender) -> Iterator[pl.DataFrame]:
    for month in range(lender.months):
        for cohort in cohorts_of(lender):
            defaults = draw_defaults(lender, cohort, draw_credit(lender, cohort))
            yield clickstream.build_clickstream(lender, cohort, month, customer_ids(lender, cohort), defaults)


def _attributes(lender: Lender) -> Iterator[pl.DataFrame]:
    for cohort in cohorts_of(lender):
        clean = build_attributes(lender, cohort, draw_credit(lender, cohort))
        yield _keyed(lender, cohort, "attributes", clean)


def _financials(lender: Lender) -> Iterator[pl.DataFrame]:
    for cohort in cohorts_of(lender):
        clean = build_financials(lender, cohort, draw_credit(lender, cohort))
        yield _keyed(lender, cohort, "financials", clean)


def _keyed(lender: Lender, cohort: int, source: layout.Source, clean: pl.DataFrame) -> pl.DataFrame:
    text = soil(lender, cohort, source, clean)
    day = pl.lit(month_start(lender, cohort))
    frame = text.select(
        pl.lit(customer_ids(lender, cohort)).alias("Customer_ID"), pl.all(), snapshot_date=day
    )
    return frame.head(0) if is_stopped(lender, source, cohort, cohort) else frame


def _loans(lender: Lender) -> Iterator[pl.DataFrame]:
    for cohort in cohorts_of(lender):
        defaults = draw_defaults(lender, cohort, draw_credit(lender, cohort))
        yield build_loans(lender, cohort, customer_ids(lender, cohort), defaults)


def _truth(lender: Lender) -> Iterator[pl.DataFrame]:
    for cohort in cohorts_of(lender):
        credit = draw_credit(lender, cohort)
        pd = true_default_probability(lender, cohort, credit, draw_defaults(lender, cohort, credit))
        yield pl.DataFrame({"loan_id": loan_ids(lender, cohort, customer_ids(lender, cohort)), "true_pd": pd})


def _bad_rate(lender: Lender) -> float:
    cohorts = cohorts_of(lender)
    bad = sum(BOOKS[lender.kind].count_defaults(lender, cohort) for cohort in cohorts)
    return bad / (len(cohorts) * cohort_size(lender))


def _count_defaults(lender: Lender, cohort: int) -> int:
    return int(draw_defaults(lender, cohort, draw_credit(lender, cohort)).sum())


PARTS: Final[dict[str, Callable[[Lender], Iterator[pl.DataFrame]]]] = {
    layout.CLICKSTREAM_FILE: _clickstream,
    layout.ATTRIBUTES_FILE: _attributes,
    layout.FINANCIALS_FILE: _financials,
    layout.LOANS_FILE: _loans,
    layout.TRUTH_FILE: _truth,
}
CAR_LOAN_PARTS: Final[dict[str, Callable[[Lender], Iterator[pl.DataFrame]]]] = {
    car_loans.LOANS_FILE: car_loans.write_loans,
    car_loans.APPLICATIONS_FILE: car_loans.write_applications,
    car_loans.BUREAU_FILE: car_loans.write_bureau,
    layout.TRUTH_FILE: car_loans.write_truth,
}


@dataclass(frozen=True)
class _Book:
    """How a kind of lender writes: its files, how it spells a CSV, how many of a cohort become bad.

    The reference lender's `declaration` is in governance/, and not beside its files.
    """

    parts: Mapping[str, Callable[[Lender], Iterator[pl.DataFrame]]]
    spelling: Mapping[str, Any]
    count_defaults: Callable[[Lender, int], int]
    declaration: Path | None = None

    def dialect(self, file: str) -> Mapping[str, Any]:
        """The truth is ours, not the lender's: it is a plain CSV file of every kind."""
        return {} if file == layout.TRUTH_FILE else self.spelling


BOOKS: Final[dict[layout.LenderKind, _Book]] = {
    "reference": _Book(PARTS, {}, _count_defaults),
    "car_loans": _Book(CAR_LOAN_PARTS, car_loans.DIALECT, car_loans.count_defaults, car_loans.DECLARATION),
}
