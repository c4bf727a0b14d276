"""The scoring service, and what it decided: `vintage serve`, `vintage decisions`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from flows.cli.options import command_group, with_settings
from flows.console import console, print_lines, show
from tasks.config import Settings
from tasks.errors import UsageError
from tasks.place import require_folder

decisions_app = command_group("What the scoring service answered: on record, shown and computed again.")


serve_app = command_group(
    "Score applications over HTTP, each decision on record before it is answered.",
    invoke_without_command=True,
    no_args_is_help=False,
)
token_app = command_group("Who may call the scoring service: bearer tokens.")
serve_app.add_typer(token_app, name="token")
Pem = Annotated[Path | None, typer.Option(help="PEM file, to be called by TLS.")]


@serve_app.callback()
@with_settings("data", "datamart", "model_store")
def serve(
    settings: Settings,
    context: typer.Context,
    port: Annotated[int, typer.Option(help="Port to listen on.", min=1, max=65535)] = 8100,
    host: Annotated[str, typer.Option(help="IP address; others' need a token first.")] = "127.0.0.1",
    tls_cert: Pem = None,
    tls_key: Pem = None,
) -> None:
    """Score applications over HTTP, each decision on record before it is answered.

    Needs the extra `serve`. It is ready once it has answered rows of its own datamart as the batch did.
    """
    if context.invoked_subcommand:
        return
    if (tls_cert is None) != (tls_key is None):
        raise UsageError("--tls-cert and --tls-key belong together; give both or neither.")
    require_folder(settings.datamart, "vintage serve")
    from serving.server import serve as serve_http

    where = f"{'https' if tls_cert else 'http'}://{host}:{port}"
    console.print(
        f"Page: {where}/, scores: {where}/v1/score, state: {where}/v2/health/ready. Ctrl+C ends it."
    )
    serve_http(settings, port, host=host, cert=tls_cert, key=tls_key)


@token_app.command("add")
@with_settings("datamart")
def add(
    settings: Settings,
    name: Annotated[str, typer.Argument(help="Of the caller, as the log names it.")],
    scope: Annotated[list[str] | None, typer.Option(help="score or metrics [default: score].")] = None,
    per_second: Annotated[float, typer.Option(help="Requests that it may make.", min=0.1)] = 100.0,
) -> None:
    """Let a caller in, and print its token, which is kept nowhere; from then on every call needs one."""
    from serving.tokens import add_token

    console.print(add_token(name, scope or ["score"], settings, per_second=per_second))


@token_app.command("revoke")
@with_settings("datamart")
def revoke(settings: Settings, name: Annotated[str, typer.Argument(help="Of the caller.")]) -> None:
    """Let a caller in no more, from two seconds on."""
    from serving.tokens import revoke_token

    revoke_token(name, settings)
    console.print(f"{name}: revoked.")


@decisions_app.command("show")
@with_settings("datamart", "model_store", "as_json")
def show_decision(
    settings: Settings, request_id: Annotated[str, typer.Argument(help="Id that the answer carries.")]
) -> None:
    """Show what was asked, known and answered, and why; and compute the answer again."""
    from serving.record.replay import describe_decision, replay_decision

    found: dict[str, Any] = replay_decision(request_id, settings)
    show([found], lambda: console.print("\n".join(describe_decision(found))))
    if not found["same"]:
        raise typer.Exit(1)


@decisions_app.command("drift")
@with_settings("datamart", "model_store", "as_json")
def drift(settings: Settings) -> None:
    """Show by week how far the scores of answers lie from those that their model learned from (PSI)."""
    from serving.drift import measure_weeks

    found = measure_weeks(settings)
    show(found, lambda: print_lines(found, "The log holds no answer."))


@decisions_app.command("roll")
@with_settings("datamart")
def roll(settings: Settings) -> None:
    """Bring gold.decisions up to the log; the service does so itself when it starts and each midnight."""
    from tasks.decisions.tasks import roll_decisions

    console.print(
        f"gold.decisions holds {roll_decisions(settings):,} answers; the chain of the log is whole."
    )
