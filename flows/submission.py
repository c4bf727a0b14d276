"""The hand-in: one zip with the code, the data, what the flows made of it, and a link to the repository."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from tasks.config import Settings
from tasks.errors import UsageError

README = "Readme.txt"
EPOCH = (1980, 1, 1, 0, 0, 0)


def write_submission(out: Path, repo_url: str, settings: Settings) -> list[str]:
    """Write the zip, whole or not at all; return the names of its files.

    Same files, same bytes. Unzipped elsewhere, docker-compose build and up work on it.
    Errors: UsageError outside a clone, without a link to the repository or without anything that has run.
    """
    link = f"{repository_link(repo_url)}\n"
    files = dict(sorted({**_code(), **_results(settings)}.items()))
    files.pop(README, None)
    work = out.with_name(f".{out.name}")
    try:
        with ZipFile(work, "w", ZIP_DEFLATED) as archive:
            archive.writestr(ZipInfo(README, EPOCH), link)
            for name, path in files.items():
                _add(archive, name, path)
        work.replace(out)
    finally:
        work.unlink(missing_ok=True)
    return [README, *files]


def repository_link(given: str) -> str:
    """The given link, else that of the clone's remote as a browser opens it, without any login in it.

    Errors: UsageError when there is none.
    """
    url = given or _git("remote", "get-url", "origin")
    url = re.sub(r"^(?:ssh://)?git@([^:/]+)[:/](.+)$", r"https://\1/\2", url.strip())
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        found = f"{url!r} is not one" if url else "the clone has no remote named origin"
        raise UsageError(f"Readme.txt needs the repository's link, and {found}. Pass --repo-url https://...")
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname}{port}{parts.path}".removesuffix(".git")


def _code() -> dict[str, Path]:
    """What git tracks, as it is now: other files may be anything, a .env with a password too."""
    names = _git("ls-files", "-z").split("\0")
    found = {name: Path(name) for name in names if name and Path(name).is_file()}
    if "docker-compose.yaml" not in found:
        raise UsageError("This folder is not the repository's. Change into the clone and run it again.")
    return found


def _results(settings: Settings) -> dict[str, Path]:
    rooms = {"data": settings.data, "datamart": settings.datamart, "model_store": settings.model_store}
    found: dict[str, Path] = {}
    for room, folder in rooms.items():
        inside = {str(path.relative_to(folder)): path for path in _files(folder)}
        found |= {f"{room}/{name}": path for name, path in inside.items()}
    if not any(name.startswith("datamart/gold/") for name in found):
        raise UsageError(f"{settings.datamart} holds no tables to hand in. Make them with: vintage demo")
    return found


def _files(folder: Path) -> Iterator[Path]:
    """The folder's files without lock files, and without landing/, a copy of data/ that can be made again."""
    for path in folder.rglob("*"):
        if path.is_file() and path.relative_to(folder).parts[0] != "landing" and path.suffix != ".lock":
            yield path


def _add(archive: ZipFile, name: str, path: Path) -> None:
    info = ZipInfo(name, EPOCH)
    info.compress_type = ZIP_DEFLATED
    info.external_attr = (path.stat().st_mode & 0o777) << 16
    archive.writestr(info, path.read_bytes())


def _git(*words: str) -> str:
    """What git prints, or nothing when it fails."""
    done = subprocess.run(["git", *words], capture_output=True, text=True, check=False)  # noqa: S603, S607 - our own words
    return done.stdout if done.returncode == 0 else ""
