"""The lender that this process serves: set once from the settings, then asked for what columns mean.

A process works for one lender, as it works in one time zone; who replays two sets the one and then the other.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Generic, TypeVar, overload

from tasks.errors import UsageError
from tasks.lender.declaration import Lender

One = TypeVar("One")
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


class OfTheLender(Mapping[str, One], Generic[One]):
    """What is made of the declaration of the lender that this process works for, by name."""

    def __init__(self, of: Callable[[Lender], Mapping[str, One]]) -> None:
        self._of = cache(of)

    def __getitem__(self, name: str) -> One:
        return self._of(lender())[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._of(lender()))

    def __len__(self) -> int:
        return len(self._of(lender()))


class NamesOfTheLender(Sequence[str]):
    """Names that are made of the declaration of the lender that this process works for."""

    def __init__(self, of: Callable[[Lender], Sequence[str]]) -> None:
        self._of = cache(of)

    @overload
    def __getitem__(self, place: int) -> str: ...

    @overload
    def __getitem__(self, place: slice) -> Sequence[str]: ...

    def __getitem__(self, place: int | slice) -> str | Sequence[str]:
        return self._of(lender())[place]

    def __len__(self) -> int:
        return len(self._of(lender()))

    def __iter__(self) -> Iterator[str]:
        return iter(self._of(lender()))

    def __contains__(self, name: object) -> bool:
        return name in self._of(lender())
