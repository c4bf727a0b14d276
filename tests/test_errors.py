"""Fault 108: a fault that may pass ends with 75, a refusal with 1; our own mistakes are told as neither."""

import errno
from collections.abc import Callable

import polars as pl
import pytest
from deltalake.exceptions import CommitFailedError, DeltaError, SchemaMismatchError

from tasks.errors import BadInputError, NothingToDoError, PassingError, StorageError, UsageError, may_pass
from tasks.prefect import translate_storage_errors

FULL = OSError(errno.ENOSPC, "No space left on device")
PASSING = [
    FULL,
    DeltaError("Generic LocalFileSystem error: No space left on device (os error 28)"),
    pl.exceptions.ComputeError("parquet: underlying IO error: No space left on device (os error 28)"),
    CommitFailedError("Transaction failed: version 3 already exists"),
    ConnectionRefusedError("refused"),
    TimeoutError("timed out"),
]
REFUSALS = [
    PermissionError(errno.EACCES, "Permission denied"),
    OSError(errno.EROFS, "Read-only file system"),
    FileNotFoundError("No such file or directory (os error 2): part.parquet"),
    pl.exceptions.ComputeError("parquet: File out of specification: The file must end with PAR1"),
    DeltaError("Kernel error: Json error: Encountered unexpected 'g' whilst parsing value"),
]


def raised(error: Exception) -> Exception:
    """What becomes of an error of a task."""
    with pytest.raises(Exception) as told, translate_storage_errors("score_day"):  # noqa: PT011 - any may come
        raise error
    return told.value


@pytest.mark.parametrize("error", PASSING, ids=str)
def test_a_fault_that_may_pass_ends_with_75(error: Exception) -> None:
    told = raised(error)
    assert isinstance(told, PassingError)
    assert told.exit_code == 75
    assert may_pass(told)


@pytest.mark.parametrize("error", REFUSALS, ids=str)
def test_a_refusal_ends_with_1(error: Exception) -> None:
    told = raised(error)
    assert isinstance(told, StorageError)
    assert told.exit_code == 1
    assert not may_pass(told)


def join_that_is_not_one_to_one() -> pl.DataFrame:
    rows = pl.LazyFrame({"key": [1, 1]})
    return rows.join(rows, on="key", validate="1:1").collect()


@pytest.mark.parametrize(
    "mistake",
    [join_that_is_not_one_to_one, lambda: pl.DataFrame({"here": [1]}).lazy().select("gone").collect()],
)
def test_our_own_mistake_is_raised_as_it_is(mistake: Callable[[], object]) -> None:
    with pytest.raises(pl.exceptions.PolarsError) as told, translate_storage_errors("score_day"):
        mistake()
    assert not may_pass(told.value)
    with pytest.raises(SchemaMismatchError), translate_storage_errors("score_day"):
        raise SchemaMismatchError("number of fields does not match")


@pytest.mark.parametrize(("kind", "code"), [(BadInputError, 1), (UsageError, 2), (NothingToDoError, 99)])
def test_every_kind_of_error_has_its_exit_code(kind: type[BadInputError], code: int) -> None:
    assert kind("why").exit_code == code
    assert not may_pass(kind("why"))
