"""`vintage sources`: declare where features come from, audit other teams' columns, decide what to use."""

from collections.abc import Sequence
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from flows.console import console, print_audit, print_frame
from flows.options import Data, Datamart, Debug, ModelStore, day_option, read_settings
from tasks.config import Settings

app = typer.Typer(
    help="Other teams' tables as sources: declare, audit, compare, use. docs/sources.md walks through it.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


class Kind(StrEnum):
    """Formats of a source's files."""

    CSV = "csv"
    PARQUET = "parquet"
    DELTA = "delta"


Name = Annotated[
    str, typer.Argument(help="Name of the source; its columns get it as a prefix.", metavar="NAME")
]
By = Annotated[str, typer.Option(help="Name of who decides.")]
Reason = Annotated[str, typer.Option(help="Why, for whoever reads the history.")]


@app.command()
def add(
    name: Name,
    where: Annotated[list[str], typer.Option(help="File, folder, pattern or address; may be repeated.")],
    owner: Annotated[str, typer.Option(help="Who answers for it.")],
    kind: Annotated[Kind | None, typer.Option("--format", help="Of the files [default: found].")] = None,
    key: Annotated[str, typer.Option(help="Column of customer or loan ids [default: found].")] = "",
    day: Annotated[str, typer.Option("--date-column", help="Column of row dates [default: found].")] = "",
    delay_days: Annotated[int, typer.Option(min=0, help="Days from a row's date until it is known.")] = 0,
    valid_days: Annotated[int, typer.Option(min=0, help="Days for which a known row still counts.")] = 62,
    data: Data = None,
    datamart: Datamart = None,
    debug: Debug = False,
) -> None:
    """Declare a source: a few lines in governance/sources.toml. What is not said is found in its files."""
    settings = read_settings(data, datamart, None, debug)
    from tasks.sources import add_source

    places = _locate(where, settings)
    lines = add_source(
        name,
        places,
        settings,
        owner=owner,
        kind=kind.value if kind else None,
        key=key,
        day=day,
        delay_days=delay_days,
        valid_days=valid_days,
    )
    console.print(f"Added to {settings.sources}:", soft_wrap=True)
    console.print(lines, soft_wrap=True)
    console.print(f"Audit it with: vintage sources check {name}")


@app.command("list")
def list_all(debug: Debug = False) -> None:
    """Show every source: owner, key, date, delay, and what was decided on it."""
    from tasks.sources import list_sources

    frame = list_sources(read_settings(None, None, None, debug))
    print_frame(frame, left=tuple(frame.columns))


@app.command()
def check(
    name: Name,
    day: Annotated[
        date | None, day_option("Audit against what was known on this date [default: the newest].", "--date")
    ] = None,
    earlier: Annotated[
        list[str] | None, typer.Option(help="Where an earlier delivery lies, to compare values with.")
    ] = None,
    data: Data = None,
    datamart: Datamart = None,
    debug: Debug = False,
) -> None:
    """Audit a source: which of its columns could have been known at the application, which could not, why."""
    settings = read_settings(data, datamart, None, debug)
    from tasks.source_audit import audit_source

    places = _locate(earlier or [], settings)
    with console.status(f"auditing {name}"):
        audited = audit_source(name, day, settings, earlier=places)
    print_audit(audited.alike)
    console.print(audited.summary)
    console.print(f"Written to {audited.path}, a line a column.", soft_wrap=True)


@app.command()
def override(
    name: Name,
    column: Annotated[str, typer.Argument(help="Refused column.", metavar="COLUMN")],
    by: By,
    reason: Reason,
    debug: Debug = False,
) -> None:
    """Admit a column that the audit refused; it stands in the history."""
    from tasks.source_decisions import override as admit

    admit(name, column, read_settings(None, None, None, debug), by=by, reason=reason)
    console.print(f"{column} of {name} is admitted by {by}.")


@app.command()
def compare(
    start: Annotated[date, day_option("First application month.")],
    end: Annotated[date, day_option("Last application month, included.")],
    data: Data = None,
    datamart: Datamart = None,
    model_store: ModelStore = None,
    debug: Debug = False,
) -> None:
    """Measure what each audited source adds, month by month as it was known; say which to take."""
    settings = read_settings(data, datamart, model_store, debug)
    from tasks.source_comparison import compare_sources

    with console.status("comparing") as said:
        compared = compare_sources(
            start, end, settings, step=lambda day: said.update(f"comparing {day:%Y-%m}")
        )
    print_frame(compared.told, left=("features", "advice"))
    console.print(f"Written to {compared.path}", soft_wrap=True)


@app.command()
def use(
    name: Name,
    start: Annotated[date, day_option("Day from which trainings use it.", "--from")],
    by: By,
    reason: Reason,
    data: Data = None,
    datamart: Datamart = None,
    model_store: ModelStore = None,
    debug: Debug = False,
) -> None:
    """Let trainings use the admitted columns of a source from a day on."""
    settings = read_settings(data, datamart, model_store, debug)
    from tasks.source_decisions import use as take
    from tasks.source_features import take_in_past

    columns = take(name, start, settings, by=by, reason=reason)
    console.print(f"Trainings from {start} on use {len(columns)} columns of {name}: {', '.join(columns)}.")
    with console.status("taking in past months"):
        past = take_in_past(name, settings)
    console.print(f"What it said of the {len(past)} months that are there was taken in.")


@app.command()
def drop(
    name: Name,
    start: Annotated[date, day_option("Day from which no training uses it.", "--from")],
    by: By,
    reason: Reason,
    model_store: ModelStore = None,
    debug: Debug = False,
) -> None:
    """Let no training use a source from a day on; models that learned from it go on reading it."""
    from tasks.source_decisions import drop as leave

    leave(name, start, read_settings(None, None, model_store, debug), by=by, reason=reason)
    console.print(f"No training from {start} on uses {name}.")


def _locate(places: Sequence[str], settings: Settings) -> list[str]:
    """Places as they are declared: below the data folder from there, elsewhere whole, addresses as said."""
    data = settings.data.resolve()
    return [_declare_place(place, Path(place).resolve(), data) for place in places]


def _declare_place(place: str, path: Path, data: Path) -> str:
    if not place.strip() or "://" in place:
        return place
    if path.is_relative_to(data):
        return str(path.relative_to(data))
    return str(path) if path.exists() else place
