"""What the card says beside the figures: use, review, the meaning of features."""

from datetime import date

from tasks.modelling.training_card import describe_use
from tasks.schemas.feature_store import DESCRIPTIONS, FEATURES, describe_feature


def test_a_model_is_reviewed_within_a_year() -> None:
    assert describe_use(date(2024, 6, 1))["review_by"] == "2025-06-01"


def test_every_feature_of_ours_has_a_description() -> None:
    unknown = describe_feature("column_of_another_team")
    assert [name for name in FEATURES if describe_feature(name) == unknown] == []
    assert set(DESCRIPTIONS) <= set(FEATURES)
