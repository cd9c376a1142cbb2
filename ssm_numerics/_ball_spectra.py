"""Spectra of the normal parts of the HiPPO matrices in ball arithmetic: frequencies omega_m and weights |v_m* P|^2.

Each function returns the positive frequencies of the modes asked for, counted from 0 by descending frequency, then the
weights of these modes, then those of the zero modes (r weights per mode, mode after mode). Nothing here uses a
floating-point eigensolver.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from . import _arrays, _balls
from ._balls import DEFAULT_BITS, Certified

Spectrum = tuple[list, list, list]


def legs(N: int, modes: np.ndarray) -> Spectrum:
    """Roots of theta(omega) = sum_i atan(omega/a_i) = (N-1-2m) pi/2, a_i = i + 1/2, and 1/theta'(omega).

    theta is increasing, so a sign change across an interval around Newton's result proves it holds the root.
    """
    flint = _balls.library()
    half, shift = flint.arb(1) / 2, N + flint.arb(1) / 2

    def theta(omega: Any) -> Any:
        upper, lower = flint.acb(shift, omega).lgamma(), flint.acb(half, omega).lgamma()
        return upper.imag - lower.imag

    def slope(omega: Any) -> Any:
        return flint.acb(shift, omega).digamma().real - flint.acb(half, omega).digamma().real

    frequencies = []
    width = flint.arb(2) ** -(flint.ctx.prec // 2)
    for m, start in zip(modes.tolist(), _approximate_legs(N, modes).tolist(), strict=True):
        target = flint.arb.pi() * (N - 1 - 2 * m) / 2
        omega = flint.arb(start)
        for _ in range((flint.ctx.prec // 20).bit_length()):  # from about 2^-40: every step doubles the correct bits
            omega = (omega - (theta(omega) - target) / slope(omega)).mid()
        below, above = omega * (1 - width), omega * (1 + width)
        if not (theta(below) < target and theta(above) > target):
            raise ZeroDivisionError("the precision does not decide the signs")
        frequencies.append(below.union(above))
    return frequencies, [1 / slope(omega) for omega in frequencies], [1 / slope(flint.arb(0))] if N % 2 else []


def _approximate_legs(N: int, modes: np.ndarray) -> np.ndarray:
    """The positive roots in float64 by bisection in log(omega); omega_0 < N^2/pi."""
    from scipy.special import loggamma

    target = (N - 1 - 2 * modes) * (np.pi / 2)
    low, high = np.full(modes.size, np.log(1e-3 / (1 + np.log(N)))), np.full(modes.size, np.log(N**2 / np.pi + 1))
    for _ in range(50):
        middle = (low + high) / 2
        s = 1j * np.exp(middle)
        is_below = (loggamma(N + 0.5 + s) - loggamma(0.5 + s)).imag < target
        low, high = np.where(is_below, middle, low), np.where(is_below, high, middle)
    return np.exp((low + high) / 2)


def lagt(N: int, modes: np.ndarray) -> Spectrum:
    """omega_m = tan((N-1-2m) pi/(2N))/2 and weights (1/4 + omega^2) 2/N."""
    flint = _balls.library()
    frequencies = []
    for m in modes.tolist():
        sine, cosine = flint.arb.sin_cos_pi_fmpq(flint.fmpq(N - 1 - 2 * m, 2 * N))
        frequencies.append(sine / (2 * cosine))
    weights = [(flint.arb(1) / 4 + omega * omega) * 2 / N for omega in frequencies]
    return frequencies, weights, [flint.arb(1) / (2 * N)] if N % 2 else []


def legt(N: int, modes: np.ndarray) -> Spectrum:
    """Window 1: isolated roots of the exact characteristic polynomial chi of the skew part, and its residues.

    K = D M D^-1, D = diag(sqrt(2n+1)), has integers in M: -(2k+1) sgn(n-k) for odd n-k. For each parity the residue of
    p*(s-K)^-1 p at i omega is chi_{K - pp*}(i omega)/chi'(i omega), again a quotient of integer polynomials.
    """
    flint = _balls.library()
    rows = [[(2 * k + 1) * (1 if n < k else -1) * ((n - k) % 2) for k in range(N)] for n in range(N)]
    chi = flint.fmpz_mat(rows).charpoly()
    coefficients = [int(c) for c in chi.coeffs()]
    squared = flint.fmpz_poly([(-1) ** j * coefficients[N % 2 + 2 * j] for j in range(N // 2 + 1)])  # in w = omega^2
    roots = [root.real for root, multiplicity in squared.complex_roots() if root.imag == 0 and multiplicity == 1]
    if len(roots) < N // 2 or not all(root > 0 for root in roots):
        raise ZeroDivisionError("the precision does not separate the roots")
    every = sorted((root.sqrt() for root in roots), key=float, reverse=True)
    frequencies = [every[m] for m in modes.tolist()]
    slope = flint.acb_poly(chi.derivative())
    updated = []
    for parity in (0, 1):
        low_rank = [[-(2 * k + 1) * (n % 2 == k % 2 == parity) for k in range(N)] for n in range(N)]
        updated.append(flint.acb_poly((flint.fmpz_mat(rows) + flint.fmpz_mat(low_rank)).charpoly()))

    def weights(omega: Any) -> list:
        point = flint.acb(0, omega)
        return [(polynomial(point) / slope(point)).real for polynomial in updated]

    return frequencies, [w for omega in frequencies for w in weights(omega)], weights(flint.arb(0)) if N % 2 else []


def fout(N: int, modes: np.ndarray) -> Spectrum:
    """pi m, m >= 1, of weight 1; the zero modes e_0, e_1 and, for odd N, e_{N-1} have weights B_n^2 = 1, 0, 2."""
    flint = _balls.library()
    frequencies = [flint.arb.pi() * (N // 2 - 1 - m) for m in modes.tolist()]
    zero = [flint.arb(weight) for weight in (1, 0, 2)[: N - 2 * _positive("fout", N)]]
    return frequencies, [flint.arb(1) for _ in frequencies], zero


FAMILIES = {"legs": legs, "legt": legt, "lagt": lagt, "fout": fout}
"""The families with a unitary NPLR form."""


def nplr_eigenvalues(
    family: str, N: int, theta: float = 1.0, accuracy_bits: int = DEFAULT_BITS, modes: Any = None
) -> Certified:
    """The eigenvalues Lambda of the normal part of a HiPPO matrix, A = V (Lambda - P P*) V*, by descending frequency.

    Parameters
    ----------
    family : {"legs", "legt", "lagt", "fout"}
    N : int
    theta : float, default 1.0, time
        The window of "legt"; the other families ignore it.
    accuracy_bits : int, default 60
    modes : array_like of int, shape (M,), optional
        Which modes, counted from 0 in the order above; all by default. A few of 10^6 take as long as a few.

    Returns
    -------
    Certified
        (mid, rad) of shape (N,) or (M,), complex128 and float64.

    Notes
    -----
    *Accuracy*: every frequency to 2**-53 relative to itself, also the smallest; a zero frequency is exact.
    *Cost*: one ball evaluation of lnGamma per mode for "legs" (1 s at N = 1024), exact integer characteristic
    polynomials for "legt" (0.3 s at N = 128), closed forms for the others.

    Examples
    --------
    >>> import ssm_numerics as ssm
    >>> ssm.certified.nplr_eigenvalues("fout", 4).mid.imag.round(4).tolist()
    [3.1416, 0.0, 0.0, -3.1416]
    """
    groups, chosen = _spectrum(family, N, theta, accuracy_bits, modes)
    (mid, rad), alone = groups[0], np.zeros(N - 2 * _positive(family, N))
    real = -0.5 if family == "legs" else 0.0
    omega = np.concatenate([mid, alone, -mid[::-1]])
    return Certified(real + 1j * omega[chosen], np.concatenate([rad, alone, rad[::-1]])[chosen])


def nplr_weights(
    family: str, N: int, theta: float = 1.0, accuracy_bits: int = DEFAULT_BITS, modes: Any = None
) -> Certified:
    """The squared moduli |v_m* P|^2 of the rows of the low-rank factor, which no choice of phases changes.

    Parameters
    ----------
    family, N, theta, accuracy_bits, modes
        As in `nplr_eigenvalues`.

    Returns
    -------
    Certified
        (mid, rad) of shape (N, r) or (M, r), in the order of `nplr_eigenvalues`. The repeated zero modes of "fout" are
        e_0, e_1 and, for odd N, e_{N-1}.

    Examples
    --------
    >>> import ssm_numerics as ssm
    >>> ssm.certified.nplr_weights("lagt", 2).mid.ravel()
    array([0.5, 0.5])
    """
    (_, positive, zero), chosen = _spectrum(family, N, theta, accuracy_bits, modes)
    rank = 2 if family == "legt" else 1
    upper, alone = ([part.reshape(-1, rank) for part in group] for group in (positive, zero))
    return Certified(*(np.concatenate([u, a, u[::-1]])[chosen] for u, a in zip(upper, alone, strict=True)))


def hippo_eigenvalues(family: str, N: int, theta: float = 1.0, accuracy_bits: int = DEFAULT_BITS) -> Certified:
    """The eigenvalues of the windowed HiPPO matrices, which float64 loses: the roots of exact integer polynomials.

    Parameters
    ----------
    family : {"legt", "lmu"}
        Both have the same eigenvalues, the poles of the Pade approximant [N-1/N] of e^{-theta s}.
    N : int
    theta : float, default 1.0, time
    accuracy_bits : int, default 60

    Returns
    -------
    Certified
        (mid, rad) of shape (N,), in descending imaginary part.

    Notes
    -----
    *Accuracy*: every eigenvalue to 2**-53 relative to its modulus. *Cost*: 0.1 s at N = 64, 2 s at N = 128.

    Examples
    --------
    >>> import ssm_numerics as ssm
    >>> ssm.certified.hippo_eigenvalues("lmu", 1).mid
    array([-1.+0.j])
    """
    _arrays.choice("family", family, ("legt", "lmu"))
    N = _arrays.count("N", N)
    _arrays.memory("N", 128.0 * N)
    theta = _arrays.real_number("theta", theta, above=0.0)
    bits = _balls.accuracy(accuracy_bits)

    def compute() -> list[list]:
        flint = _balls.library()
        rows = [[(2 * n + 1) * (-1 if n < k else -((-1) ** (n - k))) for k in range(N)] for n in range(N)]
        roots = [root / flint.arb(theta) for root, _ in flint.fmpz_mat(rows).charpoly().complex_roots()]
        return [sorted(roots, key=lambda root: -float(root.imag))]

    (mid, rad), *_ = _balls.certify(compute, bits, 2 * bits + 64, f"The spectrum of {family}", each=True)
    return Certified(mid.astype(complex), rad)


def _positive(family: str, N: int) -> int:
    """How many modes have a positive frequency."""
    return max(N // 2 - (family == "fout"), 0)


def _spectrum(
    family: str, N: int, theta: float, accuracy_bits: int, modes: Any
) -> tuple[list[tuple[np.ndarray, np.ndarray]], np.ndarray]:
    """Positive frequencies, their weights and those of the zero modes, each as flat (mid, rad), accurate one by one.

    Positive modes that were not asked for are NaN; the second result says which entries of the whole order were.
    """
    family = _arrays.choice("family", family, FAMILIES)
    N = _arrays.count("N", N)
    _arrays.memory("N", 128.0 * N)
    theta = _arrays.real_number("theta", theta, above=0.0)
    bits = _balls.accuracy(accuracy_bits)
    chosen = np.arange(N) if modes is None else np.atleast_1d(_arrays.readable("modes", modes))
    integers = chosen.ndim == 1 and chosen.size > 0 and chosen.dtype.kind == "i"
    if not (integers and chosen.min() >= 0 and chosen.max() < N):
        _arrays.fail("modes", f"be integers from 0 to {N - 1}", f"they are {_arrays.shown(modes)}")
    count = _positive(family, N)
    some = np.unique(np.minimum(chosen, N - 1 - chosen))
    some = some[some < count]

    def compute() -> list[list]:
        window = _balls.library().arb(theta if family == "legt" else 1.0)
        groups = FAMILIES[family](N, some)
        return [[x / window for x in group] for group in groups]

    groups = _balls.certify(compute, bits, 2 * bits + 100, f"The spectrum of {family}", each=True)
    whole = []
    for (mid, rad), per_mode in zip(groups[:2], (1, 2 if family == "legt" else 1), strict=True):
        spread = np.full((2, count, per_mode), np.nan)
        spread[:, some] = np.reshape([mid, rad], (2, some.size, per_mode))
        whole.append((spread[0].ravel(), spread[1].ravel()))
    return [*whole, groups[2]], chosen
