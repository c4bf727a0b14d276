"""Faults 65 to 76 that are of the store, the order of runs and the machine."""

import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tasks.errors import BadInputError
from tasks.monitoring.monthly import measure_cohort
from tasks.registry import models
from tasks.registry.history import load_registry
from tasks.reporting.status import month_table
from tasks.store import restatements, tables
from tests.book import Book, month
from tests.faults.conftest import LAST
from tests.faults.shop import Outcome, Shop, first_of, put
from tests.faults.test_models import champion_of

pytestmark = pytest.mark.integration

LIMITED = """
import resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
from flows.cli.main import main
main()
"""
FEW_ADDRESSES = """
import resource
resource.setrlimit(resource.RLIMIT_AS, (1_400_000 * 1024, resource.RLIM_INFINITY))
from flows.cli.main import main
main()
"""
START = "from flows.cli.main import main; main()"


def start(shop: Shop, *words: str, code: str = START) -> "subprocess.Popen[str]":
    """The command line in a process and a group of its own."""
    store = ["--data", "data", "--datamart", "datamart", "--model-store", "model_store"]
    where = [word if word.startswith("--") else str(shop.root / word) for word in store]
    return subprocess.Popen(
        [sys.executable, "-c", code, *words, *where],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=Path(__file__).parents[2],
        start_new_session=True,
    )


def ended(process: "subprocess.Popen[str]") -> Outcome:
    said = process.communicate()[0]
    return Outcome(process.returncode, said)


def test_fault_65_a_restated_month_flips_a_label_with_a_line_of_history(
    served: Shop, book: Book, copy_of: Callable[[Shop], Shop]
) -> None:
    shop = copy_of(served)
    good = shop.rows("gold.label_store", 6).filter(pl.col("label") == 0)["loan_id"][0]
    here = (pl.col("loan_id") == good) & (pl.col("installment_num") == "6")
    values = {"paid_amt": "0.0", "balance": "5000.0", "overdue_amt": "1000.0"}
    shop.receive(
        book.change(
            "loans",
            lambda rows: rows.with_columns(
                pl.when(here).then(pl.lit(value)).otherwise(name).alias(name)
                for name, value in values.items()
            ),
        )
    )
    assert shop.run("features", 6).code == 1
    assert shop.run("features", 6, "--restate").code == 0
    changed = shop.rows("gold.label_store", 6).filter(pl.col("loan_id") == good)
    assert changed["dpd"].item() in (30, 31)
    lines = {line["what"]: line for line in restatements.read_history(shop.settings)}
    assert lines["labels"]["flipped"] == ([good] if changed["label"].item() else None)


def test_fault_65_a_restated_clickstream_makes_another_model(
    served: Shop, book: Book, copy_of: Callable[[Shop], Shop]
) -> None:
    """A training may read the clickstream after an application, which the features of no loan show."""
    shop = copy_of(served)
    before = shop.rows("gold.feature_store", LAST)
    shop.receive(book.change("clickstream", put("fe_1", "77", first_of(LAST))))
    assert shop.run("features", LAST, "--restate").code == 0
    assert shop.rows("gold.feature_store", LAST).equals(before)
    assert shop.run("training", LAST).code == 0
    assert len(models.list_folders(shop.settings)) == 1
    assert shop.run("training", LAST, "--restate").code == 0
    assert len(models.list_folders(shop.settings)) == 2


def test_fault_67_a_cohort_with_one_class_says_single_class() -> None:
    figures = measure_cohort(pl.DataFrame({"label": [0] * 9, "pd": [0.1] * 9}))
    assert {f["status"] for f in figures if f["metric"] in ("auc", "gini", "ks")} == {"single class"}


