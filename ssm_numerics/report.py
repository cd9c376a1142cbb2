"""Run all studies and write one self-contained page: each claim, its number, its bound, and PASS or FAIL."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from . import _arrays, study, versions

INSTALL = 'python -m pip install "ssm-numerics[report]"'
NEEDED = {"matplotlib": "matplotlib", "jinja2": "jinja2", "rich": "rich", "flint": "python-flint"}


def require(modules: dict[str, str]) -> None:
    """Check that the packages of an extra are there before any work starts."""
    missing = []
    for module, package in modules.items():
        try:
            import_module(module)
        except ImportError:
            missing.append(package)
    if missing:
        raise ImportError(f"This command needs {', '.join(missing)}, which the `report` extra installs: {INSTALL}.")


def run(
    names: list[str] | None = None,
    small: bool = False,
    figures: bool = False,
    progress: bool = True,
) -> tuple[list[study.Outcome], dict[str, str], dict[str, str]]:
    """Run studies and, on request, draw them.

    Returns
    -------
    outcomes : list of study.Outcome
    pictures : dict
        Name of a study to its figure as a data address; empty without `figures`.
    alternatives : dict
        Name of a study to the text that stands for its figure.
    """
    if names is None:
        names = study.names()
    known = study.names()
    for name in names:
        _arrays.choice("study", name, known)
    outcomes, pictures, alternatives = [], {}, {}
    with _progress(len(names)) if progress else _silence() as advance:
        for name in names:
            advance(name, None)
            outcome, module = study.run(name, small)
            if figures and module is not None and not outcome.error:
                from .plotting import data_uri

                try:
                    pictures[name] = data_uri(module.figure(outcome.results))
                    alternatives[name] = getattr(module, "ALT", outcome.question)
                except Exception as error:
                    outcome.error = f"its figure: {type(error).__name__}: {error}"
            outcomes.append(outcome)
            advance(name, outcome)
    return outcomes, pictures, alternatives


def write(output: Path | str, names: list[str] | None = None, small: bool = False, progress: bool = True) -> bool:
    """Run the studies, write `index.html` and `results.json` into a folder, and say whether every claim holds.

    Parameters
    ----------
    output : path
        A folder; it is made if it does not exist.
    names : list of str, optional
        Which studies; all by default.
    small : bool, default False
        The quick form of every study, for trying things out.
    progress : bool, default True
        Show progress on standard error.

    Raises
    ------
    ImportError
        If a package of the `report` extra is missing; the message says how to install it.
    """
    require(NEEDED)
    folder = Path(output)
    folder.mkdir(parents=True, exist_ok=True)
    begin = time.perf_counter()
    outcomes, pictures, alternatives = run(names, small, figures=True, progress=progress)
    facts = summary(outcomes) | {
        "small": small,
        "seconds": time.perf_counter() - begin,
        "environment": versions.environment(),
    }
    page = render(outcomes, pictures, alternatives, facts)
    (folder / "index.html").write_text(page, encoding="utf-8")
    record = facts | {"studies": {outcome.name: outcome.to_dict() for outcome in outcomes}}
    (folder / "results.json").write_text(study.to_json(record), encoding="utf-8")
    return bool(facts["passed"])


def summary(outcomes: list[study.Outcome]) -> dict[str, Any]:
    """How many claims hold, of how many."""
    claims = [claim for outcome in outcomes for claim in outcome.claims]
    return {
        "passed": bool(outcomes) and all(outcome.passed for outcome in outcomes),
        "claims": len(claims),
        "claims_that_hold": sum(claim.passed for claim in claims),
        "studies_that_stopped": [outcome.name for outcome in outcomes if outcome.error],
    }


def render(
    outcomes: list[study.Outcome], pictures: dict[str, str], alternatives: dict[str, str], facts: dict[str, Any]
) -> str:
    """The page as one string of HTML that refers to nothing outside itself."""
    import jinja2

    loader = jinja2.FileSystemLoader(Path(__file__).parent)
    jinja = jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    jinja.filters["number"] = study.number
    jinja.filters["paragraphs"] = lambda text: [part for part in text.split("\n\n") if part.strip()]
    jinja.filters["typeset"] = typeset
    template = jinja.get_template("report.html.jinja")
    return template.render(outcomes=outcomes, pictures=pictures, alternatives=alternatives, facts=facts)


def typeset(text: str) -> Any:
    """Plain text as HTML: a power such as x^2, e^-t or φ^(2N) is raised, an index such as K_l or e_0 lowered."""
    from markupsafe import Markup, escape

    html = re.sub(r"\^(?:\(([^()]*)\)|(-?\w+))", lambda m: f"<sup>{m[1] or m[2]}</sup>", str(escape(text)))
    return Markup(re.sub(r"\b([A-Za-z])_(\w)\b", r"\1<sub>\2</sub>", html))


@contextmanager
def _progress(total: int) -> Iterator[Callable[[str, study.Outcome | None], None]]:
    """A live bar on a terminal, one plain line per finished study elsewhere; always on standard error."""
    try:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
    except ImportError:
        console = None
    else:
        console = Console(stderr=True)
    if console is None or not console.is_terminal:

        def line(name: str, outcome: study.Outcome | None) -> None:
            if outcome is not None:
                print(_line(outcome), file=sys.stderr, flush=True)

        yield line
        return
    columns = (TextColumn("{task.description:<26}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("starting", total=total)

        def advance(name: str, outcome: study.Outcome | None) -> None:
            if outcome is None:
                bar.update(task, description=name)
            else:
                bar.console.print(_line(outcome), highlight=False, markup=False)
                bar.advance(task)

        yield advance
        bar.update(task, description="done")


@contextmanager
def _silence() -> Iterator[Callable[[str, study.Outcome | None], None]]:
    yield lambda name, outcome: None


def _line(outcome: study.Outcome) -> str:
    held = sum(claim.passed for claim in outcome.claims)
    verdict = "PASS" if outcome.passed else "FAIL"
    state = f"stopped: {outcome.error}" if outcome.error else f"{held} of {len(outcome.claims)} claims hold"
    return f"{verdict}  {outcome.name:<24} {state}  ({outcome.seconds:.1f} s)"
