"""Faults 91 to 98: books that are not the reference lender's, each by a declaration of its own."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from tasks.config import Settings, checked_settings
from tasks.errors import TableNotReadyError
from tasks.features.tasks import build_feature_store
from tasks.ingestion.delivery_checks import find_odd_volume
from tasks.ingestion.tasks import ingest
from tasks.labels.tasks import build_labels
from tasks.monitoring.actions import newest_monitored
from tasks.schemas.deliveries import Volume
from tasks.store import tables
from tests.builders import months

PEOPLE = "client,income,seen\n"
TAPE = "loan,client,start,seen,mob,due,overdue,state,product\n"


def declaration(
    *, calendar: str = "month start", told_by: str = "amounts", rules: str = "", only: str = ""
) -> str:
    """That of a lender with a loan tape and one source of applicants, without names or a history."""
    status = "status = { ok = 0, late = 30, bad = 90 }" if told_by == "status" else ""
    return f"""
[lender]
name = "Another"
calendar = "{calendar}"
[label]
mob = 2
dpd = 30
closed_when = "FALSE"
[arrears]
told_by = "{told_by}"
{status}
[[source]]
name = "people"
role = "application"
owner = "Desk"
files = ["people.csv"]
[source.columns]
client = {{ type = "id", as = "customer_id" }}
income = {{ type = "number" }}
seen = {{ type = "date", as = "snapshot_date" }}
[[source]]
name = "loans"
role = "loan tape"
owner = "Servicing"
files = ["tape.csv"]
only = "{only}"
[source.columns]
loan = {{ type = "id", as = "loan_id" }}
client = {{ type = "id", as = "customer_id" }}
start = {{ type = "date", as = "loan_start_date" }}
seen = {{ type = "date", as = "snapshot_date" }}
mob = {{ type = "whole number", as = "installment_num" }}
due = {{ type = "number", as = "due_amt" }}
overdue = {{ type = "number", as = "overdue_amt" }}
state = {{ type = "word", as = "status" }}
product = {{ type = "word" }}
[source.rules]
{rules}
"""


def take_in(folder: Path, tape: Sequence[str], people: Sequence[str], declared: str) -> Settings:
    """The settings of a folder of these lines, of which three months were taken in."""
    (folder / "lender.toml").write_text(declared, encoding="utf-8")
    (folder / "people.csv").write_text(PEOPLE + "".join(f"{line}\n" for line in people), encoding="utf-8")
    (folder / "tape.csv").write_text(TAPE + "".join(f"{line}\n" for line in tape), encoding="utf-8")
    settings = checked_settings({"data": folder, "datamart": folder / "datamart"})
    ingest(months(3), settings)
    build_feature_store(months(3), settings)
    build_labels(months(3), settings)
    return settings


def life(
    loan: str,
    *,
    client: str = "ann",
    seen: Sequence[str] = ("2023-01-01", "2023-02-01", "2023-03-01"),
    start: str = "2023-01-01",
    due: str = "100",
    overdue: Sequence[str] = ("0", "0", "0"),
    state: Sequence[str] = ("ok", "ok", "ok"),
    product: str = "car",
) -> list[str]:
    """The lines of one loan, a month after the other."""
    told = zip(seen, overdue, state, strict=True)
    return [
        f"{loan},{client},{start},{day},{mob},{due},{late},{word},{product}"
        for mob, (day, late, word) in enumerate(told)
    ]


def labels(settings: Settings) -> dict[str, int]:
    """The label of each loan."""
    rows = tables.scan("gold.label_store", settings).select("loan_id", "label").collect()
    return dict(rows.iter_rows())


def applied(settings: Settings) -> dict[str, float]:
    """The income of each application."""
    rows = tables.scan("gold.feature_store", settings).select("loan_id", "income").collect()
    return dict(rows.iter_rows())


ANN = "ann,1000,2023-01-01"


def test_fault_91_two_loans_of_a_customer_and_day_are_two_applications(tmp_path: Path) -> None:
    tape = [*life("1"), *life("2", overdue=("0", "100", "200"))]
    settings = take_in(tmp_path, tape, [ANN], declaration())
    assert applied(settings) == {"1": 1000, "2": 1000}
    assert labels(settings) == {"1": 0, "2": 1}


@pytest.mark.parametrize("due", ["101.37", "0.01", "99999.99"])
def test_fault_92_amounts_reconcile_only_as_far_as_a_rule_says(due: str, tmp_path: Path) -> None:
    """Interest, rounding and other tenors need no rule; where one is declared, it sets its rows aside."""
    free = take_in(tmp_path, life("1", due=due), [ANN], declaration())
    assert tables.scan("silver.loans", free).collect()["due_amt"].to_list() == [float(due)] * 3
    agreed = declaration(rules='at_most_what_is_due = "overdue_amt <= due_amt * installment_num"')
    (tmp_path / "ruled").mkdir()
    ruled = take_in(tmp_path / "ruled", life("1", due=due, overdue=("0", "0", "1e7")), [ANN], agreed)
    assert tables.scan("quarantine.loans", ruled).collect()["rule"].to_list() == ["at_most_what_is_due"]


def test_fault_94_a_lender_without_names_and_histories_has_the_tables_that_it_declares(
    tmp_path: Path,
) -> None:
    settings = take_in(tmp_path, life("1"), [ANN], declaration())
    columns = tables.scan("gold.feature_store", settings).collect_schema().names()
    assert columns == ["loan_id", "customer_id", "snapshot_date", "has_people", "income"]


@pytest.mark.parametrize(
    ("calendar", "start", "seen"),
    [
        ("month end", "2023-01-31", ("2023-01-31", "2023-02-28", "2023-03-31")),
        ("any day", "2023-01-17", ("2023-01-17", "2023-02-03", "2023-03-29")),
    ],
)
def test_fault_95_snapshots_of_month_ends_and_any_day_are_those_of_their_months(
    calendar: str, start: str, seen: tuple[str, str, str], tmp_path: Path
) -> None:
    tape = life("1", start=start, seen=seen, overdue=("0", "100", "200"))
    settings = take_in(tmp_path, tape, [f"ann,1000,{start}"], declaration(calendar=calendar))
    assert tables.scan("silver.loans", settings).collect()["snapshot_date"].sort().to_list() == months(3)
    assert applied(settings) == {"1": 1000}
    assert labels(settings) == {"1": 1}


def test_fault_95_of_several_rows_of_a_loan_and_month_the_newest_counts(tmp_path: Path) -> None:
    """On whichever line it is; two that differ on the same day are both set aside."""
    start = "2023-01-05"
    late = life("1", start=start, seen=(start, "2023-02-20", "2023-03-20"), overdue=("0", "0", "100"))
    early = life("1", start=start, seen=("2023-01-02", "2023-02-10", "2023-03-10"))
    twice = life("2", start=start, seen=(start, "2023-02-20", "2023-03-20"))
    tape = [*late, *early, *twice, twice[1].replace("ok", "late")]
    settings = take_in(tmp_path, tape, [f"ann,1000,{start}"], declaration(calendar="any day"))
    loans = tables.scan("silver.loans", settings).filter(loan_id="1").collect().sort("snapshot_date")
    assert loans["overdue_amt"].to_list() == [0, 0, 100]
    counts = tables.scan("bronze.deliveries", settings).filter(source="loans").collect()
    sums = counts.select("n_received", "n_good", "n_quarantined", "n_duplicates").sum().row(0)
    assert sums == (10, 5, 2, 3)


def test_fault_95_of_several_rows_of_an_applicant_and_month_the_newest_counts(tmp_path: Path) -> None:
    start = "2023-01-17"
    people = ["ann,1000,2023-01-03", "ann,3000,2023-01-16", "ann,2000,2023-01-09"]
    tape = life("1", start=start, seen=(start, "2023-02-20", "2023-03-20"))
    settings = take_in(tmp_path, tape, people, declaration(calendar="any day"))
    assert applied(settings) == {"1": 3000}
    counts = tables.scan("bronze.deliveries", settings).filter(source="people").collect()
    assert counts.select("n_received", "n_good", "n_quarantined", "n_duplicates").sum().row(0) == (3, 1, 0, 2)


def test_fault_96_status_codes_tell_arrears_by_their_table(tmp_path: Path) -> None:
    tape = [
        *life("1", state=("ok", "ok", "late")),
        *life("2", state=("ok", "late", "ok")),
        *life("3", state=("ok", "ok", "odd")),
    ]
    settings = take_in(tmp_path, tape, [ANN], declaration(told_by="status"))
    assert labels(settings) == {"1": 1, "2": 0}


def test_fault_96_a_code_of_signs_that_is_declared_is_one(tmp_path: Path) -> None:
    declared = declaration(told_by="status").replace("bad = 90", '"90+" = 90, "-" = 0, "***" = 0')
    tape = [*life("1", state=("-", "***", "90+")), *life("2", state=("ok", "late", "***"))]
    settings = take_in(tmp_path, tape, [ANN], declared)
    assert labels(settings) == {"1": 1, "2": 0}


def test_what_a_loan_tape_says_of_applicants_is_a_source_of_its_first_rows(tmp_path: Path) -> None:
    tape_with = declaration().replace('files = ["people.csv"]', 'files = ["tape.csv"]\nonly = "mob = \'0\'"')
    columns = 'income = { type = "number" }'
    assert columns in tape_with
    own = 'due = { type = "number" }\nmob = { type = "whole number", feature = false }'
    settings = take_in(
        tmp_path, [*life("1", due="50"), *life("2", client="bob")], [], tape_with.replace(columns, own)
    )
    rows = tables.scan("gold.feature_store", settings).select("loan_id", "due").sort("loan_id").collect()
    assert rows.rows() == [("1", 50.0), ("2", 100.0)]


def test_where_no_model_served_a_month_the_way_to_find_out_why_is_told(tmp_path: Path) -> None:
    settings = take_in(tmp_path, life("1"), [ANN], declaration())
    with pytest.raises(TableNotReadyError, match=r"no model served one.*vintage models list"):
        newest_monitored(settings)


@pytest.mark.parametrize(
    ("usual", "n", "odd"),
    [(20, 8, False), (20, 32, False), (20, 5, True), (20, 40, True), (200, 95, True), (200, 105, False)],
)
def test_fault_97_a_month_of_a_small_lender_is_odd_beyond_what_chance_gives(
    usual: int, n: int, odd: bool
) -> None:
    days = [date(2023, 1 + number, 1) for number in range(7)]
    counts = {day: Volume(usual, usual) for day in days[:-1]} | {days[-1]: Volume(n, n)}
    assert (find_odd_volume(counts, days[-1]) is not None) == odd


def test_fault_98_of_two_products_in_one_file_those_declared_are_taken(tmp_path: Path) -> None:
    tape = [*life("1"), *life("2", client="bob", product="card"), *life("3", client="eve")]
    people = [ANN, "bob,2000,2023-01-01", "eve,3000,2023-01-01"]
    (tmp_path / "cards").mkdir()
    cars = take_in(tmp_path, tape, people, declaration(only="product = 'car'"))
    assert applied(cars) == {"1": 1000, "3": 3000}
    assert tables.scan("bronze.loans", cars).collect()["product"].unique().to_list() == ["car"]
    assert tables.scan("quarantine.loans", cars).collect().is_empty()
    cards = take_in(tmp_path / "cards", tape, people, declaration(only="product = 'card'"))
    assert applied(cards) == {"2": 2000}


def test_fault_98_another_product_of_the_same_file_is_looked_for_anew(tmp_path: Path) -> None:
    tape = [*life("1"), *life("2", product="card")]
    both = take_in(tmp_path, tape, [ANN], declaration())
    assert set(applied(both)) == {"1", "2"}
    text = (tmp_path / "lender.toml").read_text().replace('only = ""', "only = \"product = 'car'\"")
    (tmp_path / "lender.toml").write_text(text)
    again = checked_settings({"data": tmp_path, "datamart": tmp_path / "again"})
    ingest(months(3), again)
    assert tables.scan("silver.loans", again).select(pl.col("loan_id").unique()).collect().height == 1
