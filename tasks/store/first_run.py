"""The first run on a datamart: when it publishes nothing, it leaves nothing behind."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from tasks.config import Settings
from tasks.place import Place, scratch_of
from tasks.schemas.catalog import TABLES
from tasks.store import tables
from tasks.store.folders import remove_folder


@contextmanager
def undone_when_it_fails(settings: Settings) -> Generator[None]:
    """Where no table is there yet and the block fails before a month came in, remove what it made.

    A datamart in use keeps what is in it: no month of it is half written.
    """
    places = [tables.path_of(name, settings) for name in TABLES]
    if any(place.exists() for place in places):
        yield
        return
    landing = scratch_of(settings.datamart) / "landing"
    made = [place for place in (*places, landing) if not place.exists()]
    folders = [folder for folder in _around(places) if not folder.exists()]
    try:
        yield
    except BaseException:
        if not tables.snapshot_dates("bronze.deliveries", settings):
            for place in made:
                remove_folder(place)
            for folder in folders:
                with suppress(OSError):  # another's file is in it
                    folder.rmdir()
        raise


def _around(places: Sequence[Place]) -> list[Path]:
    """The folders of this machine that hold these, innermost first."""
    around = {folder for place in places if isinstance(place, Path) for folder in place.parents}
    return sorted(around, key=lambda folder: -len(folder.parts))
