"""What the command line prints: answers to standard output; progress, notes and warnings to standard error.

On a terminal there are bars and colours; elsewhere lines as long as they are, and no control characters.
"""

import json
import logging
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from datetime import date
from re import Match
from typing import Any

from pydantic_core import to_json
from rich.console import Console
from rich.measure import Measurement
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from tasks.config import Settings
from tasks.text import HIDDEN, for_terminal


class _Console(Console):
    """Prints what people and files say without markup, and with hidden characters shown by their codes."""

    def print(self, *objects: Any, **how: Any) -> None:
        """Print text, of as many lines as it has, or what Rich has laid out."""
        shown = (for_terminal(it, lines=True) if isinstance(it, str) else it for it in objects)
        super().print(*shown, **how)


# No line is broken but by the terminal itself.
console = _Console(markup=False, highlight=False, soft_wrap=True)
notes = _Console(markup=False, highlight=False, soft_wrap=True, stderr=True)
WIDEST = 10_000


class _Printed(logging.Handler):
    """Prints what tasks warn of, above a progress bar where there is one."""

    def emit(self, record: logging.LogRecord) -> None:
        warned = record.levelno >= logging.WARNING
        if warned or not notes.quiet:
            was, notes.quiet = notes.quiet, False
            notes.print(self.format(record))
            notes.quiet = was


_printed = _Printed(logging.WARNING)
logging.getLogger("vintage").setLevel(logging.INFO)  # Prefect's run logs hold more than a terminal
logging.getLogger("vintage").addHandler(_printed)
_as_json = False


def set_manner(*, quiet: bool, verbose: bool, reads: bool, as_json: bool) -> None:
    """How this process prints from now on; a command that `reads` answers however quiet it shall be."""
    global _as_json
    _as_json = as_json
    notes.quiet = quiet
    console.quiet = quiet and not reads
    _printed.setLevel(logging.INFO if verbose else logging.WARNING)


def show(answer: Any, print_it: Callable[[], None]) -> None:
    """Print the answer of a command that reads: with --json as that, a frame as a list of its rows."""
    if _as_json:
        rows = answer.to_dicts() if hasattr(answer, "to_dicts") else answer
        text = to_json(rows, indent=2, inf_nan_mode="null").decode()
        print(HIDDEN.sub(_json_code, text))  # noqa: T201 - JSON for programs, on a terminal too
    else:
        print_it()


