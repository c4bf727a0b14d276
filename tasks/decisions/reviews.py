"""What people decided of applications on a month's review list, by name, in sealed lines."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from typing import Any, Literal

from tasks.config import Settings
from tasks.decisions.log import decisions_folder
from tasks.place import Place
from tasks.store.sealed_files import append_sealed, read_sealed

A_LINE = "a person's decision"


@dataclass(frozen=True)
class Review:
    """Who decided what of an application of a month; `caller` is the token's, where one was needed."""

    month: date
    customer_id: str
    loan_id: str | None
    decision: Literal["approve", "decline"]
    by: str
    why: str
    caller: str = ""


def reviews_path(settings: Settings) -> Place:
    """The history of these decisions, beside those of the service."""
    return decisions_folder(settings) / "reviews.jsonl"


def record_review(review: Review, settings: Settings) -> None:
    """Put a decision on record. Raises: ModelStoreError for an edited history."""
    decisions_folder(settings).mkdir(mode=0o700, parents=True, exist_ok=True)
    at = datetime.now(UTC).isoformat(timespec="seconds")
    line = {"at": at, **asdict(review), "month": str(review.month)}
    append_sealed(reviews_path(settings), line, settings, what=A_LINE)


def read_reviews(month: date, settings: Settings) -> dict[tuple[str, str | None], Mapping[str, Any]]:
    """The newest decision on each application of a month, by customer and loan.

    Raises: ModelStoreError for an edited history.
    """
    lines = read_sealed(reviews_path(settings), settings, what=A_LINE)
    return {(one["customer_id"], one["loan_id"]): one for one in lines if one["month"] == str(month)}
