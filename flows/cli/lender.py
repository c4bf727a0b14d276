"""`vintage simulate`, `init`, `check`, `months`: a made-up lender; a lender's declaration and files."""

from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

from flows.cli.options import day_option, with_settings
from flows.console import console, notes, print_frame, show
from simulator.layout import LenderKind
from tasks.config import Settings
from tasks.errors import UsageError
from tasks.ingestion.raw_folder import local_data
from tasks.place import require_folder


def _list_faults(wanted: str) -> str:
    """Print what can be planted, and end, where that is asked for."""
    if wanted.strip() != "list":
        return wanted
    from simulator.faults.plant import describe_faults

    for number, told in describe_faults().items():
        console.print(f"{number:>3}  {told}")
    raise typer.Exit


@with_settings()
def simulate(
    _: Settings,
    out: Annotated[Path, typer.Option(help="Folder to write the files to; made if it is not there.")],
    kind: Annotated[
        LenderKind,
        typer.Option(
            help="reference: the four files of the reference lender; car_loans: annuities, in three files."
        ),
    ] = "reference",
    start: Annotated[date, day_option("First month.")] = "2023-01-01",  # pyright: ignore[reportArgumentType] - typer parses the default like an argument
    months: Annotated[int, typer.Option(min=1, help="Number of months.")] = 24,
    loans_per_month: Annotated[int, typer.Option(min=1, help="Loans granted a month.")] = 500,
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same files.")] = 0,
    scale: Annotated[int, typer.Option(min=1, help="Multiply the loans per month.")] = 1,
    fault: Annotated[
        str,
        typer.Option(
            help="Faults to plant, by number: 13,49. They are told by: --fault list.",
            callback=_list_faults,
            is_eager=True,
        ),
    ] = "",
    drift: Annotated[
        list[str] | None, typer.Option(help="A drift, such as shift:COLUMN:2024-03-01:0.5.")
    ] = None,
) -> None:
    """Write a made-up lender's files, and its loans' true default probabilities."""
    from simulator.drift import parse_drift
    from simulator.lender import Lender
    from simulator.lender import simulate as write_files

    try:
        faults = tuple(int(number) for number in fault.split(",") if number.strip())
    except ValueError:
        raise UsageError(f"--fault {fault!r} is not a list of numbers; write it as --fault 13,49.") from None
    drifts = tuple(parse_drift(text) for text in drift or [])
    if any(out.glob("*.csv")):
        raise UsageError(f"{out} holds CSV files, which would be replaced. Name another folder with --out.")
    lender = Lender(start, months, loans_per_month, seed, scale, faults, drifts, kind)
    summary = write_files(lender, out)
    for file, rows in summary.rows.items():
        console.print(f"{out / file}: {rows:,} rows{' before the faults' if faults else ''}")
    console.print(f"Default rate of all loans: {summary.bad_rate:.1%}")


@with_settings("data")
def init(
    settings: Settings,
    out: Annotated[
        Path | None, typer.Option(help="File to write [default: lender.toml in the data folder].")
    ] = None,
    name: Annotated[str, typer.Option(help="The lender's name.")] = "Our lender",
) -> None:
    """Draft lender.toml from the files of the data folder, with what is to be decided as comments.

    Roles, ids, dates, types, personal and protected columns are guessed from names and first rows.
    """
    from tasks.onboarding.draft import count_decisions
    from tasks.onboarding.init import write_draft

    path = out or require_folder(settings.data, "vintage init without --out") / "lender.toml"
    if path.exists():
        raise UsageError(f"{path} is there already. Name another file with --out, or move it away.")
    n = count_decisions(write_draft(local_data(settings.data), path, lender=name))
    console.print(f"{path}: {n} lines to decide on, marked '# decide:'.")
    console.print(f"Then see what would become of the files: vintage check --data {settings.data}")


@with_settings("data", "as_json")
def check(
    settings: Settings,
    html: Annotated[Path | None, typer.Option(help="Also write it as an HTML page to this file.")] = None,
) -> None:
    """Read all files of the data folder and say what would become of them; nothing is changed.

    Rows cleaned or set aside and why, each column's nulls and range, the label's rate by cohort, columns that
    seem to know the outcome, and when a first model is in reach. Ends with 1 where a file or a month would be
    refused.
    """
    from tasks.onboarding.trial import try_lender
    from tasks.onboarding.trial_page import write_trial

    trial = try_lender(settings)
    show(trial.as_rows(), lambda: _print_trial(trial))
    if html is not None:
        notes.print(f"page: {write_trial(trial, html)}")
    if trial.refusals:
        raise typer.Exit(1)


@with_settings("data", "datamart", "as_json")
def months(settings: Settings) -> None:
    """Say the first and the last month that can be run: those of the files, without a gap between them."""
    from tasks.ingestion.tasks import months_received

    received = months_received(settings)
    first, last = str(received[0]), str(received[-1])
    show({"first": first, "last": last}, lambda: console.print(f"{first} {last}"))


def _print_trial(trial: Any) -> None:
    words = ("source", "file", "rule", "column", "type", "new_words", "least", "greatest")
    for title, table in (
        ("Sources", trial.sources),
        ("Rows set aside", trial.set_aside),
        ("Columns", trial.columns),
        (f"Label by cohort ({trial.label})", trial.cohorts),
        ("Columns that seem to know the outcome", trial.suspects),
    ):
        if table.height:
            print_frame(table, left=(*words, "check", "evidence"), title=title)
            console.print()
    for text in trial.refusals:
        console.print(f"refused: {text}")
    console.print(trial.outlook)
