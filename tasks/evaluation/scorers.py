"""Scores of past months by what was known on each day, measured on the labels that came later."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import polars as pl

from tasks.lender.current import lender
from tasks.modelling.ablation import ABLATIONS, blank
from tasks.modelling.base_models import Sources
from tasks.modelling.fallbacks import fit_ensemble, predict_ensemble
from tasks.modelling.families import ModelSpec
from tasks.modelling.stacking import fit_model, predict_pd
from tasks.modelling.training_set import (
    HistoryView,
    TrainingSet,
    TrainingSnapshot,
    read_training_set,
    to_training_set,
)
from tasks.schemas.feature_store import (
    MEASURES,
    MEASURES_OF,
    SUMMARY,
    has_values,
    history_months,
    name_histories,
)
from tasks.schemas.source_features import source_of
from tasks.statistics import performance
from tasks.statistics.performance import Floats

Predict = Callable[[pl.DataFrame], Floats]
POOLED = "pooled"
NAMES = ("gini", "ks", "brier", "log_loss", "calibration_slope", "observed_to_expected")
FIGURES = ("n", "bad_rate", "auc", "auc_low", "auc_high", *NAMES)


@dataclass(frozen=True)
class Scorer:
    """One way to learn and to score: a spec, how it reads the past, and what it may see."""

    spec: ModelSpec
    view: HistoryView
    sources: Sources | None = None  # all
    blank: tuple[str, ...] = ()
    last_month_only: bool = False


def scorers_of(card: Mapping[str, Any], *, ablations: bool) -> dict[str, Scorer]:
    """Each candidate family of a model's card, the baselines, and on demand the ablations of its winner."""
    view: HistoryView = card["reading"]
    specs = {c["family"]: ModelSpec(c["family"], c["params"]) for c in card["candidates"]}
    stack = specs["stack"]
    named = {family: Scorer(spec, view) for family, spec in sorted(specs.items())}
    alone = {
        f"{source.name} only": Scorer(stack, view, (source.name,))
        for source in lender().applications
        if source.may_be_missing
    }
    for history in MEASURES_OF:
        alone[f"month's {history} only"] = Scorer(
            stack, "as of application", (history,), last_month_only=True
        )
    learned = {source_of(name) for name in card["data"]["features"]}
    named |= {name: scorer for name, scorer in alone.items() if learned.issuperset(scorer.sources or ())}
    if ablations:
        won = specs[card["family"]]
        named |= {f"without {name}": Scorer(won, view, blank=gone) for name, gone in ABLATIONS.items()}
        named |= {
            "without younger loans": Scorer(won, "as of training"),
        }
        if MEASURES_OF:
            named[f"without later {name_histories()}"] = Scorer(won, "as of application")
    return named


def fit_scorer(scorer: Scorer, snapshot: TrainingSnapshot, *, seed: int) -> Predict:
    """The scorer fitted to what is known on the day: what gives PDs (n,) of applications.

    One that sees all sources answers as it would serve, each application by its own score path.
    """
    training_set = read_training_set(snapshot, snapshot.ripe, day=snapshot.as_of, view=scorer.view)
    if scorer.last_month_only:
        training_set = to_training_set(snapshot.ripe)
    seen_by = partial(_seen_by, scorer, past=snapshot.past)
    seen = TrainingSet(
        seen_by(training_set.features),
        training_set.targets,
        training_set.ripe,
        None if training_set.shortened is None else seen_by(training_set.shortened),
    )
    if scorer.sources is None:
        return partial(predict_ensemble, fit_ensemble(scorer.spec, seen, seed=seed))
    return partial(predict_pd, fit_model(scorer.spec, seen, seed=seed, sources=scorer.sources))


def score_with(scorer: Scorer, predict: Predict, features: pl.DataFrame, past: pl.LazyFrame) -> Floats:
    """PDs (n,) of the applications, from what the scorer may see of them."""
    return predict(_seen_by(scorer, features, past))


