"""The submission: one zip of the code, the data, what the flows made of it, and the repository's link."""

import re
import stat
import subprocess
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo
from zlib import crc32

from tasks.config import Settings
from tasks.errors import UsageError
from tasks.place import require_folder

README = "Readme.txt"
# The answers that a simulated lender comes with: no flow reads them, and no reader shall have to ask.
TRUTH = "data/true_default_probability.csv"
EPOCH = "1980-01-01"
# Of a datamart: a copy of data/; what callers of the service asked and were answered; who may call it.
LEFT_OUT = ("landing", "decisions", "serve_tokens.jsonl")
HALF_DAY = 12 * 60 * 60
FOLDER, FILE, PROGRAM = stat.S_IFDIR | 0o755, stat.S_IFREG | 0o644, stat.S_IFREG | 0o755


def write_submission(out: Path, repo_url: str, settings: Settings) -> tuple[list[str], str]:
    """Write the zip, whole or not at all; return the names of its files and the link in its Readme.txt.

    Same files, same bytes. Unzipped elsewhere all may read it, and docker-compose build and up work on it.
    Raises: UsageError outside a clone, without a link to the repository or without anything that has run.
    """
    code, programs = _code()
    day = date.fromisoformat(_git("log", "-1", "--format=%cs").strip() or EPOCH)
    link = repository_link(repo_url)
    files = dict(sorted({**code, **_results(settings)}.items()))
    for left_out in (README, TRUTH):
        files.pop(left_out, None)
    work = out.with_name(f".{out.name}")
    try:
        with ZipFile(work, "w", ZIP_DEFLATED) as archive:
            _add(archive, README, f"{link}\n".encode(), FILE, day)
            for folder in _folders(files):
                _add(archive, f"{folder}/", b"", FOLDER, day)
            for name, path in files.items():
                _add(archive, name, path.read_bytes(), PROGRAM if name in programs else FILE, day)
        work.replace(out)
    finally:
        work.unlink(missing_ok=True)
    return [README, *files], link


def repository_link(given: str) -> str:
    """The given link, else where the clone came from as a browser opens it, else what Readme.txt says.

    No link holds a login. Raises: UsageError when there is none.
    """
    written = Path(README).read_text(encoding="utf-8") if Path(README).exists() else ""
    for url in [given] if given else [_git("remote", "get-url", "origin"), written]:
        link = _as_link(url.strip())
        if link:
            return link
    wrong = f"{given!r} is not one" if given else f"neither the git remote origin nor {README} is one"
    raise UsageError(f"The submission needs the repository's link, and {wrong}. Pass --repo-url https://...")


def _as_link(url: str) -> str:
    """The address as a browser opens it, without a login; nothing for what is no address, such as a path."""
    url = re.sub(r"^(?:ssh://)?git@([^:/]+)[:/](.+)$", r"https://\1/\2", url)
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return ""
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname}{port}{parts.path}".removesuffix(".git")


def _code() -> tuple[dict[str, Path], set[str]]:
    """What git tracks, as it is now, and the programs in it; other files may be anything, a .env too."""
    entries = [entry.split("\t", 1) for entry in _git("ls-files", "--stage", "-z").split("\0") if entry]
    found = {name: Path(name) for how, name in entries if how.startswith("100") and _is_whole(Path(name))}
    if "docker-compose.yaml" not in found:
        raise UsageError(
            f"{Path.cwd()} is not the top folder of a git clone of Vintage, which a submission is made from "
            "(an unzipped submission is none). Change into the clone and run the command again."
        )
    return found, {name for how, name in entries if how.startswith("100755")}


def _is_whole(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def _results(settings: Settings) -> dict[str, Path]:
    places = {"data": settings.data, "datamart": settings.datamart, "model_store": settings.model_store}
    rooms = {name: require_folder(place, "vintage submission") for name, place in places.items()}
    found: dict[str, Path] = {}
    for room, folder in rooms.items():
        inside = {str(path.relative_to(folder)): path for path in _files(folder)}
        found |= {f"{room}/{name}": path for name, path in inside.items()}
    if not any(name.startswith("datamart/gold/") for name in found):
        raise UsageError(f"{settings.datamart} holds no tables to submit. Make them with: vintage demo")
    return found


def _files(folder: Path) -> Iterator[Path]:
    """The folder's files, but no hidden ones (a .env, a lock), no links, and nothing that is LEFT_OUT."""
    for path in folder.rglob("*"):
        inside = path.relative_to(folder)
        left_out = inside.parts[0] in LEFT_OUT or any(part.startswith(".") for part in inside.parts)
        linked = path.is_symlink() or any((folder / above).is_symlink() for above in inside.parents[:-1])
        if path.is_file() and not left_out and not linked:
            yield path


def _folders(names: Iterable[str]) -> list[str]:
    """Every folder that the files are in, outer ones first."""
    return sorted({str(folder) for name in names for folder in PurePosixPath(name).parents[:-1]})


def _add(archive: ZipFile, name: str, content: bytes, mode: int, day: date) -> None:
    """Add a file or folder with a mode and a time of its own, not those that umask or disk gave it.

    The time of the day follows the content: Docker takes a file of the same size and time for the same file,
    and would build an image with the one that it had before.
    """
    seconds = crc32(content) % HALF_DAY * 2  # a zip holds even seconds
    time = (seconds // 3600, seconds // 60 % 60, seconds % 60)
    info = ZipInfo(name, (day.year, day.month, day.day, *time))
    info.compress_type = ZIP_DEFLATED
    info.external_attr = mode << 16
    archive.writestr(info, content)


def _git(*words: str) -> str:
    """What git prints, or nothing when it fails or is not there."""
    try:
        done = subprocess.run(["git", *words], capture_output=True, text=True, check=False)  # noqa: S603, S607 - our own words
    except FileNotFoundError:
        return ""
    return done.stdout if done.returncode == 0 else ""
