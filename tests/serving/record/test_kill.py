"""A service that is killed has every answer that it gave in its log, once, in a whole chain."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from itertools import cycle
from pathlib import Path

import httpx
import pytest

from tasks.config import Settings
from tasks.decisions.log import read_log
from tasks.store import tables
from tests.serving.process import Process, served

# One process imports once and forks for each kill. A child answers until it is killed: what it says on its
# pipe was on disk before.
ANSWERS = """
import asyncio, json, os, random, signal, sys
from pathlib import Path
from serving.record.decision_log import DecisionLog
from tasks.config import Settings
from tasks.decisions.log import read_log

settings, n_kills = Settings(datamart=Path(sys.argv[1])), int(sys.argv[2])

async def answer(name, pipe):
    log = DecisionLog(settings)
    log.start()
    async def caller(number):
        for turn in range(1_000_000):
            request_id = f"{name}-{number}-{turn}"
            await log.append([{"answer": {"request_id": request_id}, "known": "x" * 2000}])
            os.write(pipe, f"{request_id}\\n".encode())
    await asyncio.gather(*(caller(number) for number in range(20)))

draw = random.Random(0)
answered = []
for name in range(n_kills):
    reads, writes = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reads)
        asyncio.run(answer(name, writes))
    os.close(writes)
    left = draw.randrange(1, 400)
    with os.fdopen(reads) as lines:
        for line in lines:
            answered.append(line.strip())
            left -= 1
            if left == 0:
                os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
logged = [line["answer"]["request_id"] for line in read_log(settings)]
print(json.dumps({
    "answered": len(answered),
    "lost": len(set(answered) - set(logged)),
    "twice": len(logged) - len(set(logged)),
    "unanswered": len(set(logged) - set(answered)),
}))
"""
N_KILLS = 20


def test_what_was_answered_before_a_kill_is_in_the_log_once(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", ANSWERS, str(tmp_path), str(N_KILLS)],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[3],
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["answered"] > N_KILLS
    assert (found["lost"], found["twice"]) == (0, 0)
    assert found["unanswered"] <= N_KILLS * 20  # those in hand when it was killed


@pytest.mark.slow
def test_a_service_that_is_killed_under_load_has_every_answer_in_its_log_once(own: Settings) -> None:
    day = max(tables.snapshot_dates("gold.predictions", own))
    customers = tables.read("gold.predictions", own, on=day)["customer_id"].to_list()
    answered: list[str] = []
    for turn in range(N_KILLS):
        with served(own) as (address, process):
            answered += asyncio.run(ask_until_it_is_killed(address, process, customers, after=7 * turn + 1))
    logged = [line["answer"]["request_id"] for line in read_log(own)]
    assert len(answered) > N_KILLS
    assert set(answered) - set(logged) == set()
    assert len(logged) == len(set(logged))


async def ask_until_it_is_killed(
    address: str, process: Process, customers: Sequence[str], *, after: int
) -> list[str]:
    """The ids of the answers that several callers got; the process is killed after so many."""
    answered: list[str] = []

    async def call(http: httpx.AsyncClient) -> None:
        with suppress(httpx.TransportError):  # it was killed
            for customer in cycle(customers):
                found = await http.post(f"{address}v1/score", json={"customer_id": customer})
                answered.append(found.json()["request_id"])
                if len(answered) == after:
                    process.kill()

    async with httpx.AsyncClient() as http, asyncio.TaskGroup() as group:
        for _ in range(10):
            group.create_task(call(http))
    return answered
