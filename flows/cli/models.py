"""`vintage models`: what is in the model store, and the decisions that people take on it."""

from datetime import date
from typing import Annotated

import typer

from flows.cli.options import command_group, day_option, with_settings
from flows.console import console, print_comparison, print_frame, print_markdown, show, working
from tasks.config import Settings

app = command_group(
    "List, compare and judge models; each decision is a line in the registry, none is ever edited."
)

ModelId = Annotated[
    str, typer.Argument(help="Model id, as `vintage models list` gives it.", metavar="MODEL_ID")
]
By = Annotated[str, typer.Option(help="Name of who decides.")]
Reason = Annotated[str, typer.Option(help="Why, for whoever reads the history.")]
Day = Annotated[date, day_option("Day from which it holds.", "--date")]


@app.command("list")
@with_settings("datamart", "model_store", "as_json")
def list_models(settings: Settings) -> None:
    """Show every model: family, state, since when and by whom, AUC out of time."""
    from tasks.registry.listing import in_words, model_table

    models = model_table(settings)
    show(models, lambda: print_frame(in_words(models), left=("model", "family", "state", "by")))


@app.command("show")
@with_settings("datamart", "model_store", "as_json")
def show_model(settings: Settings, model_id: ModelId) -> None:
    """Show a model's card, and its history."""
    from tasks.registry.listing import card_of, card_text, model_history

    text, history = card_text(model_id, settings), model_history(model_id, settings)

    def print_both() -> None:
        print_markdown(text)
        print_frame(history, left=("from", "state", "by", "why"))

    show({"card": card_of(model_id, settings), "history": history.to_dicts()}, print_both)


@app.command()
@with_settings("datamart", "model_store", "as_json")
def compare(settings: Settings, first: ModelId, second: ModelId) -> None:
    """Measure two models on the same ripe loans, none of which either has learned from."""
    from tasks.evaluation.compare_models import compare_models

    with working("comparing"):
        comparison = compare_models(first, second, settings)
    answer = {"loans": comparison.loans, "figures": comparison.figures.to_dicts()}
    show(answer, lambda: print_comparison(comparison.figures, comparison.loans))


@app.command()
@with_settings("datamart", "model_store")
def approve(
    settings: Settings,
    model_id: ModelId,
    by: By,
    reason: Reason,
    day: Day,
    *,
    override: Annotated[bool, typer.Option("--override", help="Approve what the gate rejected.")] = False,
) -> None:
    """Make a challenger that waits the champion; who trained it may not approve it.

    With --override, one that the gate rejected: until the gate rejects the next challenger, when the champion
    of before serves again.
    """
    from tasks.registry.approvals import approve as approve_model

    approve_model(model_id, day, by=by, reason=reason, settings=settings, override=override)
    console.print(f"{model_id} is approved by {by} and serves from {day}.")


@app.command()
@with_settings("datamart", "model_store")
def reject(settings: Settings, model_id: ModelId, by: By, reason: Reason, day: Day) -> None:
    """Let a challenger that waits never serve."""
    from tasks.registry.approvals import reject as reject_model

    reject_model(model_id, day, by=by, reason=reason, settings=settings)
    console.print(f"{model_id} is rejected by {by} on {day}.")


@app.command()
@with_settings("datamart", "model_store")
def rollback(
    settings: Settings,
    to: Annotated[str, typer.Option(help="Id of the former champion that shall serve again.")],
    by: By,
    reason: Reason,
    day: Day,
) -> None:
    """Let a former champion serve again from a date; earlier dates keep the champion that they had."""
    from tasks.registry.approvals import roll_back

    replaced = roll_back(to, day, by=by, reason=reason, settings=settings)
    console.print(
        f"{to} serves from {day} instead of {replaced}. Score months from {day} on again, if any were:"
    )
    console.print(f"  vintage run inference --date {day}")


