"""Whether the code and the libraries here can use a model that others may have made."""

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from tasks.errors import ModelStoreError
from tasks.schemas.feature_store import FEATURES
from tasks.schemas.source_features import other_features

Card = Mapping[str, Any]
LIBRARY = "scikit-learn"
# How older cards call the ways in which a training takes histories in.
VIEWS = {"application": "as of application", "hindsight": "as of training", "unripe": "with early arrears"}


def in_current_terms(card: dict[str, Any]) -> dict[str, Any]:
    """The same card in current terms, where an older one has others."""
    if "reading" in card:
        card["reading"] = VIEWS.get(card["reading"], card["reading"])
        card["readings"] = {VIEWS.get(view, view): of for view, of in card["readings"].items()}
    return card


def require_same_library(card: Card) -> None:
    """Do nothing if the model was made by the scikit-learn that is installed.

    Any other version is refused, a patch release too: scikit-learn vouches for no model of another one, and a
    month that is scored again must get the scores that it had.
    Raises: ModelStoreError.
    """
    made_by, here = card["code"][LIBRARY], version(LIBRARY)
    if made_by != here:
        raise ModelStoreError(
            f"{card['model_id']} was trained with {LIBRARY} {made_by}, and {here} is installed, which may "
            f"score otherwise; it is not loaded. Install {LIBRARY}=={made_by}, train a challenger with "
            f"{here}, or roll back to a model that was."
        )


def require_features_made(card: Card) -> None:
    """Do nothing if the code makes every feature that the model learned from; it may make others too.

    Raises: ModelStoreError.
    """
    learned = card["data"]["features"]
    gone = [name for name in learned if name not in {*FEATURES, *other_features(learned)}]
    if gone:
        named = ", ".join(gone[:5]) + (f" and {len(gone) - 5} more" if len(gone) > 5 else "")
        revision = card["code"]["revision"]
        raise ModelStoreError(
            f"{card['model_id']} learned from {named}, which this code does not make any more, so it cannot "
            f"score. Use the code that trained it (revision {revision}), roll back to one "
            "without, or train and promote another."
        )
