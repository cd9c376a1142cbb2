"""The two structured products behind fast kernels, checked and described: Vandermonde sums and Cauchy sums.

Kernels call what lies below: `vandermonde_sums` with conjugate pairs and double-word nodes, `cauchy_sums` with several
right-hand sides.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from . import _arrays, _device
from ._cauchy import cauchy_sums
from ._device_products import cauchy_on_device, vandermonde_on_device
from ._nodes import exp_nodes, gbt_nodes
from ._nufft import is_near_linear, nufft_sums
from ._roots_of_unity import cauchy_at_roots
from ._vandermonde import vandermonde_sums

__all__ = ["cauchy_product", "cauchy_sums", "exp_nodes", "gbt_nodes", "vandermonde_product", "vandermonde_sums"]

VANDERMONDE_METHODS: dict[str, Any] = {"split": vandermonde_sums, "nufft": nufft_sums}
"""The implementations of `vandermonde_product`."""

CAUCHY_METHODS: dict[str, Any] = {"direct": cauchy_sums, "nufft": cauchy_at_roots}
"""The implementations of `cauchy_product`."""


def vandermonde_product(c: Any, z: Any, L: int, method: str = "auto", backend: str = "cpu") -> np.ndarray:
    """Sums of powers, ``sum_n c[..., n] z[..., n]**l`` for ``l = 0, ..., L-1``.

    This is the convolution kernel of a diagonal system with discrete eigenvalues `z` and residues ``c = C * B_bar``.

    Parameters
    ----------
    c : array_like, shape (..., N)
        Coefficients, real or complex. Leading axes broadcast with those of `z`.
    z : array_like, shape (..., N)
        Nodes, real or complex. Powers that overflow give entries that are not finite.
    L : int
        Number of powers, at least 1.
    method : {"auto", "split", "nufft"}
        ``split`` writes ``l = qM + r`` and multiplies a table of ``c z**(qM)`` with a table of ``z**r``. ``nufft`` is
        one Fourier transform at nonuniform complex frequencies, for nodes in the closed unit disk; it is the faster
        one from about 500 nodes on, and ``auto``'s choice there.
    backend : {"cpu", "cuda"}
        Where to compute; device arrays are computed with where they are (:doc:`cuda`).

    Returns
    -------
    ndarray, shape (..., L)
        Real if `c` and `z` are real; in single precision if both are.

    Raises
    ------
    TypeError
        If an argument is not numeric, or `L` is not an integer.
    ValueError
        If shapes do not broadcast, an entry is not finite, `L` < 1, a word is unknown, the result is too large, or a
        node is outside the unit disk for ``nufft``.

    Notes
    -----
    *Accuracy*: for ``|z| <= 1`` every entry is within ``50 u sum_n |c_n|`` of the exact sum of the numbers given, u the
    unit roundoff of the result's precision, for L up to 10**6: high powers are formed in double-word arithmetic.

    *Cost*: ``8 N L`` flops in matrix products (``4 N L`` where conjugate pairs are halved, as kernels do) and
    ``O(N sqrt(L))`` for the tables; with ``nufft`` ``O(N + L log L)`` for each band of decay rates: one band if
    the decays ``-L log|z|`` differ by less than 8. Batches run in as many threads as there are processors.

    References
    ----------
    A. Gu, A. Gupta, K. Goel, C. Re, "On the Parameterization and Initialization of Diagonal State Space Models",
    NeurIPS 2022, section 3.2. For ``nufft``: L. Greengard, J.-Y. Lee, SIAM Review 46 (2004), section 2.

    Examples
    --------
    >>> import ssm_numerics as ssm
    >>> ssm.vandermonde_product([1.0, 2.0], [0.5, -1.0], 4)
    array([ 3.   , -1.5  ,  2.25 , -1.875])
    """
    device = _device.on_device(backend, c, z)
    c, z = _device.numeric("c", c), _device.numeric("z", z)
    _arrays.trailing("z", z, c.shape[-1:], "`c`")
    lead = c.shape[:-1] if c.shape == z.shape else _arrays.batch(c=c.shape[:-1], z=z.shape[:-1])
    L = _arrays.count("L", L)
    dtype = _arrays.working_dtype(c, z)
    _arrays.memory("L", math.prod(lead) * L * dtype.itemsize)
    word = _arrays.choice("method", method, ("auto", "split") if device else ("auto", *VANDERMONDE_METHODS))
    precision = _arrays.real_dtype(dtype)
    if device:
        call = _device.Call(c, z)
        out = vandermonde_on_device(call, c, z, lead, L, dtype.kind == "f", precision)
        return call.result(out, (*lead, L))
    if word == "auto":
        word = "nufft" if is_near_linear(z, L) else "split"
    return VANDERMONDE_METHODS[word](_to_precision(c, precision), _to_precision(z, precision), L)


def cauchy_product(v: Any, z: Any, poles: Any, method: str = "auto", backend: str = "cpu") -> np.ndarray:
    """Sums of simple fractions, ``sum_n v[..., n] / (z[..., l] - poles[..., n])``.

    This is the transfer function of a diagonal system at the points `z`, and the heart of kernels of DPLR systems.

    Parameters
    ----------
    v : array_like, shape (..., N)
        Residues, real or complex. Leading axes of all three arguments broadcast.
    z : array_like, shape (..., L)
        Nodes, real or complex. A node on a pole gives an entry that is not finite.
    poles : array_like, shape (..., N)
        Poles, real or complex.
    method : {"auto", "direct", "nufft"}
        ``direct`` forms every fraction. ``nufft`` is for double precision and all M equally spaced nodes of a circle,
        ``z = z_0 * exp(2j * pi * arange(M) / M)`` or its conjugate order: a Fourier transform of sums of powers, in
        near-linear time. ``auto`` is ``direct``.
    backend : {"cpu", "cuda"}
        Where to compute; device arrays are computed with where they are (:doc:`cuda`).

    Returns
    -------
    ndarray, shape (..., L)
        Real if all arguments are real; in single precision if all are.

    Raises
    ------
    TypeError
        If an argument is not numeric.
    ValueError
        If shapes do not broadcast, an entry is not finite, a word is unknown, the result is too large, or the nodes
        are not those of ``nufft``.

    Notes
    -----
    *Accuracy*: every entry is within ``50 u sum_n |v_n / (z - p_n)|`` of the exact sum of the numbers given, u the unit
    roundoff of the result's precision, however close a node is to a pole. Distances ``|z - p_n|`` below 1e-150 of the
    poles' (geometric) middle magnitude underflow (1e-18 in single precision). For ``nufft`` errors are those of an
    FFT, absolute: ``sqrt(M) (50 + M) u sum_n |v_n / z_0| / |1 - |p_n/z_0|**(+-M)|`` in root mean square over the nodes,
    since ``p_n/z_0`` is rounded before its powers are taken.

    *Cost*: one division and about 16 flops per pole and node, vectorized and threaded; where `z` and `poles` have no
    leading axes, four rows of `v` share the division.

    References
    ----------
    A. Gu, K. Goel, C. Re, "Efficiently Modeling Long Sequences with Structured State Spaces", ICLR 2022, appendix C.3.

    Examples
    --------
    >>> import ssm_numerics as ssm
    >>> ssm.cauchy_product([1.0, 2.0], [1.0, 3.0], [0.0, -1.0])
    array([2.        , 0.83333333])
    """
    device = _device.on_device(backend, v, z, poles)
    v, z, poles = _device.numeric("v", v), _device.numeric("z", z), _device.numeric("poles", poles)
    _arrays.trailing("poles", poles, v.shape[-1:], "`v`")
    lead = _arrays.batch(v=v.shape[:-1], z=z.shape[:-1], poles=poles.shape[:-1])
    dtype = _arrays.working_dtype(v, z, poles)
    _arrays.memory("z", math.prod(lead) * z.shape[-1] * _arrays.complex_dtype(dtype).itemsize * 3)
    word = _arrays.choice("method", method, ("auto", "direct") if device else ("auto", *CAUCHY_METHODS))
    precision = _arrays.real_dtype(dtype)
    if device:
        call = _device.Call(v, z, poles)
        sides, nodes = call.rows(v, lead, precision), call.rows(z, lead, precision)
        ones, places = call.rows(np.ones(z.shape[-1]), (1,), precision), call.rows(poles, lead, precision)
        sides = sides.reshape(math.prod(lead), 1, v.shape[-1], 2)
        out = cauchy_on_device(call, sides, nodes, ones, places, dtype.kind == "f", precision)
        return call.result(out, (*lead, z.shape[-1]))
    product = CAUCHY_METHODS["direct" if word == "auto" else word]
    v, z, poles = (_to_precision(array, precision) for array in (v, z, poles))
    if z.ndim == poles.ndim == 1:
        sums = product(v.reshape(-1, v.shape[-1]), z, np.ones(1, dtype=precision), poles).reshape(*lead, z.size)
    else:
        sums = product(v[..., None, :], z, np.ones(1, dtype=precision), poles)[..., 0, :]
    return sums if dtype.kind == "c" else np.ascontiguousarray(sums.real)


def _to_precision(array: np.ndarray, precision: np.dtype) -> np.ndarray:
    """The same kind of numbers, real or complex, in a precision given by its real dtype."""
    return array.astype(_arrays.complex_dtype(precision) if array.dtype.kind == "c" else precision, copy=False)
