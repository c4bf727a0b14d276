"""The log brought into gold.decisions, by a process of its own: nobody who applies waits for it."""

import asyncio
import logging
import os
import sys
from datetime import UTC, datetime, time, timedelta

from tasks.config import Settings

LOG = logging.getLogger("vintage")
LEAST_URGENT = 19  # niceness


async def roll_daily(settings: Settings) -> None:
    """Bring gold.decisions up to the log, now and after each midnight (UTC), until cancelled."""
    while True:
        await _roll(settings)
        now = datetime.now(UTC)
        midnight = datetime.combine(now.date() + timedelta(days=1), time(0, 1), UTC)
        await asyncio.sleep((midnight - now).total_seconds())


async def _roll(settings: Settings) -> None:
    words = ["decisions", "roll", "--datamart", str(settings.datamart)]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "flows", *words),
        env=_environment(settings),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    os.setpriority(os.PRIO_PROCESS, process.pid, LEAST_URGENT)
    try:
        _, problem = await process.communicate()
    except asyncio.CancelledError:
        process.kill()  # no table is half written, whenever this comes
        await process.wait()
        raise
    if process.returncode:
        LOG.error("gold.decisions is not up to the log: %s", problem.decode().strip())


def _environment(settings: Settings) -> dict[str, str]:
    """This process' environment, with the folders that it serves."""
    named = {"VINTAGE_DATA": settings.data, "VINTAGE_MODEL_STORE": settings.model_store}
    return {**os.environ, **{name: str(place) for name, place in named.items()}}
