"""Realization: a system of given order whose kernel is a given sequence, from its Hankel matrix or by AAA."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from . import _arrays
from ._matrices import UNIT
from ._mode_basis import powers, project, weights_of
from ._parallel import serial_blas
from ._results import SystemResult
from .convolution_kernel import convolution_kernel
from .state_space import DiscreteDiagonal, DiscreteStateSpace

LARGEST_WINDOW = 256
"""Rows of the Hankel matrix unless `rows` says otherwise."""


@dataclass(frozen=True)
class Realization(SystemResult):
    """A discrete system of order `order`, the singular values of the data's Hankel matrix, and |K - fit| / |K|."""

    system: Any
    order: int
    hankel_singular_values: np.ndarray
    error: float

    def plot(self, ax: Any = None) -> Any:
        """Draw the singular values, whose gap is the order of noiseless data; returns the matplotlib axes."""
        from . import _diagnostic_plots

        return _diagnostic_plots.decay(
            self.hankel_singular_values, ax, "singular values", f"Hankel matrix of the kernel (order {self.order})", "k"
        )


def realize_kernel(K: Any, order: int, dt: float = 1.0, *, method: str = "era", rows: int | None = None) -> Realization:
    """A discrete system of a given order whose convolution kernel is close to K.

    Parameters
    ----------
    K : array_like, shape (..., L)
        Kernel samples K_l = C A_bar^l B_bar, real or complex. Several kernels get one A_bar, B_bar and their own C.
    order : int
        Number of states N, at most `rows`.
    dt : float, time
        The step that the system carries.
    method : {"era", "aaa"}
        "era": the eigensystem realization algorithm (Ho, Kalman, Kung), from the SVD of the Hankel matrix K_{i+j}.
        "aaa": rational approximation of the z-transform on a circle by `scipy.interpolate.AAA` (SciPy 1.15 or newer),
        poles outside the unit circle reflected into it, residues by least squares; one kernel.
    rows : int, optional
        Rows of the Hankel matrix of "era"; by default ceil(L/2), at most 256.

    Returns
    -------
    Realization
        `.system` is a DiscreteStateSpace ("era"), real for real K, or a DiscreteDiagonal ("aaa").

    Raises
    ------
    ValueError, TypeError
        For an order that the data cannot determine.
    ImportError
        For "aaa" with an older SciPy.

    Notes
    -----
    ERA: of the thin SVD H = U S V* the columns U_N solve the shift equation U_N[:-1] A_bar = U_N[1:] in the least-
    squares sense; C is the first row of U_N and B_bar the first column of S V*. It is not optimal in any norm: it is
    where `fit_kernel` starts. ERA does not enforce stability.

    *Accuracy*: data that differ by E (as a Hankel matrix, rounding included) from a kernel of order N, with Hankel
    singular value sigma_N, move every pole by at most
    4 kappa(V) (1 + |A_bar|) |E| / (sigma_N sigma_min(U_N[:-1])) to first order, kappa(V) the condition of the
    eigenvectors of A_bar in these coordinates. Noiseless data: |E| <= 16 u sigma_1.
    *Cost*: "era" O(L rows^2), "aaa" O(L N^3).

    References
    ----------
    S.-Y. Kung, Asilomar 1978, 705-714; J.-N. Juang, R. S. Pappa, J. Guidance 8 (1985), 620-627; Y. Nakatsukasa,
    O. Sete, L. N. Trefethen, SIAM J. Sci. Comput. 40 (2018), A1494-A1522.

    Examples
    --------
    >>> import numpy as np
    >>> import ssm_numerics as ssm
    >>> K = 0.9 ** np.arange(50) + 0.5 ** np.arange(50)
    >>> np.sort(ssm.realize_kernel(K, 2).system.poles().real).round(12)
    array([0.5, 0.9])
    """
    data, scale = scaled(kernel_rows(K))
    _arrays.choice("method", method, METHODS)
    order = _arrays.count("order", order)
    step = _arrays.real_number("dt", dt, above=0.0)
    n_rows = min(-(-data.shape[-1] // 2), LARGEST_WINDOW) if rows is None else _arrays.count("rows", rows, 2)
    if not 2 <= n_rows < data.shape[-1]:
        _arrays.fail("rows", f"be at least 2 and less than L = {data.shape[-1]}", f"it is {n_rows}")
    most = min(n_rows - 1, data.shape[-1] - n_rows + 1)
    if order > most:
        found = f"it is {order} where `K` has {data.shape[-1]} samples and the Hankel matrix {n_rows} rows"
        _arrays.fail("order", f"be at most {most}", found)
    left, values, right = hankel_svd(data, n_rows)
    shape = np.shape(K)[:-1]
    system = METHODS[method](data, order, step, left[:, :order], values[:order, None] * right[:order], shape)
    fitted = convolution_kernel(system.to_dense(), data.shape[-1], method="krylov_blocked").reshape(data.shape)
    error = float(np.linalg.norm(fitted - data) / np.linalg.norm(data))
    with np.errstate(over="ignore"):
        B_bar, values = scale * system.B_bar, scale * values
    if not np.isfinite(B_bar).all():
        _arrays.fail("K", "leave B_bar within the range of float64", f"it reaches {np.abs(K).max():.3g}")
    return Realization(replace(system, B_bar=B_bar), system.n_states, values, error)


def kernel_rows(K: Any) -> np.ndarray:
    """Kernels as rows (H, L) in double precision, not all zero."""
    data = _arrays.numeric("K", K, min_ndim=1)
    data = data.reshape(-1, data.shape[-1]).astype(np.result_type(data.dtype, np.float64))
    if data.shape[-1] < 3:
        _arrays.fail("K", "have at least 3 samples", f"its shape is {np.shape(K)}")
    if not data.any():
        _arrays.fail("K", "not be zero everywhere", "it is")
    return data


def scaled(data: np.ndarray) -> tuple[np.ndarray, float]:
    """Rows with a largest part in [1, 2), and the power of two that was taken out, so that no square overflows."""
    scale = float(np.ldexp(1.0, np.frexp(np.abs(data.view(np.float64)).max())[1] - 1))
    return data / scale, scale


def hankel_svd(data: np.ndarray, n_rows: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The thin SVD of the block Hankel matrix: row (i, h) and column j hold K_{i+j} of kernel h."""
    windows = np.lib.stride_tricks.sliding_window_view(data, data.shape[-1] - n_rows + 1, axis=-1)  # (H, rows, columns)
    H = np.swapaxes(windows, 0, 1).reshape(-1, windows.shape[-1])
    _arrays.memory("K", 3.0 * H.nbytes)
    with serial_blas():
        return np.linalg.svd(H, full_matrices=False)


def _era(data: np.ndarray, order: int, dt: float, U: np.ndarray, states: np.ndarray, shape: tuple[int, ...]) -> Any:
    H = len(data)
    A_bar = np.linalg.lstsq(U[:-H], U[H:], rcond=None)[0]
    return DiscreteStateSpace(A_bar, states[:, 0], U[:H].reshape(*shape, order), np.zeros(shape), dt)


def _aaa(data: np.ndarray, order: int, dt: float, U: np.ndarray, states: np.ndarray, shape: tuple[int, ...]) -> Any:
    """K_l r^l with r^L = sqrt(u): what follows after the last sample does not matter on the circle of radius r."""
    try:
        from scipy.interpolate import AAA
    except ImportError:
        from scipy import __version__

        raise ImportError(f"`method` must be era unless SciPy is 1.15 or newer, but it is {__version__}.") from None
    if len(data) > 1:
        _arrays.fail("method", "be era for more than one kernel", "it is 'aaa'")
    length = data.shape[-1]
    radius = UNIT ** (0.5 / length)
    values = np.fft.fft(data[0] * radius ** np.arange(length))
    points = np.exp(2j * np.pi * np.arange(length) / length)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of the order being too low for its tolerance
        z = AAA(points, values, rtol=np.sqrt(UNIT), max_terms=order + 1, clean_up=False).poles() / radius
    z = z[np.isfinite(z)]
    z, pairs = stored_nodes(z) if np.isrealobj(data) else (z, None)
    if not z.size:
        _arrays.fail("method", "be era for a kernel without poles", "it is 'aaa', which finds none")
    z = np.where(np.abs(z) > 1, 1 / z.conj(), z)
    log_z = np.log(np.maximum(np.abs(z), UNIT)) + 1j * np.angle(z)
    weights = weights_of(project(powers(log_z, length), pairs, data).coefficients, pairs)[0]
    return DiscreteDiagonal(z, np.ones(z.size), weights.reshape(*shape, -1), np.zeros(shape), dt, None, pairs)


METHODS: dict[str, Callable[..., Any]] = {"era": _era, "aaa": _aaa}


def stored_nodes(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Poles of a real system as stored modes with their mask; poles that are not quite conjugate are averaged."""
    scale = np.sqrt(UNIT) * np.abs(z).max(initial=0.0)
    upper = z[np.abs(z.imag) > scale]
    upper = upper.real + 1j * np.abs(upper.imag)
    upper = upper[np.argsort(np.angle(upper))]
    even = upper.size - upper.size % 2
    joined = (upper[:even:2] + upper[1:even:2]) / 2
    alone = np.concatenate([z.real[np.abs(z.imag) <= scale], upper.real[even:]])
    return np.concatenate([joined, alone]), np.arange(joined.size + alone.size) < joined.size
