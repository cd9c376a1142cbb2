"""Cases: signals that arrive in blocks or sample by sample, against what scipy.signal offers for the same filter."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np

from ..recurrence import simulate
from ..selective import METHODS as SCANS
from ..selective import selective_scan
from ..state_space import DiscreteDiagonal
from ..streaming import Stream
from . import peers
from .case import OURS, Case, Implementation, draw, uniform
from .signals import (
    CHECKED,
    by_scipy,
    dense_inputs,
    diagonal_reference,
    per_step,
    plain_dense,
    state_scale,
)

BLOCK = 4096
"""Samples that are pushed at a time."""


def in_blocks(method: str, size: int = BLOCK) -> Callable[[Any], np.ndarray]:
    """A stream that gets its signal in blocks."""

    def push(i: SimpleNamespace) -> np.ndarray:
        stream = Stream(i.system, method=method)
        return np.concatenate([stream.push(i.u[..., k : k + size]) for k in range(0, i.u.shape[-1], size)], axis=-1)

    return push


def in_own_loop(i: SimpleNamespace) -> np.ndarray:
    """The compiled step, called sample by sample from a compiled loop."""
    from ..interop.numba import compiled_step, run

    step, memory, _ = compiled_step(i.one)
    u = i.u.reshape(-1)
    y = np.empty_like(u)
    run(step, memory, u, y)
    return y.reshape(i.u.shape)


def dense_stream(N: int, T: int) -> Case:
    """A dense system whose signal arrives bit by bit."""

    def prepare(N: int, T: int) -> SimpleNamespace:
        inputs = dense_inputs(1, N, T)
        inputs.one = type(inputs.system)(inputs.A[0], inputs.B[0], inputs.C[0], 0.0, 1.0)
        return inputs

    slack = lambda N, T: per_step(1, N, T)  # noqa: E731
    return Case(
        name=f"stream-dense-N{N}-T{T}",
        title=f"A dense system, N = {N}, over {T:,} samples that arrive in blocks",
        sizes={"N": N, "T": T},
        small={"N": 6, "T": 500},
        prepare=prepare,
        flops=lambda N, T: 2.0 * N**2 * T,
        reference=lambda i: peers.response(i.A[0], i.B[0], i.C[0], i.u[0, :CHECKED]),
        checked=lambda y: np.asarray(y)[0, :CHECKED],
        scale=state_scale,
        implementations={
            OURS: Implementation(in_blocks("auto"), slack, note=f"Stream, blocks of {BLOCK}, method auto"),
            f"{OURS}, the same bits for any blocks": Implementation(
                in_blocks("recurrence"), slack, note=f"Stream, blocks of {BLOCK}"
            ),
            f"{OURS}, the whole signal": Implementation(lambda i: simulate(i.system, i.u), slack, note="simulate"),
            f"{OURS}, one sample at a time, compiled": Implementation(
                in_own_loop, slack, note="interop.numba.compiled_step"
            ),
            f"{OURS}, one sample at a time": Implementation(
                in_blocks("recurrence", 1), slack, units=2000, note="Stream, blocks of 1"
            ),
            "Numba loop": Implementation(plain_dense, slack, note="the whole signal"),
            "SciPy, dlsim": Implementation(by_scipy("dlsim"), slack, "scipy", note="the whole signal"),
        },
        cut="T",
    )


def filter_inputs(T: int) -> SimpleNamespace:
    """A Butterworth low-pass filter of order 8 as modes, sections and polynomials, and a signal."""
    import scipy.signal

    signal: Any = scipy.signal
    zeros, poles, gain = signal.butter(8, 0.2, output="zpk")
    z = poles[poles.imag > 0]
    others = np.array([[p for p in poles if p != each] for each in z])
    # H(w) = gain prod(w - zeros)/prod(w - poles) = gain + sum r/(w - p); here C B = r/p and D = gain - 2 Re sum C B
    r = gain * np.prod(z[:, None] - zeros, axis=1) / np.prod(z[:, None] - others, axis=1)
    C = r / z
    system = DiscreteDiagonal(z, np.ones(4), C, gain - 2 * C.sum().real, 1.0, conjugate_pairs=True)
    b, a = signal.zpk2tf(zeros, poles, gain)
    sections, u = signal.zpk2sos(zeros, poles, gain), draw("filter", T)
    return SimpleNamespace(system=system, one=system, z=z, b=np.ones(4), c=C, u=u, tf=(b, a), sos=sections)


def modes_and_direct(i: SimpleNamespace) -> np.ndarray:
    """The modes' recurrence in extended precision, and what passes directly."""
    y: np.ndarray = diagonal_reference(i) + i.system.D * i.u[:CHECKED]
    return y


def by_filter(name: str, size: int | None) -> Callable[[Any], np.ndarray]:
    """`lfilter` or `sosfilt`, on the whole signal or in blocks with zi and zf."""

    def call(i: SimpleNamespace) -> np.ndarray:
        import scipy.signal

        signal: Any = scipy.signal
        if name == "lfilter":
            apply: Any = lambda u, zi: signal.lfilter(*i.tf, u, zi=zi)  # noqa: E731
            zi = np.zeros(8)
        else:
            apply, zi = lambda u, zi: signal.sosfilt(i.sos, u, zi=zi), np.zeros((4, 2))
        parts, length = [], size or i.u.size
        for k in range(0, i.u.size, length):
            y, zi = apply(i.u[k : k + length], zi)
            parts.append(y)
        return np.concatenate(parts)

    return call


