"""What each group of features is worth: the model once more without it."""

from functools import partial
from typing import Any

import polars as pl
from scipy.special import expit

from tasks.lender.current import OfTheLender
from tasks.lender.declaration import Lender
from tasks.modelling.base_models import columns_of
from tasks.modelling.candidates import Candidate
from tasks.modelling.fallbacks import find_missing, sources_of_path
from tasks.modelling.splits import Split
from tasks.modelling.stacking import (
    base_log_odds,
    base_models_of,
    call_side_by_side,
    fit_base_model,
    predict_pd,
    stack_log_odds,
)
from tasks.modelling.training_set import (
    TrainingSet,
    TrainingSnapshot,
    label_array,
    see_history,
    to_training_set,
)
from tasks.schemas.feature_store import CATEGORIES, SUMMARY_OF, numbers_of, word_counts, words_of
from tasks.statistics.performance import MIN_OF_CLASS, measure_auc, measure_auc_gain


def _ablations_of(declared: Lender) -> dict[str, tuple[str, ...]]:
    """Groups of features that are taken away, one at a time, by what they are."""
    groups: dict[str, tuple[str, ...]] = {}
    for history, summary in SUMMARY_OF.items():
        spreads = tuple(name for name in summary if name.endswith("_sd"))
        groups |= {history: summary, f"{history} spreads": spreads}
    for source in declared.applications:
        groups[source.name] = (*numbers_of(source), *words_of(source))
    ratios = [n for one in declared.applications for n, made in one.features.items() if "/" in made.sql]
    counts = [name for one in declared.applications for name in word_counts(one)]
    groups |= {"ratios": tuple(ratios), "loan types": tuple(counts), "words": tuple(CATEGORIES)}
    return {name: features for name, features in groups.items() if features}


ABLATIONS = OfTheLender(_ablations_of)


def blank(features: pl.DataFrame, names: tuple[str, ...]) -> pl.DataFrame:
    """The same rows with nothing to learn in those of the columns `names` that there are.

    Numbers are 0, words "unknown".
    """
    there = [name for name in names if name in features.columns]
    words = {name: pl.lit("unknown") for name in there if name in CATEGORIES}
    return features.with_columns(
        *(pl.lit(0.0).alias(name) for name in there if name not in CATEGORIES), **words
    )


def keep_main_path(loans: pl.DataFrame) -> tuple[str, pl.DataFrame]:
    """The score path that most of the loans take, and those loans."""
    paths = find_missing(loans)
    main = str(paths.mode().sort()[0])
    return main, loans.filter(paths == main)


def measure_ablations(
    candidate: Candidate, snapshot: TrainingSnapshot, split: Split, *, seed: int
) -> list[dict[str, Any]]:
    """Out-of-time AUC of the candidate without each group of ABLATIONS, one record each, for the card.

    `change` is that AUC less the candidate's own, with its paired 90 % interval (DeLong 1988): below 0, the
    group improves it. The base models that read the group are fitted again to the development loans; all are
    weighed as in the candidate. Of several score paths the one that most loans take is measured, on these.
    """
    path, oot = keep_main_path(snapshot.of(split.oot))
    n_bad = int(oot["label"].sum())
    if min(n_bad, oot.height - n_bad) < MIN_OF_CLASS:
        return []
    learned = see_history(snapshot.of(split.development), snapshot.past, day=min(split.oot))
    training_set = to_training_set(learned)
    model = candidate.ensemble.models[path]
    own = measure_auc(label_array(oot), predict_pd(model, oot))
    base_model_specs = base_models_of(candidate.spec, oot, sources_of_path(path, oot))

    def measure(group: str) -> dict[str, Any]:
        names = ABLATIONS[group]
        left = TrainingSet(blank(training_set.features, names), training_set.targets, training_set.ripe)
        base_models = [
            fit_base_model(candidate.spec, base_model, left, seed=seed)
            if columns_of(fitted) & set(names)
            else fitted
            for base_model, fitted in zip(base_model_specs, model.base_models, strict=True)
        ]
        blanked = blank(oot, names)
        log_odds = stack_log_odds(model, base_log_odds(base_models, blanked), blanked)
        auc = measure_auc(label_array(oot), expit(log_odds))
        change, low, high = measure_auc_gain(auc, own, level=0.90)
        return {"family": group, "auc": auc.value, "change": change, "change_ci_90": [low, high]}

    there = [group for group, names in ABLATIONS.items() if set(names) & set(oot.columns)]
    return call_side_by_side(partial(measure, group) for group in there)
