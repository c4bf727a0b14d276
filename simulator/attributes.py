"""An applicant's clean personal facts: features_attributes.csv before the dirt. Everybody is made up."""

from typing import Final

import numpy as np
import polars as pl

from simulator.population import Credit
from simulator.terms import Lender, Stream, cohort_size, draws

OCCUPATIONS: Final = pl.Series(
    [
        "Accountant",
        "Architect",
        "Developer",
        "Doctor",
        "Engineer",
        "Entrepreneur",
        "Journalist",
        "Lawyer",
        "Manager",
        "Mechanic",
        "Media_Manager",
        "Musician",
        "Scientist",
        "Teacher",
        "Writer",
    ]
)
HEADS: Final = pl.Series(
    ["Al", "Bren", "Cor", "Da", "El", "Fen", "Gor", "Hal", "Is", "Jo", "Kel", "Lu", "Mar", "Ned", "Or", "Pa"]
)
MIDDLES: Final = pl.Series(["", "a", "be", "da", "fi", "li", "mo", "ni", "ra", "so", "ti", "ve"])
TAILS: Final = pl.Series(["n", "r", "s", "th", "lan", "man", "ric", "son", "ton", "vey", "wick", "dis"])
LAST_LETTERS: Final = pl.Series(["", *"abcdefghijklmnopqrstuvwxyz"])


def build_attributes(lender: Lender, cohort: int, credit: Credit) -> pl.DataFrame:
    """Return one cohort's clean personal facts, one row an applicant: Name, Age (years), SSN, Occupation."""
    chance, size = draws(lender, Stream.ATTRIBUTES, cohort), cohort_size(lender)
    first, last = _draw_names(chance, size), _draw_names(chance, size)
    both = pl.Series(chance.random(size) < 0.4)
    digits = pl.Series(chance.integers(1_000_000, 1_000_000_000, size)).cast(pl.String).str.zfill(9)
    name = pl.when(both).then(first + pl.lit(" ") + last).otherwise(first) + _pick(chance, LAST_LETTERS, size)
    return pl.select(
        Name=name,
        Age=pl.Series(credit.numbers["Age"].astype(np.int64)),
        SSN=digits.str.slice(0, 3) + "-" + digits.str.slice(3, 2) + "-" + digits.str.slice(5, 4),
        Occupation=_pick(chance, OCCUPATIONS, size),
    )


def _draw_names(chance: np.random.Generator, size: int) -> pl.Series:
    return _pick(chance, HEADS, size) + _pick(chance, MIDDLES, size) + _pick(chance, TAILS, size)


def _pick(chance: np.random.Generator, words: pl.Series, size: int) -> pl.Series:
    return words.gather(pl.Series(chance.integers(0, len(words), size)))
