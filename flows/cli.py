"""The `vintage` command: an exit code for each call, and one clear sentence when something is wrong."""

import os
import sys
from datetime import date, timedelta
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from flows.console import console, print_figures, print_lines, print_months, print_stale, progress
from flows.documents import deck, report, submission
from flows.models import app as models_app
from flows.options import (
    AllowVolume,
    Data,
    Datamart,
    Debug,
    ModelStore,
    Restate,
    day_option,
    read_settings,
)
from flows.policy import actions
from flows.policy import app as policy_app
from flows.settings import app as settings_app
from flows.signals import end_on_signal
from flows.sources import app as sources_app
from tasks.config import Settings
from tasks.errors import TableNotReadyError, UsageError, VintageError

# Prefect reads these when it is imported, which happens below in the commands that need it.
os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
os.environ.setdefault("DO_NOT_TRACK", "1")
os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")
# On a few thousand rows a second thread gains nothing, and on a busy machine the two wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")

DEMO_TRIALS = 3

app = typer.Typer(
    name="vintage",
    help="The monthly loop of a consumer-credit default model: raw files in; features, labels, models, "
    "predictions and monitoring out, replayable for any past month.",
    epilog="Exit codes: 0 done, 99 nothing to do yet, 2 wrong usage, 1 anything else.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,
)
app.add_typer(models_app, name="models")
app.add_typer(policy_app, name="policy")
app.add_typer(settings_app, name="settings")
app.add_typer(sources_app, name="sources")


class FlowName(StrEnum):
    """The four flows, in the order a month runs them."""

    features = "features"
    training = "training"
    inference = "inference"
    monitoring = "monitoring"


@app.command()
def run(
    flow: FlowName,
    day: Annotated[date, day_option("Snapshot date to run.", "--date")],
    data: Data = None,
    datamart: Datamart = None,
    model_store: ModelStore = None,
    restate: Restate = False,
    allow_volume: AllowVolume = False,
    debug: Debug = False,
) -> None:
    """Run one flow for one date; again gives the same tables.

    Exit code 99 says that there is nothing to do on that date yet: no ripe labels, no champion.
    """
    settings = read_settings(data, datamart, model_store, debug, restate, allow_volume)
    from flows.engine import run_flow

    run_flow(getattr(import_module(f"flows.{flow}"), flow), day, settings)
    console.print(f"{flow} of {day}: done.")
    if restate and flow == FlowName.features:
        print_stale(day, day, [flow], settings)


@app.command()
def backfill(
    start: Annotated[date, day_option("First date.")],
    end: Annotated[date, day_option("Last date, included.")],
    flows: Annotated[str, typer.Option(help="Flows to run, separated by commas.")] = ",".join(FlowName),
    data: Data = None,
    datamart: Datamart = None,
    model_store: ModelStore = None,
    restate: Restate = False,
    allow_volume: AllowVolume = False,
    debug: Debug = False,
) -> None:
    """Run the flows for each month from --start to --end, in date order."""
    settings = read_settings(data, datamart, model_store, debug, restate, allow_volume)
    if start > end:
        raise UsageError(f"--start {start} is after --end {end}; swap them.")
    names = [name.strip() for name in flows.split(",") if name.strip()]
    unknown = [name for name in names if name not in list(FlowName)]
    if unknown or not names:
        raise UsageError(
            f"--flows {flows!r} names no flow {', '.join(unknown)}; choose from {', '.join(FlowName)}."
        )
    _backfill(start, end, [name for name in FlowName if name in names], settings)
    print_months(settings)
    if restate and FlowName.features in names:
        print_stale(start, end, names, settings)


@app.command()
def simulate(
    out: Annotated[Path, typer.Option(help="Folder to write the files to; made if it is not there.")],
    start: Annotated[date, day_option("First month.")] = "2023-01-01",  # pyright: ignore[reportArgumentType] - typer parses the default like an argument
    months: Annotated[int, typer.Option(min=1, help="Number of months.")] = 24,
    loans_per_month: Annotated[int, typer.Option(min=1, help="Loans granted a month.")] = 500,
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same files.")] = 0,
    scale: Annotated[int, typer.Option(min=1, help="Multiply the loans per month.")] = 1,
    fault: Annotated[str, typer.Option(help="Faults to plant, by number: 13,49.")] = "",
    drift: Annotated[
        list[str] | None, typer.Option(help="A drift, such as shift:fe_5:2024-03-01:0.5.")
    ] = None,
    debug: Debug = False,
) -> None:
    """Write a made-up lender's four files, and its loans' true default probabilities."""
    read_settings(None, None, None, debug)
    from simulator.drift import parse_drift
    from simulator.lender import Lender, simulate

    try:
        faults = tuple(int(number) for number in fault.split(",") if number.strip())
    except ValueError:
        raise UsageError(f"--fault {fault!r} is not a list of numbers; write it as --fault 13,49.") from None
    drifts = tuple(parse_drift(text) for text in drift or [])
    if any(out.glob("*.csv")):
        raise UsageError(f"{out} holds CSV files, which would be replaced. Name another folder with --out.")
    lender = Lender(start, months, loans_per_month, seed, scale, faults, drifts)
    summary = simulate(lender, out)
    for file, rows in summary.rows.items():
        console.print(f"{out / file}: {rows:,} rows{' before the faults' if faults else ''}")
    console.print(f"Default rate of all loans: {summary.bad_rate:.1%}")


@app.command()
def demo(
    data: Data = None, datamart: Datamart = None, model_store: ModelStore = None, debug: Debug = False
) -> None:
    """Simulate a lender if the data folder holds no CSV, run all its months, and say where to look.

    A new model store is begun with three trials of the search per model family, to be quick.
    """
    settings = _searching_less(read_settings(data, datamart, model_store, debug))
    from flows.engine import starting_server

    with starting_server():
        if not any(settings.data.glob("*.csv")):
            from simulator.lender import Lender, simulate

            console.print(f"No CSV in {settings.data}: simulating a lender of 24 months.")
            simulate(Lender(date(2023, 1, 1), 24), settings.data)
        from tasks.ingest import months_received

        months = months_received(settings)
        _backfill(months[0], months[-1], list(FlowName), settings)
    print_months(settings)
    _write_pages(settings)


def _searching_less(settings: Settings) -> Settings:
    given = "trials" in settings.model_fields_set
    return settings if given else settings.model_copy(update={"trials": DEMO_TRIALS})


def _write_pages(settings: Settings) -> None:
    from tasks.deck import write_deck
    from tasks.page import build_report

    try:
        console.print(f"report: {build_report(None, settings)}", soft_wrap=True)
    except TableNotReadyError:
        console.print("report: none yet, since no month was scored.")
    console.print(f"deck: {write_deck(None, settings)}", soft_wrap=True)


@app.command()
def evaluate(
    start: Annotated[date, day_option("First application month.")],
    end: Annotated[date, day_option("Last application month, included.")],
    ablations: Annotated[bool, typer.Option(help="Also leave out each family of features in turn.")] = False,
    data: Data = None,
    datamart: Datamart = None,
    model_store: ModelStore = None,
    debug: Debug = False,
) -> None:
    """Replay training and scoring month by month as they were known, and measure every kind of score.

    Reads the tables of earlier runs, changes none of them and no model; exit code 99 without ripe months.
    """
    settings = read_settings(data, datamart, model_store, debug)
    if start > end:
        raise UsageError(f"--start {start} is after --end {end}; swap them.")
    from tasks.evaluation import evaluate as replay

    with console.status("replaying") as said:
        figures, path = replay(
            start, end, settings, ablations=ablations, step=lambda day: said.update(f"replaying {day:%Y-%m}")
        )
    print_figures(figures)
    console.print(f"Written to {path}, with a chart beside it.")


@app.command()
def status(
    review: Annotated[
        date | None, day_option("List the applications of this date that need a person.", "--review")
    ] = None,
    rows: Annotated[bool, typer.Option("--rows", help="Show what became of each file's rows.")] = False,
    data: Data = None,
    datamart: Datamart = None,
    model_store: ModelStore = None,
    debug: Debug = False,
) -> None:
    """Show the months so far: loans, quarantined rows, champion, performance."""
    settings = read_settings(data, datamart, model_store, debug)
    if review is not None:
        from tasks.review import applications_to_review

        print_lines(applications_to_review(review, settings), f"No application of {review} needs a review.")
    elif rows:
        from tasks.status import row_table

        print_lines(row_table(settings), "No month has run yet.")
    else:
        print_months(settings)


for made_elsewhere in (actions, report, deck, submission):
    app.command()(made_elsewhere)


def _backfill(start: date, end: date, names: list[FlowName], settings: Settings) -> None:
    from flows.backfill import run_backfill

    days = [start]
    while days[-1] < end:
        days.append((days[-1] + timedelta(days=31)).replace(day=1))
    with progress(len(days) * len(names)) as step:
        run_backfill(days, names, settings, step=step)


def main() -> None:
    """Run the command line of this process."""
    end_on_signal(_leave_nothing_running)
    command()


def command(arguments: list[str] | None = None) -> None:
    """Run the command line, given or of this process, and raise SystemExit with its exit code."""
    try:
        app(args=arguments)
    except (VintageError, OSError) as error:
        if "--debug" in (arguments or sys.argv):
            raise
        typer.echo(f"vintage: {_sentence(error)}", err=True)
        sys.exit(getattr(error, "exit_code", 1))


def _sentence(error: VintageError | OSError) -> str:
    if isinstance(error, VintageError):
        return str(error)
    path = error.filename2 or error.filename
    if not path and isinstance(error, FileNotFoundError):  # of Polars, whose message alone names the file
        return (
            f"{str(error).partition(' (set POLARS')[0]}. Restore what is missing from a copy, and try again."
        )
    where = f"{path}: " if path else ""
    return f"{where}{error.strerror or error}. Name a path that may be read and written to, and try again."


def _leave_nothing_running() -> None:
    console.show_cursor()
    engine = sys.modules.get("flows.engine")
    if engine:
        engine.kill_server()
