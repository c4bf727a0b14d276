"""The declarations in docs/examples are read, and files of their layout are taken in."""

import json
from datetime import date
from pathlib import Path

import pytest

from flows.cli.main import command
from tasks.config import Settings, checked_settings
from tasks.features.tasks import build_feature_store
from tasks.ingestion.tasks import ingest
from tasks.labels.tasks import build_labels
from tasks.lender.reading import read_lender
from tasks.onboarding.trial import Trial, try_lender
from tasks.store import tables

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.toml")), ids=lambda path: path.stem)
def test_an_example_is_a_whole_declaration(path: Path) -> None:
    assert read_lender(path).tape.name == "loans"


def acquired(loan: str, when: str) -> str:
    """A line of acquisition.txt."""
    return f"{loan}|R|OTHER|8|75000|360|{when}|02/2000|79||1|62|763|N|R|SF|1|P|PA|173||FRM|||N|200001\n"


def performed(loan: str, period: str, age: int, behind: str) -> str:
    """A line of performance.txt: 31 fields."""
    balance = "" if age < 6 else "74000.5"
    return (
        f"{loan}|{period}|NULL|8.0|{balance}|{age}.0|359.0|359.0|01/2030|0.0|{behind}|N|NULL"
        + "|" * 18
        + "\n"
    )


@pytest.fixture
def mortgages(tmp_path: Path) -> Settings:
    """Five loans of one cohort over three months, in the layout of the published files."""
    loans = [f"1000{number}" for number in range(5)]
    (tmp_path / "acquisition.txt").write_text("".join(acquired(loan, "12/1999") for loan in loans))
    rows = [
        performed(loan, f"0{age + 1}/01/2000", age, "-2" if loan == "10004" else str(age * (loan == "10001")))
        for loan in loans
        for age in (0, 1, 2)
    ]
    (tmp_path / "performance.txt").write_text("".join(rows) + performed("10009", "01/01/2000", -1, "0"))
    declared = {"data": tmp_path, "lender": EXAMPLES / "fannie_mae.toml", "datamart": tmp_path / "datamart"}
    return checked_settings({**declared, "label_mob": 2})


@pytest.fixture
def trial(mortgages: Settings) -> Trial:
    """What would become of them."""
    return try_lender(mortgages)


def test_published_mortgages_are_read_by_their_declaration(trial: Trial) -> None:
    rows = {row["source"]: row for row in trial.sources.to_dicts()}
    assert rows["acquisition"]["n_good"] == 5
    assert rows["loans"]["n_good"] == 15
    assert rows["loans"]["file"] == "performance.txt"
    assert trial.set_aside.to_dicts() == [{"source": "loans", "rule": "installment_num|min", "rows": 1}]


def test_codes_of_a_letter_are_words_and_status_below_zero_is_not_known(trial: Trial) -> None:
    columns = {(row["source"], row["column"]): row for row in trial.columns.to_dicts()}
    assert columns["acquisition", "channel"]["null_share"] == 0
    assert columns["loans", "instalments_behind"]["lost_share"] == pytest.approx(3 / 16)
    assert columns["acquisition", "snapshot_date"]["least"] == "1999-12-01"


def test_the_command_line_takes_a_declaration_that_lies_elsewhere(
    mortgages: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    declared = ["--lender", str(EXAMPLES / "fannie_mae.toml"), "--data", str(mortgages.data)]
    with pytest.raises(SystemExit) as end:
        command(["check", *declared, "--json"])
    assert end.value.code == 0
    assert json.loads(capsys.readouterr().out)["label"] == "60dpd_24mob"


def test_applications_dated_the_month_before_the_loan_are_those_of_the_loan(mortgages: Settings) -> None:
    """No month of loans needs rows of them, and the number of rows of their own months says nothing."""
    with (mortgages.data / "acquisition.txt").open("a") as file:
        file.writelines(acquired(f"2{number}", "05/1999") for number in range(60))
        file.writelines(acquired(f"3{number}", f"0{6 + number}/1999") for number in range(4))
    days = [date(2000, 1, 1), date(2000, 2, 1)]
    ingest(days, mortgages)
    build_feature_store(days, mortgages)
    features = tables.scan("gold.feature_store", mortgages).collect()
    assert features["snapshot_date"].to_list() == [date(2000, 1, 1)] * 5
    assert features["has_acquisition"].all()
    assert features["score"].to_list() == [763.0] * 5


@pytest.mark.parametrize(("dpd", "mob", "bad"), [(60, 2, ["10001"]), (30, 1, ["10001"]), (60, 1, [])])
def test_mortgages_are_labelled_by_one_rule_and_by_another(
    dpd: int, mob: int, bad: list[str], mortgages: Settings
) -> None:
    """One loan falls an instalment behind a month; of another a code says nothing, so it has no label."""
    days = [date(2000, month, 1) for month in (1, 2, 3)]
    settings = mortgages.model_copy(update={"label_dpd": dpd, "label_mob": mob})
    ingest(days, settings)
    build_labels(days, settings)
    labels = tables.scan("gold.label_store", settings).collect()
    assert set(labels["label_def"]) == {f"{dpd}dpd_{mob}mob"}
    assert sorted(labels["loan_id"]) == ["10000", "10001", "10002", "10003"]
    assert labels.filter(label=1)["loan_id"].to_list() == bad
