"""Fault 68: each flow is killed at random moments and run again; the store ends up as if nothing happened."""

import random
import shutil
import signal
import subprocess
import time
from itertools import count
from pathlib import Path

import pytest

from tasks.storage import models
from tests.faults.book import month
from tests.faults.shop import Shop
from tests.faults.test_system import START, start

KILLS = {"features": 20, "training": 12, "inference": 12, "monitoring": 12}
LAST = 8
# The clock starts once the imports are over, so that the kill falls into the work.
READY = """
import flows.engine, flows.FLOW
print("ready", flush=True)
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
    began = time.monotonic()
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(number)
    process.communicate()
    return process.returncode, time.monotonic() - began


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
        expected = calm.contents()
        for name, rows in shop.contents().items():
            assert rows.equals(expected[name]), name
        assert models.history(shop.settings) == models.history(calm.settings)
        shop.assert_reconciled()
        shutil.rmtree(shop.root)


@pytest.mark.slow
@pytest.mark.parametrize("flow", sorted(KILLS))
def test_sigterm_ends_a_flow_within_five_seconds(served: Shop, tmp_path: Path, flow: str) -> None:
    shop = without(served, flow, tmp_path / "before")
    code, seconds = kill_after(shop, flow, 0.05, signal.SIGTERM)
    assert code in (0, -signal.SIGTERM, 128 + signal.SIGTERM)
    assert seconds < 5
    assert shop.run(flow, LAST).code == 0
    shop.assert_reconciled()
