"""What each drift does to a lender, and that the true probability stays true."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from simulator.clickstream import build_clickstream, levels_of
from simulator.drift import Drift, parse_drift
from simulator.lender import Lender, simulate
from simulator.population import customer_ids, draw_credit, draw_defaults
from simulator.truth import true_default_probability
from tasks.errors import UsageError

CALM = Lender(date(2023, 1, 1), months=6, loans_per_month=4000, seed=2)


def drifting(text: str) -> Lender:
    return replace(CALM, drifts=(parse_drift(text),))


def bad_rate(lender: Lender, cohort: int) -> float:
    return float(draw_defaults(lender, cohort, draw_credit(lender, cohort)).mean())


def clicks(lender: Lender, cohort: int, month: int) -> pl.DataFrame:
    defaults = draw_defaults(lender, cohort, draw_credit(lender, cohort))
    return build_clickstream(lender, cohort, month, customer_ids(lender, cohort), defaults)


def column(lender: Lender, out: Path, file: str, name: str, month: int) -> pl.Series:
    simulate(replace(lender, loans_per_month=300), out)
    frame = pl.read_csv(out / file, infer_schema=False)
    return frame.filter(snapshot_date=f"2023-{month:02}-01")[name]


@pytest.mark.parametrize(
    ("text", "drift"),
    [
        ("stop:clickstream:3", Drift("stop", 3, ("clickstream",))),
        ("gap:clickstream:3:8", Drift("gap", 3, ("clickstream",), 8.0)),
        ("close:clickstream:3", Drift("close", 3, ("clickstream",))),
        ("pause:2023-04-01:2", Drift("pause", date(2023, 4, 1), (), 2.0)),
        ("shift:fe_5:2023-04-01:0.5", Drift("shift", date(2023, 4, 1), ("fe_5",), 0.5)),
        ("swap:fe_1:fe_6:2", Drift("swap", 2, ("fe_1", "fe_6"))),
        ("mix:3:0.25", Drift("mix", 3, (), 0.25)),
        ("badrate:3:2", Drift("badrate", 3, (), 2.0)),
        ("decay:3:6", Drift("decay", 3, (), 6.0)),
    ],
)
def test_a_drift_is_read_from_text(text: str, drift: Drift) -> None:
    assert parse_drift(text) == drift


@pytest.mark.parametrize(
    "text",
    [
        "melt:3",
        "mix:3",
        "mix:0:0.5",
        "mix:2023-04-02:0.5",
        "mix:April:0.5",
        "mix:3:2",
        "mix:3:nan",
        "badrate:3:zero",
        "badrate:3:0",
        "decay:3:0",
        "stop:weather:3",
        "close:weather:3",
        "gap:clickstream:3:0",
        "pause:3:0",
        "shift:Occupation:3:1",
        "swap:fe_1:Age:3",
        "",
    ],
)
def test_a_drift_that_makes_no_sense_is_refused_with_a_mend(text: str) -> None:
    with pytest.raises(UsageError, match=r"write|use one|shift one|name two"):
        parse_drift(text)


@pytest.mark.parametrize(
    ("source", "file"),
    [
        ("clickstream", "feature_clickstream.csv"),
        ("attributes", "features_attributes.csv"),
        ("financials", "features_financials.csv"),
    ],
)
def test_a_stopped_source_has_no_rows_from_that_month_on(source: str, file: str, tmp_path: Path) -> None:
    simulate(replace(drifting(f"stop:{source}:2023-04-01"), loans_per_month=20), tmp_path)
    months = pl.read_csv(tmp_path / file, infer_schema=False)["snapshot_date"]
    assert sorted(months.unique()) == ["2023-01-01", "2023-02-01", "2023-03-01"]


def months_in(lender: Lender, out: Path, file: str, day: str = "snapshot_date") -> list[str]:
    simulate(replace(lender, loans_per_month=20), out)
    return sorted(pl.read_csv(out / file, infer_schema=False)[day].str.slice(0, 7).unique())


def test_a_source_returns_after_a_gap(tmp_path: Path) -> None:
    months = months_in(drifting("gap:clickstream:2:3"), tmp_path, "feature_clickstream.csv")
    assert months == ["2023-01", "2023-05", "2023-06"]


def test_a_source_that_is_closed_knows_the_earlier_applicants_alone() -> None:
    closed = drifting("close:clickstream:3")
    assert [clicks(closed, cohort, 4).height for cohort in range(4)] == [4000, 4000, 0, 0]
    assert clicks(closed, 1, 4).equals(clicks(CALM, 1, 4))


def test_no_loan_starts_while_lending_pauses_and_all_else_stays(tmp_path: Path) -> None:
    paused = drifting("pause:2:3")
    assert months_in(paused, tmp_path, "lms_loan_daily.csv", "loan_start_date") == [
        "2023-01",
        "2023-05",
        "2023-06",
    ]
    simulate(replace(CALM, loans_per_month=20), tmp_path / "calm")
    for file in ("lms_loan_daily.csv", "feature_clickstream.csv"):
        lines, calm = ((tmp_path / at / file).read_text().splitlines() for at in ("", "calm"))
        assert set(lines) < set(calm)


def test_a_book_runs_off(tmp_path: Path) -> None:
    running_off = drifting("pause:3:99")
    assert months_in(running_off, tmp_path, "lms_loan_daily.csv", "loan_start_date") == ["2023-01", "2023-02"]
    assert months_in(running_off, tmp_path, "lms_loan_daily.csv")[-1] == "2023-06"


def test_a_lender_that_never_lends_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="let lending pause later"):
        simulate(drifting("pause:1:6"), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_shift_moves_a_clickstream_column_by_its_spread_and_nothing_else() -> None:
    shifted = drifting("shift:fe_5:3:0.5")
    assert clicks(shifted, 0, 1).equals(clicks(CALM, 0, 1))
    moved = clicks(CALM, 0, 2).with_columns(pl.col("fe_5") + 50)
    assert clicks(shifted, 0, 2).equals(moved)


def test_a_shift_moves_a_financial_column_and_nobody_defaults_for_it(tmp_path: Path) -> None:
    shifted = drifting("shift:Outstanding_Debt:4:1")
    debts = [
        column(one, tmp_path / str(place), "features_financials.csv", "Outstanding_Debt", 4)
        .str.strip_chars("_")
        .cast(pl.Float64)
        for place, one in enumerate((CALM, shifted))
    ]
    assert np.allclose(debts[1] - debts[0], 1156.0)
    assert bad_rate(shifted, 3) == bad_rate(CALM, 3)


def test_swapped_columns_change_places_from_that_month_on(tmp_path: Path) -> None:
    swapped = drifting("swap:fe_1:fe_6:3")
    assert clicks(swapped, 0, 1).equals(clicks(CALM, 0, 1))
    assert clicks(swapped, 0, 2)["fe_1"].to_list() == clicks(CALM, 0, 2)["fe_6"].to_list()
    words = drifting("swap:Credit_Mix:Payment_of_Min_Amount:3")
    assert set(column(words, tmp_path, "features_financials.csv", "Credit_Mix", 3)) == {"Yes", "No", "NM"}


def test_a_worse_mix_has_more_bad_credit_and_more_defaults() -> None:
    mixed = drifting("mix:4:0.5")
    assert (draw_credit(mixed, 3).mix == 2).mean() > (draw_credit(CALM, 3).mix == 2).mean() + 0.3
    assert bad_rate(mixed, 3) > bad_rate(CALM, 3) + 0.08
    assert bad_rate(mixed, 2) == bad_rate(CALM, 2)


def test_a_bad_rate_multiplies_the_odds_of_every_applicant() -> None:
    doubled = drifting("badrate:4:2")
    assert np.allclose(draw_credit(doubled, 3).logit - draw_credit(CALM, 3).logit, np.log(2))
    assert np.array_equal(draw_credit(doubled, 2).logit, draw_credit(CALM, 2).logit)


def test_a_decay_leaves_nothing_of_the_relation_in_the_end() -> None:
    fading = drifting("decay:2:3")
    spread = [float(np.std(draw_credit(fading, cohort).logit)) for cohort in range(6)]
    assert spread[0] > 1
    assert spread[0] > spread[1] > spread[2] > spread[3]
    assert np.allclose(spread[3:], 0)
    assert np.ptp(levels_of(fading, 3).mean) == 0


@pytest.mark.parametrize(
    "text",
    [
        "stop:clickstream:2",
        "stop:financials:2",
        "gap:clickstream:2:2",
        "close:clickstream:3",
        "shift:fe_5:2:3",
        "swap:fe_1:fe_6:2",
        "mix:2:0.5",
        "badrate:2:3",
        "decay:2:6",
    ],
)
def test_true_pd_stays_calibrated_under_drift(text: str) -> None:
    lender = replace(drifting(text), loans_per_month=10_000)
    credit = draw_credit(lender, 4)
    bad = draw_defaults(lender, 4, credit)
    pd = true_default_probability(lender, 4, credit, bad).to_numpy()
    band = np.minimum((pd * 5).astype(int), 4)
    for each in np.unique(band):
        inside = band == each
        error = np.sqrt((pd * (1 - pd))[inside].sum()) / inside.sum()
        assert abs(bad[inside].mean() - pd[inside].mean()) < 4.5 * error + 0.002