def test_fault_69_a_full_disk_is_told_and_leaves_the_store_as_it_was(
    served: Shop, copy_of: Callable[[Shop], Shop], shop: Shop
) -> None:
    """No file may grow beyond 20 kB: a first write fails, and so does nothing that came before."""
    outcome = ended(start(shop, "run", "features", "--date", str(month(0)), code=LIMITED))
    assert outcome.code == 75, outcome.said
    # Sources are taken in side by side: whichever meets the limit first is named, by the step or by its file.
    by_step = "vintage: ingest could not read or write: " in outcome.said and "File too large" in outcome.said
    assert by_step or "could not be kept apart" in outcome.said, outcome.said
    assert "Traceback" not in outcome.said
    assert shop.published() == []
    assert shop.run("features", 0).code == 0
    assert shop.rows("gold.feature_store", 0).equals(served.rows("gold.feature_store", 0))


def test_a_process_that_may_address_too_little_ends_in_a_sentence_before_it_writes(shop: Shop) -> None:
    """Of less than they reserve, the libraries ask again without end."""
    outcome = ended(start(shop, "run", "features", "--date", str(month(0)), code=FEW_ADDRESSES))
    assert outcome.code == 2, outcome.said
    assert "lets a process address 1.3 GiB" in outcome.said
    assert "ulimit -v unlimited" in outcome.said
    assert "Traceback" not in outcome.said
    assert not shop.settings.datamart.exists()


@pytest.mark.slow
@pytest.mark.parametrize("size", ["400k", "800k", "1600k"])
def test_fault_69_a_disk_that_fills_up_on_the_way_is_told_and_what_is_there_stays_whole(
    served: Shop, shop: Shop, size: str
) -> None:
    """The tables are on a disk of their own that holds some of the months, but not all."""
    disk = shop.settings.datamart
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", disk], check=False).returncode:
        pytest.skip("a disk of a few kilobytes can only be made by root")
    try:
        outcomes = [ended(start(shop, "run", "features", "--date", str(month(n)))) for n in range(9)]
        full = next(outcome for outcome in outcomes if outcome.code)
        assert full.code == 75
        assert full.said.count("vintage: ") == 1
        assert "Traceback" not in full.said
        whole = shop.published()
        assert len(whole) < 9
        for number in range(len(whole)):
            assert shop.rows("gold.feature_store", number).equals(served.rows("gold.feature_store", number))
        subprocess.run(["mount", "-o", "remount,size=100m", disk], check=True)
        assert shop.run("features", 8).code == 0
        assert shop.rows("gold.feature_store", 8).equals(served.rows("gold.feature_store", 8))
        shop.assert_reconciled()
    finally:
        subprocess.run(["umount", disk], check=True)


def test_fault_70_two_runs_of_one_month_at_once_give_no_double_rows(shop: Shop, served: Shop) -> None:
    words = ("run", "features", "--date", str(month(1)))
    outcomes = [ended(process) for process in [start(shop, *words) for _ in range(2)]]
    assert [outcome.code for outcome in outcomes] == [0, 0], outcomes
    assert shop.rows("gold.feature_store", 1).equals(served.rows("gold.feature_store", 1))
    shop.assert_reconciled()


def test_fault_71_months_in_any_order_and_four_at_a_time_give_the_same_tables(
    shop: Shop, served: Shop
) -> None:
    numbers = list(range(3, 9))  # whichever comes first takes in the months before
    random.Random(7).shuffle(numbers)  # noqa: S311 - an order, not a secret

    def run(number: int) -> Outcome:
        return ended(start(shop, "run", "features", "--date", str(month(number))))

    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(run, numbers))
    assert [outcome for outcome in outcomes if outcome.code] == []
    names = ("gold.feature_store", "gold.label_store", "quarantine.loans", "silver.clickstream")
    before = served.contents(*names)
    for name, rows in shop.contents(*names).items():
        run = pl.col("snapshot_date") >= month(min(numbers))
        assert rows.filter(run).equals(before[name].filter(run))
    shop.assert_reconciled()


def test_fault_72_before_the_first_model_there_is_nothing_to_do(shop: Shop) -> None:
    assert shop.run("features", 0).code == 0
    for flow in ("training", "inference", "monitoring"):
        outcome = shop.run(flow, 0)
        assert outcome.code == 99, outcome.said
        assert f"on {month(0)}" in outcome.said