@app.command()
@with_settings("datamart", "model_store", "as_json")
def recalibrate(
    settings: Settings,
    day: Annotated[date | None, day_option("Day from which it holds [default: newest].", "--date")] = None,
) -> None:
    """Give the champion another intercept and slope, fitted to the newest ripe cohorts; the gate judges.

    The ranking stays. Only cohorts that the champion has not learned from count; for the gate each of them is
    recalibrated on the others.
    """
    from tasks.evaluation.recalibrate import recalibrate as recalibrate_champion
    from tasks.monitoring.actions import newest_monitored

    made = recalibrate_champion(day or newest_monitored(settings), settings)
    before, after = made.record["before"], made.record["after"]
    show(
        {"model_id": made.model_id, "state": made.state, "recalibration": made.record},
        lambda: console.print(
            f"{made.model_id} is {made.state}. On {made.record['n']} ripe loans observed/expected was "
            f"{before['observed_to_expected']:.2f} and is {after['observed_to_expected']:.2f}, the slope was "
            f"{before['calibration_slope']:.2f} and is {after['calibration_slope']:.2f}."
        ),
    )


@app.command()
@with_settings("datamart", "model_store")
def shadow(
    settings: Settings,
    model_id: ModelId,
    start: Annotated[date, day_option("First month that it scores.", "--from")],
    end: Annotated[date | None, day_option("Last month that it scores [default: open].", "--to")] = None,
) -> None:
    """Let a model score every month beside the champion, and decide nothing; again with --to ends it.

    Each run of inference writes its scores to gold.shadow_predictions. The scoring service lets it score what
    it answers, too.
    """
    from tasks.scoring.shadow_log import order_shadow

    order_shadow(model_id, start, end, settings)
    until = f" to {end}" if end else " on"
    console.print(f"{model_id} scores in the shadow from {start}{until}. Score months that are there again:")
    console.print(f"  vintage backfill --flows inference --start {start} --end {end or 'YYYY-MM-01'}")
    console.print(f"Then compare: vintage models compare-shadow {model_id}")


@app.command()
@with_settings("datamart", "model_store", "as_json")
def compare_shadow(settings: Settings, model_id: ModelId) -> None:
    """Measure a model that scored in the shadow against the champion, by month and pooled, on ripe loans."""
    from tasks.evaluation.compare_shadow import compare_shadow as compare_it
    from tasks.evaluation.compare_shadow import in_words

    figures = compare_it(model_id, settings)
    show(figures, lambda: print_frame(in_words(figures), left=("month",)))


@app.command()
@with_settings("datamart", "model_store", "as_json")
def verify(settings: Settings) -> None:
    """Check the history's chain and the digest of every file; exit code 1 when one is not as registered."""
    from tasks.registry.listing import count_signed, describe_signed
    from tasks.registry.listing import verify as verify_store

    n = verify_store(settings)
    n_lines, n_signed = count_signed(settings)
    checked, store = settings.registry_key is not None, settings.model_store.absolute()
    signed = describe_signed(n_lines, n_signed, checked=checked)
    show(
        {
            "model_store": store,
            "models": n,
            "lines": n_lines,
            "signed": n_signed,
            "signatures_checked": checked,
        },
        lambda: console.print(
            f"{n} models and their history in {store} are as they were registered. {signed}"
        ),
    )


@app.command()
@with_settings("datamart", "model_store", "as_json")
def reproduce(settings: Settings, model_id: ModelId) -> None:
    """Train a model anew from the table versions on its card, and check that it predicts the same."""
    from tasks.evaluation.reproduce import reproduce as train_again

    with working(f"training {model_id} again"):
        made = train_again(model_id, settings)

    def print_it() -> None:
        console.print(
            f"{model_id} trained again gives the same PD for all of {made.n} loans, to the last bit."
        )
        for difference in made.changed:
            console.print(f"(although the code is not the same: {difference})")

    show({"model": model_id, "loans": made.n, "changed": made.changed}, print_it)
