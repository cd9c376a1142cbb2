"""Cases: systems run over signals, convolution, and compression online."""

from __future__ import annotations

import copy
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np

from .._chunked import STRIP
from .._parallel import cores
from ..convolution import convolve
from ..convolution_kernel import convolution_kernel
from ..diagonal_init import diagonal_init
from ..discretization import discretize
from ..hippo import hippo
from ..online_compression import compress
from ..recurrence import simulate
from ..state_space import DiscreteDiagonal, DiscreteStateSpace
from . import peers
from .case import OURS, U32, Case, Implementation, draw, narrow, single, uniform

CHECKED = 2048
"""Samples that are checked in extended precision."""

OURS32 = f"{OURS}, float32"


def dense_inputs(H: int, N: int, T: int) -> SimpleNamespace:
    """Discrete HiPPO-LegS systems with steps from 0.001 to 0.1, and a signal per head."""
    dt = np.exp(uniform("dt", np.log(1e-3), np.log(1e-1), H))
    C, u = single(draw("C", H, N)), single(draw("u", H, T))
    d: Any = discretize(hippo("legs", N).state_space(C), dt)
    A, B = single(d.A_bar), single(d.B_bar)
    inputs = SimpleNamespace(A=A, B=B, C=C, u=u, system=DiscreteStateSpace(A, B, C, 0.0, dt))
    zero, step = np.float32(0), narrow(dt)
    inputs.narrow = SimpleNamespace(u=narrow(u), system=DiscreteStateSpace(narrow(A), narrow(B), narrow(C), zero, step))
    inputs.K = convolution_kernel(inputs.system, T)
    # SciPy's convention: x_{k+1} = A x_k + B u_k, y_k = C A x_k + C B u_k
    inputs.output, inputs.direct = (C[:, None] @ A)[:, 0], np.sum(C * B, axis=-1)
    return inputs


def state_scale(i: SimpleNamespace, exact: np.ndarray) -> float:
    """||C|| ||B|| max|u|: what one sample leaves in the output at most."""
    return float(np.linalg.norm(i.C[0]) * np.linalg.norm(i.B[0]) * np.abs(i.u[0, :CHECKED]).max())


def per_step(H: int, N: int, T: int) -> float:
    """A step commits (N + 3) u of the state, which decays but may add up over the samples checked."""
    return (N + 3.0) * min(T, CHECKED)


def chunked_flops(H: int, N: int, T: int) -> float:
    """Blocks of M samples: a triangular Toeplitz product, states out, states in, a power of A per block; tables."""
    M = 64 if H > 1 else 128
    tables = 2.0 * N**3 * np.log2(M) + 4.0 * N**2 * M  # squares of A, and the two blocks of vectors by doubling
    return H * (T * (M + STRIP + 4.0 * N + 2.0 * N**2 / M) + tables)


def by_scipy(name: str) -> Callable[[Any], np.ndarray]:
    """`dlsim` or `lsim` over the signal of one head."""

    def dlsim(i: SimpleNamespace) -> np.ndarray:
        from scipy import signal

        system = (i.A[0], i.B[0][:, None], i.output[:1], i.direct[:1, None], 1.0)
        return signal.dlsim(system, i.u[0])[1].T

    def fft(i: SimpleNamespace) -> np.ndarray:
        from scipy import signal

        return signal.fftconvolve(i.K, i.u, axes=-1)[:, : i.u.shape[-1]]

    return {"dlsim": dlsim, "fftconvolve": fft}[name]


def by_control(i: SimpleNamespace) -> np.ndarray:
    """python-control's `forced_response` of one head."""
    import control

    system = control.ss(i.A[0], i.B[0][:, None], i.output[:1], i.direct[:1, None], 1.0)
    return np.atleast_2d(control.forced_response(system, inputs=i.u[0]).outputs)


def plain_dense(i: SimpleNamespace) -> np.ndarray:
    """The Numba loop."""
    from ..compiled import plain_loops

    y = np.empty_like(i.u)
    plain_loops.simulate_dense(i.A, i.B, i.C, i.u, y)
    return y


