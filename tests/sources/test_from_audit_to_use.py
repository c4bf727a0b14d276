"""How another team's source is declared, audited, compared and decided on."""

import re
import shlex
import subprocess
import sys
from datetime import date, datetime
from pathlib import Path

import polars as pl
import pytest

from flows.cli.main import command
from flows.engine import run_flow
from flows.features import features
from tasks.config import Settings
from tasks.errors import BadInputError, TableNotReadyError, UsageError
from tasks.evaluation.source_value import compare_sources
from tasks.governance.source_log import read_decisions, used_on
from tasks.leakage_audit.audit_source import audit_source
from tasks.sources.decisions import drop, override, use
from tasks.sources.declare import add_source
from tasks.store import tables
from tests.builders import month
from tests.sources.bureau import SAID, STOPS, USED, copied, take_bureau, write_bureau

pytestmark = pytest.mark.integration


def test_a_monthly_feed_is_not_refused_for_months_that_an_earlier_delivery_lacks(
    book: Path, fed: Settings, tmp_path: Path
) -> None:
    settings, bureau = copied(fed, tmp_path), write_bureau(book, tmp_path / "bureau")
    add_source("bureau", [str(bureau)], settings, owner="Bureau", valid_days=600)
    earlier = write_bureau(book, tmp_path / "earlier", until=6)
    verdicts = audit_source("bureau", month(USED), settings, earlier=[str(earlier)]).verdicts
    assert set(verdicts.filter(verdict="admitted")["column"]) == {"score", "Segment"}


def test_our_own_files_are_not_audited_as_sources(fed: Settings) -> None:
    with pytest.raises(UsageError, match="loans is one of the lender's own four files"):
        audit_source("loans", None, fed)


def test_an_audit_waits_for_two_ripe_cohorts(book: Path, fed: Settings, tmp_path: Path) -> None:
    settings = copied(fed, tmp_path)
    add_source("bureau", [str(write_bureau(book, tmp_path / "bureau"))], settings, owner="Bureau")
    with pytest.raises(TableNotReadyError, match=r"needs two ripe cohorts.*on 2023-07-01 1 had ripened"):
        audit_source("bureau", month(6), settings)
    assert audit_source("bureau", month(7), settings).verdicts.height == 4


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("score", "high", "column score, was of numbers and now says 'high'"),
        ("score", [1.0], "column score, was of numbers and now is of the type List"),
        ("score", date(2024, 1, 1), "column score, was of numbers and now is of the type Date"),
        ("Segment", ["a"], "column Segment, was of words and now is of the type List"),
    ],
)
def test_a_column_that_turns_into_something_else_is_refused(
    book: Path, fed: Settings, tmp_path: Path, column: str, value: object, said: str
) -> None:
    settings, bureau = copied(fed, tmp_path), write_bureau(book, tmp_path / "bureau")
    take_bureau(settings, bureau)
    for file in bureau.glob("*.parquet"):
        pl.read_parquet(file).with_columns(pl.lit(value).alias(column)).write_parquet(file)
    with pytest.raises(BadInputError, match=said):
        run_flow(features, month(3), settings)


def test_decisions_need_an_audit_and_stand_in_the_history(book: Path, fed: Settings, tmp_path: Path) -> None:
    settings, bureau = copied(fed, tmp_path), write_bureau(book, tmp_path / "bureau")
    add_source("bureau", [str(bureau)], settings, owner="Bureau")
    with pytest.raises(UsageError, match="was not audited yet"):
        use("bureau", month(USED), settings, **SAID)
    audit_source("bureau", month(USED - 1), settings)
    with pytest.raises(UsageError, match="no refused column 'score'"):
        override("bureau", "score", settings, **SAID)
    override("bureau", "worst_arrears", settings, **SAID)
    assert "worst_arrears" in use("bureau", month(USED), settings, **SAID)[0]
    drop("bureau", month(USED + 2), settings, **SAID)
    assert used_on(month(USED), settings).keys() == {"bureau"}
    assert used_on(month(USED + 2), settings) == {}
    run_flow(features, month(2), settings)  # for models that learned from it before it was dropped
    assert tables.read("gold.source_features", settings, on=month(2)).height
    lines = read_decisions(settings)
    assert [line["what"] for line in lines] == ["check", "override", "use", "drop"]
    assert lines[1]["by"] == SAID["by"]
    assert all(datetime.fromisoformat(line["at"]).tzinfo for line in lines)


def test_the_comparison_scores_each_ripe_month_with_what_was_known_on_it(
    book: Path, fed: Settings, tmp_path: Path
) -> None:
    settings, seen = copied(fed, tmp_path), list[date]()
    take_bureau(settings, write_bureau(book, tmp_path / "bureau"))
    compared = compare_sources(month(6), month(9), settings, step=seen.append)
    # In month 6 one cohort was ripe, too few to learn from; month 9 is not ripe yet.
    assert seen == [month(7), month(8)]
    told = {record["features"]: record for record in compared.table.iter_rows(named=True)}
    assert list(told) == ["ours", "bureau alone", "ours + bureau"]
    assert {record["n"] for record in told.values()} == {240}
    assert told["bureau alone"]["auc_low"] > 0.6
    assert compared.path.is_file()


def test_declaring_and_auditing_takes_two_commands(
    book: Path, fed: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, bureau = copied(fed, tmp_path), write_bureau(book, tmp_path / "bureau")
    for name in ("data", "datamart", "model_store", "sources"):
        monkeypatch.setenv(f"VINTAGE_{name.upper()}", str(getattr(settings, name)))
    added = vintage_sources("add", "bureau", "--where", str(bureau), "--owner", "Bureau")
    assert 'key = "client"' in added
    assert "vintage sources check bureau" in added
    told = vintage_sources("check", "bureau")
    assert "2 of its 4 columns are admitted" in " ".join(told.split())
    assert "worst_arrears" in told


GUIDE = Path(__file__).parents[2] / "docs" / "sources.md"
BLOCKS = re.findall(r"```sh\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
COMMANDS = [line for block in BLOCKS for line in block.splitlines() if line.startswith("vintage sources ")]


# What the guide says of a lender and a team, and what stands for it here.
HERE = {
    "2023-10-01": month(7),
    "2023-12-01": month(7),
    "2024-07-01": month(USED),
    "2024-10-01": month(STOPS),
    "2025-01-01": month(STOPS + 1),
    "2025-04-01": month(STOPS + 2),
    "data/team_a": "bureau",
    "COLUMN": "was_late",
    "NAME": "'Ann Lee'",
    "TEXT": "'agreed'",
}


def test_the_guide_ends_well_command_by_command(
    book: Path, fed: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = copied(fed, tmp_path)
    write_bureau(book, tmp_path / "bureau")
    monkeypatch.chdir(tmp_path)
    for name in ("data", "datamart", "model_store", "sources"):
        monkeypatch.setenv(f"VINTAGE_{name.upper()}", str(getattr(settings, name)))
    assert len(COMMANDS) == 8
    for text in COMMANDS:
        for said, here in HERE.items():
            text = text.replace(said, str(here))
        with pytest.raises(SystemExit) as end:
            command(shlex.split(text)[1:])
        assert end.value.code == 0, text
    decided = [line["what"] for line in read_decisions(settings)]
    assert decided == ["check", "override", "use", "retire", "restore", "drop"]


def vintage_sources(*words: str) -> str:
    """What the command prints; it must end well."""
    command = [sys.executable, "-m", "flows", "sources", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout
