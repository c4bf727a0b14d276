"""The `vintage` command: an exit code for each call, and one clear sentence when something is wrong."""

import gc
import os
import sys
from datetime import date
from functools import cache
from typing import Annotated

import typer
from typer.main import get_command

from flows.cli.actions import app as actions_app
from flows.cli.backfill import FlowName, backfill, print_months_so_far, run_months
from flows.cli.documents import deck, report, submission
from flows.cli.economics import economics
from flows.cli.endings import describe_failure, end_on_signal
from flows.cli.lender import check, init, months, simulate
from flows.cli.models import app as models_app
from flows.cli.options import command_group, day_option, with_settings
from flows.cli.policy import app as policy_app
from flows.cli.serve import decisions_app, serve_app
from flows.cli.settings import app as settings_app
from flows.cli.sources import app as sources_app
from flows.cli.ui import deploy, ui
from flows.console import (
    console,
    notes,
    print_figures,
    print_lines,
    print_months,
    print_stale,
    show,
    working,
)
from tasks.config import Settings
from tasks.errors import TableNotReadyError, UsageError, VintageError
from tasks.place import require_folder
from tasks.text import for_terminal

os.environ.setdefault("OMP_NUM_THREADS", "1")  # on a few thousand rows two threads wait for each other

DEMO_TRIALS = 3
_made_once = cache(get_command)

app = command_group(
    "The monthly loop of a consumer-credit default model: raw files in; features, labels, models, "
    "predictions and monitoring out, replayable for any past month.",
    name="vintage",
    epilog="Exit codes: 0 done, 99 nothing to do yet, 2 wrong usage, 75 a fault that may pass, "
    "1 anything else.",
    pretty_exceptions_enable=False,
)
app.add_typer(actions_app, name="actions")
app.add_typer(decisions_app, name="decisions")
app.add_typer(models_app, name="models")
app.add_typer(policy_app, name="policy")
app.add_typer(serve_app, name="serve")
app.add_typer(settings_app, name="settings")
app.add_typer(sources_app, name="sources")


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version  # here, as every command imports this module

        console.print(f"vintage {version('vintage')}")
        raise typer.Exit


@app.callback()
def with_version(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """What holds for every command."""


@app.command()
@with_settings("data", "datamart", "model_store", "restate", "allow_volume")
def run(
    settings: Settings, flow: FlowName, day: Annotated[date, day_option("Snapshot date to run.", "--date")]
) -> None:
    """Run one flow for one date; again gives the same tables.

    Exit code 99 says that there is nothing to do on that date yet: no ripe labels, no champion.
    """
    from flows.backfill import flow_named
    from flows.engine import run_flow

    run_flow(flow_named(flow), day, settings)
    console.print(f"{flow} of {day}: done.")
    if settings.restate and flow == FlowName.features:
        print_stale(day, day, [flow], settings)


app.command()(backfill)


@app.command()
@with_settings("data", "datamart", "model_store")
def demo(settings: Settings) -> None:
    """Simulate a lender if the data folder holds no CSV, run all its months, and say where to look.

    A new model store is begun with three trials of the search per model family, to be quick.
    """
    settings = _searching_less(settings)
    from tasks.store.writer import one_writer

    with one_writer(settings, "vintage demo"):
        if not any(settings.data.glob("*.csv")):
            from simulator.lender import Lender, simulate

            console.print(f"No CSV in {settings.data}: simulating a lender of 24 months.")
            simulate(Lender(date(2023, 1, 1), 24), require_folder(settings.data, "vintage simulate"))
        from tasks.ingestion.tasks import months_received

        months = months_received(settings)
        run_months(months[0], months[-1], list(FlowName), settings)
        print_months_so_far(settings)
        _write_pages(settings)
    _say_how_to_see_runs()


def _say_how_to_see_runs() -> None:
    from flows.engine import server

    if server() is None:
        console.print("To see runs in Prefect: vintage ui, and then run the months again.")


def _searching_less(settings: Settings) -> Settings:
    given = "trials" in settings.model_fields_set
    return settings if given else settings.model_copy(update={"trials": DEMO_TRIALS})


def _write_pages(settings: Settings) -> None:
    from tasks.reporting.deck.write import write_deck
    from tasks.reporting.html_report import build_report

    try:
        console.print(f"report: {build_report(None, settings)}")
    except TableNotReadyError:
        console.print("report: none yet, since no month was scored.")
    console.print(f"deck: {write_deck(None, settings)}")


@app.command()
@with_settings("data", "datamart", "model_store", "as_json")
def evaluate(
    settings: Settings,
    start: Annotated[date, day_option("First application month.")],
    end: Annotated[date, day_option("Last application month, included.")],
    ablations: Annotated[bool, typer.Option(help="Also leave out each family of features in turn.")] = False,
) -> None:
    """Replay training and scoring month by month as they were known, and measure every kind of score.

    Reads the tables of earlier runs, changes none of them and no model; exit code 99 without ripe months.
    """
    if start > end:
        raise UsageError(f"--start {start} is after --end {end}; swap them.")
    from tasks.evaluation.walk_forward import evaluate as replay

    with working("replaying") as show_step:
        figures, path = replay(
            start, end, settings, ablations=ablations, step=lambda day: show_step(f"replaying {day:%Y-%m}")
        )
    show(figures, lambda: print_figures(figures))
    notes.print(f"Written to {path}, with a chart beside it.")


@app.command()
@with_settings("data", "datamart", "model_store", "as_json")
def status(
    settings: Settings,
    review: Annotated[
        date | None, day_option("List the applications of this date that need a person.", "--review")
    ] = None,
    rows: Annotated[bool, typer.Option("--rows", help="Show what became of each file's rows.")] = False,
) -> None:
    """Show the months so far: loans, quarantined rows, champion, performance, and columns that they lack."""
    if review is not None:
        from tasks.reporting.review_list import applications_to_review

        found = applications_to_review(review, settings)
        n = found.select("customer_id", "loan_id").n_unique()
        show(found, lambda: print_lines(found, f"No application of {review} needs a person."))
        if n:
            notes.print(f"Applications of {review} that need a person: {n} (reasons: {found.height}).")
    elif rows:
        from tasks.reporting.status import row_table, why_no_months

        table = row_table(settings)
        show(table, lambda: print_lines(table, why_no_months(settings)))
    else:
        from tasks.reporting.status import add_missing_columns, month_table

        months = month_table(settings)
        show(add_missing_columns(months, settings), lambda: print_months(months, settings))


for made_elsewhere in (simulate, init, check, months, economics, report, deck, submission, ui, deploy):
    app.command()(made_elsewhere)


def main() -> None:
    """Run the command line of this process."""
    end_on_signal(notes.show_cursor)
    try:
        command()
    except SystemExit as end:
        prefect = sys.modules.get("tasks.prefect")
        if prefect and not prefect.all_sent(seconds=10):  # else Prefect would wait for a server that is gone
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(int(end.code or 0))
        gc.freeze()  # else Python looks through all that it imported once more before it ends
        raise


def command(arguments: list[str] | None = None) -> None:
    """Run the command line, given or of this process, and raise SystemExit with its exit code."""
    try:
        _made_once(app)(args=arguments)
    except (VintageError, OSError, MemoryError) as error:
        if "--debug" in (arguments or sys.argv):
            raise
        sentence, code = describe_failure(error)
        typer.echo(f"vintage: {for_terminal(sentence)}", err=True)
        sys.exit(code)
