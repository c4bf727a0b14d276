"""How much memory a file of another team takes once it is read, told from what lies on disk alone."""

from pathlib import Path
from typing import Any
from urllib.parse import unquote

from deltalake import DeltaTable

from tasks.config import Settings, held_bytes
from tasks.errors import BadInputError

CELL_BYTES = 16  # of a text or number in memory, beside what the text says
TAIL, MARK = 8, b"PAR1"  # a Parquet file ends with its footer, the footer's length in four bytes, and a mark
MAX_FOOTER = 64 << 20
ROW_GROUPS, COLUMNS, TOTAL_BYTES, N_ROWS = 4, 1, 2, 3  # numbers of fields in parquet.thrift


def require_fits(file: str, kind: str, settings: Settings) -> None:
    """Do nothing if a file, a table or what lies at an address, whose size is not known, fits into memory.

    Raises: BadInputError that says how large it is.
    """
    size = 0 if "://" in file else _bytes_once_read(file, kind)
    if size > held_bytes(settings.memory_gb):
        raise BadInputError(
            f"{file} takes {size / 1e6:,.0f} MB once read, and to work on that takes more than "
            f"{settings.memory_gb:g} GB of memory. Ask its owner for less of it, or allow more with "
            "VINTAGE_MEMORY_GB."
        )


def _bytes_once_read(file: str, kind: str) -> int:
    """A CSV is about as large in memory as on disk; the other formats say how much they unpack to."""
    if kind == "csv":
        return Path(file).stat().st_size
    parts = map(unquote, DeltaTable(file).file_uris()) if kind == "delta" else [file]
    return sum(_bytes_of_parquet(Path(part)) for part in parts if Path(part).is_file())


def _bytes_of_parquet(path: Path) -> int:
    """By the footer: the size without compression, and a cell for each row, which may take no room on disk.

    A file that is no Parquet counts as nothing: reading it says what is wrong.
    """
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - TAIL))
        tail = file.read()
        length = int.from_bytes(tail[:4], "little")
        if tail[4:] != MARK or length > min(MAX_FOOTER, path.stat().st_size - TAIL):
            return 0
        file.seek(-TAIL - length, 2)
        footer = file.read(length)
    groups = _read_struct(footer, 0)[0].get(ROW_GROUPS, [])
    return sum(group[TOTAL_BYTES] + group[N_ROWS] * len(group[COLUMNS]) * CELL_BYTES for group in groups)


def _read_struct(data: bytes, at: int) -> tuple[dict[int, Any], int]:
    """The fields of a struct by their numbers, and where it ends (Thrift's compact protocol)."""
    fields, number = dict[int, Any](), 0
    while data[at]:
        step, kind = data[at] >> 4, data[at] & 15
        at += 1
        if step:
            number += step
        else:
            number, at = _read_integer(data, at)
        fields[number], at = (kind == 1, at) if kind in (1, 2) else _read_value(data, at, kind)
    return fields, at + 1


def _read_value(data: bytes, at: int, kind: int) -> tuple[Any, int]:
    if kind in (1, 2, 3):  # true and false in a list, a byte
        return data[at], at + 1
    if kind in (4, 5, 6):
        return _read_integer(data, at)
    if kind == 7:
        return None, at + 8
    if kind == 8:
        size, at = _read_varint(data, at)
        return None, at + size
    if kind in (9, 10):
        return _read_list(data, at)
    if kind == 12:
        return _read_struct(data, at)
    raise ValueError(f"no Parquet footer has a value of kind {kind}")


def _read_list(data: bytes, at: int) -> tuple[list[Any], int]:
    size, kind = data[at] >> 4, data[at] & 15
    at += 1
    if size == 15:
        size, at = _read_varint(data, at)
    values: list[Any] = []
    for _ in range(size):
        value, at = _read_value(data, at, kind)
        values.append(value)
    return values, at


def _read_integer(data: bytes, at: int) -> tuple[int, int]:
    value, at = _read_varint(data, at)
    return (value >> 1) ^ -(value & 1), at


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        value |= (data[at] & 127) << shift
        shift += 7
        at += 1
        if not data[at - 1] & 128:
            return value, at
