"""What the site, the READMEs and the procedure say of the command line is so, and every page is listed."""

import json
import re
import runpy
import shlex
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer import Exit
from typer._click.exceptions import MissingParameter, UsageError
from typer.main import get_command

from flows.cli.main import app

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(
    path
    for pattern in (
        "*.md",
        "docs/*.md",
        "governance/*.md",
        "flows/**/*.md",
        "serving/*.md",
        "tasks/**/*.md",
        "simulator/**/*.md",
    )
    for path in ROOT.glob(pattern)
)
FILLED_IN = {"D": "2024-03-01", "PD": "0.25", "{features,training,inference,monitoring}": "features"}


def commands_in_blocks(text: str) -> list[str]:
    """The `vintage` commands that a reader copies whole."""
    found = re.findall(r"^(?:\.venv/bin/)?(vintage [^#\n]*)", text, flags=re.M)
    return [words.strip() for words in found]


def commands_in_sentences(text: str) -> list[str]:
    """The `vintage` commands that running text names, for the most part without what they require.

    Those without a name of a command are left out: reading `--install-completion` installs it.
    """
    return re.findall(r"`(vintage [a-z][^`]*)`", text)


def parse(command: str) -> None:
    """Read a command and its options as the command line does, and run nothing.

    Raises: KeyError for a command that does not exist; UsageError of the command line for an option that
    it does not know, or one that is missing.
    """
    shown: Any = get_command(app)
    name, *rest = [FILLED_IN.get(word, word) for word in shlex.split(command)]
    while hasattr(shown, "commands") and rest and not rest[0].startswith("-"):
        name, *rest = rest
        shown = shown.commands[name]
    if rest or not hasattr(shown, "commands"):
        shown.make_context(name, rest)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_that_a_page_names_can_be_given(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for command in commands_in_blocks(text):
        parse(command)
    for command in commands_in_sentences(text):
        with suppress(MissingParameter, Exit):  # its options are left out, or --help is among them
            parse(command)


@pytest.mark.parametrize("command", ["vintage no-such", "vintage report --no-such", "vintage run inference"])
def test_a_command_that_does_not_exist_or_lacks_an_option_is_found(command: str) -> None:
    with pytest.raises((KeyError, UsageError)):
        parse(command)


def test_the_menu_of_the_site_lists_every_page_once() -> None:
    site = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    listed = [page for entry in site["nav"] for page in pages_below(entry)]
    generated = set(generated_pages())
    written = {path.name for path in DOCS.glob("*.md")}
    assert sorted(listed) == sorted(written | {name for name in generated if "/" not in name})
    assert not written & generated


def generated_pages() -> list[str]:
    """Names of the pages that `make docs` makes, in a process of its own, as there."""
    code = "import json, runpy; print(json.dumps([*runpy.run_path('docs/generate.py')['pages']()]))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def pages_below(entry: Any) -> list[str]:
    if isinstance(entry, str):
        return [entry]
    return [page for pages in entry.values() for part in pages for page in pages_below(part)]


def test_a_page_of_the_site_shows_the_section_of_the_readme_and_nothing_after_it() -> None:
    generate = runpy.run_path(str(DOCS / "generate.py"))
    text = "# Title\n\n## One\n\n![a](b.png)\n[first](c.md)\n\n## Two\n\nsecond\n"
    assert generate["without_links"](generate["section_of"](text, "One")).split() == ["first"]
    with pytest.raises(ValueError, match="no heading 'Three'"):
        generate["section_of"](text, "Three")
