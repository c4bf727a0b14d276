"""Files that are larger once they are read than memory allows are refused with their size."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import polars as pl
import pytest
from deltalake import write_deltalake

from tasks.config import Settings, held_bytes
from tasks.errors import BadInputError
from tasks.sources.files import Format, read_file
from tasks.sources.sizes import require_fits

SETTINGS = Settings()
SMALL = SETTINGS.model_copy(update={"memory_gb": 0.6})  # 50 MB of rows


def long_field(path: Path) -> None:
    """One row with a field of 60 MB, in a file of some kilobytes."""
    pl.DataFrame({"id": ["a"], "note": ["x" * 60_000_000]}).write_parquet(path, compression="zstd")


def many_rows(path: Path) -> None:
    """Ten million equal rows, which take next to no room on disk."""
    pl.LazyFrame({"id": [1]}).select(pl.lit(7).repeat_by(10_000_000).explode().alias("n")).sink_parquet(path)


@pytest.fixture(scope="module", params=[long_field, many_rows], ids=lambda write: write.__name__)
def bomb(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    write: Callable[[Path], None] = request.param
    path = tmp_path_factory.mktemp("bomb") / "bomb.parquet"
    write(path)
    return path


@pytest.mark.parametrize("kind", ["parquet", "delta"])
def test_a_bomb_is_refused_unread(tmp_path: Path, bomb: Path, kind: Format) -> None:
    path = tmp_path / "bomb.parquet"
    shutil.copy(bomb, path)
    assert path.stat().st_size < 200_000
    if kind == "delta":
        write_deltalake(tmp_path / "table", pl.read_parquet(path, n_rows=1))
        (part,) = (tmp_path / "table").glob("*.parquet")
        path.replace(part)
        path = tmp_path / "table"
    with pytest.raises(BadInputError, match=r"takes [\d,]+ MB once read, .* more than 0.6 GB of memory"):
        read_file(str(path), kind, SMALL)


def test_a_large_csv_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "large.csv"
    with path.open("wb") as file:
        file.truncate(held_bytes(SETTINGS.memory_gb) + 1)
    with pytest.raises(BadInputError, match=r"takes 483 MB once read"):
        read_file(str(path), "csv", SETTINGS)


@pytest.mark.parametrize("compression", ["zstd", "snappy", "gzip", "uncompressed"])
@pytest.mark.parametrize("n_rows", [0, 1, 50_000])
def test_the_size_of_a_file_is_that_of_its_rows(
    tmp_path: Path, compression: Literal["zstd", "snappy", "gzip", "uncompressed"], n_rows: int
) -> None:
    rows = pl.DataFrame(
        {"id": [f"customer {i}" for i in range(n_rows)], "n": range(n_rows), "b": [True] * n_rows}
    )
    rows.write_parquet(tmp_path / "rows.parquet", compression=compression, row_group_size=7_000)
    fits = SETTINGS.model_copy(update={"memory_gb": 0.3 + 6 * (50_000 * 3 * 16 + 2_000_000) / 2**30})
    require_fits(str(tmp_path / "rows.parquet"), "parquet", fits)
    if n_rows == 50_000:
        with pytest.raises(BadInputError, match=r"takes [34] MB once read"):
            require_fits(
                str(tmp_path / "rows.parquet"), "parquet", SETTINGS.model_copy(update={"memory_gb": 0.3})
            )


@pytest.mark.parametrize("cut", [0, 3, 8, 40])
def test_a_damaged_file_is_told_by_reading_it(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "rows.parquet"
    pl.DataFrame({"id": ["a"] * 100}).write_parquet(path)
    path.write_bytes(
        path.read_bytes()[:cut]
        if cut != 40
        else path.read_bytes()[:-40] + b"\xff" * 32 + path.read_bytes()[-8:]
    )
    with pytest.raises(BadInputError, match="cannot be read as parquet"):
        read_file(str(path), "parquet", SETTINGS)
