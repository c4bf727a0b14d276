"""The commands that write what people read or hand in: report, deck, submission."""

from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from flows.console import console
from flows.options import Data, Datamart, Debug, ModelStore, day_option, read_settings


def report(
    day: Annotated[
        date | None, day_option("Date that was monitored [default: the newest].", "--date")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="File to write [default: <datamart>/report/].")] = None,
    datamart: Datamart = None,
    model_store: ModelStore = None,
    debug: Debug = False,
) -> None:
    """Write the monitoring report of a date: one HTML page that needs nothing but itself."""
    settings = read_settings(None, datamart, model_store, debug)
    from tasks.page import build_report

    console.print(f"Report: {build_report(day, settings, out=out)}", soft_wrap=True)


def deck(
    day: Annotated[date | None, day_option("Date that has features [default: the newest].", "--date")] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="PDF to write [default: vintage.pdf in <datamart>/deck; with the month if older]."),
    ] = None,
    datamart: Datamart = None,
    model_store: ModelStore = None,
    debug: Debug = False,
) -> None:
    """Write the slideument of a date: ten pages, read without a speaker, every number from the tables."""
    settings = read_settings(None, datamart, model_store, debug)
    from tasks.deck import write_deck

    console.print(f"Deck: {write_deck(day, settings, out=out)}", soft_wrap=True)


def submission(
    out: Annotated[Path, typer.Option(help="Zip to write.")] = Path("submission.zip"),
    repo_url: Annotated[
        str, typer.Option(help="Link to the repository [default: the git remote's, else Readme.txt's].")
    ] = "",
    data: Data = None,
    datamart: Datamart = None,
    model_store: ModelStore = None,
    debug: Debug = False,
) -> None:
    """Write the hand-in: one zip of the code, the data, all results and a link to the repository.

    A simulated lender's true default probabilities are left out.
    """
    settings = read_settings(data, datamart, model_store, debug)
    from flows.submission import write_submission

    names, link = write_submission(out, repo_url, settings)
    console.print(f"{out}: {len(names)} files, {out.stat().st_size / 1e6:.1f} MB", soft_wrap=True)
    console.print(f"Its Readme.txt says: {link}", soft_wrap=True)
    if not any(name.endswith(".pdf") for name in names):
        console.print("It holds no deck yet. Make it with: vintage deck")
