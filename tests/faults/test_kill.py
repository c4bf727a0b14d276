"""Fault 68: what is killed at random moments and run again ends up as if nothing had happened."""

import os
import random
import shutil
import signal
import subprocess
import time
from itertools import count
from pathlib import Path

import pytest

from tasks.registry.history import load_registry
from tests.book import Book, month
from tests.faults.shop import Shop
from tests.faults.test_system import START, start

KILLS = {"features": 20, "training": 12, "inference": 12, "monitoring": 12}
LAST = 8
BACKFILL = ("backfill", "--start", str(month(LAST - 1)), "--end", str(month(LAST)))
# The clock starts once the imports are over, so that the kill falls into the work.
READY = """
import flows.engine, flows.FLOW
print("ready", flush=True)
"""

TOLD = """
import signal
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # whatever these tests were started by, as by nohup
from flows.cli.main import command, notes, end_on_signal
end_on_signal(notes.show_cursor)
import flows.backfill
print("ready", flush=True)
command()
"""


def without(shop: Shop, flow: str, root: Path) -> Shop:
    """The shop as it was before `flow` ran on the last day."""
    shutil.copytree(shop.root / "data", root / "data")
    before = Shop(root)
    numbers = range(LAST + 1) if flow != "features" else range(LAST)
    for number in numbers:
        assert before.run("features", number).code == 0
    flows = ("training", "inference", "monitoring")
    for earlier in flows[: flows.index(flow)] if flow in flows else ():
        assert before.run(earlier, LAST).code == 0
    return before


def kill_after(shop: Shop, flow: str, seconds: float, number: int = signal.SIGKILL) -> tuple[int, float]:
    """Start the flow, end it after so many seconds of work; its exit code and how long it worked."""
    process = start(shop, "run", flow, "--date", str(month(LAST)), code=READY.replace("FLOW", flow) + START)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    code, duration, _, _ = signalled(process, seconds, number)
    return code, duration


def signalled(process: "subprocess.Popen[str]", seconds: float, number: int) -> tuple[int, float, float, str]:
    """Signal the process's group after so many seconds.

    Its exit code, how long it worked, how long it lived on after the signal, and what it said.
    """
    began = time.monotonic()
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, number)
    told = time.monotonic()
    said = process.communicate()[0]
    now = time.monotonic()
    return process.returncode, now - began, now - told, said


def backfill(shop: Shop) -> "subprocess.Popen[str]":
    return start(shop, *BACKFILL)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=["SIGTERM", "SIGHUP"])
def test_a_backfill_told_to_end_does_so_at_once_and_says_so(
    book: Book, tmp_path: Path, number: signal.Signals
) -> None:
    process = start(Shop(tmp_path).receive(book), *BACKFILL, code=TOLD)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    code, _, lived_on, said = signalled(process, 0, number)
    assert code == 128 + number
    assert lived_on < 5
    assert f"ended by {number.name}" in said
    assert "Traceback" not in said


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_fault_68_a_killed_backfill_is_run_again_as_if_nothing_had_happened(
    served: Shop, tmp_path: Path, number: int
) -> None:
    before = without(served, "features", tmp_path / "before")
    calm = Shop(shutil.copytree(before.root, tmp_path / "calm"))
    code, duration, _, _ = signalled(backfill(calm), 600, number)
    assert code == 0
    draw = random.Random(f"kill backfill {number}")  # noqa: S311 - moments, not secrets
    for attempt in range(6):
        shop = Shop(shutil.copytree(before.root, tmp_path / f"killed{attempt}"))
        killed, _, lived_on, said = signalled(backfill(shop), draw.uniform(0, duration), number)
        assert killed in (0, -number, 128 + number)
        assert lived_on < 5
        assert "Traceback" not in said
        outcome = shop.command(*BACKFILL)
        assert outcome.code == 0, outcome.said
        assert_same(shop, calm)


def assert_same(shop: Shop, calm: Shop) -> None:
    expected = calm.contents()
    for name, rows in shop.contents().items():
        assert rows.equals(expected[name]), name
    assert load_registry(shop.settings).entries == load_registry(calm.settings).entries
    shop.assert_reconciled()


@pytest.mark.slow
@pytest.mark.parametrize("flow", sorted(KILLS))
def test_fault_68_a_killed_flow_is_run_again_as_if_nothing_had_happened(
    served: Shop, tmp_path: Path, flow: str
) -> None:
    before = without(served, flow, tmp_path / "before")
    calm = Shop(shutil.copytree(before.root, tmp_path / "calm"))
    code, duration = kill_after(calm, flow, 600)
    assert code == 0
    draw, n_killed = random.Random(f"kill {flow}"), 0  # noqa: S311 - moments, not secrets
    for attempt in count():
        if n_killed == KILLS[flow]:
            break
        shop = Shop(shutil.copytree(before.root, tmp_path / f"killed{attempt}"))
        n_killed += kill_after(shop, flow, draw.uniform(0, duration))[0] == -signal.SIGKILL
        outcome = shop.run(flow, LAST)
        assert outcome.code == 0, outcome.said
        assert_same(shop, calm)
        shutil.rmtree(shop.root)


@pytest.mark.slow
@pytest.mark.parametrize("flow", sorted(KILLS))
def test_a_flow_that_sigterm_ends_is_run_again_as_if_nothing_had_happened(
    served: Shop, tmp_path: Path, flow: str
) -> None:
    shop = without(served, flow, tmp_path / "before")
    code, _ = kill_after(shop, flow, 0.05, signal.SIGTERM)
    assert code in (0, -signal.SIGTERM, 128 + signal.SIGTERM)
    assert shop.run(flow, LAST).code == 0
    shop.assert_reconciled()
