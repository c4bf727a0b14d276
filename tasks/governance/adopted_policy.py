"""The policy file: read, checked, and known by its digest."""

import hashlib
import tomllib
from dataclasses import dataclass
from pathlib import Path

from tasks.governance.earlier_policies import find_unstated
from tasks.governance.policy import Policy
from tasks.toml_file import read_toml


@dataclass(frozen=True)
class Adopted:
    """A policy that passed its check, its file's text, and the first twelve hex digits of its SHA-256."""

    policy: Policy
    text: str
    digest: str

    @property
    def name(self) -> str:
        """Its version and digest."""
        return f"{self.policy.version} ({self.digest})"

    @property
    def unstated(self) -> list[str]:
        """Lines for the numbers that the file, since it is older, does not state."""
        return find_unstated(tomllib.loads(self.text))

    def say_unstated(self) -> str:
        """One sentence with the lines to add; empty when the file states every number."""
        lines = "; ".join(self.unstated)
        if not lines:
            return ""
        return f"Not stated, so that the values of earlier versions apply; add them to the file: {lines}."


def read_policy(path: Path) -> Adopted:
    """The policy of a file.

    Raises: PolicyError that names the line and the fix.
    """
    policy, text = read_toml(path, Policy, what="policy")
    return Adopted(policy, text, hashlib.sha256(text.encode()).hexdigest()[:12])
