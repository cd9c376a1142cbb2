"""Algorithm 1 of [S4] made safe: the truncated generating function on the circle r^L = 1/2, and an inverse FFT.

On |omega| = 1 the nodes meet the imaginary-axis poles of LegT, LagT and FouT; on r^L = 1/2 they stay a distance of
about log(2)/L away, and the radius costs at most one bit, r^{-l} <= 2. The sum is kept in pole form,

    K_hat(omega) = dt [k00 - s k01 (I + s k11)^-1 k10],   k_ij = sum_n v_n / ((1 - omega) - s lambda_n),
    s = dt (alpha + (1 - alpha) omega),

so nothing is ever divided by 1 + omega, and 1 - omega and 1 + omega are formed without cancellation.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from . import _pairs
from ._arrays import complex_dtype, fail
from ._costs import seconds_of_squares, seconds_of_steps
from ._fft import inverse
from ._krylov_blocks import rows_after
from ._parallel import cores
from ._stepping import run
from ._systems import LARGEST_MAGNIFICATION
from .products import cauchy_sums
from .state_space import DPLR, DiscreteDPLR


@dataclass(frozen=True)
class PoleForm:
    """K_hat = scale C (a - s (diag(poles) - P Q*))^-1 B at the nodes of a circle."""

    a: np.ndarray
    s: np.ndarray
    scale: np.ndarray
    poles: np.ndarray
    B: np.ndarray
    P: np.ndarray | None
    Q: np.ndarray | None


@dataclass(frozen=True)
class Circle:
    """1 - omega, 1 + omega and omega at omega_k = r e^{-2 pi i k/n}."""

    one_minus: np.ndarray
    one_plus: np.ndarray
    omega: np.ndarray


def kernel_by_cauchy(problem: Any) -> np.ndarray:
    """K of a DPLR or diagonal problem; spectral radius of A_bar at most one."""
    discrete, length = problem.discrete, problem.length
    is_real = discrete.output_dtype.kind == "f"
    form = pole_form(problem, circle(length, length // 2 + 1 if is_real else length, -np.log(2)))
    K_hat = form.scale * generating_function(form, truncated_output(discrete, length), discrete.pairs)
    K = inverse(K_hat, length, is_real, cores())
    K = K * np.exp2(np.arange(length) / length)
    return K.astype(discrete.output_dtype if is_real else discrete.dtype)


def circle(length: int, n_nodes: int, log_power: float) -> Circle:
    """The first `n_nodes` of `length` nodes on the circle of radius r, r^length = e^log_power.

    Every node is computed on its own (repeated powers lose digits), from half angles, so that 1 - omega and 1 + omega
    have small relative errors where they are small.
    """
    k = np.arange(n_nodes)
    sine = np.sin(np.pi * (np.minimum(k, length - k) / length))
    cosine = np.sin(np.pi * ((length - 2 * k) / (2 * length)))
    radius, gap = np.exp(log_power / length), -np.expm1(log_power / length)
    turn = 2j * radius * sine * cosine
    one_minus, one_plus = gap + 2 * radius * sine**2 + turn, gap + 2 * radius * cosine**2 - turn
    return Circle(one_minus, one_plus, radius * (cosine**2 - sine**2) - turn)


def pole_form(problem: Any, around: Circle) -> PoleForm:
    """From the continuous poles where they are known under a GBT rule, else from the discrete ones.

    At long steps Woodbury's formula at a pole near zero loses alpha dt |P Q|, which the discrete form has dealt with.
    """
    discrete, source, alpha = problem.discrete, problem.continuous, problem.alpha
    has_rank = isinstance(discrete, DiscreteDPLR)
    dtype = complex_dtype(discrete.dtype)
    step = discrete.dt[..., None].astype(np.float64)
    if source is not None and alpha is not None and not (has_rank and couples_strongly(source, alpha * step)):
        a, s = around.one_minus, step * ((1 - alpha) * around.one_plus + (2 * alpha - 1))
        low_rank = (source.P, source.Q) if has_rank else (None, None)
        return PoleForm(a.astype(dtype), s.astype(dtype), step, source.Lambda, source.B, *low_rank)
    low_rank = (discrete.P_bar, discrete.Q_bar) if has_rank else (None, None)
    a, poles = np.ones_like(around.omega), discrete.Lambda_bar
    if discrete.increment is not None:  # 1 - omega z = (1 - omega) - omega (z - 1)
        a, poles = around.one_minus, discrete.increment
    poles = np.where(np.abs(poles) < np.finfo(dtype).eps ** 2, 0, poles)  # as good as zero, and out of range if squared
    return PoleForm(a.astype(dtype), around.omega.astype(dtype), np.ones(1), poles, discrete.B_bar, *low_rank)


def couples_strongly(source: DPLR, step: np.ndarray) -> bool:
    """Whether the low-rank part of I - step A exceeds its diagonal part in some mode by more than is safe to cancel."""
    coupling = step * np.linalg.norm(source.P, axis=-1) * np.linalg.norm(source.Q, axis=-1)
    return bool((coupling > LARGEST_MAGNIFICATION * np.abs(1 - step * source.Lambda)).any())


def generating_function(form: PoleForm, C: np.ndarray, pairs: np.ndarray | None) -> np.ndarray:
    """C (a - s (diag(poles) - P Q*))^-1 B at every node, by Woodbury for any rank; shape (..., nodes)."""
    a, s, poles, B, P, Q = form.a, form.s, form.poles, form.B, form.P, form.Q
    if P is None or Q is None:
        return cauchy_sums((C * B)[..., None, :], a, s, poles, pairs)[..., 0, :]
    rank = P.shape[-1]
    ratio = ratio_of(B, P[..., 0], pairs) if rank == 1 else None
    if ratio is not None:
        sums = cauchy_sums(products_in_proportion(form, C), a, s, poles, pairs)
        return ratio * sums[..., 0, :] / (1 + s * sums[..., 1, :])
    sums = cauchy_sums(products_of(form, C), a, s, poles, pairs)
    k = sums.reshape(*sums.shape[:-2], 1 + rank, 1 + rank, sums.shape[-1])
    k00, k01, k10, k11 = k[..., 0, 0, :], k[..., 0, 1:, :], k[..., 1:, 0, :], k[..., 1:, 1:, :]
    if rank == 1:
        return k00 - s * k01[..., 0, :] * k10[..., 0, :] / (1 + s * k11[..., 0, 0, :])
    capacitance = np.eye(rank) + s[..., :, None, None] * np.moveaxis(k11, -1, -3)
    try:
        solved = np.linalg.solve(capacitance, np.moveaxis(k10, -1, -2)[..., None])[..., 0]
    except np.linalg.LinAlgError:
        rule = "keep I + Q*(...)P invertible at every node (reduce it, or take method='krylov_blocked')"
        fail("dt", rule, "a pole of the system has been rounded onto a node")
    return k00 - s * np.sum(np.moveaxis(k01, -1, -2) * solved, axis=-1)


def ratio_of(B: np.ndarray, P: np.ndarray, pairs: np.ndarray | None) -> np.ndarray | None:
    """b (..., 1) with B = b P to rounding, as every HiPPO operator of rank one has it, or None.

    Then K_hat = b k01/(1 + s k11): two sums instead of four, and no difference of nearly equal terms.
    """
    B, P = np.broadcast_arrays(B, P)
    largest = np.argmax(np.abs(P), axis=-1)[..., None]
    scale = np.take_along_axis(P, largest, axis=-1)
    if not scale.all():
        return None
    ratio = np.take_along_axis(B, largest, axis=-1) / scale
    if pairs is not None:  # the partners' ratio is the conjugate: only a real one is the same for all
        ratio = ratio.real
    parallel = np.abs(B - ratio * P) <= 2 * np.finfo(B.dtype).eps * np.abs(B)
    return ratio if parallel.all() else None


def products_of(form: PoleForm, C: np.ndarray) -> np.ndarray:
    """The residues of k_ij, (..., (1 + r)^2, N) with j running fastest."""
    if form.P is None or form.Q is None:
        return (C * form.B)[..., None, :]
    left, right = _stacked(C, form.Q.mT.conj()), _stacked(form.B, form.P.mT)
    products = left[..., :, None, :] * right[..., None, :, :]
    return products.reshape(*products.shape[:-3], -1, products.shape[-1])


def products_in_proportion(form: PoleForm, C: np.ndarray) -> np.ndarray:
    """The residues of k01 and k11, (..., 2, N), which suffice for rank one where B is in proportion to P."""
    assert form.P is not None and form.Q is not None
    P, Q = form.P[..., 0], form.Q[..., 0]
    return np.stack(np.broadcast_arrays(C * P, Q.conj() * P), axis=-2)


def _stacked(vector: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """A vector (..., N) on top of rows (..., r, N), leading axes broadcast."""
    leading = np.broadcast_shapes(vector.shape[:-1], rows.shape[:-2])
    top = np.broadcast_to(vector[..., None, :], (*leading, 1, vector.shape[-1]))
    return np.concatenate([top, np.broadcast_to(rows, leading + rows.shape[-2:])], axis=-2)


def truncated_output(discrete: Any, length: int, step: Callable[..., Any] = run) -> np.ndarray:
    """C~ = C (I - A_bar^L / 2), which makes the generating function of the first L samples a resolvent.

    `step` runs the recurrence.
    """
    if not isinstance(discrete, DiscreteDPLR):
        return discrete.C - _modes_by_squaring(discrete, length) / 2
    steps, squarings = seconds_of_steps(discrete, length), seconds_of_squares(discrete, math.log2(2 * length))
    moved = _row_by_steps(discrete, length, step) if steps < squarings else _row_by_squaring(discrete, length)
    return discrete.C - moved / 2


def _row_by_steps(discrete: DiscreteDPLR, length: int, step: Callable[..., Any]) -> np.ndarray:
    """C A_bar^L as L steps of the adjoint recurrence x <- A_bar* x from x = C*, O(N r) each."""
    silent = np.zeros(length, dtype=discrete.C.real.dtype)
    C = discrete.C
    if discrete.pairs is not None:
        C = np.where(discrete.pairs, C, C.real)
    increment = None if discrete.increment is None else discrete.increment.conj()
    adjoint = replace(
        discrete,
        Lambda_bar=discrete.Lambda_bar.conj(),
        P_bar=discrete.Q_bar,
        Q_bar=discrete.P_bar,
        D=np.zeros(()),
        increment=increment,
    )
    return step(adjoint, silent, C.conj(), np.zeros(()))[1].conj()


def _modes_by_squaring(discrete: Any, length: int) -> np.ndarray:
    """C Lambda_bar^L mode by mode, the powers held as increments: z^2 - 1 = (z - 1)(z + 1)."""
    increment = discrete.Lambda_bar - 1 if discrete.increment is None else discrete.increment
    row = discrete.C
    while length:
        if length & 1:
            row = row + row * increment
        length >>= 1
        increment = increment * (2 + increment)
    return row


def _row_by_squaring(discrete: DiscreteDPLR, length: int) -> np.ndarray:
    """C A_bar^L by repeated squaring of the dense matrix, real for pair storage."""
    row = rows_after(discrete.to_dense(), length)
    if discrete.pairs is None:
        return row
    return _pairs.from_coordinates(row / _pairs.unitary_scale(discrete.pairs, row.dtype), discrete.pairs).conj()
