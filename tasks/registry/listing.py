"""What is in the model store, and whether it is as it was registered."""

from dataclasses import asdict
from typing import Any

import polars as pl

from tasks.config import Settings
from tasks.errors import ModelStoreError, NothingToDoError
from tasks.registry import models
from tasks.registry.history import find_impossible_lines, load_registry, registry_path
from tasks.registry.registered_files import find_changed_files, read_card, read_card_text

MODEL_COLUMNS = ("model", "trained", "family", "state", "since", "by", "loans", "auc", "auc_low", "auc_high")


def model_table(settings: Settings) -> pl.DataFrame:
    """One row per model, oldest first: MODEL_COLUMNS.

    `since` and `by` are those of its newest line; the AUC is out of time, with its 95 % interval.

    Raises: NothingToDoError when no model was trained; ModelStoreError when the history was edited.
    """
    registry = load_registry(settings)
    newest = {entry.model_id: entry for entry in registry.entries}
    if not newest:
        raise NothingToDoError(
            f"No model yet in {settings.model_store.absolute()}. Train one with: vintage run training "
            "--date D"
        )
    rows: list[dict[str, Any]] = []
    for model_id, entry in sorted(newest.items()):
        card = read_card(registry, model_id)
        oot = card["candidates"][0]["oot"]
        low, high = oot["auc_ci_95"]
        rows.append(
            {
                "model": model_id,
                "trained": card["as_of"],
                "family": card["family"],
                "state": entry.state,
                "since": entry.effective_from,
                "by": entry.by,
                "loans": card["data"]["n_loans"],
                "auc": oot["auc"],
                "auc_low": low,
                "auc_high": high,
            }
        )
    return pl.DataFrame(rows).select(MODEL_COLUMNS)


def in_words(models: pl.DataFrame) -> pl.DataFrame:
    """The rows of `model_table` for people: the AUC with its interval in one column."""
    auc = (pl.col(name).map_elements("{:.3f}".format, pl.String) for name in ("auc", "auc_low", "auc_high"))
    loans = pl.col("loans").map_elements("{:,}".format, pl.String)
    return models.with_columns(loans=loans, auc=pl.format("{} ({} to {})", *auc)).drop("auc_low", "auc_high")


def card_of(model_id: str, settings: Settings) -> dict[str, Any]:
    """The model's card as its card.json says it.

    Raises: ModelStoreError when the registry does not know the model, or its card is gone.
    """
    require_model(model_id, settings)
    return read_card(load_registry(settings), model_id)


def card_text(model_id: str, settings: Settings) -> str:
    """The model's card in Markdown.

    Raises: ModelStoreError when the registry does not know the model, or its card is gone.
    """
    require_model(model_id, settings)
    return read_card_text(load_registry(settings), model_id)


def model_history(model_id: str, settings: Settings) -> pl.DataFrame:
    """The registry's lines on a model: from, state, by, why."""
    lines = [asdict(entry) for entry in load_registry(settings).entries if entry.model_id == model_id]
    columns = {"from": "effective_from", "state": "state", "by": "by", "why": "why"}
    return pl.DataFrame({name: [line[key] for line in lines] for name, key in columns.items()})


def require_model(model_id: str, settings: Settings) -> None:
    """Do nothing if the registry knows the model; else raise ModelStoreError that names those it knows."""
    known = sorted({entry.model_id for entry in load_registry(settings).entries})
    if model_id not in known:
        raise ModelStoreError(
            f"{model_id} is not in {registry_path(settings)}, which knows {', '.join(known) or 'no model'}."
        )


def verify(settings: Settings) -> int:
    """Number of models that are as they were registered, every file of them, under an unbroken history.

    Raises: ModelStoreError that names all that is not; NothingToDoError when there is no model.
    """
    registry = load_registry(settings)
    known = {entry.model_id for entry in registry.entries}
    if not known and not models.list_folders(settings):
        raise NothingToDoError(f"No model yet in {settings.model_store.absolute()}: nothing to verify.")
    wrong = [*find_impossible_lines(registry), *find_changed_files(registry)]
    unknown = sorted(set(models.list_folders(settings)) - known)
    wrong += [f"{name} is in no line of the registry (were its last lines removed?)" for name in unknown]
    if wrong:
        raise ModelStoreError(
            f"{settings.model_store} is not as it was registered: {'; '.join(wrong)}. "
            "Restore it from a copy, and let nothing serve until then."
        )
    return len(known)


def count_signed(settings: Settings) -> tuple[int, int]:
    """How many lines the registry has, and how many of them a key signed."""
    entries = load_registry(settings).entries
    return len(entries), sum(bool(entry.signature) for entry in entries)


def describe_signed(n_lines: int, n_signed: int, *, checked: bool) -> str:
    """The same for people; without the key (`checked`) nobody knows whether the signatures are right."""
    if not n_signed:
        return f"None of its {n_lines} lines is signed."
    doubt = "" if checked else ", unchecked: VINTAGE_REGISTRY_KEY names no key"
    return f"{n_signed} of its {n_lines} lines are signed{doubt}."
