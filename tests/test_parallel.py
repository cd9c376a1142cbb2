"""Threads over rows: every row once, pieces in order, errors raised once nobody writes any more, shares not divided."""

import functools
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import ssm_numerics as ssm
from ssm_numerics import _parallel


@pytest.fixture(params=[1, 2, 5])
def threads(request, monkeypatch):
    monkeypatch.setattr(_parallel, "SERIAL_FLOPS", 0)
    monkeypatch.setattr(_parallel, "cores", lambda: request.param)
    return request.param


@pytest.mark.parametrize("n_rows", [1, 2, 7, 1000])
@pytest.mark.parametrize("flops", [1.0, 1e7, 1e12])
def test_every_row_once(threads, n_rows, flops):
    ranges = []
    _parallel.over_rows(lambda begin, end: ranges.append((begin, end)), n_rows, flops)
    assert sorted(row for begin, end in ranges for row in range(begin, end)) == list(range(n_rows))
    assert len(ranges) <= (threads * _parallel.SHARES if threads > 1 else 1)


def test_pieces_begin_one_after_another(threads):
    """`first` is never in two threads, and sees 0, 1, 2, ...; `then` gets what it gave."""
    begun, ended, inside = [], [], threading.Lock()

    def first(i):
        assert inside.acquire(blocking=False)
        begun.append(i)
        time.sleep(1e-3)
        inside.release()
        return i, i**2

    _parallel.in_order(first, ended.append, 50, 1.0)
    assert begun == list(range(50)) and sorted(ended) == [(i, i**2) for i in range(50)]


@pytest.mark.parametrize("where", ["first", "then"])
def test_errors_arrive_when_all_have_stopped(threads, where):
    running = []

    def first(i):
        if where == "first" and i == 5:
            raise ZeroDivisionError
        return i

    def then(i):
        running.append(i)
        time.sleep(0.002)
        running.remove(i)
        if where == "then" and i == 5:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        _parallel.in_order(first, then, 50, 1.0)
    assert not running
    assert not _parallel._here.is_worker


def test_shares_are_not_divided_again(threads):
    """Work inside work stays in its thread."""
    seen = []

    def inner(begin, end):
        seen.append((threading.get_ident(), begin, end))

    def outer(begin, end):
        here = threading.get_ident()
        _parallel.over_rows(inner, 10, 1e12)
        assert threads == 1 or all(ident != here or (a, b) == (0, 10) for ident, a, b in seen)

    _parallel.over_rows(outer, 20, 1e12)
    assert sum(b - a for _, a, b in seen) >= 10


@pytest.mark.parametrize(("n_rows", "group"), [(1, 5), (10, 5), (103, 5), (64, 64)])
def test_groups_are_not_divided(threads, n_rows, group):
    """Ranges begin at multiples of the group, however many threads there are."""
    ranges = []
    _parallel.over_rows(lambda begin, end: ranges.append((begin, end)), n_rows, 1e12, group)
    assert sorted(row for begin, end in ranges for row in range(begin, end)) == list(range(n_rows))
    assert all(begin % group == 0 for begin, _ in ranges)


def test_all_threads_are_there_from_the_first_call_on(monkeypatch):
    """A stream that runs for weeks does not start one on some later day."""
    monkeypatch.setattr(_parallel, "cores", lambda: 4)
    monkeypatch.setattr(_parallel, "_helpers", functools.cache(_parallel._helpers.__wrapped__))
    before = threading.active_count()
    for _ in range(20):
        _parallel.over_rows(lambda begin, end: time.sleep(1e-4), 100, 1e9)
        assert threading.active_count() == before + 3


def blas_threads():
    return [library.get_num_threads() for library in _parallel._libraries(True)]


def in_another_thread(work):
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work).result()


@pytest.mark.parametrize("here", [lambda work: work(), in_another_thread])
@pytest.mark.parametrize("there", [lambda work: work(), in_another_thread])
def test_blas_is_serial_whoever_asks(here, there):
    """And as it was afterwards, if two overlap and the first to come is not the last to leave."""
    before, first, second = blas_threads(), _parallel.serial_blas(), _parallel.serial_blas()
    here(first.__enter__)
    there(second.__enter__)
    here(lambda: first.__exit__(None, None, None))
    assert set(blas_threads()) == {1}
    there(lambda: second.__exit__(None, None, None))
    assert blas_threads() == before


@pytest.mark.jit
def test_another_thread_gets_the_same_bits():
    rng = np.random.default_rng(0)
    A = rng.normal(size=(8, 16, 16)) / 12
    system = ssm.DiscreteStateSpace(A, rng.normal(size=(8, 16)), rng.normal(size=(8, 16)), 0.0, 1.0)
    u = rng.normal(size=(8, 20_000))
    for method in ("chunked", "recurrence", "fft"):
        y = ssm.simulate(system, u, method=method)
        assert np.array_equal(y, in_another_thread(lambda method=method: ssm.simulate(system, u, method=method)))
