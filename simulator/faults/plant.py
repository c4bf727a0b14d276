"""Plant faults in a lender's finished files, by number: what can be wrong with what arrives.

The list of faults is FILE_FAULTS (a whole file, the shape of the book) and ROW_FAULTS (a few rows of the last
month). Numbers that are missing there are about processes, or are in every book already.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

import numpy as np

from simulator.faults.files import FILE_FAULTS, Fault
from simulator.faults.rows import ROW_FAULTS
from tasks.errors import UsageError

FAULTS: Final[dict[int, Fault]] = {**ROW_FAULTS, **FILE_FAULTS}


def plant(out: Path, numbers: Iterable[int], seed: int) -> None:
    """Plant the faults `numbers` in the files of the folder `out`; the same seed picks the same rows.

    Faults of rows come first and those that spoil a whole file last, whatever the order of `numbers`. Each
    file is replaced whole or not at all.

    Raises: UsageError for a number that cannot be planted, and for a file or row that is not there.
    """
    wanted = set(numbers)
    check(wanted)
    for number, fault in FAULTS.items():
        if number in wanted:
            fault(out, np.random.default_rng([seed, number]))


def describe_faults() -> dict[int, str]:
    """What each fault does, by its number."""
    descriptions = {number: fault.__doc__ or "" for number, fault in sorted(FAULTS.items())}
    return {number: text.removeprefix(f"{number}: ").strip() for number, text in descriptions.items()}


def check(numbers: Iterable[int]) -> None:
    """Return when every number can be planted.

    Raises: UsageError that names those which cannot be, and all that can.
    """
    unknown = sorted(set(numbers) - set(FAULTS))
    if unknown:
        raise UsageError(
            f"No fault of a file has the number {', '.join(map(str, unknown))}: "
            "what is missing is about processes or in every book already. "
            "See which can be planted with: vintage simulate --fault list"
        )
