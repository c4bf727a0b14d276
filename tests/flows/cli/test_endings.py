"""What is said of an error that ends a command."""

import pytest

from flows.cli.endings import describe_failure

FROM_DELTA = "\n  ↳ ".join(
    [
        "Kernel error -> Generic S3 error",
        "Error performing GET http://store/lake in 3s",
        "non-2xx status code",
        "",
    ]
)


@pytest.mark.parametrize(
    ("answer", "code", "words"),
    [
        ("503 Service Unavailable", 75, "The object store does not answer as it should"),
        ("403 Forbidden", 1, "The object store refuses the credentials (403)"),
    ],
)
def test_an_object_store_that_fails_while_a_table_is_read_is_one_sentence(
    answer: str, code: int, words: str
) -> None:
    sentence, ends_with = describe_failure(OSError(f"{FROM_DELTA}{answer}"))
    assert ends_with == code
    assert sentence.startswith(words)
    assert "\n" not in sentence


def test_a_folder_that_may_not_be_written_is_named() -> None:
    sentence, code = describe_failure(PermissionError(13, "Permission denied", "a/report.html"))
    assert (sentence.partition(".")[0], code) == ("a/report", 1)
