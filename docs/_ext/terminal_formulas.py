"""Docstrings are written to be read in a terminal: the plain-text formulas in their prose are no markup."""

from __future__ import annotations

import re
from typing import Any

KEPT = re.compile(r"(``[^`]*``|`[^`]*`|\*[A-Z][a-z]+\*|^\s*\* )")
"""Literals, names in backticks, the words *Accuracy* and *Cost*, and bullets stay as they are."""

MARKUP = re.compile(r"[|*]|(?<=\w)_(?=\W|$)")
"""In formulas such as |x|, P Q* and u_{-1} these are not markup."""


def escape(line: str) -> str:
    """One line of prose with its formulas escaped for reStructuredText."""
    parts = KEPT.split(line)
    parts[::2] = [MARKUP.sub(lambda match: "\\" + match[0], part) for part in parts[::2]]
    return "".join(parts)


def escape_docstring(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Escape all lines but code and directives."""
    for number, line in enumerate(lines):
        if not line.lstrip().startswith((">>>", "...", ".. ")):
            lines[number] = escape(line)


def setup(app: Any) -> dict[str, bool]:
    """Escape before numpydoc reads a docstring (its priority is 500)."""
    app.connect("autodoc-process-docstring", escape_docstring, priority=400)
    return {"parallel_read_safe": True}
