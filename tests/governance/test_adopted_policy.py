import re
from pathlib import Path

import pytest

from tasks.config import Settings
from tasks.errors import PolicyError
from tasks.governance.adopted_policy import read_policy
from tasks.governance.earlier_policies import HELD_BEFORE, MONTHS_BEFORE

TEXT = Settings().policy.read_text(encoding="utf-8")


def line_of(text: str, start: str) -> int:
    return next(n for n, line in enumerate(text.splitlines(), start=1) if line.startswith(start))


@pytest.mark.parametrize(
    ("before", "after", "line", "said"),
    [
        (r"^amber_z =", "amber_zz =", "[calibration]", "calibration.amber_z: Field required"),
        (r"^drift_fdr = \S+", "drift_fdr = 5", "drift_fdr", "less than or equal to 1"),
        (r"^cohorts = \d+", 'cohorts = "three"', "cohorts", "valid integer"),
        (r'name = "ranking_red"', 'name = "ranking_rad"', 'name = "ranking_rad"', "'cohorts_ripe'"),
        (r"^red = \S+", "red = 0.0001", "[stability]", "red must be above amber"),
        (r"^\[gate\]", "[limits.psi]\namber = 1\nred = 2\n[gate]", "[limits.psi]", "'psi' is none of"),
        (r'name = "ranking_red"', 'metric = "pis"\nname = "r"', 'metric = "pis"', "'pis' is none of .*psi"),
        (r'name = "ranking_red"', 'name = "ranking_amber"', "version", "'ranking_amber' is there twice"),
    ],
)
def test_a_mistake_is_told_with_its_line(
    tmp_path: Path, before: str, after: str, line: str, said: str
) -> None:
    text, n = re.subn(before, after, TEXT, count=1, flags=re.MULTILINE)
    assert n
    (tmp_path / "policy.toml").write_text(text, encoding="utf-8")
    with pytest.raises(PolicyError, match=said) as raised:
        read_policy(tmp_path / "policy.toml")
    assert f"line {line_of(text, line) if line != 'version' else 1}," in str(raised.value)


def without_table(name: str) -> str:
    head, rest = TEXT.split(f"[{name}]", 1)
    return head + rest[rest.index("\n[") + 1 :]


def test_a_policy_that_was_adopted_earlier_says_the_same_as_ever(tmp_path: Path) -> None:
    """Numbers that it does not state are those that held then, and keys may bear their earlier names."""
    text = re.sub(r"\[gate\][^[]*|\[cutoff\][^[]*", "", TEXT)
    text = text.replace("[fairness]", "[fairness]\napprove_up_to_pd = 0.35\n")
    for name in ("drift_months", "min_applicants"):
        text = re.sub(rf"(?m)^{name} = .*\n", "", text)
    text = re.sub(r'(?m)^(severity = "\w+"\n)months = .*\n', r"\1", text)
    for now, then in (("min_drop", "least_drop"), ("min_deviation", "least"), ("min_excess", "least")):
        text = text.replace(f"\n{now} =", f"\n{then} =")
    file = tmp_path / "policy.toml"
    file.write_text(text.replace("min_gain", "least_gain").replace("min_coverage", "least_coverage"))
    earlier, today = read_policy(file), read_policy(Settings().policy)
    policy = earlier.policy
    assert policy.gate.model_dump() == HELD_BEFORE["gate"]
    assert (policy.stability.drift_months, policy.fairness.min_applicants) == (2, 30)
    assert policy.cutoff.approve_up_to_pd == 0.35
    assert {one.name: one.months for one in policy.trigger if one.months > 1} == MONTHS_BEFORE
    for same in ("ranking", "calibration", "arrears", "choice"):
        assert getattr(policy, same) == getattr(today.policy, same)
    assert earlier.say_unstated() == (
        "Not stated, so that the values of earlier versions apply; add them to the file: "
        "[stability] drift_months = 2; [fairness] min_applicants = 30; "
        "[gate] level = 0.9, min_gain = -0.01, auc_floor = 0.6, max_brier_loss = 0.002, max_z = 2.58, "
        "path_share = 0.1, cohorts = 3; "
        "[cutoff] approve_up_to_pd = 0.35 (instead of [fairness] approve_up_to_pd); "
        "[[trigger]] score_drifts: months = 2; [[trigger]] calibration_red: months = 2; "
        "[[trigger]] arrears_red: months = 2; [[trigger]] fairness_red: months = 2."
    )
    assert today.say_unstated() == ""


def test_what_an_earlier_policy_states_of_a_table_holds(tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text(without_table("gate") + "\n[gate]\nmax_z = 3\n", encoding="utf-8")
    gate = read_policy(file).policy.gate
    assert (gate.max_z, gate.min_gain) == (3, HELD_BEFORE["gate"]["min_gain"])


def test_what_is_not_toml_is_told_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "policy.toml").write_text('version = "1"\n[label\n', encoding="utf-8")
    with pytest.raises(PolicyError, match="line 2"):
        read_policy(tmp_path / "policy.toml")


def test_any_edit_changes_the_digest(tmp_path: Path) -> None:
    (tmp_path / "policy.toml").write_text(TEXT.replace(" = ", "  = ", 1), encoding="utf-8")
    assert read_policy(tmp_path / "policy.toml").digest != read_policy(Settings().policy).digest


def test_a_missing_policy_is_told(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match=r"is missing; restore governance/policy\.toml"):
        read_policy(tmp_path / "none.toml")
