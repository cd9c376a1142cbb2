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

from . import _arrays, _study_runs, study, versions

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
    full: bool = False,
    jobs: int = 1,
    figures: bool = False,
    progress: bool = True,
    kept: Path | None = None,
    fresh: bool = False,
) -> list[study.Outcome]:
    """Run studies and, on request, draw them.

    Parameters
    ----------
    names : list of str, optional
        Which studies; by default all that are not on request, with `full` all.
    small, full : bool, default False
        The quick form of every study, or large sizes.
    jobs : int, default 1
        How many processes. A script that asks for more than one must protect its own start by
        ``if __name__ == "__main__":``.
    figures : bool, default False
        Whether outcomes carry their pictures.
    progress : bool, default True
        Show progress on standard error.
    kept : Path, optional
        A folder of finished studies: what is there and unchanged is not run again, unless `fresh`.

    Returns
    -------
    list of study.Outcome

    Raises
    ------
    ImportError
        If every study is skipped for lack of a package.
    """
    known = study.names()
    for name in names or ():
        _arrays.choice("study", name, known)
    if small and full:
        _arrays.fail("full", "be False for the small form of the studies", "both are True")
    names = _study_runs.default_names(full) if names is None else list(dict.fromkeys(names))
    request = _study_runs.Request(small, full, figures, _arrays.count("jobs", jobs), kept, fresh)
    with _progress(len(names)) if progress else _silence() as advance:
        outcomes = _study_runs.run(names, request, advance)
    if outcomes and all(outcome.skipped for outcome in outcomes):
        raise ImportError(f"{outcomes[0].name} {outcomes[0].skipped}.")
    return outcomes


def write(
    output: Path | str,
    names: list[str] | None = None,
    small: bool = False,
    full: bool = False,
    jobs: int = 1,
    progress: bool = True,
    fresh: bool = False,
) -> bool:
    """Run the studies, write `index.html` and `results.json` into a folder, and say whether every claim holds.

    Studies that an earlier run into the same folder finished are not run again, unless something they depend on has
    changed: the study, the package, a version, the machine, an option.

    Parameters
    ----------
    output : path
        A folder; it is made if it does not exist.
    names, small, full, jobs, progress
        As for `run`.
    fresh : bool, default False
        Run everything again.

    Raises
    ------
    ImportError
        If a package of the `report` extra is missing; the message says how to install it.
    """
    require(NEEDED)
    folder = Path(output)
    folder.mkdir(parents=True, exist_ok=True)
    begin = time.perf_counter()
    outcomes = run(names, small, full, jobs, True, progress, folder / "finished", fresh)
    facts = summary(outcomes) | {
        "form": "small" if small else "full" if full else "default",
        "left_out": [name for name in study.names() if name not in {outcome.name for outcome in outcomes}],
        "seconds": time.perf_counter() - begin,
        "environment": versions.environment(),
    }
    (folder / "index.html").write_text(render(outcomes, facts), encoding="utf-8")
    record = facts | {"studies": {outcome.name: outcome.to_dict() for outcome in outcomes}}
    (folder / "results.json").write_text(study.to_json(record), encoding="utf-8")
    return bool(facts["passed"])


def summary(outcomes: list[study.Outcome]) -> dict[str, Any]:
    """How many claims hold, of how many; what was skipped neither holds nor fails."""
    ran = [outcome for outcome in outcomes if not outcome.skipped]
    claims = [claim for outcome in ran for claim in outcome.claims]
    return {
        "passed": bool(ran) and all(outcome.passed for outcome in ran),
        "claims": len(claims),
        "claims_that_hold": sum(claim.passed for claim in claims),
        "studies_that_stopped": [outcome.name for outcome in ran if outcome.error],
        "studies_skipped": {outcome.name: outcome.skipped for outcome in outcomes if outcome.skipped},
        "studies_reused": sum(outcome.reused for outcome in outcomes),
    }


def render(outcomes: list[study.Outcome], facts: dict[str, Any]) -> str:
    """The page as one string of HTML that refers to nothing outside itself."""
    import jinja2

    loader = jinja2.FileSystemLoader(Path(__file__).parent)
    jinja = jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    jinja.filters["number"] = study.number
    jinja.filters["paragraphs"] = lambda text: [part for part in text.split("\n\n") if part.strip()]
    jinja.filters["typeset"] = typeset
    template = jinja.get_template("report.html.jinja")
    return template.render(outcomes=outcomes, facts=facts)


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
    state = f"stopped: {outcome.error}" if outcome.error else f"{held} of {len(outcome.claims)} claims hold"
    spent = f"finished {outcome.measured_at}" if outcome.reused else f"{outcome.seconds:.1f} s"
    failed = "".join(f"\n      {claim}" for claim in outcome.claims if not claim.passed)
    return f"{outcome.verdict}  {outcome.name:<24} {outcome.skipped or state}  ({spent}){failed}"
