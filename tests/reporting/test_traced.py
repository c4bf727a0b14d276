"""A month whose first cohorts are ripe: figures recomputed, report and cards traced to the tables."""

import json
import shutil
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from flows.cli.main import command
from tasks.config import Settings
from tasks.economics.tasks import measure_economics
from tasks.reporting.deck.pages import build_deck
from tasks.reporting.deck.write import gather
from tasks.reporting.html_report import build_report
from tasks.schemas.economics import keep_economics
from tasks.store import tables
from tests.builders import month, months, quick_settings, run_months, write_book
from tests.policies import POLICY
from tests.reporting.deck_numbers import falsified, said_by_page, without_maps
from tests.reporting.deck_numbers import numbers_in as numbers_of_deck
from tests.reporting.recomputed import METRICS, MONEY, Month
from tests.reporting.report_numbers import (
    data_of_report,
    findings_of,
    known_by_part,
    known_to_card,
    numbers_by_part,
    numbers_of_card,
    rows_of_monitoring,
)

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A store whose first scored cohorts are ripe."""
    home = tmp_path_factory.mktemp("economics")
    chosen = quick_settings(write_book(home / "data", n_months=17, loans_per_month=60), home)
    chosen = chosen.model_copy(update={"retrain_every_cohorts": 4})
    run_months(chosen, months(17))
    return chosen


def economics(settings: Settings, day: date) -> pl.DataFrame:
    return tables.read("gold.economics", settings, on=day)


def test_the_loss_given_default_is_what_the_raw_file_leaves_unpaid(settings: Settings) -> None:
    raw = pl.read_csv(settings.data / "lms_loan_daily.csv", try_parse_dates=True)
    known = raw.filter(pl.col("snapshot_date") <= month(16))
    bad = known.filter(pl.col("installment_num") == 6, pl.col("overdue_amt") > 0)["loan_id"]
    ended = known.filter(pl.col("installment_num") == 10, pl.col("loan_id").is_in(bad.implode()))
    (lgd,) = keep_economics(economics(settings, month(16)), "lgd").to_dicts()
    assert (lgd["basis"], lgd["n"]) == ("measurement", ended.height)
    assert lgd["value"] == pytest.approx(ended["balance"].sum() / ended["loan_amt"].sum())


@pytest.fixture(scope="module")
def ripe(settings: Settings) -> Month:
    return Month(settings.datamart, month(16))


@pytest.mark.parametrize(("metric", "subject"), METRICS)
def test_a_metric_is_what_plain_polars_makes_of_the_tables(metric: str, subject: str, ripe: Month) -> None:
    (row,) = ripe.of_month("gold/monitoring").filter(metric=metric, subject=subject).to_dicts()
    near = 1e-3 if metric == "calibration_slope" else 1e-9  # a fit that stops earlier
    assert row["value"] == pytest.approx(METRICS[metric, subject](ripe), rel=near)


@pytest.mark.parametrize(("figure", "basis"), MONEY)
def test_an_amount_is_what_plain_polars_makes_of_the_tables(figure: str, basis: str, ripe: Month) -> None:
    rows = ripe.of_month("gold/economics").filter(figure=figure, basis=basis, path="all")
    if figure == "profit":
        rows = rows.filter(cutoff=POLICY.cutoff_pd)
    if basis == "realised":
        together = figure in ("value_over_all", "best_profit")
        rows = rows.filter(pl.col("window").str.starts_with("cohorts" if together else "cohort "))
    assert rows["value"].to_list() == [pytest.approx(MONEY[figure, basis](ripe))]


@pytest.fixture(scope="module")
def page(settings: Settings, ripe: Month) -> str:
    return build_report(ripe.day, settings).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def known(settings: Settings, ripe: Month) -> dict[str, set[str]]:
    """By part of the page, the numbers that it may say."""
    return known_by_part(ripe, POLICY, (settings.model_store / "registry.jsonl").read_text(encoding="utf-8"))


def of_part(known: Mapping[str, set[str]], part: str) -> set[str]:
    return known[part.split()[-1]] if part.endswith(" rule") else known.get(part, set())


def test_every_number_of_a_part_of_the_report_is_of_what_it_speaks_of(
    page: str, known: dict[str, set[str]]
) -> None:
    found = numbers_by_part(page)
    assert sum(map(len, found.values())) > 150
    unknown = {part: [n for n in said if n not in of_part(known, part)] for part, said in found.items()}
    assert {part: said for part, said in unknown.items() if said} == {}


def test_the_table_of_lights_says_what_the_sections_say(page: str) -> None:
    lights, sections = findings_of(page)
    assert len(lights) > 10
    assert sorted(lights) == sorted(sections)


def test_another_last_digit_would_be_noticed(page: str, known: dict[str, set[str]]) -> None:
    """Of what is measured, in nine of ten numbers of two digits and more; the policy has tests of its own."""
    measured = {
        part: said
        for part, said in numbers_by_part(page).items()
        if part.split()[-1] not in ("policy", "rule")
    }
    wrong = [(part, other) for part, said in measured.items() for other in falsified(said)]
    missed = [one for one in wrong if one[1] in of_part(known, one[0])]
    assert len(wrong) > 50
    assert len(missed) < 0.1 * len(wrong), missed


def test_every_number_of_a_page_of_the_deck_is_of_what_it_speaks_of(settings: Settings, ripe: Month) -> None:
    data = gather(ripe.day, settings)
    pages = zip(build_deck(data)["pages"], said_by_page(data), strict=True)
    unknown = [
        [one for one in numbers_of_deck(without_maps(page)) if one not in known] for page, known in pages
    ]
    assert unknown == [[]] * 10


def test_every_row_behind_a_chart_of_the_report_is_one_of_the_table(page: str, ripe: Month) -> None:
    known, rows = rows_of_monitoring(ripe), data_of_report(page, width=6)
    assert len(rows) > 50
    assert [row for row in rows if (row[0], *row[2:]) not in known] == []


def test_every_number_of_a_card_for_people_is_in_that_for_machines(settings: Settings) -> None:
    """Section by section; in four of five numbers of two digits and more another last digit is noticed."""
    cards = sorted(settings.model_store.glob("*/card.json"))
    assert len(cards) > 1
    for file in cards:
        card = json.loads(file.read_text(encoding="utf-8"))
        found = numbers_of_card(file.with_name("card.md").read_text(encoding="utf-8"))
        known = {section: known_to_card(card, section) for section in found}
        unknown = {name: [one for one in said if one not in known[name]] for name, said in found.items()}
        assert {name: said for name, said in unknown.items() if said} == {}
        noticed = [other not in known[name] for name, said in found.items() for other in falsified(said)]
        assert len(noticed) > 100
        assert sum(noticed) > 0.8 * len(noticed)


def test_the_cohorts_of_a_card_are_those_of_the_loan_tape(settings: Settings) -> None:
    file = sorted(settings.model_store.glob("*/card.json"))[-1]
    data = json.loads(file.read_text(encoding="utf-8"))["data"]
    tape = pl.read_delta(str(settings.datamart / "silver" / "loans")).filter(installment_num=6)
    bad = tape.group_by("loan_start_date").agg(n=pl.len(), rate=(pl.col("overdue_amt") > 0.005).mean())
    known = bad.sort("loan_start_date").filter(
        pl.col("loan_start_date").cast(pl.String).is_in(data["cohorts"])
    )
    assert data["n_by_cohort"] == known["n"].to_list()
    assert data["bad_rate_by_cohort"] == pytest.approx(known["rate"].to_list())
    assert data["n_loans"] == known["n"].sum()


def test_measured_again_the_rows_are_the_same_whatever_came_later(settings: Settings) -> None:
    before = economics(settings, month(14))
    measure_economics(month(14), settings)
    assert economics(settings, month(14)).equals(before)


def test_the_champion_is_compared_with_the_one_before(settings: Settings) -> None:
    found = keep_economics(economics(settings, month(16)), "value_over_former", basis="expected")
    assert found["status"].to_list() in (["measured"], [])


def test_the_command_prints_figures_with_their_basis(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    places = ["--datamart", str(settings.datamart)]
    with pytest.raises(SystemExit) as end:
        command(["economics", *places])
    assert end.value.code == 0
    shown = capsys.readouterr().out
    assert "margin of a good loan" in shown
    assert "assumption" in shown
    with pytest.raises(SystemExit):
        command(["economics", "--date", str(month(16)), "--json", *places])
    assert {row["figure"] for row in json.loads(capsys.readouterr().out)} >= {"profit", "lgd", "best_cutoff"}


def test_a_date_that_was_not_measured_names_the_command(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        command(["economics", "--date", str(month(1)), "--datamart", str(settings.datamart)])
    assert end.value.code == 1
    assert f"vintage run monitoring --date {month(1)}" in capsys.readouterr().err


def test_a_datamart_of_older_code_gets_the_table(settings: Settings, tmp_path: Path) -> None:
    older = settings.model_copy(update={"datamart": tmp_path / "datamart"})
    shutil.copytree(settings.datamart, older.datamart)
    shutil.rmtree(older.datamart / "gold" / "economics")
    measure_economics(month(16), older)
    kept = pl.col("figure") != "path_cost"
    assert economics(older, month(16)).filter(kept).equals(economics(settings, month(16)).filter(kept))
