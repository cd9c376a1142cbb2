"""Fast Fourier transforms along the last axis: by ducc0 where the `fast` extra installed it, else by SciPy.

The only module that knows which. Both compute in the precision of their input, and `threads` divides the rows.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from ._parallel import over_rows

GROUP_BYTES = 2**20
"""Rows are transformed, multiplied and transformed back in groups of this size, while they are in cache."""

LEAST_GAIN, CACHED_POINTS = 0.8, 2**17
"""A long signal is cut into blocks if that is estimated to save a fifth; transforms of more points leave the cache."""


@functools.cache
def _ducc() -> Any:
    """ducc0's transforms, or None."""
    try:
        from ducc0 import fft
    except ImportError:
        return None
    return fft


def good_length(n: int, real: bool) -> int:
    """The least length from n on whose transform is fast."""
    from scipy import fft

    return int(fft.next_fast_len(n, real=real))


def forward(x: np.ndarray, n: int, threads: int = 1) -> np.ndarray:
    """The transform of rows x (..., up to n), padded with zeros to n: n//2 + 1 entries for real x, else n."""
    fast, real = _ducc(), x.dtype.kind == "f"
    if fast is None:
        from scipy import fft

        return (fft.rfft if real else fft.fft)(x, n, workers=threads)
    if x.shape[-1] < n:
        padded = np.zeros((*x.shape[:-1], n), dtype=x.dtype)
        padded[..., : x.shape[-1]] = x
        x = padded
    transform = fast.r2c if real else fast.c2c
    return transform(x, axes=(x.ndim - 1,), nthreads=threads)


def inverse(X: np.ndarray, n: int, real: bool, threads: int = 1) -> np.ndarray:
    """Rows (..., n) whose transform is X; real rows from n//2 + 1 entries."""
    fast = _ducc()
    if fast is None:
        from scipy import fft

        return (fft.irfft if real else fft.ifft)(X, n, workers=threads)
    axes = (X.ndim - 1,)
    if real:
        return fast.c2r(X, axes=axes, lastsize=n, forward=False, inorm=2, nthreads=threads)
    return fast.c2c(X, axes=axes, forward=False, inorm=2, nthreads=threads)


def causal_convolution(K: np.ndarray, u: np.ndarray, which_K: np.ndarray, which_u: np.ndarray, out: np.ndarray) -> None:
    """out[row] = the first T samples of K[which_K[row]] * u[which_u[row]] for K (h, L), u (s, T), out (rows, T).

    A kernel or signal that several rows share is transformed once. Where L is much shorter than T, the signal is cut
    into blocks whose convolutions are added up (overlap-add); then transforms are short and stay in cache.
    """
    length, n_samples = K.shape[-1], u.shape[-1]
    real = out.dtype.kind == "f"
    n, step = block_lengths(length, n_samples, real)
    n_blocks = -(-n_samples // step)

    def transformed(rows: np.ndarray) -> np.ndarray:
        """The transforms (rows, blocks, ...) of signals, block by block."""
        blocks = rows if real else rows.astype(out.dtype, copy=False)
        if n_blocks == 1:
            return forward(blocks[:, None], n)
        whole = n_samples // step
        padded = np.zeros((len(rows), n_blocks, step), dtype=blocks.dtype)
        padded[:, :whole] = blocks[:, : whole * step].reshape(len(rows), whole, step)
        padded[:, whole:, : n_samples - whole * step] = blocks[:, None, whole * step :]
        return forward(padded, n)

    group = max(1, GROUP_BYTES // (n_blocks * n * out.itemsize))
    is_shared, once = len(u) < len(out) or len(out) == 1, {}

    def begin_with(begin: int, end: int) -> None:
        """Transform what is needed once: the kernels, and signals that several rows share or that are one."""
        for i in range(begin, end):
            once[i] = transformed(u) if i else forward(K if real else K.astype(out.dtype, copy=False), n)

    flops = 15.0 * n * math.log2(n)
    over_rows(begin_with, 1 + is_shared, flops * (len(K) + len(u) * n_blocks) / 3)
    spectra = once[0]

    def work(begin: int, end: int) -> None:
        for first in range(begin, end, group):
            rows = slice(first, min(first + group, end))
            if len(out) == 1:
                product = once[1]
            else:
                product = once[1][which_u[rows]] if is_shared else transformed(u[which_u[rows]])
            product *= spectra[which_K[rows], None]
            pieces = inverse(product, n, real)
            _add_up(pieces, step, out[rows])

    over_rows(work, len(out), flops * len(out) * n_blocks, group)


def _add_up(pieces: np.ndarray, step: int, out: np.ndarray) -> None:
    """out (rows, T) from overlapping pieces (rows, blocks, n) that begin `step` samples apart."""
    rows, n_blocks, n = pieces.shape
    if n_blocks == 1:
        out[...] = pieces[:, 0, : out.shape[-1]]
        return
    pieces[:, 1:, : n - step] += pieces[:, :-1, step:]  # n <= 2 step: only neighbours overlap
    out[...] = pieces[..., :step].reshape(rows, -1)[:, : out.shape[-1]]


def block_lengths(length: int, n_samples: int, real: bool) -> tuple[int, int]:
    """The length of the transforms and how many samples of the signal each takes, by estimated time."""
    whole = good_length(n_samples + length - 1, real)
    best = (LEAST_GAIN * _cost(whole), whole, n_samples)
    for doublings in range(1, 8):
        n = good_length(max(2 * length, 64) << doublings, real)
        step = n - length + 1
        if n < whole:
            best = min(best, (-(-n_samples // step) * _cost(n), n, step))
    return best[1:]


def _cost(n: int) -> float:
    """The relative time of a transform: operations, up to three times slower out of cache."""
    return n * math.log2(2 * n) * (1 + min(2.0, n / CACHED_POINTS))
