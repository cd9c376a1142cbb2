"""The studies as a gallery: a script for each, which runs its small form and shows claims, figure and code.

sphinx-gallery runs these scripts; it takes a figure from the name `drawn`, and its words from the study.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from terminal_formulas import escape

from ssm_numerics import study
from ssm_numerics.plotting import save

HEADER = """\
Gallery of studies
==================

One question each, with its claim, its number, and its bound. What is shown here is the small form of each study, made
when these pages were built; ``ssm-numerics report`` runs them in their usual size ({doc}`/studies`).
""".replace("{doc}", ":doc:")

PAGE = '''\
"""
{title}
{rule}

{explanation}

* Whose claim: {source}
* Compared with: {method}
* In its usual size: ``python studies/study_{name}.py`` or ``ssm-numerics verify {name}``
"""

# %%
# What it finds, in its small form
# --------------------------------

from ssm_numerics import study

module = study.load("{name}")
found = study.evaluate("{name}", module, small=True)
for claim in found.claims:
    numbers = f"{{study.number(claim.measured)}} {{claim.relation}} {{study.number(claim.bound)}} {{claim.unit}}"
    print(f"{{claim.verdict}}  {{claim.statement}}: {{numbers}}")
drawn = module.figure(found.results)

# %%
# The study
# ---------
#
# .. literalinclude:: {path}
'''


def write_scripts(folder: Path) -> None:
    """A script for every study that can run here; unchanged ones keep their time, so that nothing runs twice."""
    folder.mkdir(parents=True, exist_ok=True)
    pages = {"GALLERY_HEADER.rst": HEADER} | {f"{name}.py": page(name) for name in runnable()}
    for path in folder.iterdir():
        if path.name not in pages:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    for name, text in pages.items():
        path = folder / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def runnable() -> list[str]:
    """Studies whose packages are installed."""
    return [name for name in study.names() if not study.describe(name, study.load(name)).skipped]


def page(name: str) -> str:
    """The script of one study."""
    facts = study.describe(name, study.load(name))
    prose = {"explanation": facts.explanation, "source": facts.source, "method": facts.method}
    return PAGE.format(
        title=facts.question,
        rule="=" * len(facts.question),
        **{word: escape(text).replace("\\", "\\\\") for word, text in prose.items()},
        name=name,
        path=f"/../studies/{study.PREFIX}{name}.py",
    )


def figures(block: Any, variables: dict[str, Any], gallery: dict[str, Any]) -> str:
    """What sphinx-gallery asks after every block: the figure that was drawn, as an image with its words."""
    names = variables["example_globals"]
    drawn = names.pop("drawn", None)
    if drawn is None:
        return ""
    path = Path(next(variables["image_path_iterator"]))
    save(drawn, path)
    place = path.relative_to(gallery["src_dir"]).as_posix()
    words = " ".join(escape(names["module"].ALT).split())
    return f"\n.. image:: /{place}\n   :alt: {words}\n   :class: sphx-glr-single-img\n\n"


class StoryOrder:
    """Sorts scripts as the report tells the story."""

    def __init__(self, folder: str) -> None:
        self.names = study.names()

    def __call__(self, filename: str) -> int:
        return self.names.index(Path(filename).stem)
