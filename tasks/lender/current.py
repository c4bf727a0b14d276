"""The lender that this process serves: set once from the settings, then asked for what columns mean.

A process works for one lender, as it works in one time zone; who replays two sets the one and then the other.
"""

from tasks.errors import UsageError
from tasks.lender.declaration import Lender

_SERVED: list[Lender] = []


def serve(lender: Lender) -> None:
    """Let this process work for a lender."""
    _SERVED[:] = [lender]


def lender() -> Lender:
    """The lender that this process works for.

    Raises: UsageError where none was set.
    """
    if not _SERVED:
        raise UsageError("No lender is declared yet: read the settings first, by checked_settings().")
    return _SERVED[0]
