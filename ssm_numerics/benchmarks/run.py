"""Check and time the implementations of a case side by side in one process, print them, and put them in a record."""

from __future__ import annotations

import os
import random
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from .. import _arrays, versions
from .._parallel import cores
from . import definitions, kernels, signals, streams
from .case import OURS, Case, Implementation

SECONDS = 0.4
"""Time given to every implementation after its first call, and at least one run."""

PAUSE = 0.02
"""Seconds of rest before every measurement, in which the threads of the library before it stop spinning."""

SHORTEST = 2e-2
"""Shorter calls are timed many at a time, as caches are cold and the clock is slow after a rest."""

WARMED = 1.0
"""Where a call takes fewer seconds, every turn begins with one that is not timed.

Large arrays are given back to the system between turns, and the first call after that may take the time of several,
whoever computes.
"""


def cases(pattern: str | None = None) -> list[Case]:
    """The cases whose name contains the pattern, all by default."""
    every = [*kernels.cases(), *signals.cases(), *streams.cases(), *definitions.cases()]
    chosen = [case for case in every if pattern is None or pattern in case.name]
    if not chosen:
        _arrays.choice("only", pattern, [case.name for case in every])
    return chosen


def first_calls(case: Case, sizes: Mapping[str, int]) -> Iterator[tuple[str, Implementation, Any, dict[str, Any]]]:
    """Every installed implementation once: its name, itself, its inputs, and a row with its error and its seconds."""
    prepared: dict[tuple[int, ...], Any] = {}
    for name, implementation in case.available().items():
        its_sizes = case.sizes_of(implementation, sizes)
        key = tuple(its_sizes.values())
        if key not in prepared:
            inputs = case.prepare(**its_sizes)
            prepared[key] = inputs, case.reference(inputs)
        inputs, exact = prepared[key]
        begin = time.perf_counter()
        output = implementation.call(inputs)
        row = {
            "first_call": time.perf_counter() - begin,
            "share": sizes[case.cut] / its_sizes[case.cut] if implementation.units else 1.0,
            "note": _note(case, implementation, sizes, its_sizes),
            "error": None if implementation.limit else case.error(implementation, output, inputs, exact),
            "allowed": case.allowed(implementation, its_sizes),
        }
        yield name, implementation, inputs, row


def measure(case: Case, small: bool = False, repeat: int = 9) -> dict[str, Any]:
    """Errors and times of a case; the implementations take turns, so that all see the same drift of the machine.

    Their order changes, so that none always follows the same one: some leave threads or memory in a state that others
    pay for.
    """
    sizes = case.small if small else case.sizes
    rows: dict[str, dict[str, Any]] = {}
    turns: dict[str, Callable[[], float]] = {}
    rate = dgemm_rate(512 if small else 1024)
    for name, implementation, inputs, row in first_calls(case, sizes):
        rows[name] = row | {"times": []}
        turns[name] = _turn(implementation.call, inputs)
    for number in range(repeat):
        for name in random.Random(number).sample(list(turns), len(turns)):
            row, turn = rows[name], turns[name]
            if sum(row["times"]) < SECONDS * (not small) or not row["times"]:
                time.sleep(PAUSE)
                row["times"].append(turn())
    flops = case.flops(**sizes)
    for row in rows.values():
        times = sorted(value * row["share"] for value in row.pop("times"))
        row |= {"median": statistics.median(times), "best": times[0], "runs": len(times)}
        row["gflops"] = flops / row["median"] / 1e9
        row["of_dgemm"] = row["gflops"] / rate
    ratios = {name: row["median"] / rows[OURS]["median"] for name, row in rows.items()}
    return {
        "title": case.title,
        "sizes": dict(sizes),
        "flops": flops,
        "dgemm_gflops": rate,
        "rows": rows,
        "ratios": ratios,
        "targets": dict(case.targets),
    }


def run(
    pattern: str | None = None,
    small: bool = False,
    repeat: int = 9,
    threads: int | None = None,
    progress: Callable[[str, int, int], None] = lambda name, done, total: None,
) -> dict[str, Any]:
    """Measure cases and return a record that JSON can hold."""
    chosen, results = cases(pattern), {}
    begin = time.perf_counter()
    with limited(threads) as used, np.errstate(all="ignore"):
        for done, case in enumerate(chosen):
            progress(case.name, done, len(chosen))
            results[case.name] = measure(case, small, repeat)
    return {
        "environment": versions.environment() | {"blas": blas(), "threads": used},
        "small": small,
        "seconds": time.perf_counter() - begin,
        "cases": results,
        "ratios": {name: result["ratios"] for name, result in results.items()},
        "targets": targets(results),
    }


def targets(results: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What was aimed at and what was reached, for the peers that ran."""
    return [
        {"case": name, "peer": peer, "target": target, "ratio": result["ratios"][peer]}
        for name, result in results.items()
        for peer, target in result["targets"].items()
        if peer in result["ratios"]
    ]


def accurate(record: Mapping[str, Any]) -> bool:
    """Whether everything that was run is as accurate as it must be."""
    rows = [row for result in record["cases"].values() for row in result["rows"].values() if row["error"] is not None]
    return all(row["error"] <= row["allowed"] for row in rows)


@contextmanager
def limited(threads: int | None) -> Iterator[int]:
    """Run on so many processors, BLAS included; all of them by default."""
    import scipy.linalg  # noqa: F401  (SciPy has a BLAS library of its own, which must be loaded to be limited)
    from threadpoolctl import threadpool_limits

    if threads is None:
        yield cores()
        return
    _arrays.count("threads", threads)
    allowed = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None
    try:
        if allowed is not None:
            os.sched_setaffinity(0, sorted(allowed)[:threads])
        with threadpool_limits(limits=threads):
            yield min(threads, cores())
    finally:
        if allowed is not None:
            os.sched_setaffinity(0, allowed)


def dgemm_rate(size: int) -> float:
    """10^9 flops per second of NumPy's product of two square matrices, the best of a few."""
    a = np.ones((size, size))
    out, best = np.empty_like(a), np.inf
    for _ in range(4):
        begin = time.perf_counter()
        np.matmul(a, a, out=out)
        best = min(best, time.perf_counter() - begin)
    return 2.0 * size**3 / best / 1e9


def blas() -> list[str]:
    """The BLAS libraries that are loaded, with their threads."""
    from threadpoolctl import threadpool_info

    return [f"{lib['internal_api']} {lib['version']}, {lib['num_threads']} threads" for lib in threadpool_info()]


def _turn(call: Callable[[Any], Any], inputs: Any) -> Callable[[], float]:
    """A function that runs the call often enough to be timed and returns the seconds of one."""
    number, last = 1, 0.0

    def turn() -> float:
        nonlocal number, last
        if last < WARMED:
            call(inputs)
        while True:
            begin = time.perf_counter()
            for _ in range(number):
                call(inputs)
            seconds = time.perf_counter() - begin
            if seconds >= SHORTEST or number >= 1000:
                last = seconds / number
                return last
            number = min(1000, 1 + int(1.5 * number * SHORTEST / max(seconds, 1e-7)))

    return turn


def _note(case: Case, implementation: Implementation, sizes: Mapping[str, int], its: Mapping[str, int]) -> str:
    """The row's remark, and how much of the task was run where it was not all."""
    words = [implementation.note] if implementation.note else []
    if its[case.cut] != sizes[case.cut]:
        words.append(f"run on {case.cut} = {its[case.cut]:,} and scaled")
    return "; ".join(words)
