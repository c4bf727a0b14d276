"""`make bench-serve`: requests at fixed rates to `vintage serve`, whether or not earlier ones are answered.

It serves copies of the datamart and the model store of the settings: no trial comes into their log. Where no
model is in the shadow, the newest that does not serve is. The load generator has the same cores; each request
is timed from when it was due.
"""

import asyncio
import gc
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter, deque
from collections.abc import Coroutine
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple
from urllib.error import URLError
from urllib.request import urlopen

import psutil
import uvloop

from tasks.config import Settings, checked_settings
from tasks.registry.history import Registry, champion_on, load_registry, record, state_on
from tasks.registry.records import Change, State
from tasks.scoring.shadow_log import order_shadow, shadows_on
from tasks.store import tables

PORT = 8199
MODEL = re.compile(r'"model_id":"([^"]+)","model_effective_from":"([^"]+)"')
SWITCHED_AT = 300  # requests a second through a promotion and a roll-back
# Requests a second; the last is too many.
RATES = tuple(float(rate) for rate in os.environ.get("BENCH_RATES", "100 300 500 1500").split())
SECONDS = float(os.environ.get("BENCH_SECONDS", "20"))


class Use(NamedTuple):
    """CPU seconds and MB of memory of processes."""

    cpu: float
    memory: float


