"""The pages of the site that are not written in docs/: facts keep their one home, and the site shows them.

mkdocs calls `on_config` and `on_files`; the rest needs no mkdocs.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
SHOWN = {  # page: its title, and what it shows: a whole file or a section of one
    "your-own-files.md": ("Run your own files", [("README.md", "Your own files")]),
    "operating-procedure.md": ("Operate the model", [("governance/SOP.md", "")]),
    "containers.md": (
        "Run Airflow and Prefect in containers",
        [("README.md", "In containers: Airflow and Prefect"), ("docker/README.md", "")],
    ),
    "prefect.md": ("Watch runs in Prefect", [("README.md", "Prefect")]),
    "when-it-fails.md": ("Find out why it failed", [("README.md", "When it fails")]),
    "contributing.md": ("Change the code", [("CONTRIBUTING.md", ""), ("tests/README.md", "")]),
    "changes.md": ("Changes", [("CHANGELOG.md", "")]),
    "time.md": ("How time is kept", [("README.md", "How time is kept")]),
    "history.md": ("What the history proves", [("README.md", "What the history proves")]),
    "false-alarms.md": ("What monitoring sees, and when it is wrong", [("benchmarks/monitoring.md", "")]),
}


def show(title: str, parts: list[tuple[str, str]]) -> str:
    """A page of files or sections of them, below one title; their links to files become plain words."""
    texts = [section_of((ROOT / name).read_text(encoding="utf-8"), heading) for name, heading in parts]
    return f"# {title}\n\n" + "\n\n".join(without_links(text) for text in texts)


def section_of(text: str, heading: str) -> str:
    """What stands below a heading of the second level; below the title, where `heading` is empty.

    Raises: ValueError when the file has no such heading.
    """
    title = f"## {heading}\n" if heading else "# "
    start = f"\n{text}".find(f"\n{title}")
    if start < 0:
        raise ValueError(f"There is no heading {heading!r}: docs/generate.py names one that was renamed.")
    body = text[start:].split("\n", 1)[1]
    return re.split(r"^## ", body, maxsplit=1, flags=re.M)[0] if heading else body


def without_links(text: str) -> str:
    """The text with links and pictures of files left out: the site holds no such files."""
    text = re.sub(r"^!\[[^\]]*\]\((?!https?:)[^)]*\)\n*", "", text, flags=re.M)
    return re.sub(r"\[([^\]]*)\]\((?!https?:)[^)]*\)", r"\1", text)


def commands() -> str:
    """Every command with its options, from the command line itself."""
    from typer import Context
    from typer.cli import get_docs_for_click
    from typer.main import get_command

    from flows.cli.main import app

    shown = get_command(app)
    text = get_docs_for_click(obj=shown, ctx=Context(shown, info_name="vintage"), name="vintage")
    text = re.sub(r"^\* `([a-z][\w-]*)`: .*\n", r"* `\1`\n", text, flags=re.M)
    return text.replace("# `vintage`", "# Commands", 1).replace("<str>", "text")


def settings() -> str:
    """Every setting: variable, default, meaning."""
    from tasks.config import RECORDED, Settings

    rows = [
        (
            f"`VINTAGE_{name.upper()}`",
            default_of(field.default),
            field.description or "",
            "*" * (name in RECORDED),
        )
        for name, field in Settings.model_fields.items()
    ]
    head = "# Settings\n\nRead from the environment at a flow's first line. Those marked * are written into "
    head += "`model_store/settings.jsonl` by the first training and read from there afterwards.\n\n"
    return head + table(("Variable", "Default", "What", "On record"), rows)


def default_of(value: Any) -> str:
    """A default as a user would write it; a file of the project by its path within it."""
    text = str(value)
    return f"`{text.removeprefix(f'{ROOT}/')}`" if text else ""


def policy() -> str:
    """The adopted policy, in words and as the file says it."""
    from tasks.governance.adopted_policy import read_policy
    from tasks.monitoring.actions import explain_policy

    path = ROOT / "governance" / "policy.toml"
    adopted = read_policy(path).policy
    explained = explain_policy(adopted)
    parts = [
        f"# Policy\n\nVersion {adopted.version}, in the words of `vintage policy explain`.",
        f"## Triggers\n\n{table_of(explained['triggers'])}",
        f"## Limits\n\n{table_of(explained['limits'])}",
        "## Rules\n",
        *(f"**{name.capitalize()}.** {rule}" for name, rule in explained["rules"].items()),
        f"## The file\n\n```toml\n{path.read_text(encoding='utf-8')}```\n",
    ]
    return "\n\n".join(parts)


def metrics() -> str:
    """Every metric of gold.monitoring and every figure of gold.economics."""
    from tasks.schemas.economics import ECONOMICS
    from tasks.schemas.monitoring import METRICS

    rows = [(f"`{spec.name}`", spec.title, spec.unit, spec.section) for spec in METRICS.values()]
    money = [(f"`{spec.name}`", spec.title, spec.unit) for spec in ECONOMICS.values()]
    text = "# Metrics\n\n## gold.monitoring\n\n" + table(
        ("Metric", "What", "Unit", "Section of the report"), rows
    )
    return text + "\n\n## gold.economics\n\n" + table(("Figure", "What", "Unit"), money)


def tables() -> str:
    """Every table of the datamart: its columns, dtypes and key."""
    from tasks.schemas.catalog import TABLES

    parts = ["# Tables\n\nDelta tables under `<datamart>/<layer>/<table>`, partitioned by `snapshot_date`."]
    for name, one in TABLES.items():
        rows = [
            (f"`{column}`", str(dtype), "*" * (column in one.key)) for column, dtype in one.columns.items()
        ]
        parts.append(
            f"## {name}\n\nWritten by the flow `{one.flow}`.\n\n{table(('Column', 'Type', 'Key'), rows)}"
        )
    return "\n\n".join(parts)


def table(head: tuple[str, ...], rows: list[tuple[Any, ...]]) -> str:
    """A Markdown table."""
    lines = [head, ("---",) * len(head), *rows]
    cells = [[str(cell).replace("|", "\\|").replace("\n", " ") for cell in line] for line in lines]
    return "\n".join(f"| {' | '.join(line)} |" for line in cells) + "\n"


def table_of(rows: list[dict[str, str]]) -> str:
    """A Markdown table of records that have the same keys."""
    return table(tuple(name.capitalize() for name in rows[0]), [tuple(row.values()) for row in rows])


def rooms() -> dict[str, str]:
    """A page per room of the code: its README, and what its files offer."""
    pages = dict[str, str]()
    rooms = [readme for top in ("flows", "serving", "tasks") for readme in (ROOT / top).rglob("README.md")]
    for readme in sorted(rooms):
        room = readme.parent.relative_to(ROOT)
        files = sorted(path.stem for path in readme.parent.glob("*.py") if not path.stem.startswith("__"))
        offered = "\n\n".join(f"::: {'.'.join([*room.parts, name])}" for name in files)
        own = readme.read_text(encoding="utf-8").split("\n", 1)[1]
        pages[f"rooms/{'-'.join(room.parts)}.md"] = f"# {room}\n{without_links(own)}\n\n{offered}\n"
    return pages


GENERATED: dict[str, Callable[[], str]] = {
    "cli.md": commands,
    "settings.md": settings,
    "policy.md": policy,
    "metrics.md": metrics,
    "tables.md": tables,
}


def pages() -> dict[str, str]:
    """Every page that is not in docs/, by its name; tables are those of the reference lender."""
    from tasks.lender.current import serve
    from tasks.lender.reading import REFERENCE, read_lender

    serve(read_lender(REFERENCE))
    shown = {name: show(title, parts) for name, (title, parts) in SHOWN.items()}
    return {**shown, **{name: make() for name, make in GENERATED.items()}, **rooms()}


def on_config(config: Any) -> Any:
    """List the rooms of the code in the menu."""
    config["nav"].append({"Code": sorted(rooms(), key=lambda page: page.removesuffix(".md"))})
    return config


def on_files(files: Any, config: Any) -> Any:
    """Add the pages to those of docs/."""
    from mkdocs.structure.files import File

    for name, text in pages().items():
        files.append(File.generated(config, name, content=text))
    return files
