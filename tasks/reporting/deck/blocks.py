"""Blocks of a page as plain data for the template, and the page that holds them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

Block = dict[str, Any]
Mark = Literal["", "ok", "amber", "red", "open"]  # the sign before a line; "" is a bullet
SMALLEST = 12  # points: no text of the deck is smaller


@dataclass(frozen=True)
class Row:
    """Blocks beside each other; `widths` are their shares, `fill`: it takes what is left of the page."""

    blocks: Sequence[Block]
    widths: Sequence[float] = (1,)
    fill: bool = False


@dataclass(frozen=True)
class Page:
    """One page: its name in the tracker, a conclusion as its title, what proves it, and plain English."""

    section: str
    title: str
    plain: str
    rows: Sequence[Row]


def numbers(items: Sequence[tuple[str, str, str, Mark]]) -> Block:
    """Large numbers: value, label, note, and a signal where it is outside its limits."""
    names = ("value", "label", "note", "signal")
    return {"kind": "numbers", "title": "", "items": [dict(zip(names, one, strict=True)) for one in items]}


def points(title: str, items: Sequence[tuple[Mark, str, str]], *, size: int = 13) -> Block:
    """Lines, each with a sign, words in bold at its start, and its text."""
    names = ("mark", "head", "text")
    lines = [dict(zip(names, one, strict=True)) for one in items]
    return {"kind": "points", "title": title, "items": lines, "size": size}


def table(
    title: str,
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    widths: Sequence[float] = (),
    size: float = SMALLEST,
    inset: float = 4,
) -> Block:
    """A table; `widths` are shares (0: as wide as its words). A cell of "@red" shows that sign."""
    shares = list(widths) or [1] * len(header)
    cells = [list(row) for row in rows]
    return {
        "kind": "table", "title": title, "header": list(header), "rows": cells, "widths": shares,
        "size": size, "inset": inset,
    }  # fmt: skip


def text(words: str, *, title: str = "", size: int = 13) -> Block:
    """A paragraph."""
    return {"kind": "text", "title": title, "text": words, "size": size}


def stack(*blocks: Block) -> Block:
    """Blocks below each other; the last one takes what is left."""
    return {"kind": "stack", "title": "", "blocks": list(blocks)}


def steps(title: str, items: Sequence[tuple[str, str]], *, height: int) -> Block:
    """Boxes with arrows between them, `height` points high."""
    return {"kind": "steps", "title": title, "items": [list(one) for one in items], "height": height}
