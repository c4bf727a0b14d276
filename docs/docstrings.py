"""How docstrings are read for the site: what follows the first paragraph begins a line of its own."""

import re
from typing import Any

import griffe

PARTS = r"\n(?=(?:Needs|Adds|Keys|Source|Raises):)"


class PartsOfDocstrings(griffe.Extension):
    """Sets what a function needs, adds and raises apart."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        if obj.docstring is not None:
            obj.docstring.value = re.sub(PARTS, "\n\n", obj.docstring.value)
