"""Overflow, underflow, |z| = 1, repeated poles, defects, steps from 1e-300 to 1e300, long kernels: bounded or refused.

`info.trusted` is the promise: a kernel that says it can be trusted has half of its digits, and its error is at most 8
times the largest of what `info` estimates and measures: a figure seen in this sweep, not derived, as `KernelInfo` says.
A refusal names what to do.
"""

from __future__ import annotations

import numpy as np
import pytest

import ssm_numerics as ssm
from ssm_numerics.convolution_kernel import METHODS
from tests.reliability.test_bad_input import SENTENCE

pytestmark = pytest.mark.filterwarnings("ignore::ssm_numerics.UnstableDiscretizationWarning")

N, L = 4, 8
STEPS = [10.0**e for e in (-300, -3, 0, 6, 15, 100, 300)]
RULES = ("bilinear", "zoh", "foh", "euler")
HALF = 2.0**-26.5
TINY = float(np.finfo(float).tiny)
"""Below the normal range bounds relative to anything fail."""


def systems() -> dict[str, ssm.StateSpace | ssm.Diagonal | ssm.DPLR]:
    rng = np.random.default_rng(1)
    noise, (B, C), Lambda = rng.normal(size=(N, N)), rng.normal(size=(2, N)), rng.normal(size=N)
    dissipative, modes, P = (
        noise - noise.T - np.diag(rng.random(N)),
        -rng.random(N) + 1j * Lambda,
        rng.normal(size=(N, 4)),
    )
    return {
        "dense": ssm.StateSpace(dissipative, B, C),
        "defective": ssm.StateSpace(-np.eye(N) + np.diag(np.ones(N - 1), 1), B, C),
        "zero": ssm.StateSpace(np.zeros((N, N)), B, C),
        "diagonal": ssm.Diagonal(modes, B, C),
        "pairs": ssm.Diagonal(modes, B, C, 0.0, True),
        "repeated": ssm.Diagonal(np.full(N, -1 + 1j), B, C),
        "marginal": ssm.Diagonal(1j * np.arange(N), B, C),
        "rank 1": ssm.DPLR(modes, P[:, :1], P[:, :1], B, C),
        "rank 4": ssm.DPLR(modes, P, P, B, C),
        "legt": ssm.nplr("legt", N).to_dplr(C),
        "fout": ssm.nplr("fout", N + 1).to_dplr(np.ones(N + 1)),
    }


@pytest.mark.parametrize("name", systems())
def test_kernels_tell_how_far_they_can_be_trusted(name: str) -> None:
    system, wrong = systems()[name], []
    for rule, dt in ((rule, dt) for rule in RULES for dt in STEPS):
        try:
            exact = ssm.certified.convolution_kernel(system, L, dt, rule).mid
        except ArithmeticError:  # beyond the range of float64, or a singular step
            exact = None
        for method in METHODS:
            try:
                K, info = ssm.convolution_kernel(system, L, dt, rule, method=method, return_info=True)
            except ValueError as refusal:
                wrong += [] if SENTENCE.match(str(refusal)) else [f"{rule} {dt} {method}: {refusal}"]
                continue
            said = 8 * max(info.estimated_error, info.a_posteriori_error, info.sensitivity)
            size = np.inf if exact is None else np.abs(exact).max()
            error = np.inf if exact is None else np.abs(K - exact).max() / (size or 1)
            if info.trusted and not error <= min(said, 8 * HALF):
                wrong.append(f"{rule} {dt} {method}: error {error:.1e}, {info}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("dt", STEPS)
@pytest.mark.parametrize("name", ["dense", "pairs", "rank 4"])
def test_views_agree_at_every_step(name: str, dt: float) -> None:
    """The recurrence and the kernel take the same discretization: they differ by what products commit."""
    system = systems()[name]
    u = np.random.default_rng(2).normal(size=32)
    y = ssm.simulate(system, u, dt, method="recurrence")
    K = ssm.convolution_kernel(system, u.size, dt, method="krylov_blocked")
    bound = 64 * u.size * (N + 4) * 2.0**-53 * np.linalg.norm(system.C) * np.linalg.norm(u, 1)
    discrete = ssm.discretize(system, dt)
    growth = max(1.0, np.linalg.norm(discrete.to_dense().A_bar, 2)) ** 2
    assert np.abs(y - ssm.convolve(K, u)).max() <= bound * growth * np.linalg.norm(discrete.B_bar) + TINY


@pytest.mark.jit
def test_ten_million_samples_of_a_marginal_system() -> None:
    """|z| = 1 for 10^7 samples: K_l = sum cos(l theta), whose nodes are known to 95 bits, against the closed form."""
    length, theta = 10**7, 2 * np.arctan(0.05 * np.arange(1, 3))
    system = ssm.Diagonal(1j * np.arange(1, 3), np.ones(2), np.ones(2), 0.0, True)
    K, info = ssm.convolution_kernel(system, length, 0.1, return_info=True)
    places = np.array([0, 1, 999_999, 5_000_000, length - 1])
    with np.errstate(all="ignore"):
        phase = np.multiply.outer(places.astype(np.longdouble), 2 * np.arctan(np.longdouble("0.05") * np.arange(1, 3)))
    weight = 0.1 / (1 - 0.05j * np.arange(1, 3))
    exact = (2 * weight * np.exp(1j * (phase % (2 * np.longdouble(np.pi))).astype(float))).real.sum(axis=-1)
    assert info.trusted and theta.size == 2
    assert np.abs(K[places] - exact).max() <= info.estimated_error * np.abs(K).max()
