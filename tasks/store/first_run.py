"""The first run on a datamart: when it publishes nothing, it leaves nothing behind."""

import shutil
from collections.abc import Generator
from contextlib import contextmanager, suppress

from tasks.config import Settings
from tasks.schemas.catalog import TABLES
from tasks.store import tables


@contextmanager
def undone_when_it_fails(settings: Settings) -> Generator[None]:
    """Where no table is there yet and the block fails before a month came in, remove what it made.

    A datamart in use keeps what is in it: no month of it is half written.
    """
    places = [tables.path_of(name, settings) for name in TABLES]
    if any(place.exists() for place in places):
        yield
        return
    landing = settings.datamart / "landing"
    made = [place for place in (*places, landing) if not place.exists()]
    around = (*{place.parent for place in places}, settings.datamart, *settings.datamart.parents)
    folders = [folder for folder in around if not folder.exists()]
    try:
        yield
    except BaseException:
        if not tables.snapshot_dates("bronze.deliveries", settings):
            for place in made:
                shutil.rmtree(place, ignore_errors=True)
            for folder in folders:
                with suppress(OSError):  # another's file is in it
                    folder.rmdir()
        raise
