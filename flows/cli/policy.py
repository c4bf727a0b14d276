"""`vintage policy`: what the policy says."""

from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from flows.cli.options import command_group, day_option, with_settings
from flows.console import console, print_policy, show
from tasks.config import Settings

app = command_group("The monitoring policy: thresholds, triggers, owners, due times.")
File = Annotated[
    Path | None, typer.Option("--file", help="Policy file [default: governance/policy.toml; VINTAGE_POLICY].")
]


def _reading(file: Path | None, settings: Settings) -> Settings:
    return settings.model_copy(update={"policy": file}) if file else settings


@app.command()
@with_settings("as_json")
def check(settings: Settings, file: File = None) -> None:
    """Check a policy file; a mistake is told with its line and how to correct it."""
    from tasks.governance.adopted_policy import read_policy

    settings = _reading(file, settings)
    adopted = read_policy(settings.policy)
    version, n = adopted.policy.version, len(adopted.policy.trigger)
    answer = {"file": settings.policy, "version": version, "triggers": n, "unstated": adopted.unstated}
    verdict = f"{settings.policy}: version {version}, {n} triggers, no mistake. {adopted.say_unstated()}"
    show(answer, lambda: console.print(verdict.strip()))


@app.command()
@with_settings("datamart", "model_store", "as_json")
def explain(settings: Settings, file: File = None) -> None:
    """Say in words what each trigger waits for and what follows, the limits of each metric, and the gate.

    With the cut-off that policy set-cutoff set last, unless a --file is named.
    """
    from tasks.governance.adopted_policy import read_policy
    from tasks.monitoring.actions import explain_policy
    from tasks.registry.settings_of_record import policy_on

    adopted = read_policy(file) if file else policy_on(date.max, settings)
    explained = explain_policy(adopted.policy)
    show(explained, lambda: print_policy(explained))


@app.command()
@with_settings("datamart", "model_store")
def set_cutoff(
    settings: Settings,
    cutoff_pd: Annotated[float, typer.Argument(help="Such as 0.25: a higher PD is declined.", metavar="PD")],
    start: Annotated[date, day_option("Date from which it holds.", "--from")],
    by: Annotated[str, typer.Option(help="Name of who decides.")],
    reason: Annotated[str, typer.Option(help="Why, for whoever reads the history.")],
) -> None:
    """Approve up to another PD from a date on; earlier dates keep the cut-off that held on them.

    It is one more line of the settings on record and goes before the policy file's number.
    """
    from tasks.registry.settings_of_record import set_cutoff as set_it

    before = set_it(cutoff_pd, start, settings, by=by, reason=reason)
    console.print(
        f"From {start} on applications are approved up to a PD of {cutoff_pd:g} (before: {before:g})."
    )
