"""What an object store answered that failed, in one sentence, from the message of what met it."""

import re
from collections.abc import Generator
from contextlib import contextmanager

from tasks.errors import PassingError, StorageError

NO_BUCKET = "is in a bucket that does not exist. Create it, or name another place."
NOTHING_HALF = "Nothing is half written; run the same command again when that is mended."


def explain(error: str, where: str) -> StorageError | None:
    """What an object store answered, in one sentence, from the message of obstore, Polars or Delta Lake.

    PassingError where the same command may go through later; None for the error of something else. What comes
    behind the status is left out: it may name the key that was refused.
    """
    error = _in_one_line(error)
    if "metadata" in error and "credential" in error.lower():
        return StorageError(f"{where} was given no credentials. Set the provider's variables. {NOTHING_HALF}")
    if "Error performing" not in error:
        return None
    status = re.search(r"status code:? (\d+)", error)
    number = int(status[1]) if status else 0
    if "RequestTimeTooSkewed" in error:
        return StorageError(
            f"{where} refuses a request whose clock is off. Set the clock of this machine, and try again."
        )
    if number in (401, 403) or "PermissionDenied" in error or "Unauthenticated" in error:
        return StorageError(
            f"{where} refuses the credentials ({number or 'none valid'}). Correct the provider's variables "
            f"(AWS_..., GOOGLE_..., AZURE_...), or let its owner grant access. {NOTHING_HALF}"
        )
    if "NoSuchBucket" in error or "ContainerNotFound" in error:
        return StorageError(f"{where} {NO_BUCKET}")
    if number >= 500 or number in (408, 429) or "error sending request" in error or "timed out" in error:
        return PassingError(f"{where} does not answer as it should: {first_words(error)}. {NOTHING_HALF}")
    return None


def first_words(error: str) -> str:
    """An error in one line, without what the server answered."""
    return _in_one_line(error).partition("<")[0].strip(" .:")


def _in_one_line(error: str) -> str:
    """Delta Lake draws causes as a coloured tree; obstore adds its own state to them."""
    return " ".join(re.sub(r"\x1b\[[\d;]*m|↳", "", error.partition("\n\nDebug source")[0]).split())


@contextmanager
def in_one_sentence(where: str) -> Generator[None]:
    """Report an object store that failed; what is missing, or is there already, is for the caller.

    Raises: PassingError for a fault that may pass, else StorageError.
    """
    from obstore.exceptions import AlreadyExistsError, BaseError, PreconditionError

    try:
        yield
    except (AlreadyExistsError, PreconditionError):
        raise
    except BaseError as error:
        raise explain(str(error), where) or PassingError(
            f"{where} could not be read or written: {first_words(str(error))}. {NOTHING_HALF}"
        ) from error


@contextmanager
def in_a_bucket(where: str) -> Generator[None]:
    """A write finds nothing missing but the bucket. Raises: StorageError."""
    try:
        yield
    except FileNotFoundError as error:
        raise StorageError(f"{where} {NO_BUCKET}") from error
