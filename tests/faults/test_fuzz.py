"""The fuzz: whatever happens to the four files, a month comes in whole and accounted for, or not at all."""

import random
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.book import FILES, build_book, month
from tests.faults.shop import Shop

NUMBER = 1
Mutation = Callable[[bytes, random.Random], bytes]


def _lines(edit: Callable[[list[bytes], random.Random], list[bytes]]) -> Mutation:
    def mutate(text: bytes, draw: random.Random) -> bytes:
        header, *rows = text.splitlines(keepends=True)
        return header + b"".join(edit(rows, draw))

    return mutate


def _cells(edit: Callable[[bytes, random.Random], bytes], n: int = 5) -> Mutation:
    def change(rows: list[bytes], draw: random.Random) -> list[bytes]:
        for _ in range(n):
            at = draw.randrange(len(rows))
            cells = rows[at].rstrip(b"\n").split(b",")
            column = draw.randrange(len(cells))
            cells[column] = edit(cells[column], draw)
            rows[at] = b",".join(cells) + b"\n"
        return rows

    return _lines(change)


WILD = (
    b"",
    b"_",
    b"NaN",
    b"1e309",
    b"-1",
    b"1,5",
    b'"',
    b'"a',
    b"\xff",
    b"\0",
    b"x\ny",
    b"99999999999",
    b"=1+1",
)
DATES = (
    b"2023-02-30",
    b"31/01/2023",
    b"2023-13-01",
    b"2099-01-01",
    b"0001-01-01",
    b"2023-02-15",
    b"20230201",
)


def _swap_columns(text: bytes, draw: random.Random) -> bytes:
    rows = [line.split(b",") for line in text.splitlines()]
    a, b = draw.sample(range(len(rows[0])), 2)
    for row in rows:
        if len(row) > max(a, b):
            row[a], row[b] = row[b], row[a]
    return b"\n".join(b",".join(row) for row in rows) + b"\n"


MUTATIONS: dict[str, Mutation] = {
    "drop rows": _lines(lambda rows, draw: [row for row in rows if draw.random() > 0.05]),
    "drop most": _lines(lambda rows, draw: [row for row in rows if draw.random() > 0.7]),
    "duplicate": _lines(lambda rows, draw: rows + draw.sample(rows, 5)),
    "shuffle": _lines(lambda rows, draw: draw.sample(rows, len(rows))),
    "swap columns": _swap_columns,
    "swap header": lambda text, draw: _swap_columns(text.split(b"\n")[0], draw) + text.split(b"\n", 1)[1],
    "retype": _cells(lambda _cell, draw: draw.choice(WILD)),
    "dates": _cells(lambda cell, draw: draw.choice(DATES) if cell.count(b"-") == 2 else cell, n=60),
    "blow up": _cells(lambda cell, draw: cell + b"0" * draw.randrange(1, 400), n=8),
    "negate": _cells(lambda cell, _draw: b"-" + cell, n=8),
    "truncate": lambda text, draw: text[: draw.randrange(len(text))],
    "utf-16": lambda text, _draw: text.decode().encode("utf-16"),
    "latin-1": lambda text, draw: text.replace(b"1", "é".encode("latin-1"), draw.randrange(1, 9)),
    "crlf": lambda text, _draw: b"\xef\xbb\xbf" + text.replace(b"\n", b"\r\n"),
    "noise": lambda text, draw: text[: (at := draw.randrange(len(text)))] + draw.randbytes(9) + text[at:],
}


def fuzz_once(changes: list[tuple[str, str, int]]) -> None:
    """Mutate, run one month, and hold what came of it against what must always hold."""
    root = Path(tempfile.mkdtemp(prefix="fuzz"))
    try:
        shop = Shop(root).receive(build_book(months=3, loans_per_month=20))
        for source, kind, seed in changes:
            path = shop.file(source)
            draw = random.Random(seed)  # noqa: S311 - a test's choice, not a secret
            try:
                path.write_bytes(MUTATIONS[kind](path.read_bytes(), draw))
            except (IndexError, ValueError, UnicodeDecodeError):
                continue  # nothing left of the file to mutate
        outcome = shop.run("features", NUMBER)
        assert outcome.code in (0, 1, 99)
        assert "Traceback" not in outcome.said
        if outcome.code:
            assert "vintage: " in outcome.said  # after what was said of the months before
            assert month(NUMBER) not in shop.published()
        if (shop.settings.datamart / "bronze" / "deliveries").exists():
            shop.assert_reconciled()
    finally:
        shutil.rmtree(root)


CHANGES = st.lists(
    st.tuples(st.sampled_from(sorted(FILES)), st.sampled_from(sorted(MUTATIONS)), st.integers(0, 2**32)),
    min_size=1,
    max_size=3,
)
COMMON = {"deadline": None, "derandomize": True, "database": None, "suppress_health_check": list(HealthCheck)}


@settings(max_examples=12, **COMMON)
@given(changes=CHANGES)
def test_a_handful_of_mutations_never_breaks_a_month(changes: list[tuple[str, str, int]]) -> None:
    fuzz_once(changes)


@pytest.mark.slow
@settings(max_examples=320, **COMMON)
@given(changes=CHANGES)
def test_three_hundred_mutations_never_break_a_month(changes: list[tuple[str, str, int]]) -> None:
    fuzz_once(changes)
