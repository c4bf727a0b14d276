"""Fault 107: commands that write to one datamart take turns, and who waits says for whom."""

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tasks.config import Settings
from tasks.store.writer import one_writer

SECOND = """
from tasks.config import Settings
from tasks.store.writer import one_writer
with one_writer(Settings(), "another"):
    print("its turn", flush=True)
"""
TOLD = "from flows.cli.endings import end_on_signal; end_on_signal(lambda: None)"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(datamart=tmp_path / "datamart")


def second(datamart: Path, before: str = "") -> "subprocess.Popen[str]":
    """Another command, in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-c", before + SECOND],
        env={**os.environ, "VINTAGE_DATAMART": str(datamart)},
        cwd=Path(__file__).parents[2],
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def waits(process: "subprocess.Popen[str]") -> str:
    """What it says while it waits."""
    assert process.stderr is not None
    return process.stderr.readline()


def test_a_second_writer_waits_says_once_for_whom_and_goes_on(settings: Settings) -> None:
    with one_writer(settings, "vintage demo"):
        process = second(settings.datamart)
        told = waits(process)
        assert told.startswith(f"Waiting for vintage demo (process {os.getpid()} on ")
        assert str(settings.datamart) in told
        assert process.poll() is None
    said, more = process.communicate()
    assert (said, more, process.returncode) == ("its turn\n", "", 0)


def test_writers_to_two_datamarts_do_not_wait_for_each_other(settings: Settings, tmp_path: Path) -> None:
    with one_writer(settings, "vintage demo"):
        said, told = second(tmp_path / "other").communicate()
    assert (said, told) == ("its turn\n", "")


def test_a_command_that_holds_the_lock_does_not_wait_for_itself(settings: Settings) -> None:
    with one_writer(settings, "vintage demo"), one_writer(settings, "vintage backfill"):
        assert settings.datamart.is_dir()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_who_waits_ends_when_told_to(settings: Settings, number: signal.Signals) -> None:
    with one_writer(settings, "vintage demo"):
        process = second(settings.datamart, TOLD)
        waits(process)
        process.send_signal(number)
        assert process.communicate()[0] == ""
    assert process.returncode == 128 + number


def test_a_lock_ends_with_its_process(settings: Settings) -> None:
    with one_writer(settings, "vintage demo"):
        process = second(settings.datamart)
        waits(process)
        process.kill()
        process.communicate()
    said, told = second(settings.datamart).communicate()
    assert (said, told) == ("its turn\n", "")


def test_nobody_else_may_write_the_lock_whatever_the_umask(settings: Settings) -> None:
    before = os.umask(0)
    try:
        with one_writer(settings, "vintage demo"):
            mode = (settings.datamart / ".writer.lock").stat().st_mode
    finally:
        os.umask(before)
    assert not mode & (stat.S_IWGRP | stat.S_IWOTH)


def test_nothing_is_left_behind_of_a_datamart_that_was_not_there(settings: Settings) -> None:
    with one_writer(settings, "vintage demo"):
        pass
    assert not settings.datamart.exists()
