"""A lender whose months are all as large, and what its features cost month by month and by workers.

python -m benchmarks.scale lender DATA MONTHS SCALE
python -m benchmarks.scale months DATA DATAMART [FIRST]
python -m benchmarks.scale workers DATA DATAMART MONTHS WORKERS

The lender grants 500 loans times SCALE a month, and its clickstream has a row a month of each customer of 18
months, 9,000 times SCALE: that of the simulator's own lender has rows of all customers in every month.
"""

import json
import resource
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl

from flows.dask_cluster import Scheduler, connected, scheduler
from flows.engine import run_flow
from flows.fan_out import plain_values, run_month
from flows.features import gold_features, ingestion
from simulator import layout
from simulator.clickstream import build_clickstream
from simulator.lender import PARTS
from simulator.population import customer_ids, draw_credit, draw_defaults
from simulator.terms import Bools, Lender
from tasks.config import Settings, checked_settings
from tasks.ingestion import landing
from tasks.ingestion.acceptance import has_come_in
from tasks.ingestion.tasks import months_received
from tasks.schemas.catalog import SOURCES
from tasks.store import tables
from tasks.store.folders import remove_folder

COHORTS = 18  # that are in the clickstream of a month
Result = dict[str, Any]


def lender(data: str, months: str, scale: str) -> Result:
    """Write the files of the lender."""
    made = Lender(date(2020, 1, 1), int(months), scale=int(scale))
    parts = {**PARTS, layout.CLICKSTREAM_FILE: _clickstream}
    Path(data).mkdir(parents=True)
    rows = dict[str, int]()
    for name, part in parts.items():
        with (Path(data) / name).open("wb") as file:
            for number, frame in enumerate(part(made)):
                frame.write_csv(file, include_header=number == 0)
                rows[name] = rows.get(name, 0) + frame.height
    return rows


def _clickstream(made: Lender) -> Iterator[pl.DataFrame]:
    for month in range(made.months):
        first = max(0, month - COHORTS + 1)
        for cohort in range(first, first + COHORTS):
            yield build_clickstream(made, cohort, month, _ids(made, cohort), _defaults(made, cohort))


@cache
def _ids(made: Lender, cohort: int) -> pl.Series:
    return customer_ids(made, cohort)


@cache
def _defaults(made: Lender, cohort: int) -> Bools:
    return draw_defaults(made, cohort, draw_credit(made, cohort))


def months(data: str, datamart: str, first: str = "1") -> Iterator[Result]:
    """CPU seconds and seconds of the two parts of each month from the `first`, and the peak so far in GiB."""
    settings = _settings(data, datamart)
    _look_through(settings)
    for day in months_received(settings)[int(first) - 1 :]:
        spent = Result(month=str(day))
        for name, flow in (("ingestion", ingestion), ("features", gold_features)):
            cpu, begun = _cpu_seconds(), time.perf_counter()
            run_flow(flow, day, settings)
            spent[name] = round(_cpu_seconds() - cpu, 2), round(time.perf_counter() - begun, 2)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        yield {**spent, "peak_gib": round(peak, 2)}


def workers(data: str, datamart: str, n_months: str, n_workers: str) -> Result:
    """Seconds of the features of files that came in by so many workers; one is this process.

    Months that did not come in yet do so first, which is not measured; features that are there are removed.
    """
    settings = _settings(data, datamart)
    days = months_received(settings)[: int(n_months)]
    for day in days:
        if not has_come_in(day, settings):
            run_flow(ingestion, day, settings)
    for name in ("gold.feature_store", "gold.label_store"):
        remove_folder(tables.path_of(name, settings))
    tables.create_missing(settings)
    begun = time.perf_counter()
    with scheduler(int(n_workers), None) as them:
        ready = time.perf_counter()
        _build(days, settings, them)
        built = time.perf_counter()
    seconds = {
        "until_ready": ready - begun,
        "of_months": built - ready,
        "in_all": time.perf_counter() - begun,
    }
    return {
        "workers": int(n_workers),
        "months": len(days),
        **{name: round(n, 1) for name, n in seconds.items()},
    }


def _build(days: Sequence[date], settings: Settings, them: Scheduler | None) -> None:
    """Features of the days, by the workers side by side or here one after the other."""
    if them is None:
        for day in days:
            run_flow(gold_features, day, settings)
        return
    values = plain_values(settings)
    with connected(them) as client:
        client.gather([client.submit(run_month, "features", day, values, pure=False) for day in days])


def _settings(data: str, datamart: str) -> Settings:
    return checked_settings({"data": Path(data), "datamart": Path(datamart)})


def _look_through(settings: Settings) -> None:
    """Look through the files and split them into months, once for all."""
    for source in SOURCES.values():
        landing.read_months(source, months_received(settings)[:1], settings)


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Run what the first argument names with the rest of them; print JSON, a line for each result."""
    result = {"lender": lender, "months": months, "workers": workers}[sys.argv[1]](*sys.argv[2:])
    for line in [result] if isinstance(result, dict) else result:
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
