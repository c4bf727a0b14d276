import polars as pl
import pytest

from tasks.governance.earlier_policies import HELD_BEFORE
from tasks.monitoring.fairness import add_groups, measure_fairness
from tests.policies import POLICY


def people(**approved_of: tuple[int, int]) -> pl.DataFrame:
    """Groups by occupation: so many approved of so many."""
    rows = [
        {"occupation": name, "age": 40, "pd": 0.1 if i < k else 0.9}
        for name, (k, n) in approved_of.items()
        for i in range(n)
    ]
    frame = pl.DataFrame(rows)
    months = pl.int_range(frame.height) % POLICY.fairness.months + 1
    return add_groups(frame.with_columns(snapshot_date=pl.date(2024, months, 1)))


def found(**approved_of: tuple[int, int]) -> dict[str, tuple[float, str]]:
    figures = measure_fairness(people(**approved_of), limits=POLICY.fairness, cutoff=POLICY.cutoff)
    return {f["subject"]: (f["value"], f["status"]) for f in figures}


def test_a_group_that_is_approved_half_as_often_is_red() -> None:
    assert found(lawyer=(400, 500), baker=(80, 200))["occupation baker"] == (0.5, "red")


def test_a_gap_below_the_red_limit_is_amber_until_it_is_surely_below_the_amber_one() -> None:
    """Both occupations are at 0.79, of 300 and of 3,000 applicants."""
    assert found(lawyer=(600, 1000), baker=(142, 300))["occupation baker"][1] == "amber"
    assert found(lawyer=(6000, 10_000), baker=(1422, 3000))["occupation baker"][1] == "red"


def test_red_is_rarer_where_more_groups_of_other_kinds_are_compared() -> None:
    few = people(lawyer=(600, 1000), baker=(213, 450))
    many = few.with_columns(age=pl.int_range(pl.len()) % 60 + 18).pipe(
        lambda rows: add_groups(rows.drop("age_band"))
    )
    statuses = [
        {
            f["subject"]: f["status"]
            for f in measure_fairness(rows, limits=POLICY.fairness, cutoff=POLICY.cutoff)
        }
        for rows in (few, many)
    ]
    assert [one["occupation baker"] for one in statuses] == ["red", "amber"]


def test_a_policy_of_before_asks_for_unequal_rates_alone() -> None:
    before = POLICY.fairness.model_copy(update={"red_p": HELD_BEFORE["fairness"]["red_p"]})
    figures = measure_fairness(
        people(lawyer=(600, 1000), baker=(142, 300)), limits=before, cutoff=POLICY.cutoff
    )
    assert {f["subject"]: f["status"] for f in figures}["occupation baker"] == "red"


def test_a_gap_that_chance_can_make_is_green() -> None:
    assert found(lawyer=(400, 500), baker=(27, 40))["occupation baker"][1] == "green"


def test_many_equal_groups_find_none_by_chance() -> None:
    groups = {f"job{i}": (140 + (i * 7) % 19, 200) for i in range(15)}
    statuses = {name: status for name, (_, status) in found(lawyer=(400, 500), **groups).items()}
    assert {status for name, status in statuses.items() if "job" in name} == {"green"}


def test_a_few_people_or_one_group_say_nothing() -> None:
    assert found(lawyer=(400, 500), baker=(1, 5))["occupation"] == (None, "too few groups")


def test_an_unknown_age_belongs_to_no_band() -> None:
    bands = add_groups(pl.DataFrame({"age": [None, 17.0, 25.0, 34.9, 50.0]}))["age_band"].to_list()
    assert bands == [None, "under 25", "25 to 34", "25 to 34", "50 and over"]


def test_a_single_month_says_nothing_of_fairness() -> None:
    everyone = people(lawyer=(400, 500), baker=(80, 200))
    one = everyone.filter(pl.col("snapshot_date") == pl.col("snapshot_date").min())
    assert {f["status"] for f in measure_fairness(one, limits=POLICY.fairness, cutoff=POLICY.cutoff)} == {
        "too few months"
    }


def test_the_interval_of_a_ratio_is_the_published_one() -> None:
    """Agresti, Categorical Data Analysis (2002), table 3.1: 189/11,034 to 104/11,037, 1.43 to 2.30."""
    figures = measure_fairness(
        people(placebo=(189, 11_034), aspirin=(104, 11_037)), limits=POLICY.fairness, cutoff=POLICY.cutoff
    )
    found = next(f for f in figures if f["subject"].startswith("occupation"))
    assert (found["ci_low"], found["ci_high"]) == (
        pytest.approx(1.43, abs=0.005),
        pytest.approx(2.30, abs=0.01),
    )
