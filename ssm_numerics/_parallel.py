"""Threads over the rows of a batch: compiled functions and BLAS release the GIL, so plain threads suffice."""

from __future__ import annotations

import functools
import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from typing import Any

SERIAL_FLOPS = 10_000_000
"""Below this much work a second thread costs more than it saves: 50 microseconds to be called at all."""

SHARE_FLOPS, SHARES = 2_000_000, 8
"""Rows are taken in shares of about this much work, and in at most so many for each thread."""

SERIAL_ORDER = 256
"""Matrices up to this order are multiplied and solved with on the calling thread."""


class _Here(threading.local):
    """What a thread knows of itself."""

    is_worker = False


_here = _Here()


def cores() -> int:
    """The number of processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def over_rows(work: Callable[[int, int], None], n_rows: int, flops: float, group: int = 1) -> None:
    """Call work(begin, end) so that the ranges cover all rows, in as many threads as there are cores and rows.

    Ranges begin at multiples of `group`, for rows whose bits depend on how many others are worked on at once.
    """
    groups = -(-n_rows // group)
    n_threads = _threads(groups, flops)
    n_shares = min(groups, SHARES * n_threads, max(n_threads, int(flops / SHARE_FLOPS))) if n_threads > 1 else 1
    bounds = [min(n_rows, groups * i // n_shares * group) for i in range(n_shares + 1)]
    in_order(lambda i: (bounds[i], bounds[i + 1]), lambda share: work(*share), n_shares, flops)


def in_order(first: Callable[[int], Any], then: Callable[[Any], None], count: int, flops: float) -> None:
    """Call then(first(i)) for all i < count: `first` for one i after the other, `then` meanwhile in other threads.

    Whoever is free goes on, the calling thread from the beginning: one that has slept may need a millisecond until it
    runs, and is not waited for if everything is done by then. What is itself a thread's share is not divided again.
    """
    n_threads = _threads(count, flops)
    if n_threads <= 1:
        for i in range(count):
            then(first(i))
        return
    left, lock = deque(range(count)), threading.Lock()
    ended: SimpleQueue[BaseException | None] = SimpleQueue()
    helping = 0

    def run() -> None:
        while True:
            with lock:
                if not left:
                    return
                begun = first(left.popleft())
            then(begun)

    def help_out() -> None:
        nonlocal helping
        with lock:
            if not left:
                return
            helping += 1
        error = None
        try:
            run()
        except BaseException as raised:
            error = raised
        ended.put(error)

    for _ in range(n_threads - 1):
        _helpers().put(help_out)
    try:
        _here.is_worker = True
        run()
    finally:
        _here.is_worker = False
        with lock:
            left.clear()
        errors = [ended.get() for _ in range(helping)]  # whatever happened here, nobody may go on writing
    for error in filter(None, errors):
        raise error


def _threads(n_shares: int, flops: float) -> int:
    """How many threads are worth their while."""
    return min(cores(), n_shares) if flops > SERIAL_FLOPS and not _here.is_worker else 1


@functools.cache
def _helpers() -> SimpleQueue[Callable[[], None]]:
    """What threads that have been started once wait for, since starting them anew takes longer than small work.

    So do the futures of a `ThreadPoolExecutor`: making one, and waking those who wait for it.
    """
    jobs: SimpleQueue[Callable[[], None]] = SimpleQueue()

    def work() -> None:
        _here.is_worker = True
        while True:
            jobs.get()()

    for number in range(max(1, cores() - 1)):
        threading.Thread(target=work, name=f"ssm_numerics_{number}", daemon=True).start()
    return jobs


class _SerialBlas:
    """How many callers want BLAS on their own threads, and the numbers of threads to give back after the last one."""

    def __init__(self) -> None:
        self.lock, self.callers, self.before = threading.Lock(), 0, []  # type: ignore[var-annotated]

    def enter(self) -> None:
        with self.lock:
            self.callers += 1
            if self.callers == 1:
                self.before = [(library, library.num_threads) for library in _libraries("scipy.linalg" in sys.modules)]
                self._set(1)

    def leave(self) -> None:
        with self.lock:
            self.callers -= 1
            if self.callers == 0:
                self._set(None)

    def _set(self, threads: int | None) -> None:
        for library, before in self.before:
            if before != 1:
                # threadpoolctl 3.8 hears only the thread that has set a limit first; here the last to leave may be
                # another one than the first to come.
                let_any_thread = getattr(library, "clear_controlling_thread", lambda force: None)
                let_any_thread(force=True)
                library.set_num_threads(threads or before)
                let_any_thread(force=True)


_serial_blas = _SerialBlas()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_serial_blas.__init__)  # type: ignore[misc]  # a lock held by the parent
    os.register_at_fork(after_in_child=_helpers.cache_clear)  # threads of the parent


@functools.cache
def _libraries(scipy_loaded: bool) -> list[Any]:
    """The BLAS libraries in this process; SciPy brings its own."""
    from threadpoolctl import ThreadpoolController

    return list(ThreadpoolController().select(user_api="blas").lib_controllers)


@contextmanager
def serial_blas(when: bool = True) -> Iterator[None]:
    """Matrix products on the calling thread while inside, for many small ones or where the batch has the threads.

    A BLAS library divides a product of more than some 10**5 multiplications among threads that wait for each other;
    for orders up to a few hundred that is slower, on a busy machine by a factor of ten and more.
    """
    if not when:
        yield
        return
    _serial_blas.enter()
    try:
        yield
    finally:
        _serial_blas.leave()