def by_dlsim(i: SimpleNamespace) -> np.ndarray:
    """SciPy's simulator of the state space form in its own convention."""
    from scipy import signal

    d = i.system.to_dense()
    theirs = (d.A_bar, d.B_bar[:, None], (d.C @ d.A_bar)[None], [[d.C @ d.B_bar + d.D]], 1.0)
    y: np.ndarray = signal.dlsim(theirs, i.u)[1][:, 0]
    return y


def filter_case(T: int) -> Case:
    """The kind of filter that SciPy is used for."""
    rounding = lambda T: 10.0 * min(T, CHECKED) + 8  # noqa: E731  (ten roundings a step, a sum of 8)
    # A polynomial's coefficients, rounded, move its poles by u sum|a| / prod|z_i - z_j|: 1.8e5 u here, 16 u in a
    # section; each of the 1/(1 - |z|) = 9.2 steps that are remembered adds as much.
    sections, polynomials = 9.2 * 16, 9.2 * 1.8e5
    return Case(
        name=f"stream-filter-T{T}",
        title=f"A Butterworth filter of order 8 over {T:,} samples",
        sizes={"T": T},
        small={"T": 500},
        prepare=filter_inputs,
        flops=lambda T: 14.0 * 4 * T,
        reference=modes_and_direct,
        checked=lambda y: np.asarray(y)[:CHECKED],
        scale=lambda i, exact: 2 * (np.abs(i.c) / (1 - np.abs(i.z))).sum() * np.abs(i.u).max(),
        implementations={
            OURS: Implementation(in_blocks("recurrence"), rounding, note=f"Stream, blocks of {BLOCK}"),
            f"{OURS}, the whole signal": Implementation(lambda i: simulate(i.system, i.u), rounding, note="simulate"),
            f"{OURS}, one sample at a time, compiled": Implementation(
                in_own_loop, rounding, note="interop.numba.compiled_step"
            ),
            "SciPy, sosfilt": Implementation(
                by_filter("sosfilt", BLOCK), lambda T: rounding(T) + sections, "scipy", note=f"blocks of {BLOCK}"
            ),
            "SciPy, lfilter": Implementation(
                by_filter("lfilter", BLOCK), lambda T: rounding(T) + polynomials, "scipy", note=f"blocks of {BLOCK}"
            ),
            "SciPy, dlsim": Implementation(by_dlsim, rounding, "scipy", units=20_000),
        },
        cut="T",
    )


def scan_inputs(P: int, T: int, N: int) -> SimpleNamespace:
    """A layer of Mamba with P channels."""
    dt, A = uniform("steps", 1e-3, 1e-1, P, T), -np.arange(1.0, N + 1)
    return SimpleNamespace(u=draw("u", P, T), dt=dt, A=A, B=draw("B", T, N), C=draw("C", T, N))


def scan_by_definition(i: SimpleNamespace, u: Any, B: Any, C: Any) -> np.ndarray:
    """The last channel in extended precision; with magnitudes it is the scale."""
    x, y = np.zeros(i.A.size, dtype=peers.Extended), []
    for k in range(u.size):
        dt = i.dt[-1, k].astype(peers.Extended)
        x = np.exp(dt * i.A) * x + dt * B[k] * u[k]
        y.append((C[k] * x).sum())
    return np.array(y, dtype=float)


def published_scan(i: SimpleNamespace) -> np.ndarray:
    """`selective_scan_ref` of Mamba in NumPy."""
    decay = np.exp(i.dt[..., None] * i.A)
    drive = (i.dt * i.u)[..., None] * i.B
    x, y = np.zeros_like(decay[:, 0]), np.empty_like(i.u)
    for k in range(i.u.shape[1]):
        x = decay[:, k] * x + drive[:, k]
        y[:, k] = x @ i.C[k]
    return y


def scan_case(P: int, T: int, N: int) -> Case:
    """A selective scan as Mamba runs it."""
    # 4 roundings a step, N of a sum, and exponents of up to N T / 10 in single steps of N / 10
    slack = lambda P, T, N: 8.0 * (T + N + 64 * N * 0.1 * T)  # noqa: E731

    def ours(method: str) -> Implementation:
        return Implementation(lambda i: selective_scan(i.u, i.dt, i.A, i.B, i.C, method=method), slack)

    return Case(
        name=f"stream-scan-P{P}-T{T}",
        title=f"Selective scan, {P} channels, T = {T:,}, N = {N}",
        sizes={"P": P, "T": T, "N": N},
        small={"P": 2, "T": 130, "N": 3},
        prepare=scan_inputs,
        flops=lambda P, T, N: 14.0 * P * T * N,
        reference=lambda i: scan_by_definition(i, i.u[-1], i.B, i.C),
        checked=lambda y: np.asarray(y)[-1],
        scale=lambda i, exact: scan_by_definition(i, np.abs(i.u[-1]), np.abs(i.B), np.abs(i.C)),
        implementations={OURS: ours("auto")}
        | {f"{OURS}, {method}": ours(method) for method in SCANS}
        | {"NumPy, selective_scan_ref": Implementation(published_scan, slack)},
        cut="P",
    )


def cases() -> list[Case]:
    """All of them."""
    return [filter_case(1_000_000), dense_stream(64, 100_000), scan_case(64, 2048, 16)]