def test_a_month_that_was_not_scored_though_a_model_served_is_not_said_to_lack_one(
    shop: Shop, served: Shop
) -> None:
    shutil.copytree(served.settings.model_store, shop.settings.model_store)
    for number in (7, 8):
        assert shop.run("features", number).code == 0
    assert month_table(shop.settings)["status"].to_list() == ["no champion", "not scored"]


@pytest.mark.parametrize(
    ("file", "words"),
    [
        (models.CARD, ["run", "inference"]),
        (models.CARD, ["run", "monitoring"]),
        (models.REFERENCE, ["run", "monitoring"]),
    ],
)
def test_fault_73_a_changed_card_or_reference_is_refused_by_what_uses_it(
    served: Shop, copy_of: Callable[[Shop], Shop], file: str, words: list[str]
) -> None:
    shop = copy_of(served)
    path = shop.settings.model_store / champion_of(shop).model_id / file
    path.write_text(path.read_text().replace("0.5", "0.6", 1))
    outcome = shop.command(*words, "--date", str(month(LAST)))
    assert outcome.code == 1
    assert f"{file} is not the file that was registered" in outcome.said
    for table, rows in shop.contents().items():
        assert rows.equals(served.contents(table)[table])


def test_a_file_of_a_table_that_is_gone_is_told(served: Shop, copy_of: Callable[[Shop], Shop]) -> None:
    shop = copy_of(served)
    for file in shop.settings.datamart.glob("gold/predictions/*/*.parquet"):
        file.unlink()
    outcome = shop.command("status")
    assert outcome.code == 1
    assert ".parquet. Restore what is missing from a copy, and try again." in outcome.said


@pytest.mark.parametrize(("name", "value"), [("DPD", "60"), ("MOB", "3"), ("TRIALS", "2"), ("SEED", "5")])
@pytest.mark.parametrize("flow", ["features", "training", "monitoring"])
def test_fault_99_what_the_first_run_fixed_holds(
    served: Shop,
    copy_of: Callable[[Shop], Shop],
    monkeypatch: pytest.MonkeyPatch,
    flow: str,
    name: str,
    value: str,
) -> None:
    shop = copy_of(served)
    variable = f"VINTAGE_{'LABEL_' * (name in ('DPD', 'MOB'))}{name}"
    monkeypatch.setenv(variable, value)
    outcome = shop.run(flow, LAST)
    assert outcome.code == 0
    assert f"{variable}={value} is not used" in outcome.said
    assert load_registry(shop.settings).entries == load_registry(served.settings).entries
    for table, rows in shop.contents().items():
        assert rows.equals(served.contents(table)[table])


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "America/Los_Angeles"])
def test_fault_76_the_time_zone_changes_nothing(
    shop: Shop, served: Shop, monkeypatch: pytest.MonkeyPatch, zone: str
) -> None:
    monkeypatch.setenv("TZ", zone)
    outcome = ended(start(shop, "run", "features", "--date", str(month(1))))
    assert outcome.code == 0, outcome.said
    assert shop.rows("gold.feature_store", 1).equals(served.rows("gold.feature_store", 1))


def test_a_month_whose_decisions_could_not_be_written_is_not_monitored(
    served: Shop, copy_of: Callable[[Shop], Shop], monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = copy_of(served)
    for name in ("actions", "monitoring"):
        shutil.rmtree(shop.settings.datamart / "gold" / name)
    tables.create_missing(shop.settings)
    write = tables.replace_partitions

    def without_room(name: str, rows: pl.DataFrame, **where: Any) -> int:
        if name == "gold.actions":
            raise OSError("no space left")
        return write(name, rows, **where)

    monkeypatch.setattr(tables, "replace_partitions", without_room)
    outcome = shop.run("monitoring", LAST)
    assert (outcome.code, "no space left" in outcome.said) == (1, True)
    assert shop.rows("gold.monitoring", LAST).is_empty()


def test_debug_shows_where_an_error_comes_from(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")  # --debug sets it for good
    shop.file("loans").unlink()
    with pytest.raises(BadInputError, match="is missing"):
        shop.run("features", 0, "--debug")
