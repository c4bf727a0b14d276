"""One-shot, first of all: make every password and key once, each in the volume of the services that need it.

Runs as root without network, so that it can give the files to the group that reads them. Nothing that exists
is changed, except the login when ADMIN_PASSWORD names one.
"""

import base64
import json
import os
import secrets
from pathlib import Path

KEYS = Path("/keys")
GROUP = 1000


def put(name: str, text: str, mode: int = 0o440) -> None:
    """Write the text to a file that the group may read, and nobody else."""
    path = KEYS / name
    path.touch(mode=0o600)
    path.write_text(text)
    os.chown(path, 0, GROUP)
    path.chmod(mode)


def keep(name: str, text: str) -> None:
    """Write the text to a file of the keys unless the file is there."""
    if not (KEYS / name).exists():
        put(name, text)


def login() -> None:
    """One name and password for both pages. Airflow opens its file for appending, so that one is writable."""
    keep("login/password", secrets.token_urlsafe(15))
    if os.environ["ADMIN_PASSWORD"]:
        put("login/password", os.environ["ADMIN_PASSWORD"])
    user, password = os.environ["ADMIN_USER"], (KEYS / "login/password").read_text()
    put("login/airflow.json", json.dumps({user: password}), 0o660)
    put("login/prefect", f"{user}:{password}")


def main() -> None:
    """Make what is missing."""
    for folder in KEYS.iterdir():
        os.chown(folder, 0, GROUP)
        folder.chmod(0o750)
    keep("postgres/password", secrets.token_urlsafe(24))
    for name, driver in (("airflow", "psycopg2"), ("prefect", "asyncpg")):
        url = f"postgresql+{driver}://{name}:{secrets.token_urlsafe(24)}@postgres/{name}"
        keep(f"{name}/database", url)
    keep("airflow/fernet", base64.urlsafe_b64encode(os.urandom(32)).decode())
    keep("airflow/jwt", secrets.token_urlsafe(48))
    keep("airflow/session", secrets.token_urlsafe(48))
    if (KEYS / "store").is_dir():  # of docker/scale.yaml
        keep("store/id", secrets.token_hex(10))
        keep("store/secret", secrets.token_urlsafe(30))
    login()


main()
