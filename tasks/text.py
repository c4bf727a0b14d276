"""What other people wrote, such as names of columns, ids and reasons, made harmless where it leaves.

One function for each place: a terminal, Markdown, HTML, and a table that people open in a spreadsheet. What
is kept in tables and histories stays as it came.
"""

import re
import unicodedata
from typing import Any

# Control characters, among them what begins an escape sequence; marks that turn the direction of text or show
# as nothing; halves of characters.
HIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)
LETTERS = str.maketrans({"ł": "l", "ß": "ss", "ø": "o", "æ": "ae", "œ": "oe", "đ": "d"})
MARKDOWN = re.compile(r"([\\`*\[\]<>#|~])")
FORMULA = ("=", "+", "-", "@")  # begins what a spreadsheet computes


def plain_name(column: str) -> str:
    """A column's name in small letters, digits and single underscores."""
    return re.sub(r"[\W_]+", "_", column.lower()).strip("_")


def ascii_name(column: str) -> str:
    """A column's name in plain Latin letters: `Członek` is `czlonek`; empty where it is of another script."""
    parts = unicodedata.normalize("NFKD", column.lower().translate(LETTERS))
    return plain_name("".join(sign for sign in parts if sign.isascii()))


def for_terminal(text: str, *, lines: bool = False) -> str:
    r"""The text with each hidden character written as its code, such as \x1b; `lines` may be broken."""
    return HIDDEN.sub(lambda found: found[0] if lines and found[0] == "\n" else _code(found[0]), text)


def for_markdown(text: str) -> str:
    """The text as a reader of Markdown sees it: no heading, link, table or HTML of its own."""
    return MARKDOWN.sub(r"\\\1", for_terminal(text))


def for_html(value: Any) -> Any:
    """A value for a template that escapes what HTML means by itself: text without hidden characters."""
    return for_terminal(value) if type(value) is str else value


def for_spreadsheet(text: str) -> str:
    """The text of a cell, which no spreadsheet takes for a formula."""
    shown = for_terminal(text)
    return f"'{shown}" if shown.lstrip().startswith(FORMULA) else shown


def has_hidden(text: str) -> bool:
    """Whether a text holds characters that show as nothing, or as something else."""
    return HIDDEN.search(text) is not None


def _code(sign: str) -> str:
    number = ord(sign)
    return (
        f"\\x{number:02x}"
        if number < 0x100
        else f"\\u{number:04x}"
        if number < 0x10000
        else f"\\U{number:08x}"
    )
