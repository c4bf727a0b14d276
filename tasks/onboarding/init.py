"""A first `lender.toml`, written from a folder of files."""

from pathlib import Path

from tasks.onboarding.draft import draft_declaration
from tasks.onboarding.samples import read_samples
from tasks.store import documents

SAMPLE_ROWS = 20_000


def write_draft(folder: Path, out: Path, *, lender: str) -> str:
    """Write the draft of a declaration of the folder's files to `out`; return its text.

    Raises: BadInputError when the folder holds no file that can be read.
    """
    draft = draft_declaration(read_samples(folder, n_rows=SAMPLE_ROWS), lender)
    documents.write_page(out, draft)
    return draft
