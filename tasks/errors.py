"""What can go wrong, and the exit code each kind ends a command with."""


class VintageError(Exception):
    """Something a user can mend. The message says what, where and the mend, in one or two sentences."""

    exit_code = 1


class NothingToDoError(VintageError):
    """Nothing is wrong: there is nothing to do on this date yet."""

    exit_code = 99


class UsageError(VintageError):
    """The command was worded wrongly."""

    exit_code = 2


class BadInputError(VintageError):
    """A raw file is missing, unreadable or not what was agreed; nothing of the month was published."""


class TableNotReadyError(VintageError):
    """A table or partition that this step reads has not been built."""


class ModelStoreError(VintageError):
    """A stored model or the registry is missing, changed or inconsistent."""


class StorageError(VintageError):
    """A disk or a table could not be read or written; readers still see the tables as they were."""


class PolicyError(VintageError):
    """The policy file is missing or says something that it may not."""
