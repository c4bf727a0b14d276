"""Forty columns that were known at the application, by kind."""

import numpy as np
import polars as pl

from benchmarks.audit_world import LABEL_MOB, World
from tasks.months import months_before

Columns = dict[str, dict[str, object]]


def plant_honest(world: World) -> Columns:
    """Values (n,) of each column, by kind and name."""
    draw = np.random.default_rng([world.seed, 2])
    return {
        **_plant_risk(world, draw),
        **_plant_plain(world, draw),
        **_plant_histories(world, draw),
        **_plant_changes(world, draw),
        **_plant_words(world, draw),
        **_plant_monthly(world),
    }


def _plant_risk(world: World, draw: np.random.Generator) -> Columns:
    n = len(world.age)
    missing = draw.random(n) < 0.05 + 0.15 / (1 + np.exp(-world.credit))
    return {
        "bears risk": {
            f"risk under noise of {size} sd": world.credit + draw.normal(0, size * world.credit.std(), n)
            for size in (0.5, 1.0, 1.4, 2.0)
        },
        "bears risk, counted or cut": {
            "inquiries": draw.poisson(np.exp(0.3 * np.clip(world.credit, -4, 3))),
            "grade of five": np.digitize(world.credit + draw.normal(0, 1, n), [-3, -2, -1, 0]),
            "missing for some risks": np.where(missing, np.nan, world.credit + draw.normal(0, 2, n)),
        },
        "another team's scores": {
            "our PD, moved": np.nan_to_num(world.book.pds, nan=0.3) * 0.9,
            "all that could be known": world.odds,
            "all that could be known, noise of 2": world.odds + draw.normal(0, 2, n),
        },
    }


def _plant_plain(world: World, draw: np.random.Generator) -> Columns:
    own, n = world.book.own, len(world.age)
    debt = own["outstanding_debt"].cast(pl.Float64)
    return {
        "noise": {
            "normal": draw.normal(size=n),
            "coin": draw.random(n) < 0.3,
            "counts": draw.poisson(3, n),
            "long tail": draw.lognormal(0, 2, n),
        },
        "numbers given in turn": {
            "at random": pl.Series([f"R{one:08d}" for one in draw.permutation(n)]),
            "in the order of loans": pl.Series([f"R{one:08d}" for one in range(n)]),
            "of the customer": world.applications["customer_id"],
        },
        "constants": {"one": np.ones(n), "of the month": world.age},
        "facts of ours under noise": {
            "income, surveyed": own["annual_income"] * draw.lognormal(0, 0.1, n),
            "debt, surveyed": debt + draw.normal(0, 300, n),
            "debt per account": debt / (own["num_bank_accounts"].fill_null(0) + 1),
            "rate, rounded": (own["interest_rate"] / 5).round() * 5 + draw.integers(0, 2, n),
        },
        "cut by hand": {
            "debt between 100 and 3000": debt.clip(100, 3000),
            "share of 5000": (debt / 5000).clip(0, 1),
        },
        "sparse": {
            "one loan in ten": np.where(draw.random(n) < 0.1, world.credit + draw.normal(size=n), np.nan),
            "one in fifty": np.where(draw.random(n) < 0.02, draw.normal(size=n), np.nan),
        },
    }


def _plant_histories(world: World, draw: np.random.Generator) -> Columns:
    known, n = world.book.known, len(world.age)
    months = world.age.max() + 1 - world.age  # that were known at the application
    return {
        "growing histories": {
            "mean of two": known["mean of fe_1 until the application"]
            + known["mean of fe_2 until the application"],
            "level by another log": known["mean of fe_5 until the application"] + draw.normal(0, 20, n),
            "highest": known["max of fe_5 until the application"] * 2 + 1,
            "risk by a growing history": world.credit + draw.normal(0, 3, n) / np.sqrt(months),
        },
    }


def _plant_changes(world: World, draw: np.random.Generator) -> Columns:
    n, age, risk = len(world.age), world.age, world.credit + draw.normal(0, 1.5, len(world.age))
    return {
        "drifting": {
            "level moves by a tenth a month": risk + 0.1 * age,
            "level steps two months ago": risk + 2 * (age < 2),
            "noise grows": world.credit + draw.normal(0, 1, n) * (1 + 0.15 * (age.max() - age)),
        },
        "ended or begun": {
            "ended seven months ago": np.where(age >= 7, risk, np.nan),
            "ended three months ago": np.where(age >= 3, risk, np.nan),
            "begun eight months ago": np.where(age <= 8, risk, np.nan),
        },
    }


def _plant_words(world: World, draw: np.random.Generator) -> Columns:
    n, risk = len(world.age), world.credit + draw.normal(0, 2, len(world.age))
    return {
        "words": {
            "segment by risk": np.array(list("ABCDE"))[np.digitize(risk, [-4, -2.5, -1, 0.5])],
            "region": np.array(["north", "south", "east", "west"])[draw.integers(0, 4, n)],
        },
    }


def _plant_monthly(world: World) -> Columns:
    own, days = world.book.own, world.book.days
    rows = pl.DataFrame({"day": days, "income": own["annual_income"], "job": own["occupation"]})
    rows = rows.with_columns(y=pl.Series(world.book.labels).fill_nan(None))
    rates = [
        rows.filter(pl.col("day") <= months_before(day, LABEL_MOB))
        .group_by("job")
        .agg(rate=pl.col("y").mean())
        .with_columns(day=pl.lit(day))
        for day in days.unique().sort()
    ]
    income = pl.col("income")
    past = rows.join(pl.concat(rates), on=["day", "job"], how="left", maintain_order="left")
    return {
        "statistics of the month or the past": {
            "income against the month": rows.select(((income - income.mean()) / income.std()).over("day")),
            "rank in the month": rows.select((income.rank() / pl.len()).over("day")),
            "past default rate of the job": past["rate"],
        },
    }
