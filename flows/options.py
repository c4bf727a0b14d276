"""The options that commands share, and the settings that they lead to."""

import logging
import os
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

from tasks.config import Settings, checked_settings

Data = Annotated[
    Path | None, typer.Option(help="Folder with the four CSV files [default: data; VINTAGE_DATA].")
]
Datamart = Annotated[
    Path | None, typer.Option(help="Folder of the tables [default: datamart; VINTAGE_DATAMART].")
]
ModelStore = Annotated[
    Path | None, typer.Option(help="Folder of the models [default: model_store; VINTAGE_MODEL_STORE].")
]
Restate = Annotated[
    bool,
    typer.Option("--restate", help="Take changed rows of a published month; the old version stays readable."),
]
AllowVolume = Annotated[
    bool, typer.Option("--allow-volume", help="Take a month with an unusual number of rows.")
]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]


def _first_of_month(text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a date; write it as 2024-03-01.") from None
    if day.day != 1:
        raise typer.BadParameter(f"{day} is not the first of a month; did you mean {day.replace(day=1)}?")
    return day


def day_option(text: str, *names: str) -> Any:
    """An option that takes the first of a month."""
    return typer.Option(*names, parser=_first_of_month, metavar="YYYY-MM-01", help=text)


def read_settings(
    data: Path | None,
    datamart: Path | None,
    model_store: Path | None,
    debug: bool,
    restate: bool = False,
    allow_volume: bool = False,
) -> Settings:
    """The settings of the environment, and over them what the command line says.

    Raises: UsageError for a value that a setting cannot take.
    """
    logging.raiseExceptions = debug  # else Prefect prints each log that it could not send
    if debug:
        os.environ["PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL"] = "INFO"
    folders = {"data": data, "datamart": datamart, "model_store": model_store}
    given = {**folders, "restate": restate, "allow_volume": allow_volume}
    return checked_settings({name: value for name, value in given.items() if value})
