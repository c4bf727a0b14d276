"""Who decides, and why: every decision of a person carries both."""

from tasks.errors import UsageError

POLICY = "policy:"  # begins the name of a decision that no person took


def refuse_nameless(by: str, reason: str) -> None:
    """Do nothing if a decision has a person's name and a reason.

    Errors: UsageError.
    """
    if not by.strip() or by.strip().casefold().startswith(POLICY):
        raise UsageError(f"--by {by!r} is no person's name; name who decides.")
    if not reason.strip():
        raise UsageError("--reason is empty; say why, for whoever reads the history.")
