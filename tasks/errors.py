"""What can go wrong, and the exit code each kind ends a command with."""

import errno
import re

# A disk that is full, a lock, a network, too much at once: the same command may go through later.
PASSING = {
    *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EAGAIN, errno.EBUSY, errno.EDEADLK, errno.ENOLCK),
    *(errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EINTR, errno.EIO, errno.ESTALE, errno.EPIPE),
    *(errno.ETIMEDOUT, errno.ECONNREFUSED, errno.ECONNRESET, errno.ECONNABORTED),
    *(errno.EHOSTUNREACH, errno.EHOSTDOWN, errno.ENETUNREACH, errno.ENETDOWN),
}


class VintageError(Exception):
    """Something a user can fix. The message says what, where and how to fix it, in one or two sentences."""

    exit_code = 1


class NothingToDoError(VintageError):
    """Nothing is wrong: there is nothing to do on this date yet."""

    exit_code = 99


class UsageError(VintageError):
    """The command line is wrong."""

    exit_code = 2


class BadInputError(VintageError):
    """A raw file is missing, unreadable or not what was agreed; nothing of the month was published."""


class TableNotReadyError(VintageError):
    """A table or partition that this step reads has not been built."""


class ModelStoreError(VintageError):
    """A stored model or the registry is missing, changed or inconsistent."""


class StorageError(VintageError):
    """A disk or a table could not be read or written; readers still see the tables as they were."""


class PassingError(StorageError):
    """A fault that may pass: a full disk, a network, a server, a lock, another writer. Worth a retry."""

    exit_code = 75


class PolicyError(VintageError):
    """The policy file is missing or holds what it may not."""


def may_pass(error: BaseException) -> bool:
    """Whether the same command may go through later although nobody changes anything.

    Polars and Delta Lake give the number of a system error in words.
    """
    if isinstance(error, VintageError):
        return isinstance(error, PassingError)
    numbered = re.search(r"\(os error (\d+)\)", str(error))
    number = int(numbered[1]) if numbered else getattr(error, "errno", None)
    return number in PASSING or isinstance(error, TimeoutError | ConnectionError | MemoryError)
