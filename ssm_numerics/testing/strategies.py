"""Hypothesis strategies for state space systems, steps and signals, for this package's tests and for anyone's.

Systems of `systems`, `stiff_systems` and `general_dplr` are dissipative, ||e^{tA}|| <= 1 (poles on the imaginary axis
included), so that the rules that preserve stability give ||A_bar|| <= 1 and an error bound needs no condition number;
so are the HiPPO families but lmu and glagt, and the initializations. Sizes shrink first, then the numbers' seed.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from ..diagonal_init import diagonal_init
from ..discretization import discretize
from ..hippo import HiPPO, hippo
from ..nplr import nplr
from ..state_space import DPLR, Diagonal, StateSpace

FAMILIES = ("legs", "legt", "lmu", "lagt", "glagt", "fout", "foud")
INITS = ("s4d-real", "s4d-lin", "s4d-inv", "s4d-legs")
KINDS = ("dense", "diagonal", "dplr", "diagonal_pairs", "dplr_pairs")
DTYPES = (np.float64, np.float32)


@st.composite
def systems(
    draw: Any,
    kinds: tuple[str, ...] = KINDS,
    max_states: int = 12,
    max_rank: int = 2,
    dtypes: tuple[Any, ...] = (np.float64,),
    batches: tuple[tuple[int, ...], ...] = ((), (1,), (3,), (2, 2)),
) -> Any:
    """Dissipative continuous systems.

    Parameters
    ----------
    kinds : subset of KINDS
        "_pairs" kinds store one mode per conjugate pair, with a drawn mask of modes that have no partner.
    max_states, max_rank : int
        Largest number of stored modes, and largest rank of a DPLR system.
    dtypes : real dtypes to draw from
    batches : batch shapes to draw from

    Returns
    -------
    SearchStrategy of StateSpace, Diagonal or DPLR

    Examples
    --------
    >>> from ssm_numerics import testing
    >>> testing.systems(kinds=("diagonal",), max_states=4)
    systems(kinds=('diagonal',), max_states=4)
    """
    kind = draw(st.sampled_from(kinds))
    n, rank = draw(st.integers(1, max_states)), draw(st.integers(1, max_rank))
    batch = draw(st.sampled_from(batches))
    real = draw(st.sampled_from(dtypes))
    damping = draw(st.sampled_from((0.0, 0.5, 30.0)))
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    if kind == "dense":
        noise = rng.normal(size=(*batch, n, n))
        A = noise - np.swapaxes(noise, -1, -2) - damping * rng.random((*batch, 1, n)) * np.eye(n)
        return StateSpace(A.astype(real), *(rng.normal(size=(*batch, n)).astype(real) for _ in "BC"))
    pairs = rng.random(n) < 0.75 if kind.endswith("pairs") else False

    def modes(*shape: int) -> np.ndarray:
        values = rng.normal(size=shape) + 1j * rng.normal(size=shape)
        if pairs is not False:
            axis = -1 if shape[-1] == n and len(shape) == len(batch) + 1 else -2
            keep = np.expand_dims(pairs, 1) if axis == -2 else pairs
            values = np.where(keep, values, values.real)
        return values.astype(np.result_type(real, np.complex64))

    Lambda = modes(*batch, n)
    Lambda.real = -damping * np.abs(Lambda.real)
    Lambda.imag *= draw(st.sampled_from((1.0, 20.0)))
    if kind.startswith("diagonal"):
        return Diagonal(Lambda, modes(*batch, n), modes(*batch, n), conjugate_pairs=pairs)
    P = modes(*batch, n, rank)
    return DPLR(Lambda, P, P, modes(*batch, n), modes(*batch, n), conjugate_pairs=pairs)


@st.composite
def general_dplr(
    draw: Any,
    max_states: int = 12,
    max_rank: int = 2,
    pairs: tuple[bool, ...] = (False, True),
    stable: bool = True,
) -> DPLR:
    """DPLR systems whose Q is not P.

    Parameters
    ----------
    max_states, max_rank : int
        Largest number of stored modes, and largest rank.
    pairs : subset of (False, True)
        Whether every stored mode stands for a conjugate pair.
    stable : bool
        True: Lambda is moved to the left until A is dissipative; False: A may be unstable, as a trained one may be.
    """
    n, rank = draw(st.integers(1, max_states)), draw(st.integers(1, max_rank))
    paired, apart = draw(st.sampled_from(pairs)), draw(st.sampled_from((1.0, 0.1)))
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    Lambda = -rng.random(n) + 1j * rng.uniform(-6, 6, n)
    P = complex_normal(rng, n, rank)
    Q = P + apart * complex_normal(rng, n, rank)
    B, C = complex_normal(rng, n), complex_normal(rng, n)
    system = DPLR(Lambda, P, Q, B, C, conjugate_pairs=paired)
    if not stable:
        return system
    A = system.to_dense().A
    excess = float(np.linalg.eigvalsh((A + A.conj().T) / 2).max())
    return DPLR(Lambda - max(excess, 0.0), P, Q, B, C, conjugate_pairs=paired)


@st.composite
def stiff_systems(draw: Any, kinds: tuple[str, ...] = KINDS, max_states: int = 12, decades: float = 6.0) -> Any:
    """Dissipative systems whose modes decay at rates spread evenly over powers of ten, from 0.1 on."""
    kind, n = draw(st.sampled_from(kinds)), draw(st.integers(1, max_states))
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    rates = 10.0 ** rng.uniform(-1, decades - 1, n)
    if kind == "dense":
        noise = rng.normal(size=(n, n))
        return StateSpace(noise - noise.T - np.diag(rates), rng.normal(size=n), rng.normal(size=n))
    Lambda, B, C = -rates + 1j * rng.uniform(-6, 6, n), complex_normal(rng, n), complex_normal(rng, n)
    paired = kind.endswith("pairs")
    if kind.startswith("diagonal"):
        return Diagonal(Lambda, B, C, conjugate_pairs=paired)
    P = complex_normal(rng, n, 1)
    return DPLR(Lambda, P, P, B, C, conjugate_pairs=paired)


@st.composite
def hippo_operators(draw: Any, families: tuple[str, ...] = FAMILIES, max_states: int = 16) -> HiPPO:
    """HiPPO operators with their parameters: windows of legt and lmu, alpha and beta of glagt."""
    family, N = draw(st.sampled_from(families)), draw(st.integers(1, max_states))
    parameters = {}
    if family in ("legt", "lmu"):
        parameters["theta"] = draw(st.sampled_from((1.0, 2.0, 0.25)))
    if family == "glagt":
        parameters = {"alpha": draw(st.sampled_from((0.0, 0.5, -0.4))), "beta": draw(st.sampled_from((1.0, 0.01)))}
    return hippo(family, N, **parameters)


@st.composite
def hippo_systems(
    draw: Any,
    families: tuple[str, ...] = FAMILIES,
    forms: tuple[str, ...] = ("dense", "dplr", "dplr_pairs"),
    max_states: int = 16,
) -> Any:
    """Systems of HiPPO operators with a random output row: the matrix, or its unitary form, whole or in half storage.

    lmu, and glagt with alpha other than 0, have no unitary form and come dense whatever `forms` says.
    """
    op = draw(hippo_operators(families, max_states))
    form = draw(st.sampled_from(forms))
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    C = rng.normal(size=op.N)
    if form == "dense" or op.family == "lmu" or op.parameters.get("alpha"):
        return StateSpace(op.A, op.B, C)
    return nplr(op, method="eigh").to_dplr(C if form == "dplr_pairs" else C + 0j)


@st.composite
def diagonal_inits(draw: Any, names: tuple[str, ...] = INITS, max_states: int = 16) -> Diagonal:
    """S4D initializations with a random output row; the number of states is even where it must be."""
    name, half = draw(st.sampled_from(names)), draw(st.integers(1, max(max_states // 2, 1)))
    start = diagonal_init(name, 2 * half)
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    C = complex_normal(rng, start.Lambda.size) if start.pairs is not None else rng.normal(size=start.Lambda.size)
    return Diagonal(start.Lambda, start.B, C, conjugate_pairs=start.conjugate_pairs)


@st.composite
def discrete_systems(draw: Any, of: Any = None, least: float = 1e-3, most: float = 10.0) -> Any:
    """Discretized systems: those of the strategy `of` (default `systems()`) under a drawn step and stable rule."""
    system, dt, rule = draw(systems() if of is None else of), draw(step_sizes(least, most)), draw(rules())
    return discretize(system, dt, rule["discretization"], rule["alpha"])


def complex_normal(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Complex normal numbers."""
    return rng.normal(size=shape) + 1j * rng.normal(size=shape)


