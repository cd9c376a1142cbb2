"""NPLR forms of the HiPPO matrices in closed form: frequencies, V*P and the columns of V, without an eigensolver.

Every function returns a `ClosedForm` of the skew part and of P; docs/nplr.md has the theorems and their proofs.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from ._parallel import over_rows
from ._unitary_basis import Columns

SMALL_LEGS = 32
"""Up to this order theta of LegS is summed term by term."""


@dataclass(frozen=True)
class ClosedForm:
    """Frequencies omega >= 0 in descending order, V*P and V*B for them, and a maker of columns of V.

    `k11`, where there is one, is P*(sigma - skew)^{-1} P as a function of an array sigma.
    """

    omega: np.ndarray
    P: np.ndarray
    B: np.ndarray
    columns: Columns
    k11: Callable[[np.ndarray], np.ndarray] | None = None


def sign_semiseparable(p: np.ndarray, family: str = "") -> ClosedForm:
    """S_ij = -p_i p_j sgn(i - j) / 2, P = p / sqrt2, B = p; legs and lagt have faster formulas for the frequencies."""
    from .compiled import sign_semiseparable as compiled

    N = p.size
    stored = (N + 1) // 2
    if family == "lagt":
        omega, slope = _lagt(N)
    else:
        a = p * p / 2
        closed = family == "legs" and N > SMALL_LEGS
        theta, weights = (compiled.theta_of_legs, N) if closed else (compiled.theta_of_weights, a)
        inverse_sum, weight_sum = float(np.sum(1 / a)), float(np.sum(a))
        omega, slope = np.empty(stored), np.empty(stored)

        def solve(begin: int, end: int) -> None:
            compiled.solve_loop(theta, weights, N, inverse_sum, weight_sum, omega, slope, begin, end)

        over_rows(solve, stored, 500.0 * stored * (1 if closed else N))
    P = 1 / np.sqrt(slope)
    columns, k11 = partial(_sign_columns, p, omega, slope), partial(_sign_resolvent, p, family)
    return ClosedForm(omega, P[:, None], math.sqrt(2) * P, columns, k11)


def _sign_columns(p: np.ndarray, omega: np.ndarray, slope: np.ndarray, begin: int, end: int) -> np.ndarray:
    from .compiled import sign_semiseparable as compiled

    width = end - begin
    t, V = np.empty((2, width)), np.empty((p.size, width), complex)

    def fill(first: int, last: int) -> None:
        compiled.columns_loop(p, omega[begin:end], slope[begin:end], t, V, first, last)

    over_rows(fill, width, 30.0 * p.size * width)
    return V


def _sign_resolvent(p: np.ndarray, family: str, sigma: np.ndarray) -> np.ndarray:
    from .compiled import sign_resolvent

    value, weights = sign_resolvent.resolvent_of_weights, p * p / 2
    if family == "legs" and p.size > SMALL_LEGS:
        value, weights = sign_resolvent.resolvent_of_legs, p.size
    elif family == "lagt":
        value, weights = sign_resolvent.resolvent_of_lagt, p.size
    out = np.empty(sigma.size, complex)
    over_rows(
        lambda i, j: sign_resolvent.resolvent_loop(value, weights, sigma, out, i, j), sigma.size, 500.0 * sigma.size
    )
    return out


def _lagt(N: int) -> tuple[np.ndarray, np.ndarray]:
    """omega_m = tan((N-1-2m) pi/(2N)) / 2 and theta' = N / (2 (1/4 + omega^2)) = 2N cos^2, from angles below pi/4."""
    m = np.arange((N + 1) // 2)
    upper = 2 * (2 * m + 1) < N
    angle = math.pi / (2 * N) * np.where(upper, 2 * m + 1, N - 1 - 2 * m)
    tangent, sine, cosine = np.tan(angle), np.sin(angle), np.cos(angle)
    with np.errstate(divide="ignore"):
        omega = 0.5 * np.where(upper, 1 / tangent, tangent)
    return omega, 2 * N * np.where(upper, sine, cosine) ** 2


def legt(N: int, theta: float) -> ClosedForm:
    """LegT by its ring: omega = 2 / (z theta) for the positive eigenvalues z of h_{k+1} + h_{k-1} = z d_k h_k.

    The ring has the nodes 0..N-1 with d = 2k+1 for even N; for odd N node N-1 is merged with node 0, d_0 = 2N, and
    omega = 0 has the eigenvector (sqrt(2N-1), 0, ..., 0, 1) / sqrt(2N).
    """
    n = N - N % 2
    weights = 2.0 * np.arange(n) + 1
    sign = -1.0 if n % 4 == 0 else 1.0
    if N % 2 and n:
        weights[0] = 2.0 * N
    z = _ring_eigenvalues(weights, sign)
    half = n // 2
    P = np.zeros((N - half, 2), complex)
    width = max(16, 2**22 // N)
    for begin in range(0, half, width):
        ring = z[begin : begin + width]
        h = _ring_vectors(weights, sign, ring)
        P[begin : begin + ring.size] = _ring_rows(h, N, sign, 2 / ring[:, None])
    if N % 2:
        P[-1, 0] = math.sqrt(2 * (2 * N - 1) / N) if N > 1 else 1.0
    omega = np.append(2 / z, np.zeros(N % 2)) / theta
    return ClosedForm(omega, P / math.sqrt(theta), P.sum(axis=1) / theta, partial(_legt_columns, N, z, weights, sign))


def _legt_columns(N: int, z: np.ndarray, weights: np.ndarray, sign: float, begin: int, end: int) -> np.ndarray:
    ring, V = z[begin:end], np.zeros((N, end - begin), complex)
    if ring.size:
        V[:, : ring.size] = _ring_columns(_ring_vectors(weights, sign, ring), N)
    if end > N // 2:
        V[[0, -1], -1] = np.sqrt([(2 * N - 1) / (2 * N), 1 / (2 * N)]) if N > 1 else 1.0
    return V


def _ring_eigenvalues(weights: np.ndarray, sign: float) -> np.ndarray:
    """The positive eigenvalues in ascending order: LAPACK on the folded ring, then double-word Newton steps."""
    from scipy.linalg import eigvals_banded

    from .compiled import legendre_ring

    n = weights.size
    if n == 0:
        return np.empty(0)
    fold = np.empty(n, dtype=int)
    fold[0::2], fold[1::2] = np.arange(n // 2), np.arange(n - 1, n // 2 - 1, -1)
    place = np.argsort(fold)
    k = np.arange(n)
    following = (k + 1) % n
    low, high = np.minimum(place, place[following]), np.maximum(place, place[following])
    bands = np.zeros((min(n, 3), n))
    np.add.at(bands, (high - low, low), np.where(following == 0, sign, 1.0) / np.sqrt(weights * weights[following]))
    z = eigvals_banded(bands, lower=True)[n // 2 :]

    def refine(begin: int, end: int) -> None:
        legendre_ring.newton_loop(weights, sign, z, begin, end)

    over_rows(refine, z.size, 200.0 * n * z.size)
    return z


def _ring_vectors(weights: np.ndarray, sign: float, z: np.ndarray) -> np.ndarray:
    """Ring vectors h with sum d_k h_k^2 = 1, one row for every z; their sign makes the first column of V*P positive."""
    from .compiled import legendre_ring

    vectors = np.empty((z.size, weights.size))

    def solve(begin: int, end: int) -> None:
        legendre_ring.vectors_loop(weights, sign, z, vectors, np.empty((3, weights.size)), begin, end)

    over_rows(solve, z.size, 50.0 * vectors.size)
    N = weights.size + (weights[0] > 1)
    even = _ring_rows(vectors, N, sign, 2 / z[:, None])[:, :1].real
    return np.where(even < 0, -vectors, vectors)


def _ring_rows(h: np.ndarray, N: int, sign: float, omega: np.ndarray) -> np.ndarray:
    """Rows of V*P for theta = 1: the conjugated sums of p_k v_k over even and over odd k.

    They are omega sign h_{N-1} for even N or 2 h_0 - omega h_1 for odd N, and -i omega h_0.
    """
    even = omega * sign * h[:, -1:] if N % 2 == 0 else 2 * h[:, :1] - omega * h[:, 1:2]
    return np.concatenate([even, -1j * omega * h[:, :1]], axis=1)


def _ring_columns(h: np.ndarray, N: int) -> np.ndarray:
    """Columns v_k = p_k i^k h_k of V; for odd N, i^{N-1} h_{N-1} = -h_0."""
    powers = np.array([1, 1j, -1, -1j])[np.arange(N) % 4]
    if N % 2:
        h = np.concatenate([h, -h[:, :1] / powers[N - 1].real], axis=1)
    return (np.sqrt(2.0 * np.arange(N) + 1) * powers)[:, None] * h.T


def fourier(N: int, frequency: float, rank: int) -> ClosedForm:
    """FouT and FouD: 2x2 blocks with the eigenvectors (e_{2m} - i e_{2m+1}) / sqrt2; P = B (rank 1) or none (rank 0).

    The two states of m = 0 make a pair of frequency 0, so that the last cosine of an odd N is the only real mode.
    """
    half = N // 2
    m = np.arange(half)[::-1]
    B = np.append(np.where(m == 0, math.sqrt(0.5), 1.0), [math.sqrt(2) if N > 1 else 1.0] * (N % 2))
    omega, P = frequency * np.append(m, np.zeros(N % 2)), np.repeat(B[:, None], rank, axis=1)
    return ClosedForm(omega, P, B, partial(_fourier_columns, N))


def _fourier_columns(N: int, begin: int, end: int) -> np.ndarray:
    half = N // 2
    V, modes = np.zeros((N, end - begin), complex), np.arange(begin, min(end, half))
    first = 2 * (half - 1 - modes)
    V[first, modes - begin], V[first + 1, modes - begin] = math.sqrt(0.5), -1j * math.sqrt(0.5)
    if end > half:
        V[N - 1, -1] = 1.0
    return V
