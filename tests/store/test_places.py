"""What a place in an object store is, how it is named, and what is said when it cannot be used."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tasks.config import Settings, checked_settings
from tasks.errors import PassingError, StorageError, UsageError
from tasks.place import ObjectPlace, Place, as_place, require_folder, scratch_of, stamp_of
from tasks.store_faults import explain

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("uri", ["s3://lake/datamart", "gs://lake/a/b.c", "az://container/models_1"])
def test_a_uri_is_a_place_and_keeps_its_slashes(uri: str) -> None:
    assert as_place(f"{uri}/") == ObjectPlace(uri)
    settings = Settings.model_validate({"datamart": uri, "model_store": f"{uri}/models"})
    assert [str(settings.datamart), str(settings.model_store)] == [uri, f"{uri}/models"]
    assert Settings.model_validate_json(settings.model_dump_json()) == settings


def test_a_path_is_a_folder() -> None:
    assert Settings.model_validate({"datamart": "a/b"}).datamart == Path("a/b")


@pytest.mark.parametrize("uri", ["ftp://lake/datamart", "hdfs://lake", "file:///datamart"])
def test_a_place_of_another_kind_is_refused_by_what_can_be_used(uri: str) -> None:
    with pytest.raises(UsageError, match=r"is no place for tables .* one of s3://, gs://, az://"):
        checked_settings({"datamart": uri})


@pytest.mark.parametrize(
    "rest",
    [
        "key:secret@lake/datamart",
        "lake/datamart?sig=secret",
        "lake/#secret",
        "",
        "lake/a secret",
        "lake/../secret",
    ],
)
def test_a_place_that_says_more_than_bucket_and_folders_is_refused_and_not_repeated(rest: str) -> None:
    with pytest.raises(UsageError, match="Credentials belong into the variables of the provider") as raised:
        checked_settings({"model_store": f"s3://{rest}"})
    assert "secret" not in str(raised.value)


def test_a_store_whose_account_nobody_named_cannot_be_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AZURE_STORAGE_ACCOUNT_NAME", raising=False)
    with pytest.raises(
        StorageError, match=r"az://lake cannot be opened: .*Account must be specified\. Set the"
    ):
        ObjectPlace("az://lake").exists()


def test_parts_of_a_place_are_named_as_those_of_a_path() -> None:
    place = ObjectPlace("s3://lake/datamart") / "report" / "2024-03.html"
    assert (place.name, place.stem, str(place.parent)) == (
        "2024-03.html",
        "2024-03",
        "s3://lake/datamart/report",
    )
    assert str(place.with_suffix(".svg")) == "s3://lake/datamart/report/2024-03.svg"


def test_scratch_stays_on_this_machine_and_each_place_has_its_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert scratch_of(tmp_path / "datamart") == tmp_path / "datamart"
    one, other = (scratch_of(ObjectPlace(f"s3://lake/{name}")) for name in ("one", "other"))
    assert one.parent == other.parent == tmp_path / "vintage"
    assert one != other


def test_what_needs_a_folder_says_so() -> None:
    with pytest.raises(UsageError, match=r"vintage serve works on a folder .* s3://lake is none"):
        require_folder(ObjectPlace("s3://lake"), "vintage serve")


def test_files_are_found_by_their_pattern(bucket: ObjectPlace) -> None:
    home = bucket / "patterns"
    for name in ("b/card.json", "a/card.json", ".tmp/card.json", "a/deep/card.json", "a/other.json"):
        (home / name).write_bytes(b"")
    assert [file.parent.name for file in home.glob("[!.]*/card.json")] == ["a", "b"]
    assert [file.name for file in (home / "a").iterdir()] == ["card.json", "deep", "other.json"]


def test_a_replaced_file_has_another_stamp(home: Place) -> None:
    file = home / "file"
    assert stamp_of(file) is None
    file.write_bytes(b"one")
    before = stamp_of(file)
    file.write_bytes(b"another")
    assert None not in (before, stamp_of(file))
    assert stamp_of(file) != before


def test_a_file_is_written_on_the_version_that_was_read_or_not_at_all(bucket: ObjectPlace) -> None:
    file = bucket / "versions"
    assert file.write_on(None, b"first")
    assert not file.write_on(None, b"second")
    _, version = file.read_version()
    assert file.write_on(version, b"second")
    assert not file.write_on(version, b"third")
    assert file.read_bytes() == b"second"


def test_a_bucket_that_does_not_exist_is_named(bucket: ObjectPlace) -> None:
    with pytest.raises(StorageError, match="s3://no-such-lake/file is in a bucket that does not exist"):
        (ObjectPlace("s3://no-such-lake") / "file").write_bytes(b"")


ANSWERED = "Generic S3 error: Error performing PUT http://store/lake in 2s, after 5 retries"
MORE = '<?xml version="1.0"?>\n<Error><AWSAccessKeyId>the-key</AWSAccessKeyId></Error>'


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        ("status code: 503 Service Unavailable: ", PassingError, "does not answer as it should"),
        ("status code: 429 Too Many Requests: ", PassingError, "does not answer as it should"),
        ("HTTP error: error sending request", PassingError, "does not answer as it should"),
        ("status code: 403 Forbidden: ", StorageError, "refuses the credentials"),
        ("status code: 401 Unauthorized: ", StorageError, "refuses the credentials"),
        ("status code: 403: <Code>RequestTimeTooSkewed</Code>", StorageError, "whose clock is off"),
        ("status code: 404: <Code>NoSuchBucket</Code>", StorageError, "in a bucket that does not exist"),
    ],
)
def test_a_fault_of_the_store_is_one_sentence_without_what_it_answered(
    answer: str, kind: type[StorageError], words: str
) -> None:
    found: Any = explain(f"{ANSWERED} - Server returned non-2xx {answer}{MORE}", "s3://lake")
    assert type(found) is kind
    assert words in str(found)
    assert "the-key" not in str(found)
    assert "\n" not in str(found)


def test_a_tree_of_causes_is_told_in_one_line() -> None:
    causes = ["Generic S3 error", "Error performing GET http://store/lake in 181s", "error sending request"]
    drawn = "\n  \x1b[31m↳\x1b[0m ".join(causes)
    told = str(explain(f"{drawn}\n\nDebug source:\nGeneric", "features"))
    assert f"{' '.join(causes)}." in told
    assert "Debug" not in told


def test_the_error_of_something_else_is_not_explained() -> None:
    assert explain("Schema error: Cannot cast", "s3://lake") is None


def test_nothing_of_object_stores_is_imported_for_folders(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom tasks.config import checked_settings\nfrom tasks.store import tables\n"
        "tables.create_missing(checked_settings({'datamart': sys.argv[1]}))\n"
        "assert 'obstore' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")


def test_an_object_store_without_its_extra_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "obstore", None)
    with pytest.raises(UsageError, match=r"pip install '\.\[scale\]'"):
        checked_settings({"datamart": "s3://lake"})
