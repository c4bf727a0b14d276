"""Which models score beside the champion, in which months: <model_store>/shadow.jsonl, sealed lines."""

from datetime import date

from tasks.config import Settings
from tasks.errors import ModelStoreError, UsageError
from tasks.place import Place
from tasks.registry.history import load_registry, state_on
from tasks.store.sealed_files import append_sealed, read_sealed

A_LINE = "an order of a shadow run"


def path_of_orders(settings: Settings) -> Place:
    """The file itself, oldest line first; of each model the last line holds."""
    return settings.model_store / "shadow.jsonl"


def order_shadow(model_id: str, start: date, end: date | None, settings: Settings) -> None:
    """Let a model score every month from `start` on (up to `end`) beside the champion, on record.

    Raises: UsageError where it ends before it begins; ModelStoreError for a model that the registry does not
    know on the first day.
    """
    if end is not None and end < start:
        raise UsageError(
            f"The shadow run would end on {end}, before it begins on {start}. Choose a later --to."
        )
    registry = load_registry(settings)
    if state_on(registry, start, model_id) is None:
        raise ModelStoreError(
            f"{model_id} is not in the registry on {start} ({registry.path}), so it cannot score then. "
            "Choose a model of: vintage models list, and --from the day of its training or later"
        )
    line = {"model_id": model_id, "from": str(start), "to": str(end) if end else None}
    append_sealed(path_of_orders(settings), line, settings, what=A_LINE)


def shadows_on(day: date, settings: Settings) -> list[str]:
    """Ids of the models that score beside the champion on a day, in the order of their first lines.

    Raises: ModelStoreError when a line was edited, removed or cannot be read.
    """
    path = path_of_orders(settings)
    lines = read_sealed(path, settings, what=A_LINE)
    if any(not {"model_id", "from", "to", "seal"} <= line.keys() for line in lines):
        raise ModelStoreError(f"{path} holds a line that is not {A_LINE}; restore the file from a copy.")
    held = {line["model_id"]: line for line in lines}
    return [
        model_id
        for model_id, line in held.items()
        if line["from"] <= str(day) and (line["to"] is None or str(day) <= line["to"])
    ]
