"""Lending and sources that pause, resume or end, and what people decide then: no past month changes."""

import shutil
from collections.abc import Generator, Iterable
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from tasks.labels.cohorts import ripe_cohorts
from tasks.reporting.html_report import build_report
from tasks.reporting.status import month_table
from tests.book import FILES, Book, build_book, month
from tests.faults.shop import Shop

pytestmark = pytest.mark.integration

LAST, PAUSED, MOB = 15, (9, 10), 4  # labels at MOB 4: the first model comes with month 6
GAP = (12, 13)  # the months in which clickstream is missing; from LAST on it is missing for good
DECIDED, RESTORED = LAST + 1, LAST + 2
FLOWS = ("features", "training", "inference", "monitoring")
BY = ("--by", "Model risk", "--reason", "agreed in the committee")


def without_cohorts(book: Book, cohorts: tuple[int, ...]) -> Book:
    """The book as if nobody had applied in these months."""
    starts = [str(month(number)) for number in cohorts]
    loans = book.frames["loans"]
    there = loans.filter(~pl.col("loan_start_date").is_in(starts))["Customer_ID"].unique().to_list()
    known = pl.col("Customer_ID").is_in(there)
    return Book({name: rows.filter(known) for name, rows in book.frames.items()})


def without_clickstream(book: Book, numbers: Iterable[int]) -> Book:
    """The book as if nobody had clicked in these months."""
    gone = [str(month(number)) for number in numbers]
    return book.change("clickstream", lambda rows: rows.filter(~pl.col("snapshot_date").is_in(gone)))


@pytest.fixture(scope="module")
def whole_book() -> Book:
    return build_book(months=RESTORED + 1)


@pytest.fixture(scope="module")
def paused(whole_book: Book, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A lender that paused, then lost its clickstream twice, every month until LAST run in one command."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VINTAGE_TRIALS", "1")
        patch.setenv("VINTAGE_LABEL_MOB", str(MOB))
        patch.setenv("VINTAGE_FIRST_TRAINING_COHORTS", "3")
        patch.setenv("VINTAGE_RETRAIN_EVERY_COHORTS", "9")
        book = without_clickstream(without_cohorts(whole_book, PAUSED), (*GAP, *range(LAST, RESTORED + 1)))
        shop = Shop(tmp_path_factory.mktemp("paused")).receive(book)
        outcome = shop.command("backfill", "--start", str(month(0)), "--end", str(month(LAST)))
        assert outcome.code == 0, outcome.said
        assert outcome.said.count("lending seems to pause") == len(PAUSED)
    return shop


def figures(shop: Shop, number: int, metric: str) -> pl.DataFrame:
    return shop.rows("gold.monitoring", number).filter(pl.col("metric") == metric)


def test_a_month_without_applications_is_measured_but_for_its_applications(paused: Shop) -> None:
    for number in PAUSED:
        assert paused.rows("gold.predictions", number).is_empty()
        said = paused.rows("gold.monitoring", number)
        missing = said.filter(pl.col("status") == "no applications")
        assert {"psi", "coverage", "expected_auc"} <= {*missing["metric"]}
        assert missing["value"].null_count() == missing.height
        assert figures(paused, number, "early_arrears")["n"].item() > 0
        assert paused.run("inference", number).code == 99
        assert paused.run("monitoring", number).code == 0


def test_each_cohort_is_labelled_and_measured_in_the_month_it_ripens(paused: Shop) -> None:
    cohorts = [month(number) for number in range(LAST - MOB + 1) if number not in PAUSED]
    assert ripe_cohorts(month(LAST), paused.settings) == cohorts
    first = next(n for n in range(LAST) if paused.rows("gold.predictions", n).height)
    assert first + MOB <= LAST
    for number in range(first + MOB, LAST + 1):
        assert (
            figures(paused, number, "auc")["n"].item() == paused.rows("gold.predictions", number - MOB).height
        )


def test_the_status_has_a_line_for_a_month_without_applications(paused: Shop) -> None:
    table = month_table(paused.settings).filter(pl.col("month").is_in([month(number) for number in PAUSED]))
    assert table["loans"].to_list() == [0, 0]
    assert table["status"].to_list() == ["no applications"] * 2


