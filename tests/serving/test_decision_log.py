"""One chain of answers through all files, and what a request is told that comes twice."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from serving.record.decision_log import DecisionLog
from serving.record.idempotency import InFlightError, KeyReusedError, KeysSeen
from tasks.config import Settings
from tasks.decisions.log import file_of, log_files, read_log
from tasks.errors import ModelStoreError


def test_a_key_in_flight_is_a_conflict_and_one_of_yesterday_is_forgotten() -> None:
    now = datetime(2024, 1, 2, tzinfo=UTC)
    keys = KeysSeen([], now)
    assert keys.begin("k", "body", now) is None
    with pytest.raises(InFlightError):
        keys.begin("k", "body", now)
    with pytest.raises(KeyReusedError):
        keys.begin("k", "other", now)
    keys.end("k", [{"pd": 0.1}])
    assert keys.begin("k", "body", now) == [{"pd": 0.1}]
    assert keys.begin("k", "other", now + timedelta(hours=25)) is None


def test_one_chain_goes_through_the_files_of_all_days(tmp_path: Path) -> None:
    own = Settings(datamart=tmp_path)

    async def write(n: int) -> None:
        log = DecisionLog(own)
        log.start()
        await asyncio.gather(
            *(log.append([{"answer": {"n": n}}, {"answer": {"n": n + 1}}]) for n in (n, n + 2))
        )
        await log.close()

    asyncio.run(write(0))
    (today,) = log_files(own)
    today.rename(file_of("2020-01-01", own))
    asyncio.run(write(4))
    assert [line["answer"]["n"] for line in read_log(own)] == list(range(8))
    file_of("2020-01-01", own).unlink()
    with pytest.raises(ModelStoreError, match="edited"):
        read_log(own)
