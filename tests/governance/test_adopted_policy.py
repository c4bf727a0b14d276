import re
from pathlib import Path

import pytest

from tasks.config import Settings
from tasks.errors import PolicyError
from tasks.governance.adopted_policy import read_policy

TEXT = Settings().policy.read_text(encoding="utf-8")


def line_of(text: str, start: str) -> int:
    return next(n for n, line in enumerate(text.splitlines(), start=1) if line.startswith(start))


@pytest.mark.parametrize(
    ("before", "after", "line", "said"),
    [
        ("amber_z = 1.96", "amber_zz = 1.96", "[calibration]", "calibration.amber_z: Field required"),
        ("drift_fdr = 0.05", "drift_fdr = 5", "drift_fdr", "less than or equal to 1"),
        ("cohorts = 3", 'cohorts = "three"', "cohorts", "valid integer"),
        ('name = "ranking_red"', 'name = "ranking_rad"', 'name = "ranking_rad"', "'cohorts_ripe'"),
        ("red = 0.25", "red = 0.05", "[stability]", "red must be above amber"),
        ("[gate]", "[limits.psi]\namber = 1\nred = 2\n[gate]", "version", "'psi' is none of"),
        ('name = "ranking_red"', 'metric = "pis"\nname = "r"', 'metric = "pis"', "'pis' is none of .*'*psi"),
        ('name = "ranking_red"', 'name = "ranking_amber"', "version", "'ranking_amber' is there twice"),
    ],
)
def test_a_mistake_is_told_with_its_line(
    tmp_path: Path, before: str, after: str, line: str, said: str
) -> None:
    assert before in TEXT
    text = TEXT.replace(before, after, 1)
    (tmp_path / "policy.toml").write_text(text, encoding="utf-8")
    with pytest.raises(PolicyError, match=said) as raised:
        read_policy(tmp_path / "policy.toml")
    assert f"line {line_of(text, line) if line != 'version' else 1}," in str(raised.value)


def without_table(name: str) -> str:
    head, rest = TEXT.split(f"[{name}]", 1)
    return head + rest[rest.index("\n[") + 1 :]


def test_a_policy_that_was_adopted_earlier_says_the_same_as_ever(tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    text = without_table("gate")
    for name in ("drift_months", "min_applicants", "months"):
        text = re.sub(rf"(?m)^{name} = .*\n", "", text)
    for now, then in (("min_drop", "least_drop"), ("min_deviation", "least"), ("min_excess", "least")):
        text = text.replace(f"\n{now} =", f"\n{then} =")
    head, choice = text.split("[choice]")
    choice = choice.replace("min_gain", "least_gain").replace("min_coverage", "least_coverage")
    file.write_text(f"{head}[choice]{choice}".replace("amber = 0.90\n", "amber = 0.90\nmonths = 6\n"))
    earlier = read_policy(file)
    assert earlier.policy == read_policy(Settings().policy).policy
    assert earlier.say_unstated() == (
        "Not stated, so that the values of earlier versions apply; add them to the file: "
        "[stability] drift_months = 2; [fairness] min_applicants = 30; "
        "[gate] level = 0.9, min_gain = -0.01, auc_floor = 0.6, max_z = 2.58, cohorts = 3; "
        "[[trigger]] score_drifts: months = 2; [[trigger]] calibration_red: months = 2; "
        "[[trigger]] arrears_red: months = 2; [[trigger]] fairness_red: months = 2."
    )
    assert read_policy(Settings().policy).say_unstated() == ""


def test_what_an_earlier_policy_states_of_a_table_holds(tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text(without_table("gate") + "\n[gate]\nmax_z = 3\n", encoding="utf-8")
    gate = read_policy(file).policy.gate
    assert (gate.max_z, gate.min_gain) == (3, -0.01)


def test_what_is_not_toml_is_told_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "policy.toml").write_text('version = "1"\n[label\n', encoding="utf-8")
    with pytest.raises(PolicyError, match="line 2"):
        read_policy(tmp_path / "policy.toml")


def test_any_edit_changes_the_digest(tmp_path: Path) -> None:
    (tmp_path / "policy.toml").write_text(TEXT.replace("0.99", "0.98", 1), encoding="utf-8")
    assert read_policy(tmp_path / "policy.toml").digest != read_policy(Settings().policy).digest


def test_a_missing_policy_is_told(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match=r"is missing; restore governance/policy\.toml"):
        read_policy(tmp_path / "none.toml")
