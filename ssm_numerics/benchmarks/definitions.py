"""Cases: discretization, the NPLR form, and transforms at nonuniform nodes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from .._parallel import cores
from ..discretization import discretize
from ..hippo import hippo
from ..nplr import nplr
from ..products import vandermonde_product
from . import peers
from .case import OURS, Case, Implementation, draw, uniform


def discretization_case(N: int, rule: str, targets: dict[str, float]) -> Case:
    """A_bar and B_bar of HiPPO-LegS, dense."""

    def ours(i: SimpleNamespace) -> np.ndarray:
        discrete: Any = discretize(i.system, i.dt, rule)
        return discrete.A_bar

    def by_scipy(i: SimpleNamespace) -> np.ndarray:
        from scipy.signal import cont2discrete

        convert: Any = cont2discrete
        return convert((i.A, i.B[:, None], np.zeros((1, len(i.B))), np.zeros((1, 1))), i.dt, rule)[0]

    def by_numpy(i: SimpleNamespace) -> np.ndarray:
        return peers.bilinear(i.A, i.B, i.dt)[0]

    def exact(i: SimpleNamespace) -> np.ndarray:
        """The rule at N = 64 at most, the leading part of a lower triangular matrix; the rest is not checked."""
        size = min(len(i.B), 64)
        if rule == "bilinear":
            return peers.bilinear_legs(size, i.dt)[0]
        half, squarings = i.dt * 2.0**-24 * i.A[:size, :size].astype(peers.Extended), 24
        A = half + half @ half / 2 + half @ half @ half / 6  # the increment e^h - I, ||h|| below 1e-4
        A = A + half @ half @ half @ half / 24
        for _ in range(squarings):
            A = 2 * A + A @ A
        return A + np.eye(size)

    others = {"NumPy, solve": Implementation(by_numpy, lambda N: 64.0 * N)} if rule == "bilinear" else {}
    return Case(
        name=f"discretize-{rule}-N{N}",
        title=f"Discretization of LegS, {rule}, N = {N}",
        sizes={"N": N},
        small={"N": 12},
        prepare=lambda N: SimpleNamespace(
            A=hippo("legs", N).A, B=hippo("legs", N).B, dt=0.01, system=hippo("legs", N).state_space(np.ones(N))
        ),
        flops=lambda N: 2.0 * N**3,
        reference=exact,
        checked=lambda A: A[:64, :64],
        scale=lambda i, exact: 1.0,  # ||A_bar|| <= 1
        implementations={
            OURS: Implementation(ours, lambda N: 32.0 * N),
            "SciPy, cont2discrete": Implementation(by_scipy, lambda N: 64.0 * N, "scipy"),
        }
        | others,
        cut="N",
        targets=targets,
    )


def nplr_case(N: int) -> Case:
    """The eigenvalues and the unitary basis of LegS's normal part."""

    def by_eigh(i: SimpleNamespace) -> tuple[np.ndarray, np.ndarray]:
        values, V = np.linalg.eigh(-1j * (i.op.A + np.outer(i.P, i.P) + 0.5 * np.eye(i.op.N)))
        return -0.5 + 1j * values[::-1], V[:, ::-1]

    def ours(i: SimpleNamespace) -> tuple[np.ndarray, np.ndarray]:
        form = nplr(i.op)
        return form.Lambda, np.asarray(form.V)

    def residual(result: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
        """V* V - I, row by row: at most the distance of V from a unitary matrix."""
        V = result[1]
        return V.conj().T @ V - np.eye(len(V))

    return Case(
        name=f"nplr-N{N}",
        title=f"NPLR form of LegS with V, N = {N:,}",
        sizes={"N": N},
        small={"N": 12},
        prepare=lambda N: SimpleNamespace(op=hippo("legs", N), P=np.sqrt(np.arange(N) + 0.5)),
        flops=lambda N: 20.0 * N**2,
        reference=lambda i: np.zeros((i.op.N, i.op.N)),
        checked=residual,
        scale=lambda i, exact: 1.0,
        implementations={
            OURS: Implementation(ours, lambda N: 32.0 * N),
            "NumPy, eigh": Implementation(by_eigh, lambda N: 32.0 * N**2),
        },
        cut="N",
        targets={"NumPy, eigh": 10},
    )


def nonuniform_case(N: int, L: int) -> Case:
    """sum_n c_n z_n^l for many nodes on the unit circle, where other libraries have a transform too."""

    def prepare(N: int, L: int) -> SimpleNamespace:
        angle = uniform("angle", -3, 3, N)
        return SimpleNamespace(c=draw("re", N) + 1j * draw("im", N), angle=angle, z=np.exp(1j * angle), L=L)

    def exact(i: SimpleNamespace) -> np.ndarray:
        """At nine powers."""
        l = np.linspace(0, i.L - 1, 9).astype(int)
        phase = np.exp(1j * l[:, None] * i.angle.astype(peers.Extended))
        return phase @ i.c

    rounded = lambda N, L: 2.0 * L + 1e4  # noqa: E731  (a node rounded to u, L times; transforms aim at 1e-12)
    return Case(
        name=f"nonuniform-N{N}-L{L}",
        title=f"Powers of {N:,} nodes on the unit circle, L = {L:,}",
        sizes={"N": N, "L": L},
        small={"N": 700, "L": 300},
        prepare=prepare,
        flops=lambda N, L: 8.0 * N * L,
        reference=exact,
        checked=lambda K: K[np.linspace(0, K.size - 1, 9).astype(int)],
        scale=lambda i, exact: np.abs(i.c).sum(),
        implementations={
            OURS: Implementation(lambda i: vandermonde_product(i.c, i.z, i.L), rounded, note="method auto"),
            f"{OURS}, split": Implementation(lambda i: vandermonde_product(i.c, i.z, i.L, "split"), rounded),
            "finufft": Implementation(lambda i: peers.powers_by_finufft(i.c, i.angle, i.L), rounded, "finufft"),
            "ducc0": Implementation(lambda i: peers.powers_by_ducc(i.c, i.angle, i.L, cores()), rounded, "ducc0"),
        },
        cut="L",
    )


def cases() -> list[Case]:
    """All of them."""
    return [
        discretization_case(512, "bilinear", {"SciPy, cont2discrete": 1}),
        discretization_case(512, "zoh", {"SciPy, cont2discrete": 1}),
        nplr_case(64),
        nplr_case(1024),
        nonuniform_case(2**14, 2**14),
    ]
