"""An object store that fails: nothing is half written, one sentence says what to do, and a retry mends it."""

import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from polars.testing import assert_frame_equal

from tasks.config import Settings
from tasks.errors import PassingError, StorageError
from tasks.ingestion.raw_folder import local_data
from tasks.place import ObjectPlace
from tasks.registry import models
from tasks.registry.history import load_registry, record
from tasks.registry.listing import verify
from tasks.registry.records import Change
from tests.builders import (
    all_tables,
    exit_code,
    month,
    months,
    quick_settings,
    take_in,
    usable_card,
    write_book,
)

ROOT = Path(__file__).parents[2]
N_MONTHS = 1


@contextmanager
def proxy(port: int, *words: str) -> Generator[int]:
    """Port of a proxy before the server."""
    command = [sys.executable, "-m", "tests.store.faulty_store", str(port), *words]
    pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, cwd=ROOT, text=True, **pipes) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield int(process.stdout.readline())
        process.stdin.close()


@pytest.fixture
def behind(
    s3_server: int, bucket: ObjectPlace, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Generator[ObjectPlace]:
    """An empty bucket of its own, behind a proxy with the fault that the test names."""
    words: tuple[str, ...] = request.param
    name = f"lake-{'-'.join(words)}-{abs(hash(request.node.name))}"
    made = HTTPConnection("127.0.0.1", s3_server)
    made.request("PUT", f"/{name}")
    made.getresponse().read()
    made.close()
    with proxy(s3_server, *words) as port:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
        yield ObjectPlace(f"s3://{name}")


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A month, taken in into a folder."""
    home = tmp_path_factory.mktemp("book")
    settings = quick_settings(write_book(home / "data", n_months=N_MONTHS), home)
    take_in(settings, months(N_MONTHS))
    return settings


def in_store(book: Settings, home: ObjectPlace) -> Settings:
    return book.model_copy(update={"datamart": home / "datamart", "model_store": home / "models"})


def assert_same_tables(book: Settings, other: Settings) -> None:
    theirs = all_tables(other, until=month(N_MONTHS))
    for name, table in all_tables(book, until=month(N_MONTHS)).items():
        assert_frame_equal(table, theirs[name])


@pytest.mark.integration
@pytest.mark.parametrize(
    "behind",
    [
        ("lost", "3", "11"),
        *(pytest.param((fault, "3", "11"), marks=pytest.mark.slow) for fault in ("busy", "dropped")),
    ],
    indirect=True,
)
def test_faults_that_pass_change_no_table_and_no_history(book: Settings, behind: ObjectPlace) -> None:
    settings = in_store(book, behind)
    take_in(settings, months(N_MONTHS))
    assert_same_tables(book, settings)
    for n in range(3):
        model_id = f"model-{n}"
        models.save(
            model_id, settings, model=n, card=usable_card(model_id, month(n)), reference={}, to_text=str
        )
        trained = [Change(model_id, "challenger", "pipeline", "trained")]
        record(load_registry(settings), settings, effective_from=month(n), changes=trained)
    assert verify(settings) == len(load_registry(settings).entries) == 3


@pytest.mark.integration
@pytest.mark.parametrize("behind", [("busy", "200", "1")], indirect=True)
def test_a_store_that_fails_for_good_in_mid_run_leaves_nothing_that_a_run_again_does_not_mend(
    book: Settings, behind: ObjectPlace, s3_server: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = in_store(book, behind)
    with pytest.raises(PassingError, match=r"does not answer as it should.*Nothing is half written"):
        take_in(settings, months(N_MONTHS))
    with proxy(s3_server, "busy", "1000000", "1") as port:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
        forget_stores()
        take_in(settings, months(N_MONTHS))
        assert_same_tables(book, settings)


def forget_stores() -> None:
    """As a process that begins: no bucket and no table is open."""
    from tasks import place
    from tasks.store import handles

    for opened in (place._open_store, handles._opened, handles._newest_note):
        opened.cache_clear()


@pytest.mark.parametrize(
    ("behind", "code", "words"),
    [
        (("busy", "1", "1"), 75, "does not answer as it should"),
        (("dropped", "1", "1"), 75, "does not answer as it should"),
        (("throttled", "1", "1"), 75, "does not answer as it should"),
        (("refused", "1", "1"), 1, "refuses the credentials (403)"),
    ],
    indirect=["behind"],
)
def test_a_command_says_in_one_sentence_what_the_store_does(
    behind: ObjectPlace,
    code: int,
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("tasks.place.RETRIES", 1)
    settings = Settings.model_validate({"datamart": str(behind / "d"), "model_store": str(behind / "m")})
    assert exit_code(settings, "models", "list") == code
    told = capsys.readouterr().err
    assert told.startswith(f"vintage: {behind}/")
    assert words in told
    assert "an-id" not in told
    assert "Traceback" not in told


@pytest.mark.parametrize("behind", [("refused", "1", "1")], indirect=True)
def test_raw_files_that_may_not_be_read_are_one_sentence(behind: ObjectPlace) -> None:
    with pytest.raises(StorageError, match=r"/data refuses the credentials \(403\)") as raised:
        local_data(behind / "data")
    assert "an-id" not in str(raised.value)
