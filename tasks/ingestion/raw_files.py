"""Raw files as bytes: is the file there, whole, readable, and are its columns the agreed ones?

All of it is asked once per file version, before anything of the file is used.
"""

import codecs
import csv
import glob
import re
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

import numpy as np

from tasks.config import Settings
from tasks.errors import BadInputError
from tasks.governance.declarations import read_declared
from tasks.governance.source_log import retired_on
from tasks.ingestion.plain_copy import copy_plainly, is_plain, is_sent, sender_of
from tasks.ingestion.raw_folder import local_data, sent_as
from tasks.place import scratch_of
from tasks.schemas.source import Source

CHUNK = 1 << 20
QUOTE, NEWLINE = b'"\n'
# What a file of another format begins with, what it then is, and how it becomes text.
UTF_16 = (
    "UTF-16",
    "Convert it: iconv -f UTF-16 -t UTF-8, or declare it in lender.toml: encoding = 'utf-16'.",
)
OTHER_FORMATS = {
    codecs.BOM_UTF16_LE: UTF_16,
    codecs.BOM_UTF16_BE: UTF_16,
    b"\x1f\x8b": ("compressed by gzip", "Unpack it: gunzip."),
    b"PK\x03\x04": ("a zip archive or a spreadsheet", "Unpack it, or save it as CSV (UTF-8)."),
    b"PAR1": ("Parquet", "Ask the sender for CSV."),
}
WHOLE_DATE = re.compile(rb"\d{4}-\d{2}-\d{2}\"?\s*$")


def raw_file(source: Source, settings: Settings) -> Path:
    """Path of the source's CSV file.

    Raises: BadInputError when none of its names is in the data folder, or more than one.
    """
    path = find_file(source, settings)
    if path is None:
        names = read_declared(source.name, settings).where
        packed = [path for name in names for path in sorted(settings.data.glob(f"{glob.escape(name)}.*"))]
        if packed:
            raise BadInputError(
                f"The file of {source.name} is missing in {settings.data}, where {packed[0].name} is: unpack "
                "that, for instance with gunzip, and keep the name without its ending."
            )
        raise BadInputError(
            f"The file of {source.name} is missing: looked for {' or '.join(names)} in {settings.data}. "
            "Put it there, or name another folder with --data."
        )
    return path


def sent_file(source: Source, settings: Settings) -> str:
    """The sender's file, or files, of a source, for messages; raises as `raw_file`."""
    return sender_of(raw_file(source, settings))


def file_if_due(source: Source, settings: Settings) -> Path | None:
    """The same; None where it is missing and the source is retired."""
    path = find_file(source, settings)
    if path is None and source.name not in retired_on(None, settings):
        return raw_file(source, settings)  # which says where it was looked for
    return path


def find_file(source: Source, settings: Settings) -> Path | None:
    """Path of the source's CSV file; None where none of its names is in the data folder.

    What is declared to be written otherwise, or in several files by a pattern, is copied to a plain one.
    Raises: BadInputError where more than one is there, or cannot be read as it is declared.
    """
    names = read_declared(source.name, settings).where
    found = [path for name in names for path in _named(name, local_data(settings.data, name))]
    there = [path for path in found if is_sent(path, source.declared)]
    if there and not is_plain(source.declared, there) and (len(there) == 1 or "*" in "".join(names)):
        return copy_plainly(
            source.declared, there, scratch_of(settings.datamart) / "landing" / f"{source.name}.plain"
        )
    if len(there) > 1:
        raise BadInputError(
            f"{' and '.join(map(sent_as, there))} are both there, and only one can be the file of "
            f"{source.name}. Keep the one that is meant."
        )
    return there[0] if there else None


def _named(name: str, folder: Path) -> list[Path]:
    """The files that a name or a pattern means, whether they are there or not."""
    return (sorted(folder.glob(name)) if any(sign in name for sign in "*?[") else []) or [folder / name]


