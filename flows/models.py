"""`vintage models`: what is in the model store, and the decisions that people take on it."""

from datetime import date
from typing import Annotated

import typer

from flows.console import console, print_comparison, print_frame, print_markdown
from flows.options import Datamart, Debug, ModelStore, day_option, read_settings

app = typer.Typer(
    help="List, compare and judge models; each decision is a line in the registry, none is ever edited.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

ModelId = Annotated[
    str, typer.Argument(help="Model id, as `vintage models list` gives it.", metavar="MODEL_ID")
]
By = Annotated[str, typer.Option(help="Name of who decides.")]
Reason = Annotated[str, typer.Option(help="Why, for whoever reads the history.")]
Day = Annotated[date, day_option("Day from which it holds.", "--date")]


@app.command("list")
def list_models(model_store: ModelStore = None, debug: Debug = False) -> None:
    """Show every model: family, state, since when and by whom, AUC out of time."""
    from tasks.catalogue import model_table

    print_frame(
        model_table(read_settings(None, None, model_store, debug)), left=("model", "family", "state", "by")
    )


@app.command()
def show(model_id: ModelId, model_store: ModelStore = None, debug: Debug = False) -> None:
    """Show a model's card, and its history."""
    from tasks.catalogue import card_text, model_history

    settings = read_settings(None, None, model_store, debug)
    print_markdown(card_text(model_id, settings))
    print_frame(model_history(model_id, settings), left=("from", "state", "by", "why"))


@app.command()
def compare(
    first: ModelId,
    second: ModelId,
    datamart: Datamart = None,
    model_store: ModelStore = None,
    debug: Debug = False,
) -> None:
    """Measure two models on the same ripe loans, none of which either has learned from."""
    settings = read_settings(None, datamart, model_store, debug)
    from tasks.comparison import compare_models

    with console.status("comparing"):
        comparison = compare_models(first, second, settings)
    print_comparison(comparison.figures, comparison.loans)


@app.command()
def approve(
    model_id: ModelId, by: By, reason: Reason, day: Day, model_store: ModelStore = None, debug: Debug = False
) -> None:
    """Make a challenger that waits the champion; who trained it may not approve it."""
    settings = read_settings(None, None, model_store, debug)
    from tasks.lifecycle import approve as approve_model

    approve_model(model_id, day, by=by, reason=reason, settings=settings)
    console.print(f"{model_id} is approved by {by} and serves from {day}.")


@app.command()
def reject(
    model_id: ModelId, by: By, reason: Reason, day: Day, model_store: ModelStore = None, debug: Debug = False
) -> None:
    """Let a challenger that waits never serve."""
    settings = read_settings(None, None, model_store, debug)
    from tasks.lifecycle import reject as reject_model

    reject_model(model_id, day, by=by, reason=reason, settings=settings)
    console.print(f"{model_id} is rejected by {by} on {day}.")


@app.command()
def rollback(
    to: Annotated[str, typer.Option(help="Id of the former champion that shall serve again.")],
    by: By,
    reason: Reason,
    day: Day,
    model_store: ModelStore = None,
    debug: Debug = False,
) -> None:
    """Let a former champion serve again from a date; earlier dates keep the champion that they had."""
    settings = read_settings(None, None, model_store, debug)
    from tasks.lifecycle import roll_back

    replaced = roll_back(to, day, by=by, reason=reason, settings=settings)
    console.print(
        f"{to} serves from {day} instead of {replaced}. Score months from {day} on again, if any were:"
    )
    console.print(f"  vintage run inference --date {day}")


@app.command()
def verify(model_store: ModelStore = None, debug: Debug = False) -> None:
    """Check the history's chain and the digest of every file; exit code 1 when one is not as registered."""
    settings = read_settings(None, None, model_store, debug)
    from tasks.catalogue import verify as verify_store

    n = verify_store(settings)
    console.print(f"{n} models and their history in {settings.model_store} are as they were registered.")


@app.command()
def reproduce(
    model_id: ModelId, datamart: Datamart = None, model_store: ModelStore = None, debug: Debug = False
) -> None:
    """Train a model anew from the table versions on its card, and check that it predicts the same."""
    settings = read_settings(None, datamart, model_store, debug)
    from tasks.reproduction import reproduce as train_again

    with console.status(f"training {model_id} again"):
        made = train_again(model_id, settings)
    console.print(f"{model_id} trained anew gives the same PD for all of {made.n} loans, to the last bit.")
    for difference in made.changed:
        console.print(f"(although the code is not the same: {difference})")