@contextmanager
def progress(total: int) -> Generator[Callable[[date, str], None]]:
    """Call what it gives before each step, with its month and flow: a bar on a terminal, elsewhere a line."""
    if not notes.is_terminal:
        yield lambda day, flow: notes.print(f"{day:%Y-%m} {flow}")
        return
    columns = (TextColumn("{task.description:<20}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=notes) as bar:
        task = bar.add_task("starting", total=total, completed=-1)

        def step(day: date, flow: str) -> None:
            bar.update(task, advance=1, description=f"{day:%Y-%m} {flow}")

        yield step
        bar.update(task, advance=1, description="done")  # what was passed over stays undone


@contextmanager
def working(on: str) -> Generator[Callable[[str], None]]:
    """Say what is being worked on; call what it gives when that changes."""
    if not notes.is_terminal:
        notes.print(on)
        yield notes.print
        return
    with notes.status(on) as status:
        yield status.update


def print_months(months: Any, settings: Settings) -> None:
    """Print a line per month, given the rows of `month_table`, and where to look."""
    from tasks.reporting.status import paths_to_look_at, why_no_months

    if months.is_empty():
        console.print(why_no_months(settings))
        return
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for name in months.columns:
        side = "left" if name in ("champion", "status") else "right"
        table.add_column(name.replace("_", " "), justify=side, no_wrap=True)
    for row in months.iter_rows():
        table.add_row(*(_shown(cell) for cell in row))
    _print_whole(table)
    for what, where in paths_to_look_at(settings).items():
        console.print(f"{what}: {where}")
    print_missing(settings)


def print_missing(settings: Settings) -> None:
    """Say which months lack columns of newer code or declarations, and the command that fills them."""
    from tasks.reporting.status import command_to_fill, missing_columns

    missing = missing_columns(settings)
    for row in missing.iter_rows(named=True):
        months = f"{row['months']} month{'s' * (row['months'] > 1)}"
        console.print(
            f"{row['table']} lacks {', '.join(row['columns'])} in {months}, "
            f"{row['first']:%Y-%m} to {row['last']:%Y-%m}: they were written before."
        )
    if missing.height:
        console.print(f"Fill them with: {command_to_fill(missing, settings)}")


def print_actions(actions: Any, day: date) -> None:
    """Print rows of gold.actions, one paragraph each: the open ones first."""
    rows = actions.to_dicts()
    still_open = [row for row in rows if row["state"] in ("opened", "continuing", "escalated")]
    if not still_open:
        console.print(f"Nothing to do on the figures of {day}.")
    else:
        new = sum(row["state"] == "opened" for row in still_open)
        console.print(f"{day:%Y-%m}: {len(still_open)} open, {new} of them new.")
    for row in rows:
        _print_action(row, still_open=row in still_open)


def _print_action(row: dict[str, Any], *, still_open: bool) -> None:
    since = (
        f" since {row['opened']:%Y-%m}, {row['months']} months" if row["months"] > 1 and still_open else ""
    )
    console.print(f"[{row['severity']}] {row['trigger']} ({row['state']}{since}): {row['action']}")
    if still_open:
        console.print(f"    {row['owner']}, until {row['due_date']}")
    else:
        console.print(f"    {row['state']} by {row['closed_by']}: {row['closed_why']}")
    console.print(f"    because {row['evidence']}")
    told = {
        "escalated by": row["escalated_by"] if row["state"] == "escalated" else None,
        "explains": row["explains"],
        "follows from": row["explained_by"],
        "do": row["command"] if still_open else None,
    }
    for what, text in told.items():
        if text:
            console.print(f"    {what} {text}" if what != "do" else f"    do: {text}")


def print_policy(explained: dict[str, Any]) -> None:
    """Print a policy in words: a paragraph for each trigger, metric with limits, and rule."""
    for row in explained["triggers"]:
        console.print(f"[{row['severity']}] {row['name']}: when {row['when']}")
        console.print(f"    {row['action']} {row['owner']}, within {row['due']}.{row['more']}")
    console.print("\nLimits")
    for row in explained["limits"]:
        console.print(f"{row['metric']} ({row['title']})")
        for colour in ("amber", "red"):
            if row[colour]:
                console.print(f"    {colour}: {row[colour]}")
    console.print("\nRules")
    for name, rule in explained["rules"].items():
        console.print(f"{name}: {rule}")


def print_stale(first: date, last: date, flows: Sequence[str], settings: Settings) -> None:
    """Say which months rest on rows from before a restatement, and how to bring them up to date."""
    from tasks.reporting.status import resting_on_old_rows

    months = resting_on_old_rows(first, last, flows, settings)
    if months:
        console.print(
            f"What was made for {months[0]:%Y-%m} to {months[-1]:%Y-%m} still rests on the old rows: "
            "features of later months, scores and figures. Bring it up to date with: vintage backfill "
            f"--start {months[0]} --end {months[-1]} --flows features,inference,monitoring"
        )


def print_figures(figures: Any) -> None:
    """Print the figures of a walk-forward evaluation."""
    table = Table(title="Walk-forward, each month by the model of that day")
    shown = {"auc_low": "low", "auc_high": "high", "log_loss": "loss", "observed_to_expected": "O/E"}
    for name in figures.columns:
        kind: Any = "left" if name in ("scorer", "month") else "right"
        table.add_column(shown.get(name, name.replace("_", " ")), justify=kind, no_wrap=True)
    for row in figures.iter_rows(named=True):
        table.add_row(
            *(_shown(cell) for cell in row.values()),
        )
    _print_whole(table)


def print_frame(frame: Any, *, left: tuple[str, ...], title: str | None = None) -> None:
    """Print a frame as a table; columns `left` are words, the others numbers."""
    table = Table(title=title, box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for name in frame.columns:
        words = name in left
        table.add_column(name.replace("_", " "), justify="left" if words else "right", no_wrap=name != "why")
    for row in frame.iter_rows():
        table.add_row(*(_shown(cell) for cell in row))
    _print_whole(table)


def print_audit(alike: Any) -> None:
    """Print the verdicts on a source's columns: column, verdict, check, evidence."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for name in alike.columns:
        table.add_column(name, no_wrap=name != "evidence", min_width=8)
    for row in alike.iter_rows():
        table.add_row(*(_shown(cell) for cell in row))
    _print_whole(table)


def print_comparison(figures: Any, loans: str) -> None:
    """Print the figures of two models beside each other, and what the second gains."""
    console.print(f"On {loans}.")
    console.print()
    print_frame(figures.drop("gain", "gain_low", "gain_high"), left=("figure",))
    console.print()
    auc = next(row for row in figures.iter_rows(named=True) if row["figure"] == "auc")
    second = figures.columns[2]
    interval = f"90 % interval {auc['gain_low']:+.3f} to {auc['gain_high']:+.3f}, paired"
    console.print(f"Gain in AUC of {second}: {auc['gain']:+.3f} ({interval}).")


def print_markdown(text: str) -> None:
    """Print Markdown: laid out on a terminal, as it is into a file or a pipe."""
    from rich.markdown import Markdown  # here, as every command imports this module

    shown = for_terminal(text, lines=True)
    console.print(Markdown(shown), soft_wrap=False) if console.is_terminal else console.print(shown)


def print_lines(table: Any, otherwise: str) -> None:
    """Print a frame as lines of words."""
    if not table.height:
        console.print(otherwise)
        return
    for row in (table.columns, *table.iter_rows()):
        console.print("  ".join(_shown(cell) for cell in row))


def _print_whole(table: Table) -> None:
    """Print a table with every column whole; sentences are broken into lines, on a terminal alone."""
    needs = Measurement.get(notes, notes.options.update(width=WIDEST), table)
    width = max(console.width, needs.minimum) if console.is_terminal else needs.maximum
    Console(width=width, markup=False, highlight=False, quiet=console.quiet).print(table)


def _shown(cell: object) -> str:
    if cell is None:
        return "-"
    if isinstance(cell, date):
        return f"{cell:%Y-%m}"
    if isinstance(cell, float):
        return f"{cell:.0f}" if cell.is_integer() and abs(cell) >= 2 else f"{cell:.3f}"
    return for_terminal(str(cell))


def _json_code(found: Match[str]) -> str:
    """A hidden character as JSON writes it; a line is broken by its layout alone."""
    return "\n" if found[0] == "\n" else json.dumps(found[0]).replace("\x7f", "\\u007f")[1:-1]
