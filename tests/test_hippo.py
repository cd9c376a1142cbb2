"""The HiPPO matrices against their fingerprints, identities and exact formulas, and their O(N) arithmetic."""

from __future__ import annotations

import math
from decimal import Decimal, localcontext
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.linalg import expm
from scipy.special import eval_genlaguerre, eval_legendre, gamma

import ssm_numerics as ssm

U = 2.0**-53
FAMILIES = [
    ("legs", {}),
    ("legt", {"theta": 2.0}),
    ("lmu", {"theta": 0.7}),
    ("lagt", {}),
    ("glagt", {"alpha": 0.0, "beta": 0.01}),
    ("glagt", {"alpha": -0.4, "beta": 0.7}),
    ("glagt", {"alpha": 0.6, "beta": 2.0}),
    ("fout", {}),
    ("foud", {}),
]
families = st.sampled_from(FAMILIES)
orders = st.integers(1, 64)
steps = st.floats(1e-8, 1e6)


def norm(A: np.ndarray) -> float:
    return float(np.abs(A).sum(axis=1).max())


@pytest.mark.parametrize(
    ("family", "parameters", "trace", "total", "inputs"),
    [
        ("legs", {}, -36, 233.173272, 21.409030),
        ("legt", {"theta": 2}, -32, 229.173272, 10.704515),
        ("lmu", {"theta": 1}, -64, 512, -8),
        ("lagt", {}, -4, 32, 8),
        ("glagt", {"alpha": 0, "beta": 0.01}, -4.04, 32.04, 0.8),
        ("fout", {}, -7, 65.184393, 5.242641),
        ("foud", {}, -4, 79.398224, 5.242641),
    ],
)
def test_fingerprints(family, parameters, trace, total, inputs):
    op = ssm.hippo(family, 8, **parameters)
    printed = 5e-7  # half a unit of the last printed digit
    assert abs(np.trace(op.A) - trace) <= printed
    assert abs(np.abs(op.A).sum() - total) <= printed
    assert abs(op.B.sum() - inputs) <= printed


def test_defaults_and_written_out_matrices():
    assert np.array_equal(ssm.hippo("legt", 3).B, ssm.hippo("legt", 3, theta=1).B)
    # N = 2, straight from the definitions
    root3 = math.sqrt(3)
    np.testing.assert_allclose(ssm.hippo("legt", 2).A, [[-1, root3], [-root3, -3]], rtol=4 * U)
    assert ssm.hippo("lmu", 2).A.tolist() == [[-1, -1], [3, -3]]
    assert ssm.hippo("lagt", 2).A.tolist() == [[-0.5, 0], [-1, -0.5]]
    assert ssm.hippo("foud", 4).A.tolist() == [
        [-0.5, 0, 0, 0],
        [0, -0.5, 0, 0],
        [0, 0, -0.5, -2 * math.pi],
        [0, 0, 2 * math.pi, -0.5],
    ]
    fout = ssm.hippo("fout", 5).A
    np.testing.assert_allclose(fout[4], [-math.sqrt(2), 0, -2, 0, -2], rtol=4 * U)  # the last cosine is not rotated
    np.testing.assert_allclose(fout[2, 3], -math.pi, rtol=4 * U)


@given(orders)
def test_legs_identity(N):
    op = ssm.hippo("legs", N)
    gap = op.A + op.A.T + np.outer(op.B, op.B) + np.eye(N)
    assert np.abs(gap).max() <= 8 * U * (2 * N)  # entries are at most 2N in size, each with a few roundings


@given(orders, st.sampled_from(["legs", "legt", "lmu"]))
def test_constant_input_is_remembered_by_the_first_state(N, family):
    op = ssm.hippo(family, N)
    first = np.eye(N)[0]
    # A e_0 = -B, so the state e_0 rests under the input 1; one rounding per entry
    assert np.abs(op.matvec(first) + op.B).max() <= 2 * U * np.abs(op.B).max()


@pytest.mark.parametrize("N", [1, 2, 5, 16, 64])
def test_gramian_of_shifted_legs_is_the_identity(N):
    """(A + I/2) W + W (A + I/2)' + B B' = 0 has the solution W = I: the same identity, read as a Lyapunov equation."""
    op = ssm.hippo("legs", N)
    shifted = op.A + np.eye(N) / 2
    assert np.abs(shifted + shifted.T + np.outer(op.B, op.B)).max() <= 8 * U * (2 * N)


