"""Sphinx configuration: MyST pages with mathematics, and the public names from their numpydoc docstrings."""

from __future__ import annotations

import re
from typing import Any

import ssm_numerics

project = "ssm-numerics"
author = "The ssm-numerics authors"
version = release = ssm_numerics.__version__

extensions = ["sphinx.ext.autodoc", "sphinx.ext.autosummary", "sphinx.ext.mathjax", "numpydoc", "myst_parser"]
myst_enable_extensions = ["amsmath", "dollarmath"]
myst_heading_anchors = 3
exclude_patterns = ["_build"]
suppress_warnings = ["config.cache"]

html_theme = "furo"
html_title = "ssm-numerics"

autodoc_member_order = "bysource"
autodoc_typehints = "none"
autosummary_generate = False
default_role = "code"
math_eqref_format = "({number})"
numpydoc_show_class_members = False
numpydoc_xref_param_type = False
nitpick_ignore_regex = [("py:.*", ".*")]

KEPT = re.compile(r"(``[^`]*``|`[^`]*`|\*[A-Z][a-z]+\*|^\s*\* )")
"""Literals, names in backticks, the words *Accuracy* and *Cost*, and bullets stay as they are."""

MARKUP = re.compile(r"[|*]|(?<=\w)_(?=\W|$)")
"""In formulas such as |x|, P Q* and u_{-1} these are not markup."""


def escape_formulas(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Docstrings are written to be read in a terminal; the plain-text formulas in their prose are escaped here."""
    for number, line in enumerate(lines):
        if not line.lstrip().startswith((">>>", "...", ".. ")):
            parts = KEPT.split(line)
            parts[::2] = [MARKUP.sub(lambda match: "\\" + match[0], part) for part in parts[::2]]
            lines[number] = "".join(parts)


def setup(app: Any) -> None:
    """Escape before numpydoc reads a docstring (its priority is 500)."""
    app.connect("autodoc-process-docstring", escape_formulas, priority=400)
