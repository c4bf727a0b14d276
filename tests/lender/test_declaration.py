"""What a declaration may say, and how a mistake in one is told."""

from pathlib import Path

import pytest

from tasks.errors import PolicyError
from tasks.lender.reading import REFERENCE, find_declaration, read_lender

TEXT = REFERENCE.read_text(encoding="utf-8")


def test_the_reference_lender_has_a_tape_two_sources_of_applications_and_a_history() -> None:
    lender = read_lender(REFERENCE)
    assert lender.tape.name == "loans"
    assert [source.name for source in lender.applications] == ["attributes", "financials"]
    assert [source.name for source in lender.histories] == ["clickstream"]


def test_a_declaration_is_looked_for_where_it_is_named_then_in_the_data_then_in_governance(
    tmp_path: Path,
) -> None:
    named, mart = tmp_path / "named.toml", tmp_path / "datamart"
    mart.mkdir()
    assert find_declaration(tmp_path, mart) == REFERENCE
    (mart / "lender.toml").write_text(TEXT, encoding="utf-8")
    assert find_declaration(tmp_path, mart) == mart / "lender.toml"
    (tmp_path / "lender.toml").write_text(TEXT, encoding="utf-8")
    assert find_declaration(tmp_path, mart) == tmp_path / "lender.toml"
    assert find_declaration(tmp_path, mart, named) == named


@pytest.mark.parametrize(
    ("old", "new", "found_at", "why"),
    [
        ('told_by = "amounts"', 'told_by = "guesses"', 'told_by = "guesses"', "amounts"),
        ('Age = { type = "whole number"', 'Age = { type = "float"', "Age =", "whole number"),
        ("limits = [14, 100]", "limit = [14, 100]", "Age =", "Extra inputs"),
        ("[reason.PERSON]", "[reason.PERSONS]", None, r"reason 'PERSON' is given to a column and has no"),
        (
            'role = "loan tape"',
            'role = "history"',
            'name = "loans"',
            "and nothing else, has the name",
        ),
        ('overdue_amt = { type = "number" }\n', "", None, "no column of loans is called 'overdue_amt'"),
        (
            'loan_id = { type = "id" }',
            'id = { type = "id" }',
            'name = "loans"',
            "no column is called 'loan_id'",
        ),
    ],
)
def test_a_mistake_is_told_with_its_line(
    tmp_path: Path, old: str, new: str, found_at: str | None, why: str
) -> None:
    path = tmp_path / "lender.toml"
    text = TEXT.replace(old, new)
    path.write_text(text, encoding="utf-8")
    with pytest.raises(PolicyError, match=why) as error:
        read_lender(path)
    if found_at is not None:
        line = next(n for n, one in enumerate(text.splitlines(), 1) if found_at in one)
        assert abs(int(str(error.value).split(" line ")[1].split(",")[0]) - line) <= 1


def test_a_missing_declaration_is_told_with_the_way_to_write_one(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match=r"gone\.toml is missing\. Write it as docs/lender\.md tells"):
        read_lender(tmp_path / "gone.toml")
