"""Who applies and who defaults: clean credit numbers, the probability of default, the default itself."""

from dataclasses import dataclass
from functools import lru_cache
from math import log
from typing import Final

import numpy as np
import polars as pl

from simulator.drift import first_month
from simulator.marginals import KNOTS, LOADINGS, MIX_SHARES, QUANTILES
from simulator.terms import Bools, Floats, Ints, Lender, Stream, cohort_size, draws, drifts_in

BASE_LOGIT: Final = log(0.285 / 0.715)
INTERCEPT: Final = -2.22
ID_BLOCK: Final = 0x10000
FIRST_ID: Final = 0x100


@dataclass(frozen=True)
class Credit:
    """One cohort's applicants: credit mix (0 good, 1 standard, 2 bad), clean numbers, log odds of default."""

    mix: Ints
    numbers: dict[str, Floats]
    logit: Floats


def draw_credit(lender: Lender, cohort: int) -> Credit:
    """Return the credit numbers of the cohort's applicants and what they say about default."""
    return _credit(draws(lender, Stream.CREDIT, cohort), cohort_size(lender), lender, cohort)


def draw_defaults(lender: Lender, cohort: int, credit: Credit) -> Bools:
    """Return who will owe more than one instalment at MOB 6."""
    chance = draws(lender, Stream.DEFAULT, cohort).random(len(credit.mix))
    return chance < probability(credit.logit)


def reference_credit(lender: Lender, cohort: int, size: int = 200_000) -> Credit:
    """Return a large sample of applicants as they are in that month, for what is expected of unknown ones."""
    return _credit(draws(lender, Stream.REFERENCE), size, lender, cohort)


def customer_ids(lender: Lender, cohort: int) -> pl.Series:
    """Return the cohort's customer ids (String, sorted): unique, the same however many months there are."""
    return _as_hex(customer_numbers(lender, cohort)).sort()


def customer_numbers(lender: Lender, cohort: int) -> Ints:
    """Return the numbers in the cohort's customer ids: unique, in no order."""
    size = cohort_size(lender)
    numbers = np.arange(cohort * size, (cohort + 1) * size)
    per_block = ID_BLOCK - FIRST_ID
    blocks, places = numbers // per_block, numbers % per_block
    ids = np.empty(size, dtype=np.int64)
    for block in range(int(blocks[0]), int(blocks[-1]) + 1):
        order = draws(lender, Stream.IDS, block).permutation(per_block)
        inside = blocks == block
        ids[inside] = block * ID_BLOCK + FIRST_ID + order[places[inside]]
    return ids


def probability(logit: Floats) -> Floats:
    """Return the probability (0 to 1) that has these log odds."""
    return 1 / (1 + np.exp(-logit))


def _as_hex(ids: Ints) -> pl.Series:
    digits = _hex_words()
    low = pl.Series(ids % ID_BLOCK)
    words = digits.gather(low)
    if ids.max() < ID_BLOCK:
        return "CUS_0x" + words.str.strip_chars_start("0")
    high = digits.gather(pl.Series(ids // ID_BLOCK)).str.strip_chars_start("0")
    return "CUS_0x" + (high + words).str.strip_chars_start("0")


@lru_cache(maxsize=1)
def _hex_words() -> pl.Series:
    return pl.Series([f"{number:04x}" for number in range(ID_BLOCK)])


def _credit(chance: np.random.Generator, size: int, lender: Lender, cohort: int) -> Credit:
    mix = np.searchsorted(np.cumsum(list(MIX_SHARES.values()))[:2], chance.random(size), side="right")
    worse = chance.random(size)
    for drift in drifts_in(lender, "mix", cohort):
        mix = np.where(worse < drift.amount, 2, mix)
    factor = chance.standard_normal(size)
    numbers: dict[str, Floats] = {}
    for name, tables in QUANTILES.items():
        loading = np.array(LOADINGS[name])[mix]
        z = loading * factor + np.sqrt(1 - loading**2) * chance.standard_normal(size)
        values = np.stack([np.interp(z, KNOTS, table) for table in tables])
        numbers[name] = np.round(values[mix, np.arange(size)], 2 if name in CONTINUOUS else 0)
    return Credit(mix, numbers, _log_odds(numbers, lender, cohort))


CONTINUOUS: Final = frozenset({"Annual_Income", "Changed_Credit_Limit", "Outstanding_Debt"})


def _log_odds(numbers: dict[str, Floats], lender: Lender, cohort: int) -> Floats:
    debt, rate, delay = (
        numbers[name] for name in ("Outstanding_Debt", "Interest_Rate", "Delay_from_due_date")
    )
    indebted, dear, late = debt > 1500, rate > 20, delay > 16
    # Steps, not slopes: a straight line through these numbers finds less than a tree does.
    odds = (
        INTERCEPT
        + 2.5 * (indebted | dear)
        - 1.1 * (indebted & (numbers["Changed_Credit_Limit"] > 16))
        - 0.9 * (indebted & (rate <= 14))
        + 0.25 * late
        + 1.8 * (late & (numbers["Num_of_Delayed_Payment"] <= 6))
        + 1.4 * (late & (numbers["Num_Bank_Accounts"] <= 2))
        + 0.3 * (numbers["Num_Credit_Inquiries"] > 8)
        - 3.0 * (numbers["Num_Credit_Card"] <= 2)
        - 0.1 * (np.log(numbers["Annual_Income"]) - 10.5)
    )
    for drift in drifts_in(lender, "badrate", cohort):
        odds = odds + log(drift.amount)
    return BASE_LOGIT + relation_left(lender, cohort) * (odds - BASE_LOGIT)


def relation_left(lender: Lender, cohort: int) -> float:
    """Return how much (1 to 0) of what ties features to default is left for loans of that cohort."""
    left = 1.0
    for drift in drifts_in(lender, "decay", cohort):
        left *= max(0.0, 1 - (cohort - first_month(drift, lender.start) + 1) / drift.amount)
    return left
