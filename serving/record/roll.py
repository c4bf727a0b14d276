"""The log brought into gold.decisions, by a process of its own: nobody who applies waits for it."""

import asyncio
import logging
from datetime import UTC, datetime, time, timedelta

from serving.apart import call_apart
from tasks.config import Settings
from tasks.errors import VintageError

LOG = logging.getLogger("vintage")


async def roll_daily(settings: Settings) -> None:
    """Bring gold.decisions up to the log, now and after each midnight (UTC), until cancelled."""
    while True:
        try:
            await call_apart(roll, settings)
        except (VintageError, OSError) as error:
            LOG.error("gold.decisions is not up to the log: %s", error)
        now = datetime.now(UTC)
        midnight = datetime.combine(now.date() + timedelta(days=1), time(0, 1), UTC)
        await asyncio.sleep((midnight - now).total_seconds())


def roll(settings: Settings) -> int:
    """Bring gold.decisions up to the log; return the number of answers."""
    from tasks.decisions.tasks import roll_decisions  # here, as the service itself needs no Prefect

    return roll_decisions(settings)
