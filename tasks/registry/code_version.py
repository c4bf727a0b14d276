"""Which code is running: its revision in the repository, the digest of its sources, and its libraries."""

import hashlib
import shutil
import subprocess
from functools import cache
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).parents[2]
LIBRARIES = ("vintage", "scikit-learn", "optuna", "polars", "numpy", "scipy")
UNKNOWN = "unknown"  # where the code runs outside a checkout, as in a container


def code_on_record() -> dict[str, str]:
    """What a card says of the code: that of `code_revision`, and the version of each of the LIBRARIES."""
    return {**code_revision(), **{name: version(name) for name in LIBRARIES}}


@cache
def code_revision() -> dict[str, str]:
    """`revision` of the checkout (`-dirty` when files were changed) and `source`, a digest of tasks/."""
    digest = hashlib.sha256()
    for path in sorted((ROOT / "tasks").rglob("*.py")):
        digest.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
    return {"revision": _described(), "source": digest.hexdigest()[:16]}


def _described() -> str:
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        return UNKNOWN
    command = [git, "-C", str(ROOT), "describe", "--always", "--dirty", "--abbrev=12"]
    found = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - fixed words
    return found.stdout.strip() or UNKNOWN
