"""One chain of answers through all files, and what a request is told that comes twice."""

import asyncio
import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import copytree

import pytest

from serving.record.decision_log import DecisionLog
from serving.record.idempotency import InFlightError, KeyReusedError, KeysSeen
from tasks.config import Settings
from tasks.decisions.log import decisions_folder, file_of, log_files, read_log
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


@pytest.mark.parametrize(
    "word", ["plain", "Zoë", "one\u2028two", "one\x85two\x0bthree", "\x00\x7f", '"}, "seal": "']
)
def test_what_comes_into_the_log_is_read_as_it_was(word: str, tmp_path: Path) -> None:
    own = Settings(datamart=tmp_path)
    numbers = [0.1, 1e-07, -0.0, 5e-324, 1.7976931348623157e308, 2**70, None, True]
    line = {"answer": {"n": numbers}, "asked": {word: [word]}, "known": {"nothing": float("nan")}}

    async def write() -> None:
        log = DecisionLog(own)
        log.start()
        await log.append([line, line])
        await log.close()

    asyncio.run(write())
    found = [{name: one[name] for name in line} for one in read_log(own)]
    assert list(map(repr, found)) == [repr(line)] * 2


def numbers(settings: Settings) -> list[int]:
    return [line["answer"]["n"] for line in read_log(settings)]


async def append(log: DecisionLog, some: Sequence[int], size: int = 0) -> None:
    for n in some:
        await log.append([{"answer": {"n": n}, "known": "x" * size}])


def test_a_log_that_was_killed_is_read_to_its_last_whole_line_and_goes_on_from_there(tmp_path: Path) -> None:
    live, killed = Settings(datamart=tmp_path / "live"), Settings(datamart=tmp_path / "killed")

    async def write() -> None:
        log = DecisionLog(live)
        log.start()
        await append(log, [0, 1])
        assert numbers(live) == [0, 1]
        copytree(live.datamart, killed.datamart)
        await log.close()

    asyncio.run(write())
    (path,) = log_files(killed)
    content = path.read_bytes()
    torn = content.rstrip(b"\0") + b'{"answer": {"n": 2'
    assert len(torn) < len(content)  # zeros follow
    path.write_bytes(torn.ljust(len(content), b"\0"))
    assert numbers(killed) == [0, 1]

    async def go_on() -> None:
        log = DecisionLog(killed)
        log.start()
        await append(log, [2])
        await log.close()

    asyncio.run(go_on())
    assert numbers(killed) == [0, 1, 2]
    for settings in (live, killed):
        assert not [path for path in log_files(settings) if b"\0" in path.read_bytes()]


def test_one_chain_goes_through_the_files_of_a_day_and_leaves_none_without_a_line(tmp_path: Path) -> None:
    own = Settings(datamart=tmp_path)

    async def write() -> None:
        log = DecisionLog(own)
        log.start()
        await append(log, range(6), size=100_000)
        await append(log, range(6, 8), size=20_000_000)  # longer than any file
        await append(log, range(8, 12))
        await log.close()

    asyncio.run(write())
    assert numbers(own) == list(range(12))
    assert len(log_files(own)) > 2
    left = [path.name for path in decisions_folder(own).iterdir()]
    assert sorted(left) == sorted([*names(own), ".log.lock"])
    assert not [path for path in log_files(own) if b"\0" in path.read_bytes()]


def names(settings: Settings) -> list[str]:
    return [path.name for path in log_files(settings)]


def test_a_disk_without_room_for_another_file_is_told_and_the_chain_goes_on_once_there_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = Settings(datamart=tmp_path)

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    async def write() -> None:
        log = DecisionLog(own)
        log.start()
        await append(log, [0], size=100_000)
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", full)
            await append(log, [1], size=100_000)  # for which there is room
            with pytest.raises(OSError, match="No space left"):
                await append(log, [2], size=100_000)
        await append(log, [2], size=100_000)
        await log.close()

    asyncio.run(write())
    assert numbers(own) == [0, 1, 2]
