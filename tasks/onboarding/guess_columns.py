"""What a column of text probably is: its type, what in it means nothing, whether it is about a person."""

import re
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import polars as pl

from tasks.ingestion.cleaning import BEGINS, ENDS, GAP, GROUPED, NULL_WORDS
from tasks.ingestion.date_spelling import SPELLINGS, read_spelled
from tasks.lender.columns import ColumnType, Decimal
from tasks.onboarding.names import CODE, DAY, PERSONAL, PROTECTED
from tasks.text import ascii_name, plain_name

MOST = 0.9  # of the cells that say something: so many decide a type
MAX_WORDS = 60
SPARSE = 0.7  # of the cells: a column of which fewer say something may be empty
LARGEST = 2**31 - 1  # whole number
DIGITS = 9  # so many, of which each row has others, are an id
LOOKED_AT = 1000  # different texts that tell how dates are spelled
MAX_NULLS = 5
DIGITS_ALONE: Final = ("serial number of a spreadsheet", "YYYYMMDD", "YYYYMM")
DURATION = r"^\s*\d+ Years? and \d+ Months?\s*$"
EMAIL, SSN, PHONE = r"^[^@\s]+@[^@\s]+\.\w+$", r"^\d{3}-\d{2}-\d{4}$", r"^\+\d[\d ()/-]{6,}$"


@dataclass(frozen=True)
class Guess:
    """What a column probably is. `unsure` lists what a person has to decide, a sentence each.

    `spelling` is that of dates; `nulls` are words that mean nothing in a column of numbers; `words` those of
    a list of words. `sparse` are columns of which many cells say nothing.
    """

    type: ColumnType
    spelling: str = ""
    nulls: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    personal: bool = False
    protected: bool = False
    constant: bool = False
    sparse: bool = False
    unsure: tuple[str, ...] = field(default=())


def guess_column(name: str, texts: pl.Series, decimal: Decimal) -> Guess:
    """What the column `name` of these texts (String) probably is."""
    cells = texts.str.strip_chars()
    stated = cells.filter(cells.is_not_null() & ~cells.is_in(NULL_WORDS))
    if stated.is_empty():
        return Guess(
            "text", unsure=("says nothing in these rows: leave it out, or declare what it will hold",)
        )
    plain = ascii_name(name)
    guess = _by_values(plain, stated, decimal)
    values_personal = any(_share(stated, pattern) > 0.5 for pattern in (EMAIL, SSN, PHONE))
    personal = values_personal or guess.personal or bool(PERSONAL.search(plain))
    unsure = list(guess.unsure)
    sparse = len(stated) < SPARSE * len(texts)
    if sparse:
        unsure.append(f"{1 - len(stated) / len(texts):.0%} of the cells say nothing")
    if personal and not guess.personal:
        unsure.append("seems personal: it stays in silver and is no feature")
    if guess.type == "whole number" and CODE.search(plain):
        few = _kind_of_text(stated) == "word"
        guess = Guess("word" if few else "text")
        unsure = [
            "digits are a code here, no quantity",
            *([] if few else ["of too many values for a feature"]),
        ]
    fair = guess.type in ("word", "number", "whole number")  # fairness can be measured between its groups
    protected = fair and not personal and bool(PROTECTED.search(plain))
    if protected:
        unsure.append("seems protected: fairness is measured between its groups; may a model use it?")
    constant = stated.n_unique() == 1 and len(stated) == len(texts)
    if constant:
        unsure.append("says the same in all these rows")
    return Guess(
        guess.type,
        guess.spelling,
        guess.nulls,
        guess.words,
        personal=personal,
        protected=protected,
        constant=constant,
        sparse=sparse,
        unsure=tuple(unsure),
    )


def find_decimal(rows: pl.DataFrame) -> Decimal:
    """The sign between whole and fraction in these rows of text; none where there is no need to say it."""
    grouped, comma, point = (
        int(rows.select(pl.all().str.contains(pattern).sum()).sum_horizontal().item())
        for pattern in (
            rf"^\D*\d{{1,3}}((,|{GAP})\d{{3}})+(\.\d+)?\D*$",
            rf"^\D*\d(\d|\.|{GAP})*,\d+\D*$",
            rf"^\D*(\d|,|{GAP})*\d\.\d+\D*$",
        )
    )
    if comma > max(point, grouped):
        return ","
    return "." if grouped and (point or grouped > comma) else ""


