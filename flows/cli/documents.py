"""The commands that write what people read or submit: report, deck, submission."""

from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from flows.cli.options import day_option, with_settings
from flows.console import console
from tasks.config import Settings


@with_settings("datamart", "model_store")
def report(
    settings: Settings,
    day: Annotated[
        date | None, day_option("Date that was monitored [default: the newest].", "--date")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="File to write [default: <datamart>/report/].")] = None,
) -> None:
    """Write the monitoring report of a date: one HTML page that needs nothing but itself."""
    from tasks.reporting.html_report import build_report

    console.print(f"Report: {build_report(day, settings, out=out)}")


@with_settings("datamart", "model_store")
def deck(
    settings: Settings,
    day: Annotated[date | None, day_option("Date that has features [default: the newest].", "--date")] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="PDF to write [default: vintage.pdf in <datamart>/deck; with the month if older]."),
    ] = None,
) -> None:
    """Write the deck of a date: ten pages, read without a speaker, every number from the tables."""
    from tasks.reporting.deck.write import write_deck

    console.print(f"Deck: {write_deck(day, settings, out=out)}")


@with_settings("data", "datamart", "model_store")
def submission(
    settings: Settings,
    out: Annotated[Path, typer.Option(help="Zip to write.")] = Path("submission.zip"),
    repo_url: Annotated[
        str, typer.Option(help="Link to the repository [default: the git remote's, else Readme.txt's].")
    ] = "",
) -> None:
    """Write the submission: one zip of the code, the data, all results and a link to the repository.

    A simulated lender's true default probabilities are left out.
    """
    from flows.cli.submission import write_submission

    names, link = write_submission(out, repo_url, settings)
    console.print(f"{out}: {len(names)} files, {out.stat().st_size / 1e6:.1f} MB")
    console.print(f"Its Readme.txt says: {link}")
    if not any(name.endswith(".pdf") for name in names):
        console.print("It holds no deck yet. Make it with: vintage deck")
