"""`vintage settings`: what shapes the results of a store, on record since its first training."""

from datetime import date
from typing import Annotated

import typer

from flows.cli.options import command_group, day_option, with_settings
from flows.console import console, print_frame, show
from tasks.config import Settings
from tasks.errors import UsageError

app = command_group(
    "Label rule, pace, search and approval: written down by the first training, then read from there."
)


@app.command("show")
@with_settings("datamart", "model_store", "as_json")
def show_settings(
    settings: Settings,
    day: Annotated[
        date | None, day_option("Date on which they hold [default: from the last change on].", "--date")
    ] = None,
) -> None:
    """Show each setting, since when it holds, and who set it why; `-` is not on record yet."""
    from tasks.registry.settings_of_record import settings_table

    table = settings_table(day or date.max, settings)
    show(table, lambda: print_frame(table, left=("setting", "since", "by", "why")))


@app.command()
@with_settings("datamart", "model_store")
def change(
    settings: Settings,
    changes: Annotated[list[str], typer.Argument(help="Such as trials=8.", metavar="NAME=VALUE...")],
    start: Annotated[date, day_option("Date from which they hold.", "--from")],
    by: Annotated[str, typer.Option(help="Name of who decides.")],
    reason: Annotated[str, typer.Option(help="Why, for whoever reads the history.")],
) -> None:
    """Let other settings hold from a date on; earlier dates keep what they were made with."""
    from tasks.registry.settings_of_record import change_settings

    changed = dict(_parse(change) for change in changes)
    held = change_settings(changed, start, settings, by=by, reason=reason)
    for name in changed:
        console.print(f"{name} is {held[name]} from {start} on.")


def _parse(change: str) -> tuple[str, str]:
    name, sign, value = change.partition("=")
    if not sign:
        raise UsageError(f"{change!r} sets nothing; write it as NAME=VALUE, such as trials=8.")
    return name.strip(), value.strip()