def find_date_spelling(stated: pl.Series, plain: str) -> str:
    """The spelling of a column of dates that makes most of them a month's ends; none for other columns.

    Nearly all texts must be dates, if not all in one spelling: a file may change its habits.
    """
    rows = pl.DataFrame({"text": stated.unique(maintain_order=True).head(LOOKED_AT)})
    named = DAY.search(plain)  # else digits alone may be anything
    spellings = [one for one in SPELLINGS if named or one not in DIGITS_ALONE]
    read = rows.select(read_spelled("text", spelling).alias(spelling) for spelling in spellings)
    if share_of(read.select(pl.any_horizontal(pl.all().is_not_null())).to_series()) < MOST:
        return ""
    ends = read.select(((pl.all().dt.day() == 1) | (pl.all() == pl.all().dt.month_end())).sum()).row(0)
    n_read = [len(days) - days.null_count() for days in read]
    return max(zip(n_read, ends, reversed(range(len(spellings))), spellings, strict=True))[-1]


def read_numbers(texts: pl.Series, decimal: Decimal) -> pl.Series:
    """The texts as numbers (Float64), null where one is none; marks around a number are left out."""
    marked = texts.str.strip_chars().str.strip_chars_end(ENDS).str.strip_chars_start(BEGINS)
    for pattern, separator in [GROUPED[decimal]] if decimal else []:
        grouped = marked.str.contains(pattern)
        marked = marked.zip_with(~grouped, marked.str.replace_all(separator, ""))
    if decimal == ",":
        marked = marked.str.replace(",", ".", literal=True)
    return marked.cast(pl.Float64, strict=False)


def _by_values(plain: str, stated: pl.Series, decimal: Decimal) -> Guess:
    spelling = find_date_spelling(stated, plain)
    if spelling:
        return Guess("date", spelling)
    meaningful = stated.filter(stated.str.contains(r"[A-Za-z]{2}|\d|^[A-Za-z]$"))
    numbers = read_numbers(meaningful, decimal)
    if len(numbers) and 1 - numbers.null_count() / len(numbers) >= MOST:
        return _as_number(stated, read_numbers(stated, decimal), decimal)
    if _share(stated, DURATION) > MOST / 2:
        return Guess("duration")
    return _as_words(stated)


def _as_number(texts: pl.Series, numbers: pl.Series, decimal: Decimal) -> Guess:
    strays = texts.filter(numbers.is_null() & texts.str.contains("[A-Za-z]")).unique().sort().to_list()
    nulls = tuple(strays) if len(strays) <= MAX_NULLS else ()
    read = numbers.drop_nulls()
    cents = texts.str.contains(rf"{re.escape(decimal or '.')}\d\d").any()
    whole = bool((read.abs() <= LARGEST).all() and (read == read.round()).all()) and not cents
    if _are_ids(texts):
        unsure = "digits that hardly repeat: an id, no quantity; personal, unless it tells nobody apart"
        return Guess("text", personal=True, unsure=(unsure,))
    return Guess("whole number" if whole else "number", nulls=nulls, unsure=_wild_values(read))


def _are_ids(texts: pl.Series) -> bool:
    """Whether texts are ids of many digits: as many in each, and nearly each once."""
    n_digits = texts.str.len_chars()
    same = n_digits.n_unique() == 1 and int(n_digits[0]) >= DIGITS
    return same and texts.n_unique() > MOST * len(texts) and bool(texts.str.contains(r"^\d+$").all())


def _wild_values(numbers: pl.Series) -> tuple[str, ...]:
    """That some numbers are far from nearly all others, with what limits would cut them off."""
    values = numbers.to_numpy()
    low, high = (float(np.quantile(values, share)) for share in (0.01, 0.9))
    least, most = float(values.min()), float(values.max())
    if most > 10 * max(high, 1) or (least < 0 <= low and least < -high):
        return (f"limits? from {least:,.10g} to {most:,.10g}, and 9 in 10 are at most {high:,.10g}",)
    return ()


def _as_words(stated: pl.Series) -> Guess:
    items = stated.str.replace_all(", and ", ", ").str.split(", ").explode().str.strip_chars()
    items = items.str.replace("^and ", "")
    named = sorted({plain_name(item) for item in items.unique().to_list() if re.search("[A-Za-z]{2}", item)})
    n_words = stated.n_unique()
    spelled_out = _share(stated, ", and ") > 0 or n_words > MAX_WORDS  # a comma alone may be within a name
    if spelled_out and _share(stated, ", ") > 0.3 and len(named) <= MAX_WORDS:
        return Guess(
            "list of words", words=tuple(named), unsure=("say in none_when when an empty cell means none",)
        )
    return Guess(_kind_of_text(stated))


def _kind_of_text(stated: pl.Series) -> ColumnType:
    """Whether texts are few words that come again and again."""
    return "word" if stated.n_unique() <= min(MAX_WORDS, len(stated) / 2) else "text"


def _share(texts: pl.Series, pattern: str) -> float:
    return share_of(texts.str.contains(pattern))


def share_of(mask: pl.Series) -> float:
    """The share (0 to 1) of rows for which it holds; 0 of none."""
    return float(mask.sum()) / max(1, len(mask))
