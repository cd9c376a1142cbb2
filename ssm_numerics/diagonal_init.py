"""Diagonal initializations of S4D: eigenvalues given by a formula instead of a matrix."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from . import _arrays
from .state_space import Diagonal


def diagonal_init(name: str, N: int) -> Diagonal:
    """A diagonal system with one of the S4D initializations, B = C = 1.

    Parameters
    ----------
    name : {"s4d-lin", "s4d-inv", "s4d-legs", "s4d-real"}
    N : int
        Number of states, even for s4d-lin and s4d-inv (N/2 conjugate pairs are stored).

    Returns
    -------
    Diagonal
        Conjugate pairs are stored as one mode; s4d-real has none, and the odd mode of s4d-legs counts once.

    Raises
    ------
    ValueError, TypeError
        For an unknown name, or an odd N where every mode belongs to a pair.

    Notes
    -----
    s4d-lin: -1/2 + i pi n. s4d-inv: -1/2 + i (N/pi)(N/(2n+1) - 1). s4d-legs: the spectrum of LegS's normal part,
    -1/2 + i omega, in ascending omega. s4d-real: -(n+1). n = 0, 1, ... over stored modes.
    The mode n = 0 of s4d-lin is real and counts twice, as in the reference implementation.

    References
    ----------
    Gu, Gupta, Goel, Re: On the Parameterization and Initialization of Diagonal State Space Models, 2022, section 4.3.

    Examples
    --------
    >>> import ssm_numerics as ssm
    >>> ssm.diagonal_init("s4d-lin", 4).Lambda.round(4)
    array([-0.5+0.j    , -0.5+3.1416j])
    """
    name = _arrays.choice("name", name, ("s4d-lin", "s4d-inv", "s4d-legs", "s4d-real"))
    N = _arrays.count("N", N)
    _arrays.memory("N", 80.0 * N)
    pairs: Any = True
    Lambda: np.ndarray
    if name == "s4d-real":
        Lambda, pairs = -1.0 - np.arange(N), False
    elif name == "s4d-legs":
        from .nplr import nplr

        normal = nplr("legs", N)
        stored = normal.Lambda[: (N + 1) // 2][::-1]
        Lambda, pairs = stored, stored.imag > 0
    else:
        if N % 2:
            _arrays.fail("N", f"be even for {name} (it counts states, two for every stored mode)", f"it is {N}")
        n = np.arange(N // 2)
        omega = math.pi * n if name == "s4d-lin" else N / math.pi * (N / (2 * n + 1) - 1)
        Lambda = -0.5 + 1j * omega
    ones = np.ones(Lambda.size)
    return Diagonal(Lambda, ones, ones, conjugate_pairs=pairs)