def simulation_case(H: int, N: int, T: int, targets: dict[str, float], units: int | None) -> Case:
    """Dense systems over long signals."""
    one = (
        {}
        if H > 1
        else {
            f"{OURS}, a new system": Implementation(
                lambda i: simulate(copy.copy(i.system), i.u), per_step, note="its tables built each time"
            ),
            "SciPy, dlsim": Implementation(by_scipy("dlsim"), per_step, "scipy"),
            "python-control, forced_response": Implementation(by_control, per_step, "control"),
            "NumPy, loop": Implementation(
                lambda i: peers.simulate_by_loop(i.A[0], i.B[0], i.C[0], i.u[0])[None], per_step
            ),
            "JAX, scan": Implementation(
                lambda i: peers.by_jax("simulate", i.A[0], i.B[0], i.C[0], i.u[0])[None], per_step, "jax"
            ),
        }
    )
    return Case(
        name=f"simulate-dense-H{H}-T{T}",
        title=f"Simulation of dense systems, {H} {'heads' if H > 1 else 'head'}, N = {N}, T = {T:,}",
        sizes={"H": H, "N": N, "T": T},
        small={"H": min(H, 2), "N": 6, "T": 500},
        prepare=dense_inputs,
        flops=chunked_flops,
        reference=lambda i: peers.response(i.A[0], i.B[0], i.C[0], i.u[0, :CHECKED]),
        checked=lambda y: y[0, :CHECKED],
        scale=state_scale,
        implementations={
            OURS: Implementation(lambda i: simulate(i.system, i.u), per_step),
            OURS32: Implementation(lambda i: simulate(i.narrow.system, i.narrow.u), per_step, unit=U32),
            "Numba loop": Implementation(plain_dense, per_step, units=units),
            "SciPy, fftconvolve, kernel given": Implementation(by_scipy("fftconvolve"), per_step, "scipy", units=units),
        }
        | one,
        targets=targets,
    )


def diagonal_inputs(N: int, T: int) -> SimpleNamespace:
    """A discrete S4D-Lin system of N pairs, and a signal."""
    dt = np.array(0.01)
    z = np.exp(dt * diagonal_init("s4d-lin", 2 * N).Lambda)
    b, c, u = (z - 1) / diagonal_init("s4d-lin", 2 * N).Lambda, draw("re", N) + 1j * draw("im", N), draw("u", T)
    return SimpleNamespace(z=z, b=b, c=c, u=u, system=DiscreteDiagonal(z, b, c, 0.0, dt, conjugate_pairs=True))


def diagonal_reference(i: SimpleNamespace) -> np.ndarray:
    """The recurrence of the modes in extended precision."""
    z, b, c = (array.astype(peers.ComplexExtended) for array in (i.z, i.b, i.c))
    x, y = np.zeros_like(b), np.empty(min(CHECKED, i.u.size), dtype=peers.Extended)
    for k in range(y.size):
        x = z * x + b * i.u[k]
        y[k] = 2 * (c * x).sum().real
    return y


def plain_diagonal(i: SimpleNamespace) -> np.ndarray:
    """The Numba loop."""
    from ..compiled import plain_loops

    y = np.empty_like(i.u)
    plain_loops.simulate_diagonal(i.z, i.b, i.c, i.u, y)
    return y


def diagonal_case(N: int, T: int) -> Case:
    """A diagonal system over a long signal."""
    slack = lambda N, T: 10.0 * min(T, CHECKED) + N  # noqa: E731  (ten roundings a step, a sum of N)
    return Case(
        name=f"simulate-diagonal-T{T}",
        title=f"Simulation of a diagonal system, {N} pairs, T = {T:,}",
        sizes={"N": N, "T": T},
        small={"N": 5, "T": 500},
        prepare=diagonal_inputs,
        flops=lambda N, T: 14.0 * N * T,
        reference=diagonal_reference,
        checked=lambda y: y[:CHECKED],
        scale=lambda i, exact: 2 * (np.abs(i.c * i.b) / (1 - np.abs(i.z))).sum() * np.abs(i.u).max(),
        implementations={
            OURS: Implementation(lambda i: simulate(i.system, i.u), slack),
            "Numba loop": Implementation(plain_diagonal, slack),
            "JAX, scan": Implementation(lambda i: peers.by_jax("simulate_diagonal", i.z, i.b, i.c, i.u), slack, "jax"),
        },
        cut="T",
        targets={"Numba loop": 1},
    )


