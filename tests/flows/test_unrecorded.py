"""Fault 106: whatever becomes of the Prefect server, the work is done, once, and it is said in one line."""

import os
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread

import pytest

from tasks.config import Settings
from tasks.store import tables
from tests.builders import months, quick_settings, write_book

pytestmark = pytest.mark.integration

BACKFILL = ["backfill", "--start", "2023-01-01", "--end", "2023-02-01", "--flows", "features,inference"]
KILLED = """
import json, logging, os, signal, sys
from flows import server
from flows.backfill import run_backfill
from tasks.config import checked_settings
from tasks.prefect import all_sent
from tests.builders import months

logging.raiseExceptions = False
server.start()
pid = json.loads(server._note().read_text())["pid"]

def step(day, name):
    if day == months(2)[1]:
        os.kill(pid, signal.SIGKILL)
        print("killed before", name, flush=True)

run_backfill(months(2), ["features", "inference"], checked_settings({}), step=step)
all_sent(seconds=0)
os._exit(0)  # what could not be sent waits for nobody
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return quick_settings(write_book(tmp_path / "data", n_months=2, loans_per_month=30), tmp_path)


def run(
    settings: Settings, *words: str, api_url: str = "", patience: int = 1
) -> subprocess.CompletedProcess[str]:
    """A command in a process of its own, which asks its server once, and waits for that many seconds."""
    home = settings.datamart.parent
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")},
        "VINTAGE_DATA": str(settings.data),
        "VINTAGE_DATAMART": str(settings.datamart),
        "VINTAGE_MODEL_STORE": str(settings.model_store),
        "PREFECT_HOME": str(home / "prefect"),
        "PREFECT_API_REQUEST_TIMEOUT": str(patience),
        "PREFECT_CLIENT_MAX_RETRIES": "0",
        **({"PREFECT_API_URL": api_url} if api_url else {}),
    }
    return subprocess.run(
        [sys.executable, *words],
        env=environment,
        cwd=Path(__file__).parents[2],
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=300,
        check=False,
    )


@contextmanager
def answering(*, version: int | None, others: int | None) -> Generator[str]:
    """A server that answers questions for its version, and all others, with these codes; None: never."""
    end = Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            code = version if self.path.endswith("/version") else others
            if code is None:
                end.wait()
                return
            said = b'"3.8.8"' if code == 200 else b'{"exception_message": "database is locked"}'
            self.send_response(code)
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        do_POST = do_GET  # noqa: N815 - the name is http.server's

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is http.server's
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/api"
        end.set()
        server.shutdown()


def assert_done_and_said_once(done: "subprocess.CompletedProcess[str]", settings: Settings) -> None:
    assert done.returncode == 0, done.stdout
    assert tables.snapshot_dates("gold.feature_store", settings) == months(2)
    assert tables.version_of("gold.feature_store", settings) == 2  # each month was written once
    assert done.stdout.count("the work goes on, unrecorded.") == 1, done.stdout
    assert "Traceback" not in done.stdout


def test_a_server_that_is_gone(settings: Settings) -> None:
    done = run(settings, "-m", "flows", *BACKFILL, api_url="http://127.0.0.1:9/api")
    assert_done_and_said_once(done, settings)
    assert "The Prefect server at http://127.0.0.1:9/api does not answer" in done.stdout


@pytest.mark.parametrize(
    ("well", "others"),
    [
        (True, 503),
        (False, None),
        *(
            pytest.param(well, others, marks=pytest.mark.slow)
            for well, others in ((True, 404), (True, None), (False, 503), (False, 404))
        ),
    ],
)
def test_a_server_that_is_locked_broken_or_silent(settings: Settings, well: bool, others: int | None) -> None:
    with answering(version=200 if well else others, others=others) as api_url:
        done = run(settings, "-m", "flows", *BACKFILL, api_url=api_url)
    assert_done_and_said_once(done, settings)


def test_a_server_that_is_killed_on_the_way(settings: Settings) -> None:
    done = run(settings, "-c", KILLED, patience=60)
    assert_done_and_said_once(done, settings)
    assert "killed before features" in done.stdout


def test_an_error_of_the_work_is_told_as_it_is(settings: Settings) -> None:
    (settings.data / "lms_loan_daily.csv").unlink()
    with answering(version=200, others=503) as api_url:
        done = run(settings, "-m", "flows", "run", "features", "--date", "2023-01-01", api_url=api_url)
    assert done.returncode == 1
    assert "The file of loans is missing" in done.stdout