def test_the_report_of_a_month_without_applications_is_written(paused: Shop, tmp_path: Path) -> None:
    written = build_report(month(PAUSED[0]), paused.settings, out=tmp_path / "report.html")
    assert str(month(PAUSED[0]))[:7] in written.read_text(encoding="utf-8")


def test_what_came_before_a_pause_does_not_depend_on_it(
    whole_book: Book, paused: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VINTAGE_LABEL_MOB", str(MOB))
    other = Shop(tmp_path).receive(whole_book)
    assert other.run("features", PAUSED[0] - 1).code == 0
    for name in ("gold.feature_store", "gold.label_store"):
        assert other.rows(name, PAUSED[0] - 1).equals(paused.rows(name, PAUSED[0] - 1))


def test_a_book_that_runs_off_is_measured_to_its_last_label(
    whole_book: Book, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VINTAGE_LABEL_MOB", str(MOB))
    shop = Shop(tmp_path).receive(without_cohorts(whole_book, tuple(range(PAUSED[0], LAST + 1))))
    outcome = shop.command("backfill", "--start", str(month(0)), "--end", str(month(LAST)))
    assert outcome.code == 0, outcome.said
    assert ripe_cohorts(month(LAST), shop.settings) == [month(number) for number in range(PAUSED[0])]
    newest = PAUSED[0] - 1
    scored = shop.rows("gold.predictions", newest).height
    assert figures(shop, newest + MOB, "auc")["n"].item() == scored > 0
    assert month_table(shop.settings)["status"].to_list()[newest : PAUSED[-1]] == ["ripe", "no applications"]


def source_missing(shop: Shop, number: int) -> tuple[str, int, str | None]:
    """State, months and who closed it, of the action about the missing source."""
    rows = shop.rows("gold.actions", number).filter(trigger="source_missing")
    return rows.select("state", "months", "closed_by").row(0)


def test_fault_105_a_source_that_returns_after_a_gap_is_red_in_it_and_green_after(paused: Shop) -> None:
    first, second, after = *GAP, GAP[1] + 1
    coverage = {number: figures(paused, number, "coverage") for number in range(first - 1, after + 1)}
    found = {number: rows.filter(subject="clickstream")["status"].item() for number, rows in coverage.items()}
    assert found == {first - 1: "green", first: "red", second: "red", after: "green"}
    assert source_missing(paused, first) == ("opened", 1, None)
    assert source_missing(paused, second) == ("continuing", 2, None)
    assert source_missing(paused, after) == ("closed", 3, "figures")
    histories = paused.rows("gold.feature_store", after)["n_clickstream_months"]
    assert histories.unique().to_list() == [after + 1 - len(GAP)]
    watched = figures(paused, second, "csi").filter(subject="fe_1")
    assert watched["status"].item() == "no data"


@pytest.fixture(scope="module")
def decided(paused: Shop, tmp_path_factory: pytest.TempPathFactory) -> Generator[Shop]:
    """The same lender two months on, after decisions of every kind."""
    shop = Shop(tmp_path_factory.mktemp("decided") / "shop")
    shutil.copytree(paused.root, shop.root)
    sources = tmp_path_factory.mktemp("declared") / "sources.toml"
    shutil.copy(shop.settings.sources, sources)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VINTAGE_SOURCES", str(sources))
        patch.setenv("VINTAGE_TRIALS", "1")
        first = shop.rows("gold.predictions", LAST)["model_id"][0]
        order(shop, "actions", "escalate", "source_missing", "--date", str(month(LAST)), *BY)
        order(shop, "actions", "close", "source_missing", "--date", str(month(LAST)), *BY)
        order(shop, "sources", "retire", "clickstream", "--from", str(month(DECIDED)), *BY)
        order(shop, "policy", "set-cutoff", "0.2", "--from", str(month(DECIDED)), *BY)
        live(shop, DECIDED, "features", "training")  # an override ends with the next gate
        order(shop, "models", "recalibrate", "--date", str(month(DECIDED)))
        made = next(path.name for path in shop.settings.model_store.glob("*recalibrated*"))
        order(shop, "models", "approve", made, "--override", "--date", str(month(DECIDED)), *BY)
        live(shop, DECIDED)
        assert set(shop.rows("gold.predictions", DECIDED)["model_id"]) == {made}
        order(shop, "models", "rollback", "--to", first, "--date", str(month(RESTORED)), *BY)
        order(shop, "sources", "restore", "clickstream", "--from", str(month(RESTORED)), *BY)
        live(shop, RESTORED)
        yield shop


def order(shop: Shop, *words: str) -> None:
    outcome = shop.command(*words, reads_data=False)
    assert outcome.code == 0, outcome.said


def live(shop: Shop, number: int, *flows: str) -> None:
    for flow in flows or FLOWS:
        outcome = shop.run(flow, number)
        assert outcome.code in (0, 99), outcome.said


def test_fault_104_a_source_that_ended_is_red_no_more_once_it_is_retired(decided: Shop) -> None:
    for number, status in ((LAST, "red"), (DECIDED, "retired"), (RESTORED, "red")):
        coverage = figures(decided, number, "coverage").filter(subject="clickstream")
        assert coverage["status"].item() == status
    closed = decided.rows("gold.actions", DECIDED).filter(trigger="source_missing")
    assert "opened" not in set(closed["state"])


def test_the_approval_rate_follows_a_cutoff_from_its_date_on(decided: Shop) -> None:
    for number, cutoff in ((LAST, 0.3), (DECIDED, 0.2), (RESTORED, 0.2)):
        pds = decided.rows("gold.predictions", number)["pd"]
        below = pds.filter(pds <= cutoff)
        rate, bad = (
            figures(decided, number, name).filter(subject="score")["value"].item()
            for name in ("approval_rate", "expected_bad_rate_approved")
        )
        assert rate == pytest.approx(len(below) / len(pds))
        assert bad == pytest.approx(below.mean())


def test_the_policy_is_explained_with_the_cutoff_that_was_set(decided: Shop) -> None:
    assert (
        "approved up to a PD of 0.2)" in decided.command("policy", "explain", "--json", reads_data=False).said
    )


def test_after_decisions_of_every_kind_a_past_month_gives_what_it_gave(paused: Shop, decided: Shop) -> None:
    names = ("gold.predictions", "gold.monitoring", "gold.actions", "gold.economics")
    lived = decided.contents(*names)
    for number in (GAP[0], GAP[1] + 1, LAST, DECIDED, RESTORED):
        live(decided, number)
    for name, rows in decided.contents(*names).items():
        assert_frame_equal(rows, lived[name])
        before = rows.filter(pl.col("snapshot_date") <= month(LAST))
        assert_frame_equal(before, paused.contents(name)[name])


@pytest.mark.parametrize("source", ["attributes", "financials"])
def test_new_loans_that_are_left_out_while_applicants_are_known_are_no_pause(
    whole_book: Book, tmp_path: Path, source: str
) -> None:
    other = next(name for name in ("attributes", "financials") if name != source)
    book = without_cohorts(whole_book, PAUSED)
    shop = Shop(tmp_path).receive(Book({**book.frames, other: whole_book.frames[other]}))
    assert shop.run("features", PAUSED[0] - 1).code == 0
    outcome = shop.run("features", PAUSED[0])
    assert outcome.code == 1
    assert FILES["loans"] in outcome.said
    assert "0 new rows, where the median" in outcome.said


def test_older_loans_that_are_missing_in_a_pause_are_refused(whole_book: Book, tmp_path: Path) -> None:
    book = without_cohorts(whole_book, PAUSED)
    here = pl.col("snapshot_date") == str(month(PAUSED[0]))
    some = pl.int_range(pl.len()) % 4 == 0
    shop = Shop(tmp_path).receive(book.change("loans", lambda rows: rows.filter(~here | some)))
    outcome = shop.run("features", PAUSED[0])
    assert outcome.code == 1
    assert "rows of older loans" in outcome.said
