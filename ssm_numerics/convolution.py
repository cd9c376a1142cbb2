"""The convolutional view: causal convolution of a signal with a kernel."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from . import _arrays
from ._fft import causal_convolution


def convolve(K: Any, u: Any, D: Any = 0.0, axis: int = -1) -> np.ndarray:
    """y_k = sum_{l <= k} K_l u_{k-l} + D u_k, as long as `u`, by zero-padded FFTs.

    Parameters
    ----------
    K : array_like, shape (..., L)
        Kernel, time last; L may be shorter or longer than the signal.
    u : array_like, shape (..., T) with time along `axis`
    D : array_like, shape (...), default 0
        Feedthrough per head.
    axis : int
        Time axis of `u` and of the result.

    Returns
    -------
    y : ndarray
        Leading axes of K, D and the other axes of u broadcast; real if K, u and D are.

    Raises
    ------
    ValueError, TypeError
        For axes that do not broadcast or entries that are not finite numbers.

    Notes
    -----
    *Accuracy*: |error| <= 5 eps log2(n) ||K||_2 ||u||_2 with n the transform length (Higham, Theorem 24.2, typically
    far less); it is absolute, so outputs much smaller than that product lose relative accuracy.
    *Cost*: two FFTs of a good length n >= T + min(L, T) - 1 per row and one per distinct kernel, in parallel over rows;
    a long signal with a short kernel is cut into blocks of a few times L (overlap-add). The FFTs are those of ducc0
    where the extra `fast` is installed, else SciPy's.

    Examples
    --------
    >>> import ssm_numerics as ssm
    >>> ssm.convolve([1.0, 0.5], [1.0, 0.0, 2.0]).round(12)
    array([1. , 0.5, 2. ])
    """
    kernel = _arrays.numeric("K", K, min_ndim=1)
    signal = _arrays.time_last("u", u, axis)
    direct = _arrays.numeric("D", D)
    dtype = _arrays.working_dtype(*[v if _arrays.is_weak(v) else a for v, a in ((K, kernel), (u, signal), (D, direct))])
    n_samples = signal.shape[-1]
    kernel = kernel[..., :n_samples].astype(_narrow(kernel, dtype), copy=False)
    signal = signal.astype(_narrow(signal, dtype), copy=False)
    batch = _arrays.batch(K=kernel.shape[:-1], u=signal.shape[:-1], D=direct.shape)
    _arrays.memory("u", 2.0 * math.prod(batch) * (n_samples + kernel.shape[-1] - 1) * dtype.itemsize)
    y = causal(kernel, signal, batch, np.result_type(kernel, signal))
    if np.any(direct):
        with np.errstate(all="ignore"):
            y = y + direct.astype(_narrow(direct, dtype))[..., None] * signal
    if not _arrays.all_finite(y):
        found = f"it overflows where `u` reaches {np.abs(signal).max():.3g} and `K` reaches {np.abs(kernel).max():.3g}"
        _arrays.fail("u", "keep the convolution finite", found)
    return np.moveaxis(y.astype(dtype, copy=False), -1, axis)


def causal(K: np.ndarray, u: np.ndarray, batch: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """The convolution (*batch, T) of checked K (..., L) and u (..., T), each of whose rows is transformed once."""
    y = np.empty((math.prod(batch), u.shape[-1]), dtype=dtype)
    which_K, which_u = (_arrays.row_index(a.shape[:-1], batch) for a in (K, u))
    with np.errstate(all="ignore"):
        causal_convolution(K.reshape(-1, K.shape[-1]), u.reshape(-1, u.shape[-1]), which_K, which_u, y)
    return y.reshape(*batch, -1)


def _narrow(array: np.ndarray, dtype: np.dtype) -> np.dtype:
    """The working precision, complex only where the array is."""
    return _arrays.complex_dtype(dtype) if np.iscomplexobj(array) else _arrays.real_dtype(dtype)
