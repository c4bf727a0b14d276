"""`vintage sources`: declare where features come from, audit other teams' columns, decide what to use."""

from collections.abc import Sequence
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from flows.cli.options import command_group, day_option, with_settings
from flows.console import console, notes, print_audit, print_frame, show, working
from tasks.config import Settings

app = command_group(
    "Other teams' tables as sources: declare, audit, compare, use. docs/sources.md walks through it."
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
@with_settings("data", "datamart")
def add(
    settings: Settings,
    name: Name,
    where: Annotated[list[str], typer.Option(help="File, folder, pattern or address; may be repeated.")],
    owner: Annotated[str, typer.Option(help="Who answers for it.")],
    kind: Annotated[Kind | None, typer.Option("--format", help="Of the files [default: found].")] = None,
    key: Annotated[str, typer.Option(help="Column of customer or loan ids [default: found].")] = "",
    day: Annotated[str, typer.Option("--date-column", help="Column of row dates [default: found].")] = "",
    delay_days: Annotated[int, typer.Option(min=0, help="Days from a row's date until it is known.")] = 0,
    valid_days: Annotated[int, typer.Option(min=0, help="Days for which a known row still counts.")] = 62,
) -> None:
    """Declare a source: a few lines in governance/sources.toml. What is not said is found in its files."""
    from tasks.sources.declare import add_source

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
    console.print(f"Added to {settings.sources}:")
    console.print(lines)
    console.print(f"Audit it with: vintage sources check {name}")


@app.command("list")
@with_settings("datamart", "as_json")
def list_all(settings: Settings) -> None:
    """Show every source: owner, key, date, delay, whether it is in use, and whether it still delivers."""
    from tasks.sources.declare import list_sources

    frame = list_sources(settings)
    show(frame, lambda: print_frame(frame, left=tuple(frame.columns)))


@app.command()
@with_settings("data", "datamart", "as_json")
def check(
    settings: Settings,
    name: Name,
    day: Annotated[
        date | None, day_option("Audit against what was known on this date [default: the newest].", "--date")
    ] = None,
    earlier: Annotated[
        list[str] | None, typer.Option(help="Where an earlier delivery lies, to compare values with.")
    ] = None,
) -> None:
    """Audit a source: which of its columns could have been known at the application, which could not, why."""
    from tasks.leakage_audit.audit_source import audit_source

    places = _locate(earlier or [], settings)
    with working(f"auditing {name}"):
        audited = audit_source(name, day, settings, earlier=places)

    def print_it() -> None:
        print_audit(audited.alike)
        console.print(audited.summary)

    show(audited.alike, print_it)
    notes.print(f"Written to {audited.path}, a line a column.")


@app.command()
@with_settings("data", "datamart")
def capture(settings: Settings, name: Name) -> None:
    """Keep what a source says of the newest month's applications today, to hold later deliveries against."""
    from tasks.sources.capture import capture as keep

    month, n = keep(name, settings)
    console.print(f"What {name} says of {n} applications of {month:%Y-%m} is kept.")


@app.command()
@with_settings()
def override(
    settings: Settings,
    name: Name,
    column: Annotated[str, typer.Argument(help="Refused column.", metavar="COLUMN")],
    by: By,
    reason: Reason,
) -> None:
    """Admit a column that the audit refused; it stands in the history."""
    from tasks.sources.decisions import override as admit

    admit(name, column, settings, by=by, reason=reason)
    console.print(f"{column} of {name} is admitted by {by}.")


@app.command()
@with_settings("data", "datamart", "model_store", "as_json")
def compare(
    settings: Settings,
    start: Annotated[date, day_option("First application month.")],
    end: Annotated[date, day_option("Last application month, included.")],
) -> None:
    """Measure what each audited source adds, month by month as it was known; say which to take."""
    from tasks.evaluation.source_value import compare_sources

    with working("comparing") as show_step:
        compared = compare_sources(start, end, settings, step=lambda day: show_step(f"comparing {day:%Y-%m}"))
    show(compared.table, lambda: print_frame(compared.for_people, left=("features", "advice")))
    notes.print(f"Written to {compared.path}")


@app.command()
@with_settings("data", "datamart", "model_store")
def use(
    settings: Settings,
    name: Name,
    start: Annotated[date, day_option("Day from which trainings use it.", "--from")],
    by: By,
    reason: Reason,
    *,
    on_probation: Annotated[
        bool, typer.Option("--on-probation", help="Acknowledge that nothing proves its old rows yet.")
    ] = False,
) -> None:
    """Let trainings use the admitted columns of a source from a day on, once its past months are taken in."""
    from tasks.sources.decisions import require_acknowledged
    from tasks.sources.decisions import use as take

    require_acknowledged(name, settings, acknowledged=on_probation)
    with working("taking in past months"):
        columns, months = take(name, start, settings, by=by, reason=reason)
    console.print(f"What {name} said of the {len(months)} months that are there was taken in.")
    console.print(f"Trainings from {start} on use {len(columns)} columns of it: {', '.join(columns)}.")


@app.command()
@with_settings("datamart", "model_store")
def drop(
    settings: Settings,
    name: Name,
    start: Annotated[date, day_option("Day from which no training uses it.", "--from")],
    by: By,
    reason: Reason,
) -> None:
    """Let no training use a source from a day on; models that learned from it go on reading it."""
    from tasks.sources.decisions import drop as leave

    leave(name, start, settings, by=by, reason=reason)
    console.print(f"No training from {start} on uses {name}.")


@app.command()
@with_settings("datamart", "model_store")
def retire(
    settings: Settings,
    name: Name,
    start: Annotated[date, day_option("Day from which it is retired.", "--from")],
    by: By,
    reason: Reason,
) -> None:
    """Retire a source that is gone, ours or another team's: trainings leave it out, its absence is no alarm.

    Models that learned from it go on serving by the fallback without it; its file may be missing.
    """
    from tasks.sources.life import retire as leave_out

    leave_out(name, start, settings, by=by, reason=reason)
    console.print(f"{name} is retired by {by} from {start} on. The next training does without it.")


@app.command()
@with_settings("datamart", "model_store")
def restore(
    settings: Settings,
    name: Name,
    start: Annotated[date, day_option("Day from which it is back.", "--from")],
    by: By,
    reason: Reason,
) -> None:
    """Take a retired source back: the next training learns from it again, and its coverage is watched."""
    from tasks.sources.life import restore as take_back

    take_back(name, start, settings, by=by, reason=reason)
    console.print(f"{name} is restored by {by} from {start} on. The next training learns from it again.")


def _locate(places: Sequence[str], settings: Settings) -> list[str]:
    """Places as they are declared: below the data folder from there, elsewhere whole, addresses as said."""
    data = settings.data.resolve() if isinstance(settings.data, Path) else None
    return [_declare_place(place, Path(place).resolve(), data) for place in places]


def _declare_place(place: str, path: Path, data: Path | None) -> str:
    if not place.strip() or "://" in place:
        return place
    if data is not None and path.is_relative_to(data):
        return str(path.relative_to(data))
    return str(path) if path.exists() else place
