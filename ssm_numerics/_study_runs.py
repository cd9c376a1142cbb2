"""Runs many studies: in several processes, timing ones alone at the end, and not again where nothing has changed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from . import study, versions

Progress = Callable[[str, study.Outcome | None], None]


@dataclass(frozen=True)
class Request:
    """What is asked of every study, and where finished ones are kept, if anywhere."""

    small: bool = False
    full: bool = False
    figures: bool = False
    jobs: int = 1
    kept: Path | None = None
    fresh: bool = False


def default_names(full: bool = False) -> list[str]:
    """The studies that run if none is named: without those on request, unless in full."""
    return [name for name in study.names() if full or not study.on_request(name)]


def run(names: list[str], request: Request, advance: Progress) -> list[study.Outcome]:
    """The outcomes in the order of the names; `advance` hears of every study that starts or is finished."""
    done: dict[str, study.Outcome] = {}
    for name in names:
        outcome = recall(name, request)
        if outcome is not None:
            done[name] = outcome
            advance(name, outcome)
    left = [name for name in names if name not in done]
    alone = [name for name in left if study.alone(name)]
    for name, outcome in _run_all([name for name in left if name not in alone], request, request.jobs, advance):
        done[name] = outcome
    for name, outcome in _run_all(alone, request, 1, advance):
        done[name] = outcome
    return [done[name] for name in names]


def _run_all(names: list[str], request: Request, jobs: int, advance: Progress) -> Iterator[tuple[str, study.Outcome]]:
    """Each study with its outcome as it is finished, in this process or in several."""
    options = (request.small, request.full, request.figures)
    if min(jobs, len(names)) <= 1:
        for name in names:
            advance(name, None)
            yield name, _finish(study.run(name, *options), request, advance)
        return
    # A fresh process each: after a fork the threads that BLAS and Numba had started are missing.
    pool = ProcessPoolExecutor(min(jobs, len(names)), mp_context=get_context("spawn"))
    try:
        futures = {pool.submit(study.run, name, *options): name for name in names}
        for future in as_completed(futures):
            name = futures[future]
            try:
                outcome = future.result()
            except Exception as error:  # the process itself died, from lack of memory for example
                outcome = study.Outcome(name, name.replace("_", " "), error=f"{type(error).__name__}: {error}")
            yield name, _finish(outcome, request, advance)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _finish(outcome: study.Outcome, request: Request, advance: Progress) -> study.Outcome:
    if request.kept is not None and outcome.passed:  # what failed or was skipped is tried again
        request.kept.mkdir(parents=True, exist_ok=True)
        record = {"key": key(outcome.name, request), "outcome": asdict(outcome)}
        (request.kept / f"{outcome.name}.json").write_text(json.dumps(record), encoding="utf-8")
    advance(outcome.name, outcome)
    return outcome


def recall(name: str, request: Request) -> study.Outcome | None:
    """The outcome of an earlier run with the same key, or None."""
    if request.kept is None or request.fresh:
        return None
    try:
        record = json.loads((request.kept / f"{name}.json").read_text(encoding="utf-8"))
        fields: dict[str, Any] = record["outcome"]
        if record["key"] != key(name, request):
            return None
        claims = [study.Claim(**claim) for claim in fields.pop("claims")]
        return study.Outcome(**fields | {"claims": claims, "reused": True})
    except (OSError, ValueError, TypeError, KeyError):  # not there, cut short, or of an older form
        return None


def key(name: str, request: Request) -> str:
    """A digest of all that the outcome depends on: the study, the package, the versions, the machine, the options."""
    digest = hashlib.sha256((study.folder() / f"{study.PREFIX}{name}.py").read_bytes())
    package = Path(__file__).resolve().parent
    for path in sorted(package.rglob("*.py")):
        if "_studies" not in path.relative_to(package).parts:
            digest.update(path.read_bytes())
    facts = {key: value for key, value in versions.environment().items() if key != "date"}
    digest.update(json.dumps([facts, request.small, request.full, request.figures]).encode())
    return digest.hexdigest()
