"""Threads over the rows of a batch: compiled functions release the GIL, so plain threads suffice."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

SERIAL_FLOPS = 10_000_000
"""Below this much work starting threads costs more than it saves (a thread takes about 50 microseconds to start)."""


def cores() -> int:
    """The number of processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def over_rows(work: Callable[[int, int], None], n_rows: int, flops: float) -> None:
    """Call work(begin, end) so that the ranges cover all rows, in as many threads as there are cores and rows."""
    n_threads = min(cores(), n_rows) if flops > SERIAL_FLOPS else 1
    if n_threads <= 1:
        work(0, n_rows)
        return
    bounds = [n_rows * i // n_threads for i in range(n_threads + 1)]
    with ThreadPoolExecutor(n_threads) as pool:
        list(pool.map(work, bounds[:-1], bounds[1:]))
