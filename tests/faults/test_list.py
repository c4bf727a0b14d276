"""The list as code: each of the numbered faults has a test that bears its number."""

import ast
import re
from pathlib import Path

FAULTS = 76


def test_every_numbered_fault_has_a_test() -> None:
    found = set[int]()
    for path in Path(__file__).parent.glob("test_*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
        found |= {int(number) for name in names for number in re.findall(r"^test_fault_(\d+)_", name)}
    assert found >= set(range(1, FAULTS + 1))
