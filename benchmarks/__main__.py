"""`make bench`: the timed runs against their floors, printed as a table and written to benchmarks/results.md.

Every figure is the median of runs in processes of their own. `BENCH_DATA` names a folder with a lender's
files; without it a lender of the reference size is simulated. `BENCH_PARTS` picks parts, `BENCH_RUNS` runs.
"""

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from statistics import median
from typing import Any

from simulator.lender import Lender, simulate

RUNS = int(os.environ.get("BENCH_RUNS", "5"))
RESULTS = Path(__file__).parent / "results.md"
Row = tuple[str, str, str]


def run_once(*words: str | Path) -> dict[str, Any]:
    """What one process of benchmarks.once says."""
    command = [sys.executable, "-m", "benchmarks.once", *map(str, words)]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def plain_seconds(data: Path, out: Path) -> float:
    """Seconds of the plain script."""
    command = [sys.executable, "-m", "benchmarks.plain", str(data), str(out)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def features(data: Path, work: Path) -> Iterator[Row]:
    """The features flow's own work against the plain script, in turn."""
    plain, one_go, by_month = [], [], []
    for run in range(RUNS):
        plain.append(plain_seconds(data, work / f"plain{run}"))
        one_go.append(run_once("features_one_go", data, work / f"go{run}")["seconds"])
        by_month.append(run_once("features_by_month", data, work / f"month{run}")["seconds"])
    yield "plain script: parse and write partitioned", f"{median(plain):.2f} s", ""
    for what, times, floor in (("all months in one go", one_go, 3), ("month by month", by_month, 6)):
        ratio = median(mine / base for mine, base in zip(times, plain, strict=True))
        yield (
            f"features flow, {what}",
            f"{median(times):.2f} s, {ratio:.1f} times plain",
            f"at most {floor} times",
        )


def checks(data: Path, work: Path) -> Iterator[Row]:
    """What the row rules and the checks of a month add to the features flow, pair by pair."""
    without, whole = [], []
    for run in range(RUNS):
        without.append(run_once("features_unchecked", data, work / f"unchecked{run}")["seconds"])
        whole.append(run_once("features_by_month", data, work / f"checked{run}")["seconds"])
    ratio = median(now / before for now, before in zip(whole, without, strict=True))
    measured = f"{median(without):.2f} s without, {median(whole):.2f} s with, {ratio - 1:+.0%}"
    yield "checks in the features flow, month by month", measured, "at most +25 %"


def months(_data: Path, work: Path) -> Iterator[Row]:
    """Seconds per month of the features flow as the history grows."""
    for n in (12, 24, 48):
        book = work / f"book{n}"
        simulate(Lender(date(2020, 1, 1), n), book)
        each = run_once("features_by_month", book, work / f"long{n}")["each"]
        early, late = median(each[1:7]), median(each[-6:])
        measured = f"{early:.2f} s a month at first, {late:.2f} s at the end"
        yield f"features flow over {n} months", measured, "grows by the history read"


def volume(_data: Path, work: Path) -> Iterator[Row]:
    """Seconds of a month's features and of its monitoring at 1, 10 and 100 times the volume, 18 months."""
    first = 0.0
    for scale in (1, 10, 100):
        book = work / f"times{scale}"
        simulate(Lender(date(2023, 1, 1), 18, scale=scale), book)
        got = run_once("features_by_month", book, work / f"mart{scale}")
        measured = f"{median(got['each']):.2f} s a month, peak {got['peak_mb'] / 1024:.2f} GiB"
        yield f"features flow at {scale} times the volume", measured, "100 times within 8 GiB"
        watched = run_once("monitoring_volume", book, work / f"mart{scale}", work / "store")["seconds"]
        first = first or watched
        measured = f"{watched:.2f} s, {watched / first:.1f} times the first"
        yield f"one month of monitoring at {scale} times the volume", measured, "linear"


def orchestration(data: Path, work: Path) -> Iterator[Row]:
    """What Prefect adds to a flow run."""
    got = [run_once("prefect", data, work / f"prefect{run}")["seconds"] for run in range(RUNS)]
    yield "Prefect per run of the features flow", f"{median(got):.2f} s", "at most 0.3 s"


def commands(_data: Path, work: Path) -> Iterator[Row]:
    """Whole commands, from a shell and back: 24 months of features, and what a backfill adds to a run."""
    book, months = work / "book_of_commands", 24
    simulate(Lender(date(2023, 1, 1), months), book)
    for recorded in (False, True):
        home = work / f"home{recorded}"
        if recorded:
            command("ui", "--no-browser", home=home)
        whole, alone, one_run, one_backfill = [], [], [], []
        for run in range(RUNS):
            place = ("--data", book, "--datamart", work / f"commands{recorded}{run}")
            backfill = ("backfill", "--flows", "features", *place, "--start")
            whole.append(command(*backfill, "2023-01-01", "--end", "2024-12-01", home=home))
            alone.append(run_once("features_by_month", book, work / f"alone{recorded}{run}")["seconds"])
            one_run.append(command("run", "features", *place, "--date", "2024-12-01", home=home))
            one_backfill.append(command(*backfill, "2024-12-01", "--end", "2024-12-01", home=home))
        if recorded:
            command("ui", "--stop", home=home)
        how = "recorded in a Prefect server" if recorded else "unrecorded"
        ratio = median(a / b for a, b in zip(whole, alone, strict=True))
        measured = f"{median(whole):.1f} s, {ratio:.1f} times its work"
        yield f"`vintage backfill --flows features`, {months} months, {how}", measured, "8 s"
        added = median(one_backfill) - median(one_run)
        yield f"one month by `vintage backfill` after `vintage run`, {how}", f"{added:+.1f} s", "at most +1 s"


def command(*words: str | Path, home: Path) -> float:
    """Seconds that a whole `vintage` command takes."""
    begun = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "flows", *map(str, words)],
        env={**os.environ, "PREFECT_HOME": str(home)},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    return time.perf_counter() - begun


