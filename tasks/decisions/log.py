"""The log of the scoring service's answers: files of a day (UTC), one chain of sealed lines through all.

A file that is written to ends in zeros, over which the next lines come.
"""

from pathlib import Path
from typing import Any

from tasks.config import Settings
from tasks.errors import UsageError
from tasks.place import require_folder
from tasks.store.sealed_files import read_key
from tasks.store.sealed_lines import read_lines

A_LINE = "an answer of the scoring service"
Line = dict[str, Any]


def decisions_folder(settings: Settings) -> Path:
    """The folder of the log, for its owner alone. Raises: UsageError where the datamart is in no folder."""
    return require_folder(settings.datamart, "vintage serve") / "decisions"


def file_of(day: str, settings: Settings, number: int = 0) -> Path:
    """A file of the log of a day, written YYYY-MM-DD; its first file has no number."""
    return decisions_folder(settings) / (f"{day}-{number:06}.jsonl" if number else f"{day}.jsonl")


def log_files(settings: Settings) -> list[Path]:
    """The files of the log, oldest first."""
    return sorted(decisions_folder(settings).glob("[0-9]*.jsonl"), key=lambda path: path.stem)


def read_log(settings: Settings) -> list[Line]:
    """All answers in order, the chain verified from the first on; what a crash cut short is left out.

    Raises: ModelStoreError when a line or a file was edited or removed, or the key did not sign it.
    """
    whole = b"".join(keep_whole_lines(path.read_bytes()) for path in log_files(settings))
    return read_lines(whole.decode(), decisions_folder(settings), what=A_LINE, key=read_key(settings))


def keep_whole_lines(content: bytes) -> bytes:
    """What a file holds up to its last whole line: no line holds a zero, so the first one is its end."""
    written = content.partition(b"\0")[0]
    return written[: written.rfind(b"\n") + 1]


def find_answer(request_id: str, settings: Settings) -> Line:
    """The line of an answer. Raises: UsageError where there is none; ModelStoreError as `read_log`."""
    for line in reversed(read_log(settings)):
        if line["answer"]["request_id"] == request_id:
            return line
    raise UsageError(
        f"{decisions_folder(settings)} holds no answer {request_id!r}. The id is `request_id` of an answer "
        "of vintage serve; name its datamart with --datamart."
    )
