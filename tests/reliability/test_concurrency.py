"""Eight callers at once, processes, pickles, interrupts and asyncio: nothing is shared that a caller could change."""

from __future__ import annotations

import asyncio
import copy
import hashlib
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

import ssm_numerics as ssm
from ssm_numerics import _parallel
from tests.reliability import surface
from tests.reliability.outcomes import differences, parts

CALLERS = 8


@cache
def calls() -> dict[str, Any]:
    return surface.calls()


def compute(name: str) -> dict[str, Any]:
    function, arguments = calls()[name]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return parts(function(**arguments))


@pytest.mark.parametrize("name", calls())
def test_eight_callers_at_once_get_what_one_gets(name: str) -> None:
    alone, (function, arguments) = compute(name), calls()[name]
    together = threading.Barrier(CALLERS)

    def call() -> dict[str, Any]:
        together.wait()
        return parts(function(**arguments))

    with ThreadPoolExecutor(CALLERS) as pool:
        found = [future.result() for future in [pool.submit(call) for _ in range(CALLERS)]]
    assert not [name for result in found for name in differences(result, alone)]


def test_warning_filters_are_left_alone() -> None:
    """`warnings.catch_warnings` in one thread would change the filters of all others."""
    reports = [calls()[name] for name in ("condition_report", "error_amplification", "truncation_condition")]
    for function, arguments in reports:  # what is imported at first use may change filters as it is imported
        function(**arguments)
    before, stop = list(warnings.filters), threading.Event()
    seen: set[bool] = set()

    def watch() -> None:
        while not stop.is_set():
            seen.add(list(warnings.filters) == before)

    watcher = threading.Thread(target=watch)
    watcher.start()
    for function, arguments in reports:
        function(**arguments)
    stop.set()
    watcher.join()
    assert seen == {True}


def kernel_and_response(system: Any) -> dict[str, Any]:
    K = ssm.convolution_kernel(system, 64, 0.1)
    return parts((K, ssm.simulate(system, K, 0.1, method="recurrence"), ssm.convolve(K, K)))


@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_processes_compute_the_same_bits(method: str) -> None:
    names = ("dense", "diagonal", "dplr") if method == "fork" else ("diagonal",)  # what is not forked compiles anew
    systems = [surface.systems()[name] for name in names]
    here = [kernel_and_response(system) for system in systems]
    with multiprocessing.get_context(method).Pool(min(2, len(systems))) as pool:
        there = pool.map_async(kernel_and_response, systems).get(timeout=120)
    assert not [name for a, b in zip(there, here, strict=True) for name in differences(a, b)]


@pytest.mark.parametrize("name", [name for name in calls() if not name.startswith(("respond[f", "Stream.push"))])
def test_results_survive_pickling_and_copying(name: str) -> None:
    function, arguments = calls()[name]
    result = function(**arguments)
    for again in (pickle.loads(pickle.dumps(result)), copy.deepcopy(result)):
        assert not differences(parts(again), parts(result))


@pytest.mark.parametrize("name", ["dense", "diagonal", "dplr", "structured"])
def test_a_pickled_stream_goes_on_where_it_was(name: str) -> None:
    stream = ssm.Stream(surface.systems()[name], surface.DT, "foh" if name != "structured" else "bilinear")
    stream.push(surface.U)
    twin = pickle.loads(pickle.dumps(stream))
    assert np.array_equal(twin.push(surface.U), stream.push(surface.U))
    assert np.array_equal(twin.state, stream.state)


@pytest.mark.jit
def test_an_interrupted_stream_is_as_it_was() -> None:
    """Control-C between two samples of a push leaves the state before the block, and the object usable."""
    rng = np.random.default_rng(0)
    u = rng.normal(size=(64, 20_000))
    stream, reference = (ssm.Stream(surface.systems()["dense"], 0.01) for _ in range(2))
    stream.push(u[:, :1]), reference.push(u[:, :1])
    before = stream.state.copy()

    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    usual = signal.signal(signal.SIGALRM, interrupt)
    interrupted = 0
    try:
        for delay in np.linspace(1e-3, 2e-2, 8):
            try:
                signal.setitimer(signal.ITIMER_REAL, delay)
                stream.push(u)
                signal.setitimer(signal.ITIMER_REAL, 0)
                break
            except KeyboardInterrupt:
                interrupted += 1
                assert np.array_equal(stream.state, before)
        else:
            stream.push(u)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, usual)
    assert interrupted
    reference.push(u)
    assert np.array_equal(stream.state, reference.state)


def test_calls_from_asyncio() -> None:
    system = surface.systems()["dplr"]

    async def together() -> list[Any]:
        tasks = [asyncio.to_thread(kernel_and_response, system) for _ in range(CALLERS)]
        return await asyncio.gather(*tasks)

    here = kernel_and_response(system)
    assert not [name for found in asyncio.run(together()) for name in differences(found, here)]


def bits() -> list[str]:
    """Digests of kernels, responses and convolutions large enough to be shared among threads."""
    rng = np.random.default_rng(7)
    dense = ssm.StateSpace(rng.normal(size=(40, 40)) - 12 * np.eye(40), *rng.normal(size=(2, 300, 40)))
    modal = ssm.Diagonal(-rng.random((300, 64)) + 9j * rng.random((300, 64)), *rng.normal(size=(2, 300, 64)), 0.0, True)
    low_rank = ssm.nplr("legs", 64).to_dplr(rng.normal(size=(8, 64)))
    u, found = rng.normal(size=(300, 512)), []
    for system in (dense, modal, low_rank):
        K = ssm.convolution_kernel(system, 512, 0.01)
        y = ssm.simulate(system, u[: K.shape[0]], 0.01)
        found += [hashlib.sha256(array).hexdigest() for array in (K, y, ssm.convolve(K, u[: K.shape[0]]))]
    long = np.sin(np.arange(200_003.0))
    alone = ssm.convolution_kernel(replace(modal, B=modal.B[0], C=modal.C[0], Lambda=modal.Lambda[0]), long.size, 1e-3)
    one = ssm.StateSpace(dense.A, dense.B[0], dense.C[0], 0.0)
    single = (
        alone,
        ssm.convolve(alone, long),
        ssm.simulate(one, long, 0.01),
        ssm.simulate(low_rank, long[:5000], 0.01),
    )
    return found + [hashlib.sha256(array).hexdigest() for array in single]


@pytest.mark.jit
def test_the_same_bits_in_every_run_and_under_any_number_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """With several numbers of threads, and in a process of its own with one processor and one thread of BLAS."""
    program = "from tests.reliability.test_concurrency import bits; print(*bits())"
    environment = {"PATH": "/usr/bin:/bin", "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    command = ["taskset", "-c", "0", sys.executable, "-c", program]
    ran = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    for count in (2, 3, 7):
        monkeypatch.setattr(_parallel, "cores", lambda count=count: count)
        assert bits() == ran.stdout.split()
