"""`vintage actions`: what the figures of a month call for, and what people decide on it."""

from datetime import date
from typing import Annotated, Literal

import typer

from flows.cli.options import command_group, day_option, with_settings
from flows.console import console, print_actions, show
from tasks.config import Settings

app = command_group(
    "Print what the figures of a date call for: what to do, who, since and until when, on what evidence.",
    no_args_is_help=False,
    invoke_without_command=True,
)

Trigger = Annotated[str, typer.Argument(help="Trigger whose action is open.", metavar="TRIGGER")]
By = Annotated[str, typer.Option(help="Name of who decides.")]
Reason = Annotated[str, typer.Option(help="Why, for whoever reads the history.")]
Day = Annotated[
    date | None, day_option("Month whose action it is [default: the newest monitored one].", "--date")
]


@app.callback()
@with_settings("datamart", "model_store", "as_json")
def actions(
    settings: Settings,
    context: typer.Context,
    day: Annotated[
        date | None, day_option("Date that was monitored [default: the newest].", "--date")
    ] = None,
) -> None:
    """Print what the figures of a date call for: what to do, who, since and until when, on what evidence."""
    if context.invoked_subcommand:
        return
    from tasks.monitoring.actions import actions_on, newest_monitored

    day = day or newest_monitored(settings)
    found = actions_on(day, settings)
    show(found, lambda: print_actions(found, day))


@app.command()
@with_settings("datamart", "model_store")
def close(settings: Settings, trigger: Trigger, by: By, reason: Reason, day: Day = None) -> None:
    """Close an action, as when its cost is accepted: it stays closed until its figures were green once."""
    _decide("close", trigger, day, settings, by=by, reason=reason)


@app.command()
@with_settings("datamart", "model_store")
def escalate(settings: Settings, trigger: Trigger, by: By, reason: Reason, day: Day = None) -> None:
    """Escalate an action before the policy does."""
    _decide("escalate", trigger, day, settings, by=by, reason=reason)


def _decide(
    what: Literal["close", "escalate"],
    trigger: str,
    day: date | None,
    settings: Settings,
    *,
    by: str,
    reason: str,
) -> None:
    from tasks.monitoring.actions import decide_on_action, newest_monitored

    day = day or newest_monitored(settings)
    decide_on_action(what, trigger, day, settings, by=by, reason=reason)
    console.print(f"{trigger} of {day:%Y-%m} is {what}d by {by}.")