def response(op, n, t):
    """e^{tA} B in closed form."""
    if op.family == "legs":
        return np.sqrt(2 * n + 1) * eval_legendre(n, 2 * math.exp(-t) - 1) * math.exp(-t)
    alpha, beta = op.parameters.get("alpha", 0.0), op.parameters.get("beta", 0.0)
    kappa = beta ** ((1 - alpha) / 2) / math.sqrt(math.gamma(1 - alpha)) if op.family == "glagt" else 1.0
    scale = np.sqrt(gamma(n + alpha + 1) / gamma(n + 1))
    return kappa * eval_genlaguerre(n, alpha, t) * math.exp(-(1 + beta) * t / 2) / scale


@pytest.mark.parametrize("t", [0.0, 0.01, 0.5, 3.0])
@pytest.mark.parametrize("N", [1, 2, 7, 32])
@pytest.mark.parametrize(
    ("family", "parameters"),
    [("legs", {}), ("lagt", {}), ("glagt", {"alpha": -0.5, "beta": 0.7}), ("glagt", {"alpha": 0.5, "beta": 0.2})],
)
def test_impulse_responses(family, parameters, N, t):
    op = ssm.hippo(family, N, **parameters)
    P = np.eye(N)[::-1]  # reversed states: SciPy's triangular exponential is not used
    got = P @ expm(P @ (t * op.A) @ P) @ P @ op.B
    # SciPy's expm is backward stable: errors of a few N u ||tA|| ||B||
    bound = 16 * N * U * (1 + t * norm(op.A)) * np.linalg.norm(op.B)
    assert np.abs(got - response(op, np.arange(N), t)).max() <= bound


@pytest.mark.parametrize("N", [1, 2, 3, 6, 9])
def test_characteristic_polynomial_of_legt_is_a_pade_denominator(N):
    """det(s - A) is proportional to sum_j C(N, j) (2N-1-j)! s^j / (2N-1)!, the [N-1/N] denominator of e^{-s}."""
    lmu = [[Fraction(int(a)) for a in row] for row in ssm.hippo("lmu", N).A]
    coefficients, power = [Fraction(1)], [[Fraction(i == j) for j in range(N)] for i in range(N)]
    for k in range(1, N + 1):  # Faddeev-LeVerrier, exact
        power = [[sum(lmu[i][m] * power[m][j] for m in range(N)) for j in range(N)] for i in range(N)]
        coefficients.append(-sum(power[i][i] for i in range(N)) / k)
        power = [[power[i][j] + (coefficients[-1] if i == j else 0) for j in range(N)] for i in range(N)]
    pade = [Fraction(math.comb(N, j) * math.factorial(2 * N - 1 - j)) for j in range(N + 1)]
    assert coefficients[::-1] == [c / pade[N] for c in pade]
    D = np.sqrt(2.0 * np.arange(N) + 1) * (-1.0) ** np.arange(N)
    similar = D[:, None] * ssm.hippo("legt", N).A / D
    np.testing.assert_allclose(similar, ssm.hippo("lmu", N).A, rtol=8 * U)


@given(families, orders, st.integers(0, 2**32 - 1), st.booleans())
def test_product_equals_dense(family, N, seed, is_complex):
    name, parameters = family
    op = ssm.hippo(name, N, **parameters)
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((2, 3, N)) + (1j * rng.standard_normal((2, 3, N)) if is_complex else 0)
    bound = (2 * N + 8) * U * (np.abs(x) @ np.abs(op.A).T)  # the sums of both sides, term by term
    assert (np.abs(op.matvec(x) - x @ op.A.T) <= bound + 1e-300).all()


@given(families, orders, steps, st.integers(0, 2**32 - 1), st.booleans())
@example(("legt", {"theta": 1.0}), 512, 1.0, 0, False)
@example(("legs", {}), 513, 1e-3, 0, True)
@example(("fout", {}), 5, 0.0, 0, False)
def test_solve_has_a_small_residual(family, N, h, seed, is_complex):
    name, parameters = family
    op = ssm.hippo(name, N, **parameters)
    rng = np.random.default_rng(seed)
    b = rng.standard_normal((2, N)) + (1j * rng.standard_normal((2, N)) if is_complex else 0)
    x = op.solve(h, b)
    residual = b - (x - h * op.matvec(x))
    scale = np.abs(b).max() + (1 + h * norm(op.A)) * np.abs(x).max()
    assert np.abs(residual).max() <= 4 * N * U * scale + 8 * U * scale


