"""For a person with a GPU: `python tests/cuda/run_on_device.py` checks every call against the CPU and times it.

It needs an NVIDIA driver and `pip install 'ssm-numerics[cuda12]'` (or cuda13), nothing else. Every line says how far
the device's result is from the CPU's in units of a bound; the last line is PASS or FAIL.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import ssm_numerics as ssm

REPEATS = 5


def cases(small: bool) -> dict[str, tuple[Callable[[str], Any], Callable[[Any], float]]]:
    """Name: the call for a backend, and what a difference may be, given the CPU's result."""
    rng = np.random.default_rng(0)
    H, N, L = (4, 8, 100) if small else (256, 64, 16384)

    def draw(*shape: int, dtype: Any = np.complex128) -> np.ndarray:
        return (rng.normal(size=shape) + 1j * rng.normal(size=shape)).astype(dtype)

    found: dict[str, Any] = {}
    for dtype in (np.complex64, np.complex128):
        u = float(np.finfo(dtype).eps) / 2
        c, z, nodes = draw(H, N, dtype=dtype), draw(H, N, dtype=dtype), draw(L, dtype=dtype)
        z /= (1.001 * np.abs(z)).astype(z.real.dtype)
        residues, least = np.abs(c).sum(axis=-1).max(), np.abs(nodes[:, None] - 3 * z[0]).min() if small else 1e-3
        name = np.dtype(dtype).name
        found[f"vandermonde_product, {name}"] = (
            lambda backend, c=c, z=z: ssm.vandermonde_product(c, z, L, backend=backend),
            lambda _, u=u, size=residues: 100 * u * size,
        )
        found[f"cauchy_product, {name}"] = (
            lambda backend, c=c, z=z, nodes=nodes: ssm.cauchy_product(c, nodes, 3 * z, backend=backend),
            lambda _, u=u, size=residues / least: 100 * u * size,
        )
    s4d = ssm.Diagonal(-0.5 + 1j * np.pi * np.arange(N), np.ones((H, N)), draw(H, N), conjugate_pairs=True)
    s4 = ssm.nplr("legs", N).to_dplr(rng.normal(size=(H, N)))
    signal, op = rng.normal(size=(H, L)), ssm.hippo("legs", N)
    double = float(np.finfo(float).eps) / 2
    for name, system in (("S4D", s4d), ("S4", s4)):
        states = system.full().Lambda.shape[-1]
        found[f"convolution_kernel, {name}"] = (
            lambda backend, system=system: ssm.convolution_kernel(system, L, 1e-3, backend=backend),
            lambda K, n=states: 64 * (n + 8) * double * np.abs(K).max(),
        )
        found[f"simulate, {name}"] = (
            lambda backend, system=system: ssm.simulate(system, signal, 1e-3, backend=backend),
            lambda y, n=states: 2 * L * (n + 3) * double * np.abs(y).max(),
        )
    found["discretize, S4D"] = (
        lambda backend: ssm.discretize(s4d, 1e-3, backend=backend).A_bar,
        lambda A: 16 * double * np.abs(A).max(),
    )
    found["compress, LegS"] = (
        lambda backend: ssm.compress(op, signal[:, :1000], 1e-3, backend=backend),
        lambda c: 8 * N * 1000 * double * np.abs(signal).max() * (1 + 1e-3 * np.linalg.norm(op.A, 2)),
    )
    return found


def seconds(call: Callable[[], Any]) -> float:
    """The least of a few runs; a NumPy result has been copied back, so it is complete."""
    times = []
    for _ in range(REPEATS):
        begin = time.perf_counter()
        call()
        times.append(time.perf_counter() - begin)
    return min(times)


def main(small: bool) -> bool:
    """Print the table; whether everything agrees."""
    print(ssm.cuda_info())
    print(f"\n{'call':<36} {'error/bound':>12} {'cuda, ms':>10} {'cpu, ms':>10}")
    passed = True
    for name, (call, bound) in cases(small).items():
        there, here = call("cuda"), call("cpu")
        error = float(np.abs(there - here).max() / bound(here))
        passed &= there.dtype == here.dtype and there.shape == here.shape and error <= 1
        times = [1e3 * seconds(lambda call=call, backend=backend: call(backend)) for backend in ("cuda", "cpu")]
        print(f"{name:<36} {error:>12.3g} {times[0]:>10.2f} {times[1]:>10.2f}", flush=True)
    print("PASS" if passed else "FAIL")
    return passed


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="small sizes")
    raise SystemExit(not main(parser.parse_args().small))
