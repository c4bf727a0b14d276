"""The file that declares the sources: read, looked up, added to."""

import tomlkit

from tasks.config import Settings
from tasks.errors import UsageError
from tasks.governance.sources import Declarations, Declared, declare_own
from tasks.lender.current import lender
from tasks.store.atomic_files import locked, write_whole
from tasks.toml_file import parse_toml, read_toml


def read_declarations(settings: Settings) -> tuple[Declared, ...]:
    """Every source: the lender's own, as `lender.toml` declares them, then other teams' in the file's order.

    Raises: PolicyError that names the line and the fix.
    """
    listed = read_toml(settings.sources, Declarations, what="sources")[0].source
    moved = {source.name: source for source in listed if source.own}
    own = [moved.get(source.name) or declare_own(source) for source in lender().sources]
    return (*own, *(source for source in listed if not source.own))


def read_declared(name: str, settings: Settings) -> Declared:
    """One source.

    Raises: UsageError when no source has that name.
    """
    declared = {source.name: source for source in read_declarations(settings)}
    if name not in declared:
        raise UsageError(
            f"{settings.sources} declares no source {name!r}, only {', '.join(declared)}. "
            "Add it with: vintage sources add"
        )
    return declared[name]


def require_free_name(name: str, settings: Settings) -> None:
    """Do nothing if no source has that name.

    Raises: UsageError.
    """
    taken = {source.name: source.owner for source in read_declarations(settings)}
    if name in taken:
        raise UsageError(
            f"{settings.sources} declares a source {name!r} already, of {taken[name]}. "
            "Choose another name, or change its lines there."
        )


def add_declared(declared: Declared, settings: Settings) -> str:
    """Append a source to the file, whole or not at all; return the lines.

    Raises: UsageError for a name that is there already; PolicyError for a file that is not valid.
    """
    lines = _to_toml(declared)
    require_free_name(declared.name, settings)
    with locked(settings.sources):
        text = f"{settings.sources.read_text(encoding='utf-8').rstrip()}\n\n{lines}"
        parse_toml(text, settings.sources, Declarations)
        write_whole(settings.sources, text)
    return lines


def _to_toml(declared: Declared) -> str:
    places = list(declared.where)
    fields = {**declared.model_dump(), "where": places if len(places) > 1 else places[0]}
    return tomlkit.dumps({"source": [fields]})
