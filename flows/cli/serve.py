"""The scoring service, and what it decided: `vintage serve`, `vintage decisions`."""

from typing import Annotated, Any

import typer

from flows.cli.options import command_group, with_settings
from flows.console import console, show
from tasks.config import Settings

app = command_group("What the scoring service answered: on record, shown and computed again.")


@with_settings("data", "datamart", "model_store")
def serve(
    settings: Settings,
    port: Annotated[int, typer.Option(help="Port on this machine.", min=1, max=65535)] = 8100,
) -> None:
    """Score applications over HTTP on this machine, each decision on record before it is answered.

    Needs the extra `serve`. It is ready once it has answered rows of its own datamart as the batch did.
    """
    from serving.server import serve as serve_http

    console.print(f"Scores: http://127.0.0.1:{port}/v1/score, state: /v2/health/ready. Ctrl+C ends it.")
    serve_http(settings, port)


@app.command("show")
@with_settings("datamart", "model_store", "as_json")
def show_decision(
    settings: Settings, request_id: Annotated[str, typer.Argument(help="Id that the answer carries.")]
) -> None:
    """Show what was asked, known and answered, and why; and compute the answer again."""
    from serving.replay import describe_decision, replay_decision

    found: dict[str, Any] = replay_decision(request_id, settings)
    show([found], lambda: console.print("\n".join(describe_decision(found))))
    if not found["same"]:
        raise typer.Exit(1)


@app.command("roll")
@with_settings("datamart")
def roll(settings: Settings) -> None:
    """Bring gold.decisions up to the log; the service does so itself when it starts and each midnight."""
    from tasks.decisions.tasks import roll_decisions

    console.print(
        f"gold.decisions holds {roll_decisions(settings):,} answers; the chain of the log is whole."
    )