def walk_forward(data: Path, work: Path) -> Iterator[Row]:
    """AUC of each ripe month, scored by the champion of that day."""
    for month, auc in run_once("walk_forward", data, work / "walk")["aucs"].items():
        yield f"walk-forward AUC, applications of {month[:7]}", f"{auc:.3f}", ""
    runs = [run_once("monitoring", data, work / "walk") for _ in range(min(RUNS, 3))]
    yield "one month of monitoring", f"{median(r['seconds'] for r in runs):.2f} s", "2 s"
    yield "its report", f"{median(r['report'] for r in runs):.2f} s", "5 s"


def scoring(data: Path, work: Path) -> Iterator[Row]:
    """One training on the newest month, and a million applications scored by its model."""
    home = work / "models"
    run_once("features_one_go", data, home / "datamart")
    trained = run_once("training", data, home)
    measured = f"{trained['seconds']:.0f} s, peak {trained['peak_mb'] / 1024:.2f} GiB"
    yield f"training, {trained['loans']:,} ripe loans, 30 trials a family", measured, "60 s, 2 GiB"
    runs = [run_once("scoring", data, home) for _ in range(min(RUNS, 3))]
    yield "a million applications: PD, grade, reasons", f"{median(r['seconds'] for r in runs):.1f} s", "30 s"


def training_volume(_data: Path, work: Path) -> Iterator[Row]:
    """Seconds of a training as the rows grow: 12 months, six of them ripe, 30 trials a family."""
    first = 0.0
    for scale in (1, 10, 100):
        book, home = work / f"grown{scale}", work / f"home{scale}"
        simulate(Lender(date(2023, 1, 1), 12, scale=scale), book)
        run_once("features_one_go", book, home / "datamart")
        got = run_once("training", book, home)
        each = got["seconds"] / got["loans"]
        first = first or each
        measured = f"{got['seconds']:.0f} s, peak {got['peak_mb'] / 1024:.2f} GiB"
        name = f"training, {got['loans']:,} ripe loans"
        yield name, f"{measured}, {each / first:.2f} times the seconds a loan", "no more a loan than at first"


def search_sample(_data: Path, work: Path) -> Iterator[Row]:
    """What searching a sample of the loans costs out of time, against searching all of 120,000."""
    book = work / "sampled"
    simulate(Lender(date(2023, 1, 1), 12, scale=40), book)
    for search in ("", "1000000"):
        home = work / f"search{search}"
        run_once("features_one_go", book, home / "datamart")
        got = run_once("training", book, home, *filter(None, [search]))
        name = f"training, {got['loans']:,} ripe loans, search over {'all' if search else 'a sample'}"
        measured = f"{got['seconds']:.0f} s, AUC out of time {got['auc']:.4f}"
        yield name, measured, "a sample costs nothing out of time"


PARTS: dict[str, Callable[[Path, Path], Iterator[Row]]] = {
    part.__name__: part
    for part in (
        features,
        checks,
        orchestration,
        commands,
        walk_forward,
        scoring,
        months,
        volume,
        training_volume,
        search_sample,
    )
}


def main() -> None:
    """Run the parts and write what they say."""
    parts = os.environ.get("BENCH_PARTS", ",".join(PARTS)).split(",")
    if unknown := sorted(set(parts) - PARTS.keys()):
        sys.exit(f"BENCH_PARTS names {', '.join(unknown)}; choose from {', '.join(PARTS)}.")
    size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    lines = [
        "# Benchmarks",
        "",
        f"{os.cpu_count()} cores, {size:.0f} GiB, Python {platform.python_version()}; medians of {RUNS},",
        "each in a process of its own. Made by `make bench`; compare ratios, not seconds of two machines.",
        "",
        "| What | Measured | Aim |",
        "|---|---|---|",
    ]
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        given = os.environ.get("BENCH_DATA")
        data = Path(given) if given else work / "lender"
        if not given:
            simulate(Lender(date(2023, 1, 1), 18), data)
        for part in parts:
            for row in PARTS[part](data, work):
                lines.append("| " + " | ".join(row) + " |")
                print(" | ".join(row), flush=True)
    RESULTS.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
