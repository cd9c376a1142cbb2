"""Hypothesis strategies for state space systems, steps and signals, for this package's tests and for anyone's.

Every system drawn is dissipative, ||e^{tA}|| <= 1 (poles on the imaginary axis included), so that the rules that
preserve
stability give ||A_bar|| <= 1 and an error bound needs no condition number. Sizes shrink first, then the numbers' seed.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from ..state_space import DPLR, Diagonal, StateSpace

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