@pytest.mark.parametrize(("family", "parameters"), FAMILIES)
@pytest.mark.parametrize("h", [1e-6, 0.01, 1.0, 1e3])
def test_solve_is_as_accurate_as_a_refined_dense_solve(family, parameters, h):
    N = 65
    op = ssm.hippo(family, N, **parameters)
    M = np.eye(N) - h * op.A
    b = np.random.default_rng(0).standard_normal(N)
    reference = np.linalg.solve(M, b)
    for _ in range(3):  # iterative refinement with residuals in extended precision
        residual = b - M.astype(np.longdouble) @ reference.astype(np.longdouble)
        reference += np.linalg.solve(M, residual.astype(float))
    error = np.abs(op.solve(h, b) - reference).max()
    assert error <= N * U * (1 + h * norm(op.A)) * np.abs(reference).max()


def test_precision_and_batches():
    op = ssm.hippo("legt", 9)
    x = np.random.default_rng(1).standard_normal((4, 9)).astype(np.float32)
    assert op.matvec(x).dtype == np.float32
    assert op.solve(0.1, x).dtype == np.float32
    assert op.solve(0.1, (1j * x).astype(np.complex64)).dtype == np.complex64
    assert np.array_equal(op.solve(0.1, x)[2], op.solve(0.1, x[2]))
    assert op.matvec(np.arange(9)).dtype == np.float64


def test_large_orders_need_no_matrix():
    N = 200_000
    op = ssm.hippo("legt", N)
    x = op.solve(1.0, op.B)
    # A e_0 = -B, so (I - A) y = B has y = (e_0 - (I - A)^{-1} e_0): both solves must agree with that
    assert np.abs(x - (np.eye(1, N)[0] - op.solve(1.0, np.eye(1, N)[0]))).max() <= 100 * U
    with pytest.raises(ValueError, match="max_memory"):
        _ = op.A


@pytest.mark.parametrize(("family", "parameters"), FAMILIES)
def test_measures_are_probability_densities(family, parameters):
    op = ssm.hippo(family, 4, **parameters)
    ends = [0, parameters.get("theta", 2.0), 60.0]
    mass = sum(quad(op.measure, a, b, limit=200)[0] for a, b in pairwise(ends))
    assert abs(mass - 1) <= 1e-6  # SciPy's quadrature, with the singularity t^alpha at 0


@pytest.mark.parametrize("family", ["legt", "lmu"])
def test_window_families_reconstruct_polynomials_exactly(family):
    """c_n = integral of h_n(tau) f(t - tau), h = basis / its norm squared: a polynomial of degree N-1 comes back."""
    N, theta = 8, 1.5
    op = ssm.hippo(family, N, theta=theta)
    x, w = np.polynomial.legendre.leggauss(2 * N)
    lags, weights = theta * (x + 1) / 2, w / 2
    basis = op.basis(np.arange(N), lags)
    f = np.polynomial.Polynomial(np.arange(1.0, N + 1))
    c = (basis * weights) @ f(lags) / ((basis * weights) @ basis.T).diagonal()
    places = np.linspace(0, theta, 33)
    assert np.abs(op.reconstruct(c, places) - f(places)).max() <= 8 * N**2 * U * f(theta)


@pytest.mark.parametrize("family", ["legs", "lagt", "glagt"])
def test_responses_and_basis_are_dual(family):
    """The integral of h_m g_n is delta_mn, h = e^{tA} B = g times the weight: orthonormality under the measure."""
    parameters = {"alpha": 0.3, "beta": 0.5} if family == "glagt" else {}
    N = 5
    op = ssm.hippo(family, N, **parameters)

    def product(t: float, m: int, n: int) -> float:
        return float(response(op, m, t) * op.basis(n, t))

    for m, n in [(0, 0), (1, 1), (4, 4), (0, 3), (2, 4)]:
        value = sum(quad(product, a, b, args=(m, n), limit=100)[0] for a, b in [(0, 1), (1, 10), (10, 80)])
        assert abs(value - (m == n)) <= 1e-6  # SciPy's quadrature error estimate


