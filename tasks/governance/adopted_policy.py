"""The policy file: read, checked, and known by its digest."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from tasks.governance.policy import Policy
from tasks.governance.toml_file import read_toml


@dataclass(frozen=True)
class Adopted:
    """A policy that passed its check, and the first twelve hex digits of its file's SHA-256."""

    policy: Policy
    digest: str


def read_policy(path: Path) -> Adopted:
    """The policy of a file.

    Errors: PolicyError that names the line and the mend.
    """
    policy, text = read_toml(path, Policy, what="policy")
    return Adopted(policy, hashlib.sha256(text.encode()).hexdigest()[:12])
