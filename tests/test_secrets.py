"""Nothing that opens a door is in the repository; the end-to-end test looks through the image alike."""

import re
import subprocess
from pathlib import Path

import pytest

SECRETS = [
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----",
    r"\b(?:AKIA[0-9A-Z]{16}|gh[pousr]_\w{36}|github_pat_\w{22,}|glpat-[\w-]{20}|xox[abp]-[\w-]{10,}|sk-[\w-]{20,})",
    # a literal given to something named like a secret; $NAME, {name} and calls are not literals
    r"(?i)(?:passw(?:or)?d|secret|token|api_?key|fernet(?:_key)?)[\"']?\s*[:=]\s*[\"']?[\w+/-]{8,}={0,2}[\"']?(?=\s|$)",
    r"://[^\s:/@{}$]+:[^\s:/@{}$]+@",
]


def find_secrets(text: str) -> list[str]:
    """Every part of the text that looks like a password, key or token."""
    return [found[0] for pattern in SECRETS for found in re.finditer(pattern, text)]


@pytest.mark.parametrize(
    "planted",
    [
        "PASSWORD=hunter2hunter2",
        "password: 'correct-horse'",
        "postgresql://airflow:airflow@postgres/airflow",  # what is looked for
        "-----BEGIN PRIVATE KEY-----",
        "AIRFLOW__CORE__FERNET_KEY=81HqDtbqAywKSOumSha3BhWNOdQ26slT6K0YaZeZyPs=",
    ],
)
def test_a_planted_secret_is_found(planted: str) -> None:
    assert find_secrets(f"first\n{planted}\nlast")


@pytest.mark.parametrize(
    "harmless", ["POSTGRES_PASSWORD=$$(cat /keys/postgres/password)", "password = keep(name)", "token: str"]
)
def test_a_reference_to_a_secret_is_none(harmless: str) -> None:
    assert find_secrets(harmless) == []


@pytest.mark.skipif(not Path(".git").exists(), reason="only a clone tells which files are the project's")
def test_the_repository_holds_no_secret() -> None:
    listed = subprocess.run(["git", "ls-files"], capture_output=True, text=True, check=True).stdout
    files = [Path(name) for name in listed.splitlines() if not name.startswith(("tests/", "requirements"))]
    found = {str(path): find_secrets(path.read_text(errors="replace")) for path in files if path.is_file()}
    assert {name: what for name, what in found.items() if what} == {}
