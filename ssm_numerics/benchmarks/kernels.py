"""Cases: convolution kernels and the two structured products."""

from __future__ import annotations

from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np

from ..convolution_kernel import convolution_kernel
from ..diagonal_init import diagonal_init
from ..hippo import hippo
from ..nplr import nplr
from ..products import cauchy_product, cauchy_sums, vandermonde_product
from ..state_space import DiscreteDiagonal
from . import peers
from .case import OURS, U32, Case, Implementation, draw, narrow, single, uniform

OURS32 = f"{OURS}, float32"
BROADCAST = "NumPy, exp of outer product"

CHECKED = 64
"""One node in so many is checked in extended precision."""


def diagonal_inputs(H: int, N: int, L: int) -> SimpleNamespace:
    """S4D-Lin with steps from 0.001 to 0.1, already discrete: residues c and nodes z (H, N) of N conjugate pairs."""
    dt = np.exp(uniform("dt", np.log(1e-3), np.log(1e-1), H))
    z = single(np.exp(dt[:, None] * diagonal_init("s4d-lin", 2 * N).Lambda))
    c = single(draw("re", H, N) + 1j * draw("im", H, N))
    return SimpleNamespace(
        c=c, z=z, log_z=np.log(z), L=L, system=as_system(c, z), narrow=as_system(narrow(c), narrow(z))
    )


def as_system(c: np.ndarray, z: np.ndarray) -> DiscreteDiagonal:
    """The discrete system with this kernel."""
    zero, one = np.zeros((), c.real.dtype), np.ones((), c.real.dtype)
    return DiscreteDiagonal(z, np.ones(z.shape[-1], c.real.dtype), c, zero, one, conjugate_pairs=True)


def diagonal_case(H: int, N: int, L: int, targets: dict[str, float], units: int | None) -> Case:
    """2 Re sum_n c_n z_n^l."""

    def plain(name: str, nodes: str) -> Any:
        def call(i: SimpleNamespace) -> np.ndarray:
            from ..compiled import plain_loops

            K = np.empty((len(i.c), i.L))
            getattr(plain_loops, name)(i.c, getattr(i, nodes), K)
            return K

        return call

    def phase(H: int, N: int, L: int) -> float:
        return 8.0 * L  # an angle of at most pi, rounded to u pi, times L; twice for the logarithm

    # L products of 3 roundings each (5 with their sums); sums of N terms
    chain = lambda H, N, L: 5.0 * L + N  # noqa: E731
    return Case(
        name=f"diagonal-kernel-H{H}-L{L}",
        title=f"Diagonal kernel, {H} {'heads' if H > 1 else 'head'}, {N} pairs, L = {L:,}",
        sizes={"H": H, "N": N, "L": L},
        small={"H": min(H, 3), "N": 5, "L": 200},
        prepare=diagonal_inputs,
        flops=lambda H, N, L: 4.0 * H * N * L,
        reference=lambda i: peers.powers_sum(i.c[0], i.z[0], i.L),
        checked=lambda K: K[0],
        scale=lambda i, exact: 2 * np.abs(i.c[0]).sum(),
        implementations={
            OURS: Implementation(lambda i: convolution_kernel(i.system, i.L), 50),
            OURS32: Implementation(lambda i: convolution_kernel(i.narrow, i.L), 50, unit=U32),
            f"{OURS}, vandermonde_product": Implementation(
                lambda i: 2 * vandermonde_product(i.c, i.z, i.L).real, 50, note="complex sums, twice the work"
            ),
            "NumPy, broadcast power": Implementation(
                lambda i: peers.kernel_by_broadcast(i.c, i.z, i.L), phase, units=units
            ),
            BROADCAST: Implementation(lambda i: peers.kernel_by_exponentials(i.c, i.z, i.L), phase, units=units),
            "Numba loop, exp sin cos": Implementation(plain("kernel_by_exponentials", "log_z"), phase, units=units),
            "Numba loop, recurrence": Implementation(plain("kernel_by_recurrence", "z"), chain),
            "JAX": Implementation(lambda i: peers.by_jax("diagonal", i.c, i.z, i.L), phase, "jax", units=units),
            "PyTorch": Implementation(lambda i: peers.torch_diagonal(i.c, i.z, i.L), phase, "torch", units=units),
        },
        targets=targets,
    )


def general_inputs(N: int, L: int) -> SimpleNamespace:
    """Four rows of residues, general poles and nodes."""
    poles = single(-uniform("decay", 0.1, 2, N) + 1j * N * draw("frequency", N))
    z = single(uniform("real", 0.01, 1, L) + 1j * N * draw("imaginary", L))
    v = single(draw("v re", 4, N) + 1j * draw("v im", 4, N))
    return SimpleNamespace(v=v, z=z, poles=poles, ours=(v, z, poles))


