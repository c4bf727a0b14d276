"""The history of restated months."""

from tasks.config import Settings
from tasks.place import Place
from tasks.store import restatements


def test_a_restatement_that_is_run_again_adds_no_line(home: Place) -> None:
    settings = Settings(datamart=home)
    entry = {"snapshot_date": "2023-01-01", "what": "rows", "digests": {"loans": ["a", "b"]}}
    restatements.note(settings, entry, versions={"silver.loans": 3})
    restatements.note(settings, {**entry, "snapshot_date": "2023-02-01"}, versions={"silver.loans": 3})
    restatements.note(settings, entry, versions={"silver.loans": 4})
    back = {**entry, "digests": {"loans": ["b", "a"]}}
    restatements.note(settings, back, versions={"silver.loans": 4})
    restatements.note(settings, entry, versions={"silver.loans": 5})
    lines = restatements.read_history(settings)
    assert [line["old_versions"]["silver.loans"] for line in lines] == [3, 3, 4, 5]