def test_basis_survives_far_lags():
    """L_n(t) e^{-t/2} is of order one up to t = 4n, where its two factors over- and underflow."""
    op, count = ssm.hippo("lagt", 1200), 1200
    for t in (10, 1000, 3000, 4790):
        got = op.basis(np.arange(count), float(t))
        with localcontext() as context:
            context.prec = 1500
            before, now = Decimal(0), (-Decimal(t) / 2).exp()
            for n in range(count):
                # the recurrence amplifies each of its n roundings by less than n: |g_n| <= 1 throughout
                assert abs(Decimal(float(got[n])) - now) <= Decimal(8 * (n + 1) * U)
                before, now = now, ((2 * n + 1 - t) * now - n * before) / (n + 1)


def test_fourier_basis():
    op = ssm.hippo("fout", 4)
    t = np.array([0.0, 0.25, 2.0])
    expected = np.stack([np.ones(3), 0 * t, math.sqrt(2) * np.cos(math.pi * t), math.sqrt(2) * np.sin(math.pi * t)])
    assert np.abs(op.basis(np.arange(4), t) - expected).max() <= 16 * U
    with pytest.raises(ValueError, match="even"):
        ssm.hippo("fout", 5).basis(0, 0.0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ssm.hippo("legz", 4), "`family` must be one of legs, legt, lmu, lagt, glagt, fout, foud"),
        (lambda: ssm.hippo("legs", 0), "`N` must be at least 1"),
        (lambda: ssm.hippo("legs", 4, theta=1.0), "`theta` must be left out for legs"),
        (lambda: ssm.hippo("legt", 4, theta=0.0), "`theta` must be greater than 0"),
        (lambda: ssm.hippo("legt", 4, beta=2.0), "`beta` must be left out for legt"),
        (lambda: ssm.hippo("glagt", 4, alpha=1.0), "`alpha` must be less than 1"),
        (lambda: ssm.hippo("legs", 4).matvec(np.ones(3)), "`x` must have shape"),
        (lambda: ssm.hippo("legs", 4).solve(-1.0, np.ones(4)), "`h` must be at least 0"),
        (lambda: ssm.hippo("legs", 4).reconstruct(np.ones(4), -0.1), "`t` must be at least 0"),
        (lambda: ssm.hippo("legt", 4).reconstruct(np.ones(4), 1.1), "`t` must lie in the window"),
        (lambda: ssm.hippo("lagt", 4).reconstruct(np.ones(4), 0.1, scaled=True), "`scaled` must be False"),
        (lambda: ssm.hippo("legs", 4).reconstruct(np.ones(4), 1.1, scaled=True), "`t` must lie between 0 and 1"),
        (lambda: ssm.hippo("legs", 4).basis(4, 0.1), "`n` must lie between 0 and N - 1 = 3"),
        (lambda: ssm.hippo("legs", 4).matvec([1, 2, np.nan, 4]), "`x` must be finite"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message.replace("(", r"\(")):
        call()


def test_bad_types():
    with pytest.raises(TypeError, match="`N` must be an integer"):
        ssm.hippo("legs", 4.0)
    with pytest.raises(TypeError, match="`n` must hold integers"):
        ssm.hippo("legs", 4).basis(0.5, 1.0)


def test_state_space_and_diagonal_inits():
    op = ssm.hippo("legs", 3)
    system = op.state_space(np.ones(3), 0.5)
    assert np.array_equal(system.A, op.A)
    assert not op.A.flags.writeable
    lin = ssm.diagonal_init("s4d-lin", 6)
    np.testing.assert_allclose(lin.Lambda, -0.5 + 1j * math.pi * np.arange(3), rtol=U)
    inverse = ssm.diagonal_init("s4d-inv", 6)
    np.testing.assert_allclose(
        inverse.Lambda, [-0.5 + 6j / math.pi * (6 / (2 * n + 1) - 1) for n in range(3)], rtol=4 * U
    )
    assert ssm.diagonal_init("s4d-real", 3).Lambda.tolist() == [-1, -2, -3]
    legs = ssm.diagonal_init("s4d-legs", 5)
    assert legs.n_states == 5
    assert legs.conjugate_pairs.tolist() == [False, True, True]
    assert sorted(legs.poles().imag) == sorted(ssm.nplr("legs", 5).Lambda.imag)
    with pytest.raises(ValueError, match="`N` must be even"):
        ssm.diagonal_init("s4d-lin", 5)