def check_file(path: Path, source: Source) -> None:
    """Do nothing if a file is whole, UTF-8 and has the source's columns, each once.

    Raises: BadInputError that names the file, the line or column, and the fix.
    """
    if path.stat().st_size == 0:
        raise BadInputError(f"{sender_of(path)} is empty (0 bytes). Ask the sender for the file again.")
    _check_text(path)
    _check_last_line(path, read_header(path, source), source)


def find_line(path: Path, text: str) -> int:
    """The first line of a file that holds a text, counted from 1; 0 where none does."""
    wanted = text.encode()
    with path.open("rb") as file:
        before, kept = 0, b""
        for chunk in iter(lambda: file.read(CHUNK), b""):
            place = (kept + chunk).find(wanted)
            if place >= 0:
                return _line_at(path, before - len(kept) + place)
            before, kept = before + len(chunk), (kept + chunk)[-len(wanted) :]
    return 0


def holds_quotes(path: Path) -> bool:
    """Whether any field of the file may be quoted."""
    with path.open("rb") as file:
        return any(b'"' in chunk for chunk in iter(lambda: file.read(CHUNK), b""))


def _check_text(path: Path) -> None:
    """Every byte is UTF-8 and none is NUL; no row, also one that quotes stretch over lines, exceeds CHUNK."""
    _require_text(path)
    decode = codecs.getincrementaldecoder("utf-8")()
    n_read, begins, quoted = 0, 0, False  # of the row that goes on, and whether a quote is open in it
    with path.open("rb") as file:
        for chunk in iter(lambda: file.read(CHUNK), b""):
            _decode(chunk, decode, path, n_read)
            first, last, quoted = _ends_of_rows(chunk, quoted=quoted)
            if n_read + (len(chunk) if first is None else first) - begins > CHUNK:
                raise _too_long(path, begins)
            if last is not None:
                begins = n_read + last + 1
            n_read += len(chunk)
    if decode.getstate()[0]:
        raise _not_utf8(path, n_read)


def _require_text(path: Path) -> None:
    """Do nothing if a file does not begin as one of another format does."""
    with path.open("rb") as file:
        begins = file.read(4)
    for mark, (kind, fix) in OTHER_FORMATS.items():
        if begins.startswith(mark):
            raise BadInputError(f"{sender_of(path)} is not UTF-8 text (line 1) but {kind}. {fix}")
    if begins == b"sep=":
        raise BadInputError(
            f"{sender_of(path)} begins with a line for spreadsheets, sep=, that is no row. Delete line 1, so "
            "that the names of the columns come first."
        )


def _decode(chunk: bytes, decoder: codecs.IncrementalDecoder, path: Path, n_read: int) -> None:
    """Do nothing if the bytes after `n_read` others are text."""
    held_back = decoder.getstate()[0]
    try:
        if held_back or not chunk.isascii():  # ASCII needs no decoding
            decoder.decode(chunk)
    except UnicodeDecodeError as error:
        raise _not_utf8(path, n_read - len(held_back) + error.start) from None
    if b"\0" in chunk:
        line = _line_at(path, n_read + chunk.index(b"\0"))
        raise BadInputError(
            f"{sender_of(path)} holds a NUL byte (line {line}), which is in no text: it was damaged on the "
            "way, or is no CSV file. Ask the sender for it again."
        )


def _ends_of_rows(chunk: bytes, *, quoted: bool) -> tuple[int | None, int | None, bool]:
    """Where the first and the last row end that end in a chunk, and whether a quote is open behind it."""
    if not quoted and b'"' not in chunk:
        first = chunk.find(b"\n")
        return (None, None, False) if first < 0 else (first, chunk.rfind(b"\n"), False)
    signs = np.frombuffer(chunk, dtype=np.uint8)
    quotes, lines = np.flatnonzero(signs == QUOTE), np.flatnonzero(signs == NEWLINE)
    ends = lines[(np.searchsorted(quotes, lines) + quoted) % 2 == 0]
    first, last = (int(ends[0]), int(ends[-1])) if len(ends) else (None, None)
    return first, last, bool((len(quotes) + quoted) % 2)


