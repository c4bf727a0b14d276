"""What keeps the repository easy to read: small folders, small files, and a README that names them."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CODE = ("flows", "serving", "tasks", "simulator", "airflow_dags", "docker", "benchmarks", "tests")
FILES = sorted(path for top in CODE for path in (ROOT / top).rglob("*.py"))
FOLDERS = sorted({path.parent for path in FILES})
FAULTS = 76  # of what may arrive or break, each with a number
ROOMS = [folder for folder in FOLDERS if folder.relative_to(ROOT).parts[0] in ("flows", "serving", "tasks")]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: str(folder.relative_to(ROOT)))
def test_a_folder_holds_no_more_than_15_files_of_code(folder: Path) -> None:
    assert len([path for path in folder.glob("*.py") if path.name != "__init__.py"]) <= 15


def test_no_file_is_longer_than_300_lines() -> None:
    assert [path for path in FILES if len(path.read_text(encoding="utf-8").splitlines()) > 300] == []


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: str(room.relative_to(ROOT)))
def test_a_room_says_on_one_screen_what_each_of_its_files_is_for(room: Path) -> None:
    text = (room / "README.md").read_text(encoding="utf-8")
    files = [path.name for path in room.glob("*.py") if path.name != "__init__.py"]
    assert [name for name in files if f"`{name}`" not in text] == []
    listed = re.findall(r"^\| `([\w/]+\.py)` \|", text, re.MULTILINE)
    assert [name for name in listed if not (room / name).is_file()] == []
    assert len(text.splitlines()) <= 45


def test_only_the_tasks_of_a_room_write_tables() -> None:
    """The import rules see who opens the tables, not who writes them."""
    writers = {
        path
        for path in FILES
        if path.parts[len(ROOT.parts)] in ("flows", "serving", "tasks")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr == "replace_partitions"
    }
    assert writers
    assert {path.name for path in writers} == {"tasks.py"}


def test_every_module_can_be_imported_before_a_lender_is_declared() -> None:
    """As Prefect does, which imports the flows before it runs one."""
    code = (
        "import pkgutil, importlib\nfor top in ('flows', 'serving', 'tasks'):\n"
        "  for m in pkgutil.walk_packages(importlib.import_module(top).__path__, top + '.'):\n"
        "    if m.name != 'flows.__main__': importlib.import_module(m.name)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_numbered_fault_has_a_test() -> None:
    found = set[int]()
    for path in (ROOT / "tests" / "faults").glob("test_*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
        found |= {int(number) for name in names for number in re.findall(r"^test_fault_(\d+)_", name)}
    assert found >= set(range(1, FAULTS + 1))
