import polars as pl

from tasks.core.fairness import add_groups, measure_fairness
from tests.policies import POLICY


def people(**approved_of: tuple[int, int]) -> pl.DataFrame:
    """Groups by occupation: so many approved of so many."""
    rows = [
        {"occupation": name, "age": 40, "pd": 0.1 if i < k else 0.9}
        for name, (k, n) in approved_of.items()
        for i in range(n)
    ]
    return add_groups(pl.DataFrame(rows))


def found(**approved_of: tuple[int, int]) -> dict[str, tuple[float, str]]:
    figures = measure_fairness(people(**approved_of), limits=POLICY.fairness)
    return {f["subject"]: (f["value"], f["status"]) for f in figures}


def test_a_group_that_is_approved_half_as_often_is_red() -> None:
    assert found(lawyer=(400, 500), baker=(80, 200))["occupation baker"] == (0.5, "red")


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