def _too_long(path: Path, position: int) -> BadInputError:
    line, size = _line_at(path, position), path.stat().st_size / 1e6
    return BadInputError(
        f"{sender_of(path)} ({size:,.0f} MB) has a row that begins in line {line} and is longer than 1 MiB: "
        "a quote that is never closed, or a field of that length. Ask the sender for the file again."
    )


def _not_utf8(path: Path, position: int) -> BadInputError:
    """The error of a byte that is not text, at a position in the file."""
    return BadInputError(
        f"{sender_of(path)} is not UTF-8 text (line {_line_at(path, position)}). Ask the sender to export it "
        "as UTF-8, or convert it: iconv -f LATIN1 -t UTF-8, or declare it in lender.toml: encoding = "
        "'latin-1'."
    )


def _line_at(path: Path, position: int) -> int:
    with path.open("rb") as file:
        before = iter(lambda: file.read(min(CHUNK, position - file.tell())), b"")
        return 1 + sum(chunk.count(b"\n") for chunk in before)


def read_header(path: Path, source: Source) -> list[str]:
    """The names in a file's first line; those of the source as it names them, whatever their case and blanks.

    Raises: BadInputError when a column of the source is missing or there twice, or no comma separates them.
    """
    with path.open(encoding="utf-8-sig", newline="") as file:
        try:
            header = _agreed(next(csv.reader([file.readline(CHUNK)]), []), source)
        except csv.Error:
            header = []
    for name in source.columns:
        if header.count(name) > 1:
            raise BadInputError(
                f"{sender_of(path)} has the column {name!r} twice. Ask the sender which one is meant."
            )
    missing = [name for name in source.columns if name not in header]
    separated = [sign for sign in (";", "\t", "|") if len(header) == 1 and sign in header[0]]
    if separated:
        raise BadInputError(
            f"{sender_of(path)} separates its columns by {separated[0]!r}. Ask the sender to separate them "
            f"by commas, or declare it of {source.name} in lender.toml: separator = {separated[0]!r}."
        )
    if missing:
        raise BadInputError(
            f"{sender_of(path)} lacks the column{'s' if len(missing) > 1 else ''} {', '.join(missing)}; "
            f"{_likely(missing, header, source)}Ask the sender for the agreed columns: "
            f"{','.join(source.columns)}."
        )
    return header


def _agreed(names: Sequence[str], source: Source) -> list[str]:
    """The names, with each that is a column's but for case and blanks as the source names it."""
    ours = {name.casefold(): name for name in source.columns if name not in names}
    return [ours.get(name.strip().casefold(), name) for name in names]


def _likely(missing: list[str], header: list[str], source: Source) -> str:
    """Which unknown column is probably a missing one by another name; the header itself may hold anything."""
    extra = {name.strip().lower(): name for name in header if name not in source.columns}
    guesses = {name: get_close_matches(name.lower(), extra, n=1, cutoff=0.6) for name in missing}
    renamed = [f"{extra[found[0]]!r} is probably {name}" for name, found in guesses.items() if found]
    return f"{'; '.join(renamed)}. " if renamed else ""


def _check_last_line(path: Path, header: list[str], source: Source) -> None:
    """A file that ends without a line end is whole only if its last field can be seen to be whole."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - CHUNK))
        tail = file.read()
    if tail.endswith((b"\n", b"\r")):
        return
    last = tail.splitlines()[-1]
    fields = next(csv.reader([last.decode("utf-8", errors="replace")]))
    dated = source.bronze_names.get(header[-1]) in source.date_columns()
    if _agreed(fields, source) == header or (
        dated and len(fields) >= len(header) and WHOLE_DATE.search(last)
    ):
        return
    raise BadInputError(
        f"{sender_of(path)} has no line end after its last line, as if it was cut off on the way. Ask the "
        "sender for the whole file again, or add the line end if the line is whole."
    )
