"""Fault 75, and months as they come in: one by one or many, too few rows or too many, late or again."""

from collections.abc import Callable

import polars as pl
import pytest

from tasks.ingestion import landing
from tasks.ingestion.tasks import months_received
from tasks.labels.cohorts import ripe_cohorts
from tasks.schemas.catalog import SOURCES, TABLES
from tasks.store import restatements, tables
from tests.book import FILES, Book, month, without_applications
from tests.faults.shop import Shop, first_of, put, refused
from tests.faults.test_system import LIMITED, ended, start


def test_months_after_a_gap_are_left_out_and_named(
    shop: Shop, book: Book, capsys: pytest.CaptureFixture[str]
) -> None:
    gap = pl.col("snapshot_date") == str(month(3))
    shop.receive(book.change("loans", lambda rows: rows.filter(~gap)))
    assert months_received(shop.settings) == [month(0), month(1), month(2)]
    said = " ".join(capsys.readouterr().err.split())
    assert f"has rows dated {month(4)}, after a gap; only months to {month(2)} are run" in said


@pytest.mark.parametrize("mob", ["0", "2"])
def test_a_loan_row_with_a_year_too_early_neither_stops_nor_begins_the_months(
    shop: Shop, book: Book, capsys: pytest.CaptureFixture[str], mob: str
) -> None:
    here = (pl.col("snapshot_date") == str(month(5))) & (pl.col("installment_num") == mob)
    first = here & (here.cum_sum() == 1)
    shop.receive(book.change("loans", put("snapshot_date", "2013-06-01", first)))
    assert months_received(shop.settings) == [month(number) for number in range(9)]
    said = " ".join(capsys.readouterr().err.split())
    assert "has rows dated 2013-06-01 (1), long before all others" in said
    outcome = shop.run("features", 6)
    assert outcome.code == 0, outcome.said
    assert tables.snapshot_dates("bronze.deliveries", shop.settings)[0] == month(0)


@pytest.mark.parametrize("source", ["attributes", "financials", "clickstream"])
def test_every_row_of_a_source_without_instalments_is_new(shop: Shop, source: str) -> None:
    volumes = landing.count_rows(SOURCES[source], shop.settings)
    assert [volume.n_new for volume in volumes.values()] == [volume.n for volume in volumes.values()]


@pytest.mark.parametrize("source", ["attributes", "financials", "clickstream"])
def test_one_wrong_day_does_not_make_a_month_odd(shop: Shop, book: Book, source: str) -> None:
    shop.receive(book.change(source, put("snapshot_date", "2023-05-15", first_of(4))))
    outcome = shop.run("features", 4)
    assert outcome.code == 0, outcome.said
    assert shop.rows(f"quarantine.{source}", 4).height == 1


def fewer_applicants(book: Book, number: int, keep: int) -> Book:
    here = pl.col("snapshot_date") == str(month(number))
    return book.change("attributes", lambda rows: rows.filter(~here | first_of(number, keep)))


def only(book: Book, number: int) -> Book:
    here = pl.col("snapshot_date") == str(month(number))
    return Book({name: rows.filter(here) for name, rows in book.frames.items()})


def test_files_of_one_month_each_are_held_against_the_months_that_came_before(shop: Shop, book: Book) -> None:
    for number in range(4):
        shop.receive(only(book, number))
        assert shop.run("features", number).code == 0
    shop.receive(only(fewer_applicants(book, 4, 18), 4))
    refused(shop, "features_attributes.csv", "18 new rows", "median of the 4 months", number=4)
    shop.receive(only(book, 4))
    assert shop.run("features", 4).code == 0
    shop.receive(only(fewer_applicants(book, 4, 18), 4))
    assert "18 new rows" in shop.run("features", 4, "--restate").said


def test_an_odd_month_that_was_allowed_is_run_again_as_it_is(shop: Shop, book: Book) -> None:
    shop.receive(fewer_applicants(book, 4, 18))
    assert shop.run("features", 4, "--allow-volume").code == 0
    versions = shop.versions()
    assert shop.run("features", 4).code == 0
    assert shop.versions() == versions


def test_a_restatement_of_odd_volume_has_to_be_allowed_too(
    served: Shop, book: Book, copy_of: Callable[[Shop], Shop]
) -> None:
    shop = copy_of(served)
    before = shop.contents()
    shop.receive(fewer_applicants(book, 4, 18))
    outcome = shop.run("features", 4, "--restate")
    assert outcome.code == 1
    assert "odd number of rows" in outcome.said
    for name, rows in shop.contents().items():
        assert rows.equals(before[name])
    assert shop.run("features", 4, "--restate", "--allow-volume").code == 0


