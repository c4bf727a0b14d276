"""`vintage policy` and `vintage actions`: what the policy says, and what it asked for on a date."""

from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from flows.console import console, print_actions, print_triggers
from flows.options import Datamart, Debug, day_option, read_settings
from tasks.config import Settings

app = typer.Typer(
    help="The monitoring policy: thresholds, triggers, owners, due times.", no_args_is_help=True
)
File = Annotated[
    Path | None, typer.Option("--file", help="Policy file [default: governance/policy.toml; VINTAGE_POLICY].")
]


def _settings(file: Path | None, debug: bool) -> Settings:
    settings = read_settings(None, None, None, debug)
    return settings.model_copy(update={"policy": file}) if file else settings


@app.command()
def check(file: File = None, debug: Debug = False) -> None:
    """Check a policy file; a mistake is told with its line and the mend."""
    settings = _settings(file, debug)
    from tasks.decisions import triggers

    version, found = triggers(settings)
    console.print(f"{settings.policy}: version {version}, {len(found)} triggers, no mistake.")


@app.command()
def explain(file: File = None, debug: Debug = False) -> None:
    """Say in words what each trigger waits for, what follows, who does it and until when."""
    settings = _settings(file, debug)
    from tasks.decisions import explain_triggers

    print_triggers(explain_triggers(settings))


def actions(
    day: Annotated[date, day_option("Date that was monitored.", "--date")],
    datamart: Datamart = None,
    debug: Debug = False,
) -> None:
    """Print what the figures of a date call for: what to do, who, until when, on what evidence."""
    settings = read_settings(None, datamart, None, debug)
    from tasks.decisions import actions_on

    print_actions(actions_on(day, settings), day)