def convolution_case(T: int, L: int, targets: dict[str, float]) -> Case:
    """A signal and one kernel."""
    # Higham, Theorem 24.2: 5 u log2(n) ||K|| ||u|| for each of the transforms
    slack = lambda T, L: 15 * np.log2(2.0 * (T + L))  # noqa: E731

    def prepare(T: int, L: int) -> SimpleNamespace:
        K, u = single(draw("K", L) * np.exp(-4.0 * np.arange(L) / L)), single(draw("u", T))
        return SimpleNamespace(K=K, u=u, narrow=(narrow(K), narrow(u)), places=np.linspace(0, T - 1, 9).astype(int))

    def exact(i: SimpleNamespace) -> np.ndarray:
        K, u = i.K.astype(peers.Extended), i.u.astype(peers.Extended)
        return np.array([K[: k + 1] @ u[max(0, k + 1 - K.size) : k + 1][::-1] for k in i.places])

    def scipy(name: str) -> Callable[[Any], np.ndarray]:
        def call(i: SimpleNamespace) -> np.ndarray:
            from scipy import signal

            return getattr(signal, name)(i.u, i.K)[: i.u.size]

        return call

    def numpy(i: SimpleNamespace) -> np.ndarray:
        n = 1 << (i.u.size + i.K.size - 2).bit_length()
        return np.fft.irfft(np.fft.rfft(i.u, n) * np.fft.rfft(i.K, n), n)[: i.u.size]

    return Case(
        name=f"convolve-T{T}-L{L}",
        title=f"Causal convolution, T = {T:,}, L = {L:,}",
        sizes={"T": T, "L": L},
        small={"T": 700, "L": min(L, 700) // 3},
        prepare=prepare,
        flops=lambda T, L: 7.5 * (T + L) * np.log2(T + L),
        reference=exact,
        checked=lambda y: y[np.linspace(0, y.size - 1, 9).astype(int)],
        scale=lambda i, exact: np.linalg.norm(i.K) * np.linalg.norm(i.u),
        implementations={
            OURS: Implementation(lambda i: convolve(i.K, i.u), slack),
            OURS32: Implementation(lambda i: convolve(*i.narrow), slack, unit=U32),
            "SciPy, fftconvolve": Implementation(scipy("fftconvolve"), slack, "scipy"),
            "SciPy, oaconvolve": Implementation(scipy("oaconvolve"), slack, "scipy"),
            "NumPy, rfft of a power of two": Implementation(numpy, slack),
            "ducc0": Implementation(lambda i: peers.convolve_by_ducc(i.K, i.u, cores()), slack, "ducc0"),
        },
        cut="T",
        targets=targets,
    )


def online_case(N: int, T: int) -> Case:
    """The time-varying LegS operator over a long signal."""

    def plain(i: SimpleNamespace) -> np.ndarray:
        from ..compiled import plain_loops

        c = np.empty(i.op.N)
        plain_loops.compress_scaled_legs(i.op.B, i.u, c)
        return c

    # Independent roundings of N u, damped by sqrt(j/k) from step j to step k; the check is against another loop.
    slack = lambda N, T: N * np.sqrt(T)  # noqa: E731
    return Case(
        name=f"hippo-online-T{T}",
        title=f"Online compression, time-varying LegS, N = {N}, T = {T:,}",
        sizes={"N": N, "T": T},
        small={"N": 8, "T": 300},
        prepare=lambda N, T: SimpleNamespace(op=hippo("legs", N), u=draw("u", T)),
        flops=lambda N, T: 14.0 * N * T,
        reference=plain,
        checked=lambda c: c,
        scale=lambda i, exact: np.abs(i.u).max(),
        implementations={
            OURS: Implementation(lambda i: compress(i.op, i.u, scaled=True), slack),
            "Numba loop, O(N)": Implementation(plain, slack),
            "NumPy, dense solve": Implementation(
                lambda i: peers.compress_by_solve(i.op.A, i.op.B, i.u), slack, units=200
            ),
            "SciPy, solve_triangular": Implementation(
                lambda i: peers.compress_by_substitution(i.op.A, i.op.B, i.u), slack, "scipy", units=1000
            ),
        },
        cut="T",
        targets={"NumPy, dense solve": 100, "Numba loop, O(N)": 1},
    )


def cases() -> list[Case]:
    """All of them."""
    single_head: dict[str, float] = {"SciPy, dlsim": 250, "SciPy, fftconvolve, kernel given": 3, "Numba loop": 1}
    return [
        simulation_case(1, 64, 100_000, single_head, None),
        simulation_case(256, 64, 16384, {"Numba loop": 1}, 8),
        diagonal_case(32, 100_000),
        convolution_case(2**20, 2**20, {"SciPy, fftconvolve": 1}),
        convolution_case(2**20, 1024, {"SciPy, fftconvolve": 1}),
        online_case(256, 1_000_000),
    ]
