"""Sphinx configuration: MyST pages with mathematics, public names from their docstrings, the studies as a gallery.

Nothing is fetched while the pages are built or read: MathJax comes as one file out of a PyPI package.
"""

from __future__ import annotations

import sys
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import ssm_numerics

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "_ext"))

import drawn_figures  # noqa: E402  (they lie beside this file)
import study_gallery  # noqa: E402

project = "ssm-numerics"
author = "The ssm-numerics authors"
version = release = ssm_numerics.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "numpydoc",
    "myst_parser",
    "sphinx_gallery.gen_gallery",
    "sphinxcontrib.bibtex",
    "named_citations",
    "terminal_formulas",
]
myst_enable_extensions = ["amsmath", "dollarmath"]
myst_heading_anchors = 3
exclude_patterns = ["_build", "_data", "_ext"]
suppress_warnings = ["config.cache"]

html_theme = "furo"
html_title = "ssm-numerics"
html_domain_indices = False
mathjax = next(path for path in distribution("django-static-mathjax").files or () if path.match("es5/tex-svg-full.js"))
mathjax_path = mathjax.name
html_static_path = [str(mathjax.locate()), "_static"]
html_css_files = ["pages.css"]

bibtex_bibfiles = ["references.bib"]
bibtex_default_style = "keys"

autodoc_member_order = "bysource"
autodoc_typehints = "none"
autosummary_generate = False
default_role = "code"
numfig = True  # equations are numbered by page: (3.12)
numfig_secnum_depth = 1
math_eqref_format = "({number})"
numpydoc_show_class_members = False
numpydoc_xref_param_type = False
nitpick_ignore_regex = [("py:.*", ".*")]

SCRIPTS = HERE / "_build" / "studies"
sphinx_gallery_conf: dict[str, Any] = {
    "examples_dirs": str(SCRIPTS),
    "gallery_dirs": "gallery",
    "filename_pattern": r"\.py$",
    "image_scrapers": (study_gallery.figures,),
    "reset_modules": (),
    "within_subsection_order": study_gallery.StoryOrder,
    "download_all_examples": False,
    "show_memory": False,
    "write_computation_times": False,
    "abort_on_example_error": True,
}


def setup(app: Any) -> None:
    """Write what pages are made of, before anything looks for it."""
    study_gallery.write_scripts(SCRIPTS)
    drawn_figures.draw(HERE / "_build" / "figures")
