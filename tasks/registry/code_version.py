"""Which code is running: its revision in the repository, and the digest of its sources."""

import hashlib
import shutil
import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
UNKNOWN = "unknown"  # where the code runs outside a checkout, as in a container


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
    words = [git, "-C", str(ROOT), "describe", "--always", "--dirty", "--abbrev=12"]
    said = subprocess.run(words, capture_output=True, text=True, check=False)  # noqa: S603 - fixed words
    return said.stdout.strip() or UNKNOWN
