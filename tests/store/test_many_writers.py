"""Several processes that write to one table: those of different months all get their turn."""

import subprocess
import sys
from pathlib import Path

import pytest

from tasks.config import Settings
from tasks.place import Place
from tasks.store import tables
from tests.builders import months

ROOT = Path(__file__).parents[2]
N_WRITERS, N_MONTHS = 4, 40
# Each writes every fourth month, as the others do theirs.
WRITES = """
import sys
from tasks.config import checked_settings
from tasks.store import tables
from tests.builders import months
from tests.store.test_tables import labels

settings, first, step = checked_settings({"datamart": sys.argv[1]}), int(sys.argv[2]), int(sys.argv[3])
for day in months(40)[first::step]:
    tables.replace_partitions("gold.label_store", labels("a", "b", day=day), days=[day], settings=settings)
"""


@pytest.mark.integration
def test_forty_months_by_four_processes_are_all_there(home: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "TABLES", {"gold.label_store": tables.TABLES["gold.label_store"]})
    settings = Settings(datamart=home / "datamart")
    tables.create_missing(settings)
    words = [sys.executable, "-c", WRITES, str(settings.datamart)]
    begun = [
        subprocess.Popen([*words, str(n), str(N_WRITERS)], cwd=ROOT, stderr=subprocess.PIPE)
        for n in range(N_WRITERS)
    ]
    assert [process.communicate()[1].decode() for process in begun] == [""] * N_WRITERS
    rows = tables.scan("gold.label_store", settings).collect()
    assert sorted(rows["snapshot_date"]) == sorted(months(N_MONTHS) * 2)
