"""A credit bureau: another team's source, with what it sends and how it is taken in."""

import shutil
from pathlib import Path

import numpy as np
import polars as pl

from simulator.layout import LOANS_FILE, TRUTH_FILE
from tasks.config import Settings
from tasks.leakage_audit.audit_source import audit_source
from tasks.sources.decisions import use
from tasks.sources.declare import add_source
from tests.builders import month, months, quick_settings, run_months

SAID = {"by": "Ann Lee", "reason": "measured"}


# Models are trained in months 8 and 12; the second uses the bureau, which sends nothing from month 14 on.
FIRST, USED, STOPS, N_MONTHS = 8, 12, 14, 15


NOISE = 0.8  # of the bureau's score, in log-odds: worth a new champion, and no wonder


def write_bureau(book: Path, folder: Path, *, until: int = STOPS) -> Path:
    """What a bureau knows of the customers on the day they apply, a file a month; and two leaks."""
    loans = pl.read_csv(book / LOANS_FILE).filter(pl.col("installment_num") == 0)
    later = pl.read_csv(book / LOANS_FILE).group_by("loan_id").agg(late=pl.col("overdue_amt").max())
    rows = loans.join(pl.read_csv(book / TRUTH_FILE), on="loan_id").join(later, on="loan_id").sort("loan_id")
    rng = np.random.default_rng(1)
    risk = np.log(rows["true_pd"] / (1 - rows["true_pd"])).to_numpy()
    sent = rows.select(
        client=pl.col("Customer_ID"),
        snapshot=pl.col("snapshot_date").str.to_date(),
        score=pl.Series(risk + rng.normal(0, NOISE, len(risk))),
        Segment=pl.Series(rng.choice(["a", "b"], len(risk))),
        worst_arrears=pl.col("late"),
        was_late=(pl.col("late") > 0).cast(pl.Int8),
    )
    folder.mkdir(parents=True, exist_ok=True)
    for day, some in sent.filter(pl.col("snapshot") < month(until)).group_by("snapshot"):
        some.write_parquet(folder / f"{day[0]}.parquet")
    return folder


def settings_in(home: Path, book: Path) -> Settings:
    """Quick settings with declarations of their own, and a policy by which the calendar alone trains."""
    declared, policy = home / "sources.toml", home / "policy.toml"
    declared.write_text(Settings().sources.read_text(encoding="utf-8"), encoding="utf-8")
    adopted = Settings().policy.read_text(encoding="utf-8")
    policy.write_text(adopted.replace("\ntrains = true", ""), encoding="utf-8")
    return quick_settings(book, home).model_copy(
        update={"sources": declared, "policy": policy, "trials": 1, "retrain_every_cohorts": 4}
    )


def take_bureau(settings: Settings, bureau: Path, *, name: str = "bureau") -> None:
    add_source(name, [str(bureau)], settings, owner="Bureau")
    audit_source(name, month(USED - 1), settings)
    use(name, month(USED), settings, **SAID)


def live_with(bureau: Path, settings: Settings, *, until: int = N_MONTHS) -> None:
    """Take in the bureau, with its past months, and go on with it."""
    take_bureau(settings, bureau)
    run_months(settings, months(until)[USED:])


def copied(settings: Settings, home: Path) -> Settings:
    """The same tables, models and declarations elsewhere."""
    for folder in (settings.datamart, settings.model_store):
        if folder.exists():
            shutil.copytree(folder, home / folder.name)
    return settings_in(home, settings.data)
