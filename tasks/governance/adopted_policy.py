"""The policy file: read, checked, and known by its digest."""

import hashlib
import tomllib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from tasks.governance.earlier_policies import find_unstated
from tasks.governance.policy import Policy
from tasks.toml_file import read_toml


@dataclass(frozen=True)
class Adopted:
    """A policy that passed its check, and the first twelve hex digits of its file's SHA-256.

    `unstated` are lines for the numbers that the file, since it is older, does not state.
    """

    policy: Policy
    digest: str
    unstated: list[str]

    @property
    def name(self) -> str:
        """Its version and digest."""
        return f"{self.policy.version} ({self.digest})"

    def say_unstated(self) -> str:
        """One sentence with the lines to add; empty when the file states every number."""
        if not self.unstated:
            return ""
        lines = "; ".join(self.unstated)
        return f"Not stated, so that the values of earlier versions apply; add them to the file: {lines}."


def read_policy(path: Path) -> Adopted:
    """The policy of a file.

    Raises: PolicyError that names the line and the fix.
    """
    policy, text = read_toml(path, Policy, what="policy")
    digest = hashlib.sha256(text.encode()).hexdigest()[:12]
    return Adopted(policy, digest, list(_unstated(text)))


@lru_cache(maxsize=8)
def _unstated(text: str) -> tuple[str, ...]:
    return tuple(find_unstated(tomllib.loads(text)))
