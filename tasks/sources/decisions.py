"""What people decide on a source: admit a refused column, use it from a day on, drop it."""

from datetime import date, timedelta
from typing import Any

from tasks.config import Settings
from tasks.errors import UsageError
from tasks.governance.declarations import read_declarations, read_declared
from tasks.governance.source_log import Kinds, ever_used, note_decision, read_decisions, retired_on, used_on
from tasks.registry.approver import require_name_and_reason
from tasks.registry.history import load_registry, trained_after
from tasks.schemas.source_features import USELESS
from tasks.sources.tasks import take_in_past


def override(name: str, column: str, settings: Settings, *, by: str, reason: str) -> None:
    """Admit a column that the audit refused; who and why stand in the history.

    It holds while the audit refuses the column for the same reason.
    Raises: UsageError before the audit, without a name or a reason, for a column that it did not refuse, or
    that no model could use.
    """
    require_name_and_reason(by, reason)
    last = _last_check(name, settings)
    refused = last["refused"]
    if column not in refused:
        known = ", ".join(refused) or "none"
        raise UsageError(f"{name} has no refused column {column!r}; the last audit refused: {known}.")
    check = refused[column]
    useless = check if check in USELESS else ""
    if last["kinds"][column] == "other":
        useless = "it holds dates, or more different texts than a model can tell apart"
    if useless:
        raise UsageError(f"No model can use {column!r} of {name}: {useless}. Ask its owner for a better one.")
    note_decision("override", name, {"column": column, "check": check, "by": by, "reason": reason}, settings)


def use(name: str, start: date, settings: Settings, *, by: str, reason: str) -> tuple[Kinds, list[date]]:
    """Let trainings from a day on use the admitted columns of a source; return them with their kinds.

    What the source says of the months that are there is taken in first, and these are returned too: the
    decision is recorded once that has worked.
    Raises: UsageError before an audit of it as it is declared, without a name or a reason, when no column is
    left or one is of another kind than models learned it as, or for a day that is over; BadInputError for
    files that cannot be used.
    """
    require_name_and_reason(by, reason)
    if name in retired_on(None, settings):
        raise UsageError(f"{name} is retired. Let it be used again with: vintage sources restore {name}")
    check = _last_check(name, settings)
    columns = admitted_columns(name, settings)
    if not columns:
        raise UsageError(
            f"The audit of {name} left no column that a model can use; there is nothing to take."
        )
    before = ever_used(settings).get(name, {})
    for column, kind in before.items():
        if columns.get(column, kind) != kind:
            raise UsageError(
                f"{column} of {name} was used as a {kind} and is a {columns[column]} now. Declare the source "
                "once more under another name, and use that."
            )
    require_open_day(name, start, settings)
    months = take_in_past(name, {**before, **columns}, settings)
    fields = {"from": str(start), "by": by, "reason": reason, "columns": columns}
    fields["probation"] = check.get("probation", "")
    note_decision("use", name, {**fields, "declared": check["declared"]}, settings)
    return columns, months


def require_acknowledged(name: str, settings: Settings, *, acknowledged: bool) -> None:
    """Do nothing if a source is not on probation, or if whoever uses it has acknowledged that it is.

    Raises: UsageError, also before an audit of it as it is declared.
    """
    probation = _last_check(name, settings).get("probation", "")
    if probation and not acknowledged:
        raise UsageError(
            f"{name} is on probation: {probation.replace('NAME', name)} To use it all the same, acknowledge "
            "that nothing proves its old rows yet, with: --on-probation"
        )


def admitted_columns(name: str, settings: Settings) -> Kinds:
    """The columns of an audited source that a model can use: admitted by the audit, or by a person since.

    Raises: UsageError before the audit.
    """
    check = _last_check(name, settings)
    overrides = [line for line in read_decisions(settings, source=name) if line["what"] == "override"]
    held = {line["column"] for line in overrides if check["refused"].get(line["column"]) == line["check"]}
    admitted = {*check["admitted"], *held}
    return {column: kind for column, kind in check["kinds"].items() if column in admitted and kind != "other"}


def audited_sources(settings: Settings) -> list[str]:
    """Names of the declared sources of which an audit left columns, in order."""
    declared = {source.name: source.model_dump(mode="json") for source in read_declarations(settings)}
    checks = [line for line in read_decisions(settings) if line["what"] == "check"]
    names = {line["source"] for line in checks if line["declared"] == declared.get(line["source"])}
    return [name for name in sorted(names) if admitted_columns(name, settings)]


def drop(name: str, start: date, settings: Settings, *, by: str, reason: str) -> None:
    """Let no training from a day on use a source; models that learned from it keep it.

    Raises: UsageError for a source that is not in use, without a name or a reason, or for a day that is over.
    """
    require_name_and_reason(by, reason)
    if name not in used_on(None, settings):
        raise UsageError(f"{name} is not in use; vintage sources list shows what is.")
    require_open_day(name, start, settings)
    note_decision("drop", name, {"from": str(start), "by": by, "reason": reason}, settings)


def require_open_day(name: str, start: date, settings: Settings) -> None:
    """Do nothing if no training is of `start` or later, and no decision on the source of later."""
    trained = trained_after(load_registry(settings), start - timedelta(days=1))
    if trained:
        raise UsageError(
            f"{trained[-1]} was trained on {start} or later, by what was decided then. "
            "Choose a day after the newest training; vintage models list shows it."
        )
    decided = max((line.get("from", "") for line in read_decisions(settings, source=name)), default="")
    if str(start) < decided:
        raise UsageError(
            f"A decision on {name} takes effect on {decided}; one of {start} would change what follows it. "
            f"Choose a day from {decided} on."
        )


def _last_check(name: str, settings: Settings) -> dict[str, Any]:
    """The audit that knew most of the source as it is declared: of the newest day, with more deliveries."""
    declared = read_declared(name, settings).model_dump(mode="json")
    checks = [line for line in read_decisions(settings, source=name) if line["what"] == "check"]
    if not checks:
        raise UsageError(f"{name} was not audited yet. Audit it: vintage sources check {name}")
    checks = [line for line in checks if line["declared"] == declared]
    if not checks:
        raise UsageError(f"{name} was declared anew since its audit. Audit it: vintage sources check {name}")
    return sorted(checks, key=lambda line: (line["as_of"], bool(line["earlier"])))[-1]
