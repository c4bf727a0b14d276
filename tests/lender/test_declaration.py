"""What a declaration may say, and how a mistake in one is told."""

import re
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
        ('sql = "age < 18"', 'sql = "age <"', "is_minor =", "cannot be read as an SQL expression"),
        ('sql = "age < 18"', 'sql = "ages < 18"', None, "the feature 'is_minor' reads 'ages'"),
        (
            'closed_when = "balance = 0',
            'closed_when = "saldo = 0',
            None,
            "closed_when reads 'saldo', and no column",
        ),
        ('"installment_num <= tenure"', '"installment_num <= tenor"', None, "reads 'tenor'"),
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


def test_no_source_or_column_of_the_reference_lender_is_named_in_the_code() -> None:
    """What the loop does follows the declaration; the loan tape's own columns are known by name to it."""
    lender, root = read_lender(REFERENCE), REFERENCE.parents[1]
    names = {source.name for source in lender.of_applicants}
    names |= {name for source in lender.of_applicants for name in source.ours.values() if "_" in name}
    names -= {"customer_id", "snapshot_date", "attributes"}  # the last is what Python calls those of a class
    named = re.compile(rf"\b({'|'.join(sorted(names))})\b")
    found = [
        f"{path.relative_to(root)}: {name}"
        for room in ("flows", "serving", "tasks")
        for path in sorted((root / room).rglob("*.py"))
        for name in named.findall(path.read_text(encoding="utf-8"))
    ]
    assert found == []
