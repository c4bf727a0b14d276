"""A process of its own gives back what it found, and ends with who called it."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from serving.apart import call_apart
from tasks.errors import PassingError
from tests.e2e.waiting import wait_until

CALLER = """
import asyncio, os, signal, time
from multiprocessing import active_children
from serving.apart import call_apart
from tasks.config import checked_settings

async def call():
    waiting = asyncio.create_task(call_apart(time.sleep, 600))
    while not active_children() or active_children()[0].pid is None:
        await asyncio.sleep(0)
    print(active_children()[0].pid, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)

checked_settings({})
asyncio.run(call())
"""


def test_what_it_gives_and_what_goes_wrong_come_back() -> None:
    assert asyncio.run(call_apart(os.getpid)) != os.getpid()
    with pytest.raises(FileNotFoundError):
        asyncio.run(call_apart(os.stat, "/there/is/no/such/file"))
    with pytest.raises(PassingError, match="_exit ended without a word"):
        asyncio.run(call_apart(os._exit, 3))


def test_it_ends_when_its_caller_is_killed() -> None:
    caller = subprocess.run(
        [sys.executable, "-c", CALLER],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
        timeout=60,
        check=False,
    )
    assert caller.stdout.strip().isdigit(), caller.stderr
    pid = int(caller.stdout)
    wait_until(lambda: not runs(pid), lambda: f"process {pid} is left", seconds=300)


def runs(pid: int) -> bool:
    """Whether the process is there, and no more than a name that nobody asked for."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
