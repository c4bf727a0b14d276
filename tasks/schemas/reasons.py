"""Reason codes: groups of features, each with a stable code and a plain text for either direction.

`<code>_UP` raises the probability of default against the reference applicant, `<code>_DOWN` lowers it.
"""

from functools import cache

from tasks.lender.current import OfTheLender
from tasks.lender.declaration import Lender
from tasks.schemas.feature_store import OTHER, reason_of


@cache
def _groups_of(declared: Lender) -> dict[str, tuple[str, ...]]:
    of = reason_of(declared)
    return {group: tuple(name for name in of if of[name] == group) for group in (*declared.reason, OTHER)}


@cache
def _texts_of(declared: Lender) -> dict[str, str]:
    own = {
        f"{code}_{way}": text
        for code, reason in declared.reason.items()
        for way, text in (("UP", reason.up), ("DOWN", reason.down))
    }
    others = {
        "OTHER_UP": "What another department holds speaks for a higher risk",
        "OTHER_DOWN": "What another department holds speaks for a lower risk",
    }
    return others | own


REASON_GROUPS = OfTheLender(_groups_of)
REASON_TEXTS = OfTheLender(_texts_of)
REASONS = ("reason_1", "reason_2", "reason_3", "reason_4")