def pair_inputs(N: int, L: int) -> SimpleNamespace:
    """The modes of LegS and S4's nodes 2/dt (1 - omega)/(1 + omega) on r^L = 1/2; N counts both poles of a pair."""
    half = single(nplr("legs", N).Lambda[: N // 2])
    v = single(draw("v re", 4, N // 2) + 1j * draw("v im", 4, N // 2))
    omega = 0.5 ** (1 / L) * np.exp(-2j * np.pi * np.arange(L) / L)
    z, poles = single(2e3 * (1 - omega) / (1 + omega)), np.concatenate([half, half.conj()])
    return SimpleNamespace(v=np.concatenate([v, v.conj()], axis=1), z=z, poles=poles, ours=(v, z, half))


def sums_of_pairs(v: np.ndarray, z: np.ndarray, poles: np.ndarray) -> np.ndarray:
    """What kernels call."""
    return cauchy_sums(v, z, np.ones(1, dtype=v.real.dtype), poles, np.ones(poles.size, dtype=bool))


def cauchy_case(N: int, L: int, folded: bool, targets: dict[str, float]) -> Case:
    """Four sums of v/(z - p) over the same poles."""
    ours: Any = sums_of_pairs if folded else cauchy_product
    textbook = lambda N, L: 50.0 + N  # noqa: E731  (a division, and a sum in order)

    def plain(i: SimpleNamespace) -> np.ndarray:
        from ..compiled import plain_loops

        out = np.empty((4, i.z.size), dtype=np.complex128)
        plain_loops.cauchy(i.v, i.z, i.poles, out)
        return out

    return Case(
        name=f"cauchy-{'pairs' if folded else 'general'}-N{N}-L{L}",
        title=f"Four Cauchy sums, {f'{N // 2} conjugate pairs' if folded else f'{N} general poles'}, L = {L:,}",
        sizes={"N": N, "L": L},
        small={"N": 10, "L": 300},
        prepare=pair_inputs if folded else general_inputs,
        flops=lambda N, L: (53.0 * N / 2 if folded else 4 * 16.0 * N) * L,  # as `compiled/cauchy.py` does them
        reference=lambda i: peers.fractions_sum(i.v, i.z[::CHECKED], i.poles),
        checked=lambda out: out[:, ::CHECKED],
        scale=lambda i, exact: np.abs(i.v) @ (1 / np.abs(i.z[::CHECKED] - i.poles[:, None])),
        implementations={
            OURS: Implementation(lambda i: ours(*i.ours), 50),
            OURS32: Implementation(lambda i: ours(*map(narrow, i.ours)), 50, unit=U32),
            "NumPy, 1/(z - p) and a product": Implementation(lambda i: i.v @ (1 / (i.z - i.poles[:, None])), textbook),
            "Numba loop, complex": Implementation(plain, textbook),
            "JAX": Implementation(lambda i: peers.by_jax("cauchy", i.v, i.z, i.poles), textbook, "jax"),
            "PyTorch": Implementation(lambda i: peers.torch_cauchy(i.v, i.z, i.poles), textbook, "torch"),
        },
        cut="L",
        targets=targets,
    )


def legs_inputs(H: int, N: int, L: int) -> SimpleNamespace:
    """HiPPO-LegS with steps from 0.001 to 0.1 and random output rows: dense, as DPLR, and as peers want it."""

    op, form = hippo("legs", N), nplr("legs", N)
    C, dt = draw("C", H, N), np.exp(uniform("dt", np.log(1e-3), np.log(1e-1), H))
    full = form.to_dplr(C).full()
    return SimpleNamespace(
        A=op.A, B=op.B, C=C, dt=dt, L=L, dense=op.state_space(C), dplr=form.to_dplr(C), full=full, N=N
    )


def legs_reference(i: SimpleNamespace) -> np.ndarray:
    """The definition for the first head."""
    A_bar, B_bar = peers.bilinear_legs(i.N, i.dt[0])
    return peers.response(A_bar, B_bar, i.C[0], np.eye(1, i.L)[0])


def blocked_flops(H: int, N: int, L: int) -> float:
    """Doubling two Krylov blocks, and the product of them."""
    return H * (2.0 * N**3 * np.log2(L) + 4.0 * N**2 * np.sqrt(L) + 2.0 * N * L)


def bare_library_calls(i: SimpleNamespace) -> np.ndarray:
    """The matrix products of C~ and of the split kernel, and the inverse FFT, on anything."""
    from scipy import fft

    from .._parallel import cores

    H, N, side = len(i.C), i.N, int(np.ceil(np.sqrt(i.L)))
    square, tall, wide = np.zeros((H, N, N)), np.zeros((H, side, N)), np.zeros((H, N, side))
    for _ in range(int(np.log2(i.L))):
        square @ square
    tall @ wide
    return fft.irfft(np.zeros((H, i.L // 2 + 1), dtype=complex), i.L, workers=cores())


def legs_case(
    name: str,
    title: str,
    H: int,
    N: int,
    L: int,
    implementations: dict[str, Implementation],
    targets: dict[str, float],
) -> Case:
    """A kernel of LegS systems that differ in their steps, whoever computes it from whichever form."""
    return Case(
        name=f"{name}-H{H}-L{L}",
        title=f"{title}, {H} {'heads' if H > 1 else 'head'}, N = {N}, L = {L:,}",
        sizes={"H": H, "N": N, "L": L},
        small={"H": min(H, 2), "N": 8, "L": 128},
        prepare=legs_inputs,
        flops=blocked_flops,
        reference=legs_reference,
        checked=lambda K: K[0],
        scale=lambda i, exact: np.abs(exact).max(),
        implementations=implementations,
        targets=targets,
    )


def s4_case(H: int, N: int, L: int, targets: dict[str, float], units: int | None) -> Case:
    """The S4 kernel from DPLR parameters: discretization, C~ and all."""

    bound = lambda H, N, L: 16.0 * (N + 8) + 1000  # noqa: E731  (what the package promises for its two methods)
    # C~ divides by nothing, but near omega = 1 the sums are 1/|1 - omega|^2 ~ L^2 larger than their roundings.
    textbook = lambda H, N, L: 1e6  # noqa: E731

    def by_peer(name: str, i: SimpleNamespace) -> np.ndarray:
        f = i.full
        arguments = (f.Lambda, f.P[:, 0], f.B, f.C, i.dt, i.L)
        return peers.by_jax("s4", *arguments) if name == "jax" else peers.algorithm_1(*arguments)

    implementations = {
        OURS: Implementation(lambda i: convolution_kernel(i.dplr, i.L, i.dt), bound, note="method auto"),
        f"{OURS}, cauchy": Implementation(
            lambda i: convolution_kernel(i.dplr, i.L, i.dt, method="cauchy"), bound, units=units and 64
        ),
        "NumPy and SciPy, Algorithm 1": Implementation(partial(by_peer, "numpy"), textbook, units=units),
        "JAX, as annotated-S4": Implementation(partial(by_peer, "jax"), textbook, "jax", units=units),
        "NumPy, definition": Implementation(
            lambda i: peers.kernel_by_definition(i.A, i.B, i.C, i.dt, i.L), bound, units=units
        ),
        "limit: bare GEMM and FFT": Implementation(bare_library_calls, 0, limit=True),
    }
    return legs_case("s4-kernel", "S4 kernel from DPLR parameters", H, N, L, implementations, targets)


def krylov_case(H: int, N: int, L: int, targets: dict[str, float], units: int | None) -> Case:
    """C A_bar^l B_bar of dense systems that differ in their steps."""

    bound = lambda H, N, L: 1000.0  # noqa: E731

    def plain(i: SimpleNamespace) -> np.ndarray:
        from ..compiled import plain_loops

        pairs = [peers.bilinear(i.A, i.B, dt) for dt in i.dt]
        K, impulse = np.empty((len(i.C), i.L)), np.zeros((len(i.C), i.L))
        impulse[:, 0] = 1.0
        plain_loops.simulate_dense(np.stack([a for a, _ in pairs]), np.stack([b for _, b in pairs]), i.C, impulse, K)
        return K

    implementations = {
        OURS: Implementation(lambda i: convolution_kernel(i.dense, i.L, i.dt), bound, note="method auto"),
        "NumPy, definition": Implementation(
            lambda i: peers.kernel_by_definition(i.A, i.B, i.C, i.dt, i.L), bound, units=units
        ),
        "Numba loop": Implementation(plain, bound, units=units),
        "SciPy, cont2discrete and dimpulse": Implementation(
            lambda i: peers.impulse_of_scipy(i.A, i.B, i.C, i.dt, i.L), bound, "scipy", units=units
        ),
    }
    return legs_case("krylov", "Krylov kernel of dense systems", H, N, L, implementations, targets)


def cases() -> list[Case]:
    """All of them."""
    broadcast, exponentials, complex_loop = BROADCAST, "Numba loop, exp sin cos", "Numba loop, complex"
    return [
        diagonal_case(1, 32, 1024, {broadcast: 40}, None),
        diagonal_case(1, 32, 16384, {broadcast: 40}, None),
        diagonal_case(256, 32, 16384, {broadcast: 200, exponentials: 100}, 8),
        cauchy_case(64, 16384, False, {complex_loop: 5}),
        cauchy_case(64, 16384, True, {complex_loop: 12}),
        cauchy_case(512, 16384, True, {complex_loop: 12}),
        s4_case(1, 64, 1024, {}, None),
        s4_case(1, 64, 16384, {}, None),
        s4_case(256, 64, 16384, {"NumPy and SciPy, Algorithm 1": 20}, 4),
        krylov_case(1, 64, 16384, {"NumPy, definition": 50}, None),
        krylov_case(256, 64, 16384, {}, 4),
    ]
