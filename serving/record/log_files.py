"""The files of the log, one after another: while one fills, the next is made ready aside."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Lock

from serving.record.prepared_files import PreparedFile, cut, finish, prepare
from tasks.config import Settings
from tasks.decisions.log import decisions_folder, file_of, log_files
from tasks.store.atomic_files import sync_folder

STEPS = 64  # of zeros in a file that is made aside
AT_ONCE = 1  # in one that somebody waits for


class LogFiles:
    """The file that is written to, and the one that follows it. Names are given in the order of writing."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        names = [path.stem for path in log_files(settings)]
        newest = names[-1] if names else ""  # a clock that is set back writes to no older file
        self._day, self._number = newest[:10], int(newest[11:] or 0)
        self._file: PreparedFile | None = None
        self._next: PreparedFile | None = None
        self._naming, self._aside = Lock(), ThreadPoolExecutor(1)
        self._asked = False  # for the next one

    def last_line(self) -> str | None:
        """The newest line of all files. What a crash left behind it is taken off."""
        for path in reversed(log_files(self._settings)):
            lines = cut(path)
            if lines:
                return lines[-1]
        return None

    def with_room(self, today: str, size: int) -> PreparedFile:
        """The file of a day that so many bytes can be put into. Raises: OSError of a full disk."""
        day = max(today, self._day)
        if self._file and not (_is_of(day, self._file) and self._file.end + size <= self._file.room):
            self.leave()
        if self._file is None:
            self._file, self._asked = self._take_next(day), False
        if self._file.end + size > self._file.room / 2 and not self._asked:
            self._asked = True
            self._aside.submit(self._make_next, day)
        return self._file

    def leave(self) -> None:
        """Write no more to the file that is written to."""
        if self._file:
            file, self._file = self._file, None
            finish(file)

    def close(self) -> None:
        """Leave no zeros behind."""
        self._aside.shutdown()
        self.leave()
        if self._next:
            finish(self._next)

    def _take_next(self, day: str) -> PreparedFile:
        """The file that was made aside, if it is ready; else a short one, for which nobody waits long."""
        with self._naming:
            ready, self._next = self._next, None
            if ready and _is_of(day, ready):
                return ready
            if ready:
                finish(ready)
            return prepare(self._name_next(day), AT_ONCE)

    def _make_next(self, day: str) -> None:
        """Make the file that follows. A full disk is met again, and told, by who needs it."""
        if self._next is None:
            work = decisions_folder(self._settings) / ".next"
            work.unlink(missing_ok=True)
            made = prepare(work, STEPS)
            with self._naming:
                self._next = replace(made, path=work.rename(self._name_next(day)))
                sync_folder(work.parent)

    def _name_next(self, day: str) -> Path:
        self._number = self._number + 1 if day == self._day else 0
        self._day = day
        return file_of(day, self._settings, self._number)


def _is_of(day: str, file: PreparedFile) -> bool:
    return file.path.name.startswith(day)