def test_months_too_large_to_come_in_together_come_in_one_after_the_other(
    shop: Shop, served: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.ingestion.tasks.BATCH_BYTES", 600_000)
    assert shop.run("features", 4).code == 0
    for number in range(5):
        assert shop.rows("silver.clickstream", number).equals(served.rows("silver.clickstream", number))
    assert shop.rows("gold.feature_store", 4).equals(served.rows("gold.feature_store", 4))


def test_the_months_before_one_that_is_refused_come_in(shop: Shop, book: Book, served: Shop) -> None:
    shop.receive(book.change("attributes", put("Age", "?", pl.col("snapshot_date") == str(month(2)))))
    outcome = shop.run("features", 4)
    assert outcome.code == 1
    assert f"rows of {month(2)}" in outcome.said
    assert tables.snapshot_dates("bronze.deliveries", shop.settings) == [month(0), month(1)]
    assert shop.rows("silver.loans", 1).equals(served.rows("silver.loans", 1))
    assert shop.rows("silver.loans", 3).is_empty()


def test_an_application_with_the_id_of_one_that_is_over_is_refused_and_named(shop: Shop, book: Book) -> None:
    then, now = (book.frames["loans"].filter(first_of(n, mob=0))["loan_id"].item() for n in (0, 4))
    over = (pl.col("loan_id") == then) & (pl.col("snapshot_date") >= str(month(2)))
    again = pl.col("loan_id").replace({now: then})
    shop.receive(book.change("loans", lambda rows: rows.filter(~over).with_columns(loan_id=again)))
    assert shop.run("features", 0).code == 0
    outcome = shop.run("features", 4)
    assert outcome.code == 1
    said = f"The loan_id {then} is that of an application of {month(0)} and of one of {month(4)}"
    assert said in outcome.said
    assert month(4) not in shop.published()
    assert shop.receive(book).run("features", 4).code == 0


@pytest.mark.parametrize("restate", [(), ("--restate",)])
def test_a_source_that_loses_a_month_leaves_the_others_as_they_were(
    served: Shop, book: Book, copy_of: Callable[[Shop], Shop], restate: tuple[str, ...]
) -> None:
    shop = copy_of(served)
    gone = pl.col("snapshot_date") == str(month(2))
    fewer = book.change("clickstream", lambda rows: rows.filter(~gone))
    shop.receive(fewer.change("loans", lambda rows: rows.filter(~first_of(2))))
    before = shop.contents(*TABLES)
    outcome = shop.run("features", 2, *restate)
    assert outcome.code == 1
    assert f"has no rows of {month(2)} any more, and 540 came in before" in outcome.said
    for name, rows in shop.contents(*TABLES).items():
        assert rows.equals(before[name]), name


def test_history_says_what_was_and_what_is(served: Shop, book: Book, copy_of: Callable[[Shop], Shop]) -> None:
    shop = copy_of(served)
    attributes = pl.col("source") == "attributes"
    old = shop.rows("bronze.deliveries", 2).filter(attributes)["digest"].item()
    shop.receive(book.change("attributes", put("Age", "33", first_of(2))))
    outcome = shop.run("features", 2, "--restate")
    fix = f"backfill --start {month(3)} --end {month(8)} --flows features,inference,monitoring"
    assert fix in outcome.said
    assert fix not in shop.command(*fix.split()).said
    new = shop.rows("bronze.deliveries", 2).filter(attributes)["digest"].item()
    (line,) = restatements.read_history(shop.settings)
    assert old != new
    assert line["digests"] == {"attributes": [old, new]}


def test_before_the_first_month_there_is_nothing_to_do(shop: Shop) -> None:
    assert shop.run("features", -1).code == 99


def test_a_clickstream_older_than_the_first_loan_comes_in_and_is_used(shop: Shop, book: Book) -> None:
    later = pl.col("snapshot_date") >= str(month(2))
    for source in ("attributes", "financials", "loans"):
        book = book.change(source, lambda rows: rows.filter(later))
    started = pl.col("loan_start_date") >= str(month(2))
    shop.receive(book.change("loans", lambda rows: rows.filter(started)))
    outcome = shop.run("features", 2)
    assert outcome.code == 0, outcome.said
    assert set(shop.rows("gold.feature_store", 2)["n_clickstream_months"]) == {3.0}


def test_a_book_without_its_older_loans_is_odd(shop: Shop, book: Book) -> None:
    older = (pl.col("snapshot_date") == str(month(4))) & (pl.col("installment_num") != "0")
    shop.receive(book.change("loans", lambda rows: rows.filter(~older)))
    refused(shop, FILES["loans"], "0 rows of older loans", number=4)


def test_rows_that_come_late_for_months_that_are_in_are_named(shop: Shop, book: Book) -> None:
    known = pl.col("snapshot_date") <= str(month(3))
    early = Book({name: rows.filter(known) for name, rows in book.frames.items()})
    shop.receive(early.change("clickstream", lambda rows: rows.filter(~first_of(1, 5))))
    assert shop.run("features", 3).code == 0
    shop.receive(book)
    outcome = shop.run("features", 4)
    assert outcome.code == 0
    assert f"{FILES['clickstream']} has more or fewer rows than before of {month(1)}." in outcome.said
    assert f"--start {month(1)} --end {month(1)} --restate" in outcome.said


def test_a_cohort_whose_applications_were_never_seen_is_no_cohort_to_train_on(shop: Shop, book: Book) -> None:
    """The book comes in when it is three months old; labels of its first three cohorts teach nothing."""
    shop.receive(book.change("loans", lambda rows: rows.filter(pl.col("snapshot_date") >= str(month(3)))))
    for number in range(3, 9):
        assert shop.run("features", number).code == 0
    assert shop.rows("gold.label_store", 8).height == 60
    assert ripe_cohorts(month(8), shop.settings) == []
    outcome = shop.run("training", 8)
    assert outcome.code == 99
    assert "3 of the 3 cohorts for the first model are not ripe yet" in outcome.said


def test_months_that_came_in_only_as_history_are_named_when_their_labels_are_missing(shop: Shop) -> None:
    assert shop.run("features", 8).code == 0
    outcome = shop.run("training", 8)
    assert outcome.code == 99
    assert f"vintage backfill --flows features --start {month(0)} --end {month(7)}" in outcome.said
    reviewed = shop.command("status", "--review", str(month(1)))
    assert reviewed.code == 1
    assert f"vintage run features --date {month(1)}" in reviewed.said


def test_a_late_row_is_never_read_by_an_earlier_run(shop: Shop, book: Book, served: Shop) -> None:
    known = pl.col("snapshot_date") <= str(month(3))
    for source in book.frames:
        book = book.change(source, lambda rows: rows.filter(known))
    shop.receive(book.change("loans", lambda rows: rows.filter(~first_of(99))))
    assert shop.run("features", 3).code == 0
    assert shop.rows("gold.feature_store", 3).equals(served.rows("gold.feature_store", 3))


def test_a_month_of_which_many_rows_break_a_rule_is_refused(shop: Shop, book: Book) -> None:
    shop.receive(book.change("loans", put("due_amt", "1.0", first_of(2, 19, mob=1))))
    assert shop.run("features", 1).code == 0
    refused(shop, "lms_loan_daily.csv", "19 of 180 rows", number=2)


def test_a_bad_row_of_a_handful_is_no_bad_delivery(shop: Shop, book: Book) -> None:
    few = book.frames["loans"].filter(pl.col("snapshot_date") == str(month(0)))["Customer_ID"].to_list()[:9]
    for source in book.frames:
        book = book.change(source, lambda rows: rows.filter(pl.col("Customer_ID").is_in(few)))
    shop.receive(book.change("loans", put("tenure", "x", first_of(0))))
    outcome = shop.run("features", 0)
    assert outcome.code == 0, outcome.said
    assert shop.rows("quarantine.loans", 0).height == 1


def test_a_month_that_a_full_disk_cut_short_comes_in_with_the_next(
    shop: Shop, book: Book, served: Shop
) -> None:
    """Files of one month need no split, so that it is the tables that outgrow the disk."""
    shop.receive(only(book, 0))
    outcome = ended(start(shop, "run", "features", "--date", str(month(0)), code=LIMITED))
    assert outcome.code == 75, outcome.said
    assert shop.receive(book).run("features", 1).code == 0
    for name in ("bronze.loans", "silver.clickstream", "quarantine.loans", "bronze.deliveries"):
        assert shop.rows(name, 0).equals(served.rows(name, 0)), name
    shop.assert_reconciled()


def test_a_month_whose_figures_call_for_nothing_any_more_has_no_actions(
    served: Shop, copy_of: Callable[[Shop], Shop]
) -> None:
    shop = copy_of(served)
    action = dict.fromkeys(TABLES["gold.actions"].columns) | {"snapshot_date": month(7)}
    rows = pl.DataFrame([action], schema=TABLES["gold.actions"].columns)
    tables.replace_partitions("gold.actions", rows, days=[month(7)], settings=shop.settings)
    tables.replace_partitions("gold.actions", rows.clear(), days=[month(7)], settings=shop.settings)
    assert shop.rows("gold.actions", 7).is_empty()


def test_fault_75_a_month_without_applications_is_nothing_to_do(
    served: Shop, book: Book, copy_of: Callable[[Shop], Shop]
) -> None:
    shop = copy_of(served)
    before = shop.contents()
    assert shop.run("features", 30).code == 99
    for name, rows in shop.contents().items():
        assert rows.equals(before[name])


def test_fault_75_no_loan_starts(shop: Shop, book: Book) -> None:
    shop.receive(without_applications(book, 8))
    outcome = shop.run("features", 8)
    assert outcome.code == 99
    assert "lending seems to pause" in outcome.said
    assert shop.rows("gold.label_store", 8).height == 60
    assert shop.published() == []
    assert shop.run("inference", 8).code == 99
