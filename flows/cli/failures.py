"""What is said of an error that ends a command, and the exit code."""

from tasks.errors import VintageError, may_pass
from tasks.store_faults import explain


def describe_failure(error: VintageError | OSError | MemoryError) -> tuple[str, int]:
    """One sentence: what, where, how to fix; and the exit code."""
    known = error if isinstance(error, VintageError) else explain(str(error), "The object store") or error
    return _sentence(known), 75 if may_pass(known) else getattr(known, "exit_code", 1)


def _sentence(error: VintageError | OSError | MemoryError) -> str:
    if isinstance(error, VintageError):
        return str(error)
    if isinstance(error, MemoryError):
        return "There is too little memory. No table is half written; run it again where there is more."
    path = error.filename2 or error.filename
    if not path and isinstance(error, FileNotFoundError):  # of Polars, whose message alone names the file
        return (
            f"{str(error).partition(' (set POLARS')[0]}. Restore what is missing from a copy, and try again."
        )
    where = f"{path}: " if path else ""
    return f"{where}{error.strerror or error}. Name a path that may be read and written to, and try again."
