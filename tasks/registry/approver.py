"""Who decides, and why: every decision of a person carries both."""

from tasks.errors import UsageError
from tasks.text import has_hidden

POLICY = "policy:"  # begins the name of a decision that no person took


def require_name_and_reason(by: str, reason: str) -> None:
    """Do nothing if a decision has a person's name and a reason, in words that show as they are.

    Raises: UsageError.
    """
    if not by.strip() or by.strip().casefold().startswith(POLICY):
        raise UsageError(f"--by {by!r} is no person's name; name who decides.")
    if not reason.strip():
        raise UsageError("--reason is empty; say why, for whoever reads the history.")
    for option, text in {"--by": by, "--reason": reason}.items():
        if has_hidden(text):
            raise UsageError(
                f"{option} {text!r} holds a control character or one that does not show; write it without, "
                "in one line."
            )
