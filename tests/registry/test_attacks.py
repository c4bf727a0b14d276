"""What somebody may do to a model store while it is read, or two people at once."""

import os
import pickle
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event, Thread

import joblib
import pytest

from tasks.config import Settings
from tasks.errors import ModelStoreError
from tasks.registry import models
from tasks.registry.approvals import approve, reject
from tasks.registry.history import load_registry, record
from tasks.registry.listing import verify
from tasks.registry.records import Change, State
from tasks.registry.registered_files import load_model
from tests.builders import month, usable_card

LOADS, PAIRS = 1_000, 200


class Payload:
    """Leaves a file when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.mark),)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(datamart=tmp_path / "datamart", model_store=tmp_path / "model_store")


def register(settings: Settings, model_id: str) -> None:
    decided = {"trained_by": "pipeline", "gate": {"champion": None, "figures": {}}}
    card = {**usable_card(model_id, month(1)), **decided}
    models.save(model_id, settings, model="a model", card=card, reference={}, to_text=str)
    waits = [Change(model_id, "challenger", "pipeline", "waits")]
    record(load_registry(settings), settings, effective_from=month(1), changes=waits)


def test_no_payload_runs_while_files_are_swapped_under_the_loader(settings: Settings, tmp_path: Path) -> None:
    register(settings, "a")
    registry = load_registry(settings)
    path, mark = settings.model_store / "a" / models.ARTEFACT, tmp_path / "payload ran"
    genuine = path.read_bytes()
    joblib.dump(Payload(mark), tmp_path / "payload")
    harmful = (tmp_path / "payload").read_bytes()
    ended = Event()

    def swap() -> None:
        while not ended.is_set():
            for content in (harmful, genuine):
                (tmp_path / "next").write_bytes(content)
                (tmp_path / "next").replace(path)

    swapping = Thread(target=swap)
    swapping.start()
    n_loaded = 0
    try:
        for _ in range(LOADS):
            try:
                n_loaded += load_model(registry, "a") == "a model"
            except ModelStoreError as error:
                assert "its digest differs" in str(error)  # noqa: PT017 - either outcome is right
    finally:
        ended.set()
        swapping.join()
    assert not mark.exists()
    assert 0 < n_loaded < LOADS


def test_the_payload_of_this_test_would_run(tmp_path: Path) -> None:
    pickle.loads(pickle.dumps(Payload(tmp_path / "mark")))  # noqa: S301 - our own payload
    assert (tmp_path / "mark").exists()


def attempt(decide: Callable[..., None], settings: Settings) -> bool:
    try:
        decide("a", month(2), by="Model risk", reason="committee", settings=settings)
    except ModelStoreError:
        return False
    return True


def test_of_two_opposite_decisions_at_once_one_holds(tmp_path: Path) -> None:
    held: Counter[str] = Counter()
    with ThreadPoolExecutor(2) as pool:
        for number in range(PAIRS):
            settings = Settings(datamart=tmp_path / "datamart", model_store=tmp_path / str(number))
            register(settings, "a")
            both = [pool.submit(attempt, decide, settings) for decide in (reject, approve)]
            assert sum(done.result() for done in both) == 1
            held[" ".join(entry.state for entry in load_registry(settings).entries)] += 1
    assert set(held) <= {"challenger rejected", "challenger approved champion"}


def test_a_decision_that_rests_on_an_older_history_is_not_recorded(settings: Settings) -> None:
    register(settings, "a")
    before = load_registry(settings)
    register(settings, "b")
    with pytest.raises(ModelStoreError, match="was changed while this was decided"):
        record(before, settings, effective_from=month(2), changes=[Change("a", "champion", "x", "y")])
    assert [entry.model_id for entry in load_registry(settings).entries] == ["a", "b"]


@pytest.mark.parametrize(
    ("states", "said"),
    [
        ([("a", "rejected"), ("a", "approved")], "line 3: a is approved after a rejection, by no override"),
        (
            [("a", "approved"), ("a", "champion"), ("a", "approved")],
            "line 4: a cannot be approved after champion",
        ),
        (
            [
                ("a", "approved"),
                ("a", "champion"),
                ("b", "challenger"),
                ("b", "approved"),
                ("b", "champion"),
            ],
            "champions at once",
        ),
        ([("a", "retired")], "line 2: a cannot be retired after challenger"),
    ],
)
def test_verify_names_lines_that_no_decision_leads_to(
    settings: Settings, states: list[tuple[str, State]], said: str
) -> None:
    register(settings, "a")
    assert verify(settings) == 1
    models.save("b", settings, model="b", card={}, reference={}, to_text=str)
    for model_id, state in states:
        line = Change(model_id, state, "x", "y")
        record(load_registry(settings), settings, effective_from=month(1), changes=[line])
    with pytest.raises(ModelStoreError, match=said):
        verify(settings)


def test_verify_names_links_and_unknown_files_of_a_model(settings: Settings, tmp_path: Path) -> None:
    register(settings, "a")
    folder = settings.model_store / "a"
    (folder / "notes.txt").write_text("mine")
    (folder / "model.joblib").rename(tmp_path / "elsewhere")
    (folder / "model.joblib").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ModelStoreError, match=r"a/model.joblib is a link; a/notes.txt is not a file of the"):
        verify(settings)
