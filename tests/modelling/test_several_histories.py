"""A lender whose behaviour data come as three histories, and the same lender with them in one file."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tasks.config import Settings, checked_settings
from tasks.features.tasks import build_feature_store
from tasks.ingestion.tasks import ingest
from tasks.labels.tasks import build_labels
from tasks.lender.reading import REFERENCE
from tasks.modelling.fallbacks import (
    FallbackEnsemble,
    find_paths,
    fit_ensemble,
    paths_taken,
    predict_ensemble,
    sources_left,
    take_away,
)
from tasks.modelling.families import default_spec
from tasks.modelling.loading import load_training_data
from tasks.modelling.stacking import fit_model, history_credibility, predict_pd
from tasks.modelling.training_set import TrainingSet, TrainingSnapshot, label_array, read_training_set
from tasks.monitoring.stability import add_month_values, count_known
from tasks.schemas.feature_store import SUMMARY_OF
from tasks.scoring.compiled_model import compile_model, score_rows
from tasks.statistics.performance import measure_auc
from tests.book import FILES, MEASURES, Book, build_book
from tests.builders import month, months

N_MONTHS = 12
PARTS: Mapping[str, tuple[str, ...]] = {
    "visits": MEASURES[:7],
    "calls": MEASURES[7:12],
    "cards": MEASURES[12:],
}
KEYS = ("Customer_ID", "snapshot_date")


def declare(parts: Mapping[str, tuple[str, ...]]) -> str:
    """The reference lender's declaration with these histories in the place of its one."""
    head, _, rest = REFERENCE.read_text(encoding="utf-8").partition("[[source]]")
    blocks = [
        "\n".join(
            [
                f'[[source]]\nname = "{name}"\nrole = "history"\nowner = "Channels"\nfiles = "{name}.csv"',
                'may_be_missing = true\nreason = "ONLINE"\n\n[source.columns]',
                'Customer_ID = { type = "id" }\nsnapshot_date = { type = "date" }',
                *(f'{measure} = {{ type = "whole number" }}' for measure in measures),
            ]
        )
        for name, measures in parts.items()
    ]
    return "\n\n".join([head, *blocks, "[[source]]" + rest.partition("[[source]]")[2]])


def settle(book: Book, home: Path, parts: Mapping[str, tuple[str, ...]]) -> TrainingSnapshot:
    """What a training of the last month rests on, for the lender that is served from then on."""
    data = book.write(home / "data")
    clicks = book.frames["clickstream"]
    (data / FILES["clickstream"]).unlink()
    for name, measures in parts.items():
        clicks.select(*KEYS, *measures).write_csv(data / f"{name}.csv")
    (data / "lender.toml").write_text(declare(parts), encoding="utf-8")
    settings: Settings = checked_settings({"data": data, "datamart": home / "datamart"})
    for step in (ingest, build_labels, build_feature_store):
        step(months(N_MONTHS), settings)
    return load_training_data(month(N_MONTHS - 1), settings, sources={})


def auc_of_histories(snapshot: TrainingSnapshot, names: tuple[str, ...]) -> float:
    """AUC of the two youngest ripe cohorts, by the histories alone of those before."""
    learned, held = snapshot.of(months(4)), snapshot.of(months(6)[4:])
    taught = read_training_set(snapshot, learned, day=month(10), view="as of training")
    model = fit_model(default_spec("stack"), taught, seed=0, sources=names)
    return measure_auc(label_array(held), predict_pd(model, held)).value


@pytest.fixture(scope="module")
def whole_auc(tmp_path_factory: pytest.TempPathFactory) -> float:
    """What the lender's behaviour is worth as one history."""
    home = tmp_path_factory.mktemp("whole")
    one = {"clicks": MEASURES}
    return auc_of_histories(settle(build_book(months=N_MONTHS), home, one), ("clicks",))


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory, whole_auc: float) -> TrainingSnapshot:
    """The training data of the lender with three histories, served from here on."""
    assert whole_auc
    return settle(build_book(months=N_MONTHS), tmp_path_factory.mktemp("split"), PARTS)


@pytest.fixture(scope="module")
def ensemble(snapshot: TrainingSnapshot) -> FallbackEnsemble:
    """A model of all that is ripe."""
    return fit_ensemble(default_spec("stack"), learned(snapshot), seed=0)


def learned(snapshot: TrainingSnapshot) -> TrainingSet:
    """All that is ripe, as known in the last month."""
    return read_training_set(snapshot, snapshot.ripe, day=month(11), view="as of training")


def test_three_histories_are_worth_what_they_are_in_one_file(
    snapshot: TrainingSnapshot, whole_auc: float
) -> None:
    assert auc_of_histories(snapshot, tuple(PARTS)) == pytest.approx(whole_auc, abs=0.01)
    assert whole_auc > 0.7


def test_each_history_has_its_months_and_the_longest_counts(snapshot: TrainingSnapshot) -> None:
    assert {name: len(names) for name, names in SUMMARY_OF.items()} == {
        "visits": 15,
        "calls": 11,
        "cards": 17,
    }
    gone = take_away(snapshot.ripe, ["calls", "cards"])
    assert np.array_equal(history_credibility(gone), history_credibility(snapshot.ripe))
    assert not history_credibility(take_away(gone, ["visits"])).any()


def test_a_history_that_stops_is_missed_alone(snapshot: TrainingSnapshot) -> None:
    last = snapshot.ripe.filter(pl.col("snapshot_date") == month(5))
    past = snapshot.past.filter(pl.col("snapshot_date") == month(5)).collect()
    silent = past.with_columns(pl.lit(None, pl.Int32).alias(name) for name in PARTS["calls"])
    known = count_known(add_month_values(last, silent))
    assert (known["visits"], known["calls"], known["cards"]) == (last.height, 0, last.height)


def test_a_customer_without_some_histories_is_scored_by_the_path_without_them(
    snapshot: TrainingSnapshot, ensemble: FallbackEnsemble
) -> None:
    lacking = take_away(snapshot.ripe, ["visits", "cards"])
    assert set(find_paths(lacking, ensemble.reference.columns)) == {"visits+cards"}
    assert "visits+cards" not in sources_left(snapshot.ripe)
    assert "visits+cards" in sources_left(pl.concat([snapshot.ripe, lacking.head(1)]))
    met = fit_ensemble(default_spec("stack"), learned(snapshot), seed=0, paths=["none", "visits+cards"])
    assert measure_auc(label_array(lacking), predict_ensemble(met, lacking)).value > 0.8
    never_met = paths_taken(ensemble, lacking).unique().to_list()
    assert len(never_met) == 1
    assert set(never_met[0].split("+")) >= {"visits", "calls", "cards"}


def test_the_compiled_model_scores_several_histories_alike(
    snapshot: TrainingSnapshot, ensemble: FallbackEnsemble
) -> None:
    some = snapshot.ripe.head(5)
    rows = pl.concat([some, take_away(some, ["calls"]), take_away(some, ["calls", "cards"])])
    quick = [one.pd for one in score_rows(compile_model(ensemble), rows.to_dicts())]
    assert quick == pytest.approx(predict_ensemble(ensemble, rows))
