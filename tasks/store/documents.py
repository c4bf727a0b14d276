"""The charts of a datamart, one SVG each, and its pages and tables for people."""

import polars as pl

from tasks.config import Settings
from tasks.place import Place
from tasks.store.atomic_files import write_whole
from tasks.text import for_spreadsheet


def write_chart(name: str, svg: bytes, settings: Settings) -> Place:
    """Replace <datamart>/charts/<name>.svg, whole or not at all; return its path."""
    path = settings.datamart / "charts" / f"{name}.svg"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, svg)
    return path


def write_page(path: Place, content: str | bytes) -> Place:
    """Replace a page, or a table that people read, whole or not at all; return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, content)
    return path


def write_spreadsheet(path: Place, table: pl.DataFrame) -> Place:
    """Replace a CSV that people open, whole or not at all; return its path. No text in it is a formula."""
    shown = pl.col(pl.String).map_elements(for_spreadsheet, pl.String)
    return write_page(path, table.with_columns(shown).write_csv())
