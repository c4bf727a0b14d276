"""The options that commands share, and the settings that they lead to."""

import logging
import os
from collections.abc import Callable, Mapping
from datetime import date
from functools import wraps
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import Annotated, Any, Concatenate, Literal

import typer
from typer.core import TyperGroup

from flows import console
from tasks.config import Settings, checked_settings
from tasks.errors import NothingToDoError
from tasks.months import require_month_start

Shared = Literal["data", "lender", "datamart", "model_store", "restate", "allow_volume", "as_json"]
Work = Callable[Concatenate[Settings, ...], None]


def _folder(text: str) -> Any:
    return Annotated[Path | None, typer.Option(help=text)]


def _switch(names: str, text: str) -> Any:
    return Annotated[bool, typer.Option(*names.split(), help=text)]


def _place(text: str) -> Any:
    return Annotated[str | None, typer.Option(metavar="PATH|URI", help=text)]


OPTIONS = {
    "data": _place("Folder, or URI, with the lender's files [default: data; VINTAGE_DATA]."),
    "lender": _folder(
        "File that declares the lender [default: lender.toml in the data folder, else the reference "
        "lender's; VINTAGE_LENDER]."
    ),
    "datamart": _place(
        "Folder, or s3://, gs:// or az:// URI, of the tables [default: datamart; VINTAGE_DATAMART]."
    ),
    "model_store": _place("Folder, or URI, of the models [default: model_store; VINTAGE_MODEL_STORE]."),
    "restate": _switch(
        "--restate", "Take changed rows of a published month; the old version stays readable."
    ),
    "allow_volume": _switch("--allow-volume", "Take a month with an unusual number of rows."),
    "as_json": _switch("--json", "Print the answer as JSON, and nothing else to standard output."),
    "quiet": _switch("--quiet -q", "Print no progress and no notes: answers, warnings and errors alone."),
    "verbose": _switch("--verbose -v", "Print what each step did."),
    "debug": _switch("--debug", "Show the traceback of an error."),
}
OF_ALL = ("quiet", "verbose", "debug")


def with_settings(*names: Shared) -> Callable[[Work], Callable[..., None]]:
    """Let a command take the options `names`, and those of all commands; it is given the settings first."""

    def decorate(work: Work) -> Callable[..., None]:
        shared = (*names, *(("lender",) if "data" in names else ()), *OF_ALL)

        @wraps(work)
        def command(**given: Any) -> None:
            chosen = {name: given.pop(name) for name in shared}
            _set_manner(chosen)
            try:
                work(_read_settings(chosen), **given)
            except NothingToDoError:
                if chosen.get("as_json"):
                    console.show([], lambda: None)
                raise

        own = list(signature(work).parameters.values())[1:]
        added = [_parameter(name) for name in shared]
        command.__signature__ = Signature([*own, *added])  # pyright: ignore[reportAttributeAccessIssue] - read by typer
        return command

    return decorate


def _parameter(name: str) -> Parameter:
    default = None if name in Settings.model_fields and name not in ("restate", "allow_volume") else False
    return Parameter(name, Parameter.KEYWORD_ONLY, default=default, annotation=OPTIONS[name])


def _set_manner(chosen: Mapping[str, Any]) -> None:
    debug = chosen["debug"]
    logging.raiseExceptions = debug  # else Prefect prints each log that it could not send
    if debug:
        os.environ["PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL"] = "INFO"
    console.set_manner(
        quiet=chosen["quiet"],
        verbose=chosen["verbose"],
        reads="as_json" in chosen,
        as_json=chosen.get("as_json", False),
    )


def _read_settings(chosen: Mapping[str, Any]) -> Settings:
    """The settings of the environment, and over them what the command line says.

    Raises: UsageError for a value that a setting cannot take.
    """
    return checked_settings({name: chosen[name] for name in Settings.model_fields if chosen.get(name)})


class _WholeHelp(TyperGroup):
    """A list of commands that says of each what its help begins with, in as many lines as that takes."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        for command in self.commands.values():
            command.short_help = command.short_help or (command.help or "").partition("\n\n")[0]
        super().format_commands(ctx, formatter)


def command_group(text: str, **more: Any) -> typer.Typer:
    """A group of commands with our manners: plain help, whole at any width, also by -h."""
    given: dict[str, Any] = {"no_args_is_help": True, **more}
    return typer.Typer(
        help=text,
        cls=_WholeHelp,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
        **given,
    )


def _first_of_month(text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a date; {_meant(text)}") from None
    try:
        return require_month_start(day)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def _meant(text: str) -> str:
    """What to write instead: the month that was meant, where it can be told."""
    year, _, month = text.strip().replace("/", "-").partition("-")
    if year.isdigit() and month.isdigit() and len(year) == 4 and 1 <= int(month) <= 12:
        return f"did you mean {year}-{int(month):02}-01?"
    return "write it as 2024-03-01."


def day_option(text: str, *names: str) -> Any:
    """An option that takes the first of a month."""
    return typer.Option(*names, parser=_first_of_month, metavar="YYYY-MM-01", help=text)