async def load(rate: float, seconds: float, bodies: list[bytes]) -> tuple[Counter[str], list[float]]:
    """How many requests got each status, answers by model, and the seconds of answers, in order."""
    # The server closes a connection that idles for five seconds: the one that idled longest goes first, and
    # one that was closed meanwhile is left.
    free: deque[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = deque()
    statuses: Counter[str] = Counter()
    took: list[float] = []

    async def ask(due: float, body: bytes) -> None:
        while free and free[0][0].at_eof():
            free.popleft()[1].close()
        reader, writer = free.popleft() if free else await asyncio.open_connection("127.0.0.1", PORT)
        head = f"POST /v1/score HTTP/1.1\r\nHost: bench\r\nContent-Length: {len(body)}\r\n"
        writer.write(f"{head}Content-Type: application/json\r\n\r\n".encode() + body)
        answer = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(answer.partition("content-length: ")[2].partition("\r\n")[0])
        said = (await reader.readexactly(length)).decode()
        by = MODEL.search(said)
        statuses[f"{answer[9:12]} by {by[1]} of {by[2]}" if by else answer[9:12]] += 1
        if answer[9:12] == "200":
            took.append(time.perf_counter() - due)
        free.append((reader, writer))

    begun = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for number in range(int(rate * seconds)):
            due = begun + number / rate
            if due > time.perf_counter():
                await asyncio.sleep(due - time.perf_counter())
            group.create_task(ask(due, bodies[number % len(bodies)]))
    return statuses, sorted(took)


def copied(settings: Settings, home: Path) -> tuple[list[str], Settings]:
    """The options that name copies of the settings' folders, and settings of them."""
    shutil.copytree(settings.datamart, home / "datamart", ignore=shutil.ignore_patterns("decisions"))
    shutil.copytree(settings.model_store, home / "model_store")
    folders = {
        "--data": settings.data,
        "--datamart": home / "datamart",
        "--model-store": home / "model_store",
    }
    copies = settings.model_copy(
        update={"datamart": folders["--datamart"], "model_store": folders["--model-store"]}
    )
    return [str(word) for pair in folders.items() for word in pair], copies


def take_over(registry: Registry, old: str, new: str, settings: Settings) -> None:
    """Make a model champion from today on in the place of another."""
    states: list[tuple[str, State]] = [(old, "retired"), (new, "champion")]
    if state_on(registry, date.today(), new) in ("challenger", "rejected"):
        states.insert(1, (new, "approved"))
    changes = [Change(model_id, state, "bench", "override: make bench-serve") for model_id, state in states]
    record(registry, settings, effective_from=date.today(), changes=changes)


async def load_through_switches(settings: Settings, bodies: list[bytes]) -> tuple[Counter[str], list[float]]:
    """As `load`; the newest other model takes over after a third of the time, and gives back after two."""
    registry = load_registry(settings)
    champion = champion_on(registry, date.today())
    others = [one.model_id for one in registry.entries if champion and one.model_id != champion.model_id]
    if champion is None or not others:
        raise SystemExit("The model store holds one model, so none can take over: train on a later month.")
    loaded = asyncio.create_task(load(SWITCHED_AT, SECONDS, bodies))
    for old, new in ((champion.model_id, others[-1]), (others[-1], champion.model_id)):
        await asyncio.sleep(SECONDS / 3)
        await asyncio.to_thread(take_over, load_registry(settings), old, new, settings)
    return await loaded


def shadow_one(settings: Settings) -> str:
    """The models in the shadow from today on, at least one where there is another than the champion."""
    registry = load_registry(settings)
    champion = champion_on(registry, date.today())
    if not shadows_on(date.today(), settings):
        others = [one.model_id for one in registry.entries if champion and one.model_id != champion.model_id]
        for model_id in others[-1:]:
            order_shadow(model_id, date.today(), None, settings)
    return ", ".join(shadows_on(date.today(), settings)) or "none"


def wait_until_ready(begun: float) -> float:
    """Seconds until applications are answered."""
    while time.perf_counter() - begun < 60:
        try:
            with urlopen(f"http://127.0.0.1:{PORT}/v2/health/ready"):
                return time.perf_counter() - begun
        except (URLError, ConnectionError):
            time.sleep(0.05)
    raise SystemExit("vintage serve is not ready within a minute: see what it says above.")


def main() -> None:
    """Serve, load at each rate, print a line each."""
    gc.disable()  # a walk over what the generator holds would be taken for time of the service
    settings = checked_settings({})
    day = max(tables.snapshot_dates("gold.predictions", settings))
    known = tables.read("gold.predictions", settings, on=day)["customer_id"]
    bodies = [json.dumps({"customer_id": customer}).encode() for customer in known]
    with tempfile.TemporaryDirectory(prefix="bench-serve-") as home:
        words, copies = copied(settings, Path(home))
        in_shadow, begun = shadow_one(copies), time.perf_counter()
        server = subprocess.Popen([sys.executable, "-m", "flows", "serve", "--port", str(PORT), *words])
        try:
            print(f"{os.cpu_count()} cores; in the shadow: {in_shadow}; {SECONDS:g} s each")
            print(f"ready after {wait_until_ready(begun):.1f} s", flush=True)
            for rate in RATES:
                tell(f"{rate:g} a second", load(rate, SECONDS, bodies), server.pid)
            through = f"{SWITCHED_AT} a second through a promotion and a roll-back"
            tell(through, load_through_switches(copies, bodies), server.pid)
        finally:
            server.terminate()
            server.wait(timeout=60)


def used(server: int) -> tuple[Use, Use]:
    """What the server's process uses, and what those that it started do."""
    own = psutil.Process(server)
    return _used([own]), _used(own.children())


def _used(processes: list[psutil.Process]) -> Use:
    cpu = sum(sum(one.cpu_times()[:2]) for one in processes)
    return Use(cpu, sum(one.memory_info().rss for one in processes) / 2**20)


def tell(what: str, loaded: Coroutine[Any, Any, tuple[Counter[str], list[float]]], server: int) -> None:
    """Load, and print what came of it."""
    before = used(server)
    statuses, took = uvloop.run(loaded)
    after = used(server)
    at = {share: took[int(len(took) * share)] * 1000 for share in (0.5, 0.99, 0.999)}
    within = ", ".join(f"{ms:.1f} ms (p{share * 100:g})" for share, ms in at.items())
    print(f"{what}: {dict(statuses)}; answered within {within}")
    for name, one, other in zip(("service", "its processes"), before, after, strict=True):
        cpu = 1000 * (other.cpu - one.cpu) / len(took)
        print(f"  {name}: {one.memory:.0f} MB before, {other.memory:.0f} after; {cpu:.2f} ms CPU an answer")


if __name__ == "__main__":
    main()
