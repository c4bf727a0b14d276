"""Forty columns that nobody could have known at the application, by the kind of their leak."""

from collections.abc import Mapping

import numpy as np
import polars as pl

from benchmarks.audit_world import World
from simulator.terms import Floats


def plant_leaks(world: World) -> dict[str, dict[str, object]]:
    """Values (n,) of each column, by kind and name."""
    draw = np.random.default_rng([world.seed, 1])
    return {
        **_plant_outcomes(world, draw),
        **_plant_arrears(world, draw),
        **_plant_collections(world, draw),
        **_plant_statistics(world, draw),
        **_plant_other_days(world, draw),
        **_plant_mixtures(world, draw),
    }


def _plant_outcomes(world: World, draw: np.random.Generator) -> dict[str, dict[str, object]]:
    bad, n = world.outcome, len(world.age)
    coin, income = draw.random(n), world.book.own["annual_income"].to_numpy().astype(float)
    order = np.lexsort([draw.random(n), bad, world.age])
    numbers = np.empty(n, dtype=int)
    numbers[order] = np.arange(n)
    return {
        "the outcome under noise": {
            f"noise of {size} sd": bad + draw.normal(0, size, n) for size in (0.5, 0.7, 1.0, 1.4, 2.0)
        },
        "a shadow of the outcome": {
            "one in ten flipped": np.where(draw.random(n) < 0.1, 1 - bad, bad),
            "a flag for three in ten defaults": (bad == 1) & (coin < 0.3),
            "a number given by outcome within the month": numbers,
        },
        "who is there": {
            "half of the defaults are missing": np.where((bad == 1) & (coin < 0.5), np.nan, income),
            "a fifth of the defaults are missing": np.where((bad == 1) & (coin < 0.2), np.nan, income),
            "only ripe loans": np.where(world.book.ripe, income * 1.1, np.nan),
        },
    }


def _plant_arrears(world: World, draw: np.random.Generator) -> dict[str, dict[str, object]]:
    later, n = world.book.later, len(world.age)
    amounts = {
        mob: later[f"overdue_amt at MOB {mob}"].fill_null(0.0).to_numpy().astype(float) for mob in range(1, 6)
    }
    return {
        "arrears under noise": {
            f"overdue at MOB {mob}, noise of 1 sd": overdue + draw.normal(0, _spread(overdue), n)
            for mob, overdue in amounts.items()
        },
        "flags of early arrears": {
            f"overdue at MOB {mob}, noise of {size} sd": (amounts[mob] > 0) + draw.normal(0, size, n)
            for mob, size in ((1, 0.5), (2, 1.0), (3, 1.4))
        },
        "later balances": {
            "balance at MOB 5": later["balance at MOB 5"],
            "paid until MOB 3, noise of 500": later["balance at MOB 3"] + draw.normal(0, 500, n),
        },
    }


def _spread(overdue: Floats) -> float:
    """Standard deviation of what is overdue, where anything is; the amount itself where all owe alike."""
    owed = overdue[overdue > 0]
    return float(owed.std() or owed.mean())


def _plant_collections(world: World, draw: np.random.Generator) -> dict[str, dict[str, object]]:
    bad, n, late = world.outcome, len(world.age), world.first <= world.age
    words = np.where(draw.random(n) < 0.1 + 0.3 * bad, "watched", "usual")
    reminded = pl.DataFrame({"day": world.book.days, "late": late}).select(
        pl.when("late").then(pl.col("day").dt.offset_by("2mo"))
    )
    return {
        "counts of collection calls": {
            "0.2, and 2 more of a default": draw.poisson(0.2 + 2 * bad),
            "0.5, and 1 more of a default": draw.poisson(0.5 + bad),
            "0.5, and 1 more of one in arrears so far": draw.poisson(0.5 + late),
        },
        "words and dates of collections": {
            "segment of the collections team": words,
            "day of the first reminder": reminded.to_series(),
        },
    }


def _plant_statistics(world: World, draw: np.random.Generator) -> dict[str, dict[str, object]]:
    own, labels, n = world.book.own, world.book.labels, len(world.age)
    income = own["annual_income"].cast(pl.Float64)
    rows = pl.DataFrame({"job": own["occupation"], "y": labels, "age": own["age"]})
    rows = rows.with_columns(pl.col("y").fill_nan(None), id=pl.Series(draw.integers(0, n // 40, n)))
    few = rows.select((pl.col("y").sum().over("id") + 5 * 0.285) / (pl.col("y").count().over("id") + 5))
    shares: Mapping[str, object] = {
        "of a job, over all cohorts": rows.select(pl.col("y").mean().over("job")).to_series(),
        "of an age, over all cohorts": rows.select(pl.col("y").mean().over("age")).to_series(),
        "of a branch of forty, smoothed": few.to_series(),
    }
    low, high = income.quantile(0.01), income.quantile(0.95)
    values = income.to_numpy()
    lowest = np.nanmin(values)
    return {
        "default rates of the loans themselves": dict(shares),
        "scaled over the whole period": {
            "mean 0 and standard deviation 1": (income - income.mean()) / income.std(ddof=0),
            "from 0 to 1": pl.Series((values - lowest) / (np.nanmax(values) - lowest)).fill_nan(None),
            "cut at quantiles": income.clip(low, high),
            "rank": income.rank("average") / income.count(),
        },
    }


def _plant_other_days(world: World, draw: np.random.Generator) -> dict[str, dict[str, object]]:
    later, n = world.book.later, len(world.age)
    shifted = later["fe_7 3 months after the application"].to_numpy().astype(float)
    return {
        "dates moved": {
            "three months late, noise of 30": shifted + draw.normal(0, 30, n),
            "next month": later["fe_12 1 month after the application"],
        },
        "histories that go on": {
            "mean over all months": later["mean of fe_3 over all months"],
            "highest over all months": later["max of fe_8 over all months"] * 1.7 + 3,
        },
    }


def _plant_mixtures(world: World, draw: np.random.Generator) -> dict[str, dict[str, object]]:
    bad, n = world.outcome, len(world.age)
    honest = world.credit + draw.normal(0, 1.5, n)
    renewed = draw.random(n) < 0.3
    return {
        "an honest score and the outcome": {
            "0.3 of the risk, 1 of the outcome": 0.3 * world.credit + bad + draw.normal(0, 1.5, n),
            "0.5 of the risk, 0.7 of the outcome": 0.5 * world.credit + 0.7 * bad + draw.normal(0, 1.5, n),
            "renewed for three loans in ten": np.where(renewed, honest + 3 * (bad - 0.285), honest),
        },
    }
