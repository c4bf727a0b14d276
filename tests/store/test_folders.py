"""Folders of several files are there whole or not at all, wherever they lie."""

from collections.abc import Callable

import pytest

from tasks.place import ObjectPlace, Place
from tasks.store.folders import is_published, publish_folder, remove_folder

LAST = "card.json"


def publish(target: Place, content: str = "first") -> None:
    with publish_folder(target, last=LAST) as work:
        for name in (LAST, "model.joblib", "zone.json"):
            (work / name).write_text(content)


def test_a_folder_is_there_once_it_is_whole(home: Place) -> None:
    target = home / "models" / "a"
    assert not is_published(target, last=LAST)
    publish(target)
    assert is_published(target, last=LAST)
    assert [file.name for file in sorted(target.iterdir())] == [LAST, "model.joblib", "zone.json"]
    assert (target / "model.joblib").read_bytes() == b"first"


def test_a_folder_that_could_not_be_filled_is_not_there(home: Place) -> None:
    def fill() -> None:
        with publish_folder(home / "a", last=LAST) as work:
            (work / LAST).write_text("{}")
            raise OSError("full")

    with pytest.raises(OSError, match="full"):
        fill()
    assert not (home / "a").exists()


def test_a_transfer_that_breaks_off_leaves_no_published_folder(
    bucket: ObjectPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the order in which the files were made, the last to be sent is the one that counts."""
    write_bytes: Callable[[ObjectPlace, bytes], None] = ObjectPlace.write_bytes

    def break_off(file: ObjectPlace, content: bytes) -> None:
        if file.name == "zone.json":
            raise ConnectionError("lost")
        write_bytes(file, content)

    target = bucket / "models" / "torn"
    with monkeypatch.context() as patch:
        patch.setattr(ObjectPlace, "write_bytes", break_off)
        with pytest.raises(ConnectionError, match="lost"):
            publish(target)
    assert target.is_dir()
    assert not is_published(target, last=LAST)
    publish(target, "second")
    assert is_published(target, last=LAST)
    assert (target / "model.joblib").read_bytes() == b"second"


def test_a_removed_folder_is_gone_and_its_neighbour_is_not(home: Place) -> None:
    for name in ("a", "ab"):
        publish(home / name)
    remove_folder(home / "a")
    assert not (home / "a").exists()
    assert is_published(home / "ab", last=LAST)