def lengths(most: int = 64) -> Any:
    """Numbers of samples from 1 to `most`, often a power of two or beside one."""
    near = {2**k + shift for k in range(most.bit_length() + 1) for shift in (-1, 0, 1)}
    return st.one_of(st.sampled_from(sorted(n for n in near if 1 <= n <= most)), st.integers(1, most))


def batches(max_axes: int = 2, max_heads: int = 3) -> Any:
    """Shapes of leading axes, the empty one first."""
    return st.lists(st.integers(1, max_heads), max_size=max_axes).map(tuple)


def step_sizes(least: float = 1e-6, most: float = 1e3) -> Any:
    """Steps spread evenly over the powers of ten between `least` and `most`."""
    return st.floats(float(np.log10(least)), float(np.log10(most))).map(lambda exponent: float(10.0**exponent))


@st.composite
def signals(draw: Any, max_length: int = 50, batch: tuple[int, ...] = (), dtype: Any = np.float64) -> Any:
    """Finite signals of shape (*batch, T), 1 <= T <= max_length: noise, an impulse, a step, or alternating signs."""
    length = draw(st.integers(1, max_length))
    shape = draw(st.sampled_from(("noise", "impulse", "step", "alternating")))
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    if shape == "noise":
        return rng.normal(size=(*batch, length)).astype(dtype)
    u = np.zeros((*batch, length), dtype=dtype)
    u[..., 0] = 1
    if shape != "impulse":
        u[...] = 1 if shape == "step" else (-1.0) ** np.arange(length)
    return u


@st.composite
def rules(draw: Any, names: tuple[str, ...] = ("backward_euler", "bilinear", "gbt", "zoh", "foh")) -> Any:
    """A discretization that preserves stability, as the keywords `discretization` and `alpha`."""
    name = draw(st.sampled_from(names))
    return {"discretization": name, "alpha": draw(st.floats(0.5, 1.0)) if name == "gbt" else None}