def _seen_by(scorer: Scorer, features: pl.DataFrame, past: pl.LazyFrame) -> pl.DataFrame:
    if scorer.last_month_only:
        features = keep_last_month(features, past)
    return blank(features, scorer.blank)


def keep_last_month(features: pl.DataFrame, past: pl.LazyFrame) -> pl.DataFrame:
    """The same rows with summaries of the application's month alone: what one month would say.

    Needs:  customer_id and snapshot_date; the rows of all histories.
    Keys:   rows and their order are kept.
    """
    month = past.select(
        "customer_id",
        "snapshot_date",
        *(pl.when(has_values(name)).then(1.0).alias(history_months(name)) for name in MEASURES_OF),
        *(pl.col(measure).cast(pl.Float64).alias(f"{measure}_mean") for measure in MEASURES),
        *(pl.lit(None, dtype=pl.Float64).alias(f"{measure}_sd") for measure in MEASURES),
    )
    keys = ["customer_id", "snapshot_date"]
    left = features.lazy().drop(SUMMARY, strict=False)
    wide = left.join(month, on=keys, how="left", validate="m:1", maintain_order="left")
    return wide.select(features.columns).collect()


def measure_scores(labels: Floats, pds: Floats) -> dict[str, float | None]:
    """FIGURES of one score: AUC with its DeLong interval, calibration slope, and the rest."""
    found = performance.measure_performance(labels, pds, "auc", *NAMES)
    auc = found["auc"]
    sample = {"n": float(len(labels)), "bad_rate": float(labels.mean())}
    interval = {"auc": auc.value, "auc_low": auc.low, "auc_high": auc.high}
    return sample | interval | {name: found[name].value for name in NAMES}


def compare_scores(labels: Floats, pds: Mapping[str, Floats]) -> pl.DataFrame:
    """FIGURES of two scores of the same loans (n,), a row each, and what the second does better.

    Needs:  two names and their PDs; at least two loans of each class.
    Adds:   `figure`, a column per name, and `gain`, `gain_low`, `gain_high` of the AUC (paired 90% interval
            of DeLong 1988; null for other figures).
    """
    (first, a), (second, b) = pds.items()
    figures = {name: measure_scores(labels, values) for name, values in pds.items()}
    gain = performance.measure_auc_gain(
        performance.measure_auc(labels, b), performance.measure_auc(labels, a), level=0.90
    )
    z = {name: performance.measure_spiegelhalter_z(labels, values) for name, values in pds.items()}
    rows = [
        {"figure": name, first: figures[first][name], second: figures[second][name]}
        | (dict(zip(("gain", "gain_low", "gain_high"), gain, strict=True)) if name == "auc" else {})
        for name in FIGURES
    ]
    rows.append({"figure": "spiegelhalter_z", first: z[first], second: z[second]})
    columns = ("figure", first, second, "gain", "gain_low", "gain_high")
    return pl.DataFrame(
        rows, schema={name: pl.String if name == "figure" else pl.Float64 for name in columns}
    )


def summarise_scores(scored: pl.DataFrame) -> pl.DataFrame:
    """FIGURES per scorer and month, and pooled over the months.

    Needs:  scorer, month (Date), label (0 or 1) and pd of each scored loan that is ripe.
    Keys:   one row per (scorer, month) in the order met; `month` is a text, the last one POOLED. A month
            with fewer than two loans of either class is only pooled.
    """
    named = scored.with_columns(month=pl.col("month").cast(pl.String).str.slice(0, 7))
    both = pl.concat([named, named.with_columns(month=pl.lit(POOLED))])
    rows: list[dict[str, Any]] = []
    for (scorer, month), loans in both.group_by("scorer", "month", maintain_order=True):
        labels = loans["label"].cast(pl.Float64).to_numpy()
        if min(labels.sum(), len(labels) - labels.sum()) >= 2:
            rows.append({"scorer": scorer, "month": month, **measure_scores(labels, loans["pd"].to_numpy())})
    order = {"scorer": pl.String, "month": pl.String, **dict.fromkeys(FIGURES, pl.Float64)}
    return pl.DataFrame(rows, schema=order)
