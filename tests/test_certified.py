"""The certified references, held against exact rational arithmetic that shares no code with them."""

from __future__ import annotations

import threading
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ssm_numerics import _balls, certified
from ssm_numerics.state_space import DPLR, Diagonal, DiscreteDiagonal, DiscreteDPLR, DiscreteStateSpace, StateSpace

U = 2.0**-53
LEAST = 5e-324
GBT = {"euler": 0.0, "backward_euler": 1.0, "bilinear": 0.5, "gbt": 0.375}
EVERY = (*GBT, "zoh", "foh")

eighths = st.integers(-16, 16).map(lambda n: n / 8)


# --- exact rational arithmetic: lists of Fractions --------------------------------------------------------------------


def exact(array):
    return [exact(row) for row in array] if np.ndim(array) else Fraction(float(array))


def times(X, Y):
    return [[sum(x * y for x, y in zip(row, column, strict=True)) for column in zip(*Y, strict=True)] for row in X]


def plus(X, Y, factor=1):
    return [[x + factor * y for x, y in zip(a, b, strict=True)] for a, b in zip(X, Y, strict=True)]


def eye(n):
    return [[Fraction(int(i == j)) for j in range(n)] for i in range(n)]


def solve(X, Y):
    """Gauss-Jordan elimination; None if X is singular."""
    n, rows = len(X), [[*x, *y] for x, y in zip(X, Y, strict=True)]
    for k in range(n):
        pivot = next((i for i in range(k, n) if rows[i][k]), None)
        if pivot is None:
            return None
        rows[k], rows[pivot] = rows[pivot], [r / rows[pivot][k] for r in rows[pivot]]
        if pivot == k:
            rows[k] = [r / rows[k][k] if rows[k][k] != 1 else r for r in rows[k]]
        for i in range(n):
            if i != k and rows[i][k]:
                factor = rows[i][k]
                rows[i] = [r - factor * p for r, p in zip(rows[i], rows[k], strict=True)]
    return [row[n:] for row in rows]


def exact_gbt(A, B, dt, alpha):
    h, a = Fraction(dt), Fraction(alpha)
    step = [[h * x for x in row] for row in A]
    left = plus(eye(len(A)), step, -a)
    return solve(left, plus(eye(len(A)), step, 1 - a)), solve(left, [[h * b] for b in B])


def exact_holds(A, B, dt):
    """e^{hA}, h phi_1(hA) B and h phi_2(hA) B by 60 terms of Taylor series; for |hA| <= 4 the rest is below 1e-40."""
    n, h = len(A), Fraction(dt)
    step, column = [[h * x for x in row] for row in A], [[h * b] for b in B]
    power, total = eye(n), [[[Fraction(0)] * n for _ in range(n)] for _ in range(3)]
    factorial = 1
    for k in range(60):
        factorial *= max(k, 1)
        for j, extra in enumerate((1, k + 1, (k + 1) * (k + 2))):
            total[j] = plus(total[j], power, Fraction(1, factorial * extra))
        power = times(power, step)
    return total[0], times(total[1], column), times(total[2], column)


def exact_kernel(A_bar, b, C, L, previous=None):
    x, values = b, []
    for k in range(L):
        values.append(sum(c * row[0] for c, row in zip(C, x, strict=True)))
        x = times(A_bar, x)
        if k == 0 and previous is not None:
            x = plus(x, previous)
    return values


def assert_encloses(result, truth, bits=certified.DEFAULT_BITS, slack=Fraction(0)):
    """Every exact value lies in its ball, and the balls are as small as promised: u|K_l| + 2^-bits max|K|."""
    mid, rad = (np.ravel(part) for part in result)
    truth = list(truth)
    for m, r, t in zip(mid.tolist(), rad.tolist(), truth, strict=True):
        assert abs(Fraction(m) - t) <= Fraction(r) + slack
    largest = max(abs(float(t)) for t in truth)
    assert (rad <= (1 + 1e-6) * (U * np.abs(mid) + 2.0**-bits * largest) + 2 * LEAST).all()


@st.composite
def dense_systems(draw, largest=4):
    n = draw(st.integers(1, largest))
    vector = st.lists(eighths, min_size=n, max_size=n)
    return np.array(draw(st.lists(vector, min_size=n, max_size=n))), np.array(draw(vector)), np.array(draw(vector))


# --- kernels ----------------------------------------------------------------------------------------------------------


@given(dense_systems(), st.integers(1, 20), st.sampled_from([0.0625, 0.5, 1.0, 0.3]), st.sampled_from(sorted(GBT)))
@settings(max_examples=60)
def test_gbt_kernels_enclose_the_rational_kernel(arrays, L, dt, method):
    A, B, C = arrays
    A_bar, B_bar = exact_gbt(exact(A), exact(B), dt, GBT[method])
    if A_bar is None:
        with pytest.raises(ArithmeticError, match="singular"):
            certified.convolution_kernel(StateSpace(A, B, C), L, dt, method, 0.375 if method == "gbt" else None)
        return
    result = certified.convolution_kernel(StateSpace(A, B, C), L, dt, method, 0.375 if method == "gbt" else None)
    assert_encloses(result, exact_kernel(A_bar, B_bar, exact(C), L))


@given(dense_systems(3), st.integers(1, 8), st.sampled_from([0.0625, 0.5, 0.3]), st.sampled_from(["zoh", "foh"]))
@settings(max_examples=25)
def test_hold_kernels_enclose_the_taylor_series(arrays, L, dt, method):
    A, B, C = arrays
    A_bar, first, second = exact_holds(exact(A), exact(B), dt)
    taps = (first, None) if method == "zoh" else (second, plus(first, second, -1))
    result = certified.convolution_kernel(StateSpace(A, B, C), L, dt, method)
    # remainder 1e-40 in every entry of A_bar (norm <= e^3), through L <= 8 powers and N |B| |C| <= 12
    slack = Fraction(10) ** -40 * 12 * int(np.exp(3.1 * L)) * L
    assert_encloses(result, exact_kernel(A_bar, taps[0], exact(C), L, taps[1]), slack=slack)


def modal_arrays(seed, n_modes, rank=2):
    rng = np.random.default_rng(seed)
    Lambda, B, C = rng.normal(size=(3, n_modes)) + 1j * rng.normal(size=(3, n_modes))
    P, Q = (rng.normal(size=(2, n_modes, rank)) + 1j * rng.normal(size=(2, n_modes, rank))) / 4
    pairs = np.arange(n_modes) % 3 != 1
    for array in (Lambda, B, P, Q):
        array[~pairs] = array[~pairs].real
    return Lambda - 1, P, Q, B, C, pairs


def assert_overlap(one, other):
    """Two certificates of one number never contradict each other; here both are tight too."""
    gap = np.abs(one.mid - other.mid)
    assert (gap <= (one.rad + other.rad) * (1 + 4 * U)).all()
    scale = np.abs(one.mid).max(-1, keepdims=True)
    assert (np.maximum(one.rad, other.rad) <= 2 * U * np.maximum(np.abs(one.mid), scale)).all()


@pytest.mark.parametrize("method", EVERY)
@pytest.mark.parametrize("n_modes", [1, 2, 5])
def test_every_storage_of_one_system_has_the_same_kernel(method, n_modes):
    Lambda, P, Q, B, C, pairs = modal_arrays(1, n_modes)
    alpha = 0.375 if method == "gbt" else None

    def kernel(system):
        return certified.convolution_kernel(system, 37, 0.25, method, alpha)

    half = Diagonal(Lambda, B, C, 0.0, pairs)
    zero = np.zeros((n_modes, 1))
    low = DPLR(Lambda, P, Q, B, C, 0.0, pairs)
    assert kernel(half).mid.dtype == kernel(low).mid.dtype == np.float64
    assert kernel(half.full()).mid.dtype == np.complex128
    for other in (half.full(), DPLR(Lambda, zero, zero, B, C, 0.0, pairs), StateSpace(np.diag(Lambda), B, C)):
        if isinstance(other, StateSpace):
            assert_overlap(kernel(Diagonal(Lambda, B, C)), kernel(other))
        else:
            assert_overlap(kernel(half), kernel(other))
    assert_overlap(kernel(low), kernel(low.full()))


@pytest.mark.parametrize("method", EVERY)
def test_batches_are_heads_side_by_side(method):
    Lambda, P, Q, B, C, pairs = modal_arrays(2, 3)
    heads, dt = np.stack([C, 2 * C]), np.array([[0.1], [0.2], [0.3]])
    alpha = 0.375 if method == "gbt" else None
    batched = certified.convolution_kernel(DPLR(Lambda, P, Q, B, heads, 0.0, pairs), 5, dt, method, alpha)
    assert batched.mid.shape == batched.rad.shape == (3, 2, 5)
    for i in range(3):
        for j in range(2):
            single = DPLR(Lambda, P, Q, B, heads[j], 0.0, pairs)
            one = certified.convolution_kernel(single, 5, float(dt[i, 0]), method, alpha)
            np.testing.assert_array_equal(one.mid, batched.mid[i, j])


def test_discrete_systems_are_expanded_as_they_are():
    A_bar, b, C, previous = np.array([[0.5, 0.25], [-1.0, 0.125]]), [1.0, 2.0], [3.0, -1.0], [0.5, 0.25]
    truth = exact_kernel(
        exact(A_bar), [[Fraction(1)], [Fraction(2)]], exact(C), 9, [[Fraction(1, 2)], [Fraction(1, 4)]]
    )
    assert_encloses(certified.convolution_kernel(DiscreteStateSpace(A_bar, b, C, 0.0, 1.0, previous), 9), truth)
    modal = DiscreteDiagonal([0.5, -0.25], b, C, 0.0, 1.0, previous)
    truth = exact_kernel(
        exact(np.diag([0.5, -0.25])), [[Fraction(1)], [Fraction(2)]], exact(C), 9, [[Fraction(1, 2)], [Fraction(1, 4)]]
    )
    assert_encloses(certified.convolution_kernel(modal, 9), truth)
    low = DiscreteDPLR([0.5, -0.25], [[0.5], [1.0]], [[0.25], [0.5]], b, C, 0.0, 1.0)
    dense = low.to_dense()
    truth = exact_kernel(exact(dense.A_bar), [[Fraction(1)], [Fraction(2)]], exact(C), 9)
    assert_encloses(certified.convolution_kernel(low, 9), truth)


def test_extreme_values():
    nothing = certified.convolution_kernel(StateSpace([[-1.0]], [1.0], [0.0]), 3, 0.1)
    assert (nothing.mid == 0).all() and (nothing.rad == 0).all()
    cancelling = certified.convolution_kernel(Diagonal([-1 / 3, -1 / 3], [1.0, 1.0], [1.0, -1.0]), 50, 0.1, "zoh")
    assert (cancelling.mid == 0).all() and (cancelling.rad <= LEAST).all()
    with pytest.raises(OverflowError, match="float64"):
        certified.convolution_kernel(Diagonal([1.0], [1.0], [1.0]), 4000, 2.0, "euler")
    one = certified.convolution_kernel(StateSpace([[-1.0]], [1.0], [1.0]), 1, 1.0, "foh")
    np.testing.assert_allclose(one.mid, [np.exp(-1.0)], rtol=4 * U)  # phi_2(-1) = e^-1: two roundings each side


def test_phi_functions_near_zero():
    tiny = Diagonal([[0.0], [-1e-300], [-1e-20], [-1e-8]], [1.0], [1.0])
    for method, series in (("zoh", (1, 2, 6)), ("foh", (2, 6, 24))):
        result = certified.discretize(tiny, 1.0, method).B_bar
        z = [Fraction(0), Fraction(-1e-300), Fraction(-1e-20), Fraction(-1e-8)]
        truth = [Fraction(1, series[0]) + x / series[1] + x * x / series[2] for x in z]
        for row in range(4):  # the next term is below (1e-8)^3/24
            assert abs(Fraction(result.mid[row, 0]) - truth[row]) <= Fraction(result.rad[row, 0]) + Fraction(10) ** -25


def test_more_bits_give_smaller_balls_than_float64_can_show():
    system = StateSpace([[-1.0, 0.5], [0.25, -2.0]], [1.0, 1.0], [1.0, -1.0])
    with _balls.precision(53):
        before = _balls.library().ctx.prec
        fine = certified.convolution_kernel(system, 40, 0.1, "zoh", accuracy_bits=2000)
        assert _balls.library().ctx.prec == before  # the global setting comes back
    coarse = certified.convolution_kernel(system, 40, 0.1, "zoh")
    assert_overlap(fine, coarse)
    assert (fine.rad <= U * np.abs(fine.mid)).all()


def test_threads_do_not_disturb_each_other():
    system = StateSpace(np.array([[-1.0, 0.5], [0.25, -2.0]]), [1.0, 1.0], [1.0, -1.0])
    expected = certified.convolution_kernel(system, 20, 0.1, "zoh")
    results = []

    def work(bits):
        results.append(certified.convolution_kernel(system, 20, 0.1, "zoh", accuracy_bits=bits))

    threads = [threading.Thread(target=work, args=(bits,)) for bits in (60, 1000, 60, 500)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 4
    for result in results:
        assert_overlap(result, expected)


@pytest.mark.parametrize("start", [8, 40, 59])
def test_precision_is_raised_until_the_balls_are_small(start):
    flint = _balls.library()
    mid, rad = _balls.certify(lambda: [[flint.arb(1) / 3, flint.arb(2).sqrt() * 1e-9]], 60, start, "A third")[0]
    assert abs(Fraction(mid[0]) - Fraction(1, 3)) <= Fraction(rad[0]) <= Fraction(U * 0.34)
    assert rad[1] <= 2.0**-59 / 3  # relative to the largest ball of the group
    alone = _balls.certify(lambda: [[flint.arb(1) / 3, flint.arb(2).sqrt() * 1e-9]], 60, start, "A third", each=True)[0]
    assert alone[1][1] <= U * 1.5e-9  # relative to itself


def test_a_ball_that_never_shrinks_is_refused():
    with pytest.raises(ArithmeticError, match="no certificate"):
        _balls.certify(lambda: [[_balls.library().arb(1, 1)]], 60, 64, "Nothing")


# --- discretization ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", sorted(GBT))
def test_discretization_encloses_the_rational_one(method):
    A, B = np.array([[-1.0, 0.3], [0.7, -2.0]]), np.array([1.0, 0.1])
    alpha = 0.375 if method == "gbt" else None
    step = certified.discretize(StateSpace(A, B, B), 0.3, method, alpha)
    A_bar, B_bar = exact_gbt(exact(A), exact(B), 0.3, GBT[method])
    assert_encloses(step.A_bar, [x for row in A_bar for x in row])
    assert_encloses(step.B_bar, [row[0] for row in B_bar])
    assert step.B_bar_previous is None
    modal = certified.discretize(Diagonal([-1.0, -0.7], B, B), 0.3, method, alpha)
    A_bar, B_bar = exact_gbt(exact(np.diag([-1.0, -0.7])), exact(B), 0.3, GBT[method])
    assert_encloses(modal.A_bar, [A_bar[0][0], A_bar[1][1]])
    assert_encloses(modal.B_bar, [row[0] for row in B_bar])


@pytest.mark.parametrize("method", EVERY)
def test_discretization_of_low_rank_systems_is_that_of_their_dense_form(method):
    Lambda, P, Q, B, C, pairs = modal_arrays(3, 5)
    low, alpha = DPLR(Lambda, P, Q, B, C, 0.0, pairs), 0.375 if method == "gbt" else None
    step = certified.discretize(low, 0.125, method, alpha)
    dense = certified.discretize(low.to_dense(), 0.125, method, alpha)
    for one, other in zip(step, dense, strict=True):
        if one is None:
            assert other is None
            continue
        assert one.mid.shape == other.mid.shape
        # to_dense rounds each entry a few times (sqrt 2, P Q*); its effect on dt A_bar' <= 1 is of the same size
        assert np.abs(one.mid - other.mid).max() <= 20 * U * np.abs(low.to_dense().A).max()
    assert (step.B_bar_previous is not None) == (method == "foh")


# --- products ---------------------------------------------------------------------------------------------------------


def gauss(z):
    return Fraction(float(np.real(z))), Fraction(float(np.imag(z)))


def gauss_times(x, y):
    return x[0] * y[0] - x[1] * y[1], x[0] * y[1] + x[1] * y[0]


def assert_encloses_complex(mid, rad, truth):
    for m, r, (real, imag) in zip(mid.tolist(), rad.tolist(), truth, strict=True):
        assert (Fraction(m.real) - real) ** 2 + (Fraction(m.imag) - imag) ** 2 <= Fraction(r) ** 2
    assert (rad <= 2 * U * np.abs(mid) + 2.0**-59 * np.abs(mid).max()).all()


def test_vandermonde_product_encloses_the_gaussian_rational_sum():
    rng = np.random.default_rng(4)
    c, z = rng.normal(size=(2, 4)) + 1j * rng.normal(size=(2, 4))
    mid, rad = certified.vandermonde_product(c, z, 17)
    terms, truth = [gauss(x) for x in c], []
    for _ in range(17):
        truth.append((sum(t[0] for t in terms), sum(t[1] for t in terms)))
        terms = [gauss_times(t, gauss(x)) for t, x in zip(terms, z, strict=True)]
    assert_encloses_complex(mid, rad, truth)
    assert certified.vandermonde_product(c.real, z.real, 3).mid.dtype == np.float64


def test_cauchy_product_encloses_the_gaussian_rational_sum():
    rng = np.random.default_rng(5)
    v, poles, z = rng.normal(size=(3, 4)) + 1j * rng.normal(size=(3, 4))
    mid, rad = certified.cauchy_product(v, z, poles)
    truth = []
    for node in z:
        total = (Fraction(0), Fraction(0))
        for weight, pole in zip(v, poles, strict=True):
            (a, b), (c, d) = gauss(node), gauss(pole)
            gap, square = (a - c, -(b - d)), (a - c) ** 2 + (b - d) ** 2
            term = gauss_times(gauss(weight), gap)
            total = (total[0] + term[0] / square, total[1] + term[1] / square)
        truth.append(total)
    assert_encloses_complex(mid, rad, truth)
    shape = certified.cauchy_product(np.ones((3, 1, 2)), np.zeros((2, 5)), np.array([1.0, 2.0])).mid.shape
    assert shape == (3, 2, 5)


# --- normal parts -----------------------------------------------------------------------------------------------------


def skew_and_low_rank(family, N):
    n = np.arange(N)
    p, sign = np.sqrt(2 * n + 1.0), np.sign(n[:, None] - n)
    if family == "legs":
        return -0.5 * np.outer(p, p) * sign, p[:, None] / np.sqrt(2)
    if family == "lagt":
        return -0.5 * sign, np.full((N, 1), np.sqrt(0.5))
    if family == "legt":
        return -np.outer(p, p) * sign * ((n[:, None] - n) % 2), np.stack([p * (n % 2 == 0), p * (n % 2)], axis=1)
    S = np.zeros((N, N))
    for m in range(N // 2):
        S[2 * m, 2 * m + 1], S[2 * m + 1, 2 * m] = -np.pi * m, np.pi * m
    return S, np.where(n % 2, 0.0, np.where(n, np.sqrt(2), 1.0))[:, None]


@pytest.mark.parametrize("family", ["legs", "legt", "lagt", "fout"])
@pytest.mark.parametrize("N", [1, 2, 3, 4, 7, 16, 33])
def test_normal_parts_against_lapack_and_sum_rules(family, N):
    S, P = skew_and_low_rank(family, N)
    Lambda, weights = certified.nplr_eigenvalues(family, N), certified.nplr_weights(family, N)
    assert Lambda.mid.shape == (N,) and weights.mid.shape == P.shape
    omega = Lambda.mid.imag
    assert (Lambda.mid.real == (-0.5 if family == "legs" else 0.0)).all()
    assert (np.diff(omega) <= 0).all() and (omega == -omega[::-1]).all()
    assert (Lambda.rad <= U * np.abs(omega) * (1 + 1e-6)).all()  # relative to each frequency, the smallest included
    values, vectors = np.linalg.eigh(-1j * S)
    norm = max(np.linalg.norm(S, 2), 1.0)
    assert np.abs(values[::-1] - omega).max() <= 10 * N * U * norm  # eigh is backward stable
    # The skew part is real: |S|_F^2 = sum omega^2; V is unitary: |P|_F^2 = sum |v*P|^2. N roundings on either side.
    np.testing.assert_allclose((omega**2).sum(), (S**2).sum(), rtol=4 * N * U, atol=LEAST)
    np.testing.assert_allclose(weights.mid.sum(0), (P**2).sum(0), rtol=4 * N * U, atol=8 * U)
    if family != "fout":  # simple eigenvalues: the weights do not depend on the eigenvectors' phases
        found = np.abs(vectors[:, ::-1].conj().T @ P) ** 2
        gap = np.abs(np.diff(omega)).min() if N > 1 else 1.0
        assert np.abs(found - weights.mid).max() <= 20 * N * U * norm / gap * weights.mid.max()


@pytest.mark.parametrize("N", [2, 5, 12, 33])
def test_legs_frequencies_are_roots_of_the_exact_characteristic_polynomial(N):
    flint = pytest.importorskip("flint")
    rows = [[-(2 * k + 1) * ((n > k) - (n < k)) for k in range(N)] for n in range(N)]  # D^-1 (2 S) D
    coefficients = [int(c) for c in flint.fmpz_mat(rows).charpoly().coeffs()]
    result = certified.nplr_eigenvalues("legs", N)
    for omega, rad in zip(result.mid.imag[: N // 2].tolist(), result.rad[: N // 2].tolist(), strict=True):

        def value(x):
            w = (2 * x) ** 2
            return sum((-1) ** j * c * w**j for j, c in enumerate(coefficients[N % 2 :: 2]))

        assert value(Fraction(omega) - Fraction(rad)) * value(Fraction(omega) + Fraction(rad)) < 0


def test_published_frequencies():
    found = certified.nplr_eigenvalues("legs", 64).mid.imag
    assert found[0].round(10) == 1303.2738429812 and found[31].round(10) == 0.2638569311
    large = certified.nplr_eigenvalues("legs", 1024)
    assert abs(large.mid[0].imag - 333771.583616857113) <= large.rad[0] + 2.0**-34  # the literal's own rounding
    windowed = certified.nplr_eigenvalues("legt", 6, theta=0.5)
    np.testing.assert_allclose(windowed.mid, 2 * certified.nplr_eigenvalues("legt", 6).mid, rtol=2 * U)


# --- bad input --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "kind", "words"),
    [
        (lambda s: certified.convolution_kernel(s, 0, 0.1), ValueError, "`L` must be at least 1"),
        (lambda s: certified.convolution_kernel(s, 4), TypeError, "`dt` must be given"),
        (lambda s: certified.convolution_kernel(s, 4, -0.1), ValueError, "`dt` must be positive"),
        (lambda s: certified.convolution_kernel(s, 4, 0.1, "tustin"), ValueError, "`discretization` must be one of"),
        (lambda s: certified.convolution_kernel(s, 4, 0.1, accuracy_bits=0), ValueError, "`accuracy_bits`"),
        (lambda s: certified.convolution_kernel(s, 4, 0.1, accuracy_bits=10**6), ValueError, "`accuracy_bits`"),
        (lambda s: certified.convolution_kernel(1.0, 4, 0.1), TypeError, "`system` must be"),
        (lambda s: certified.convolution_kernel(s, 4, [0.1, 0.2, 0.3]), ValueError, "broadcast"),
        (lambda s: certified.discretize(DiscreteDiagonal([0.5], [1.0], [1.0], 0.0, 1.0), 0.1), TypeError, "continuous"),
        (lambda s: certified.nplr_eigenvalues("lmu", 4), ValueError, "`family` must be one of"),
        (lambda s: certified.vandermonde_product([1.0], [1.0, 2.0], 3), ValueError, "`z` must have shape"),
        (lambda s: certified.cauchy_product([1.0], [1.0, 2.0], [1.0]), ArithmeticError, "divides by zero"),
    ],
)
def test_bad_input_is_refused_in_one_sentence(call, kind, words):
    with pytest.raises(kind, match=words):
        call(StateSpace(np.zeros((2, 1, 1)), [1.0], [1.0]))


def test_a_discrete_system_takes_no_step():
    with pytest.raises(ValueError, match="`dt` must be None"):
        certified.convolution_kernel(DiscreteDiagonal([0.5], [1.0], [1.0], 0.0, 1.0), 4, 0.1)


@pytest.mark.parametrize("family", ["legs", "lagt", "fout", "legt"])
@pytest.mark.parametrize("N", [1, 2, 3, 10, 11])
def test_chosen_modes_are_entries_of_the_whole_spectrum(family, N):
    chosen = np.array([N - 1, 0, N // 2])
    for of in (certified.nplr_eigenvalues, certified.nplr_weights):
        whole, some = of(family, N), of(family, N, modes=chosen)
        assert np.array_equal(some.mid, whole.mid[chosen])
        assert np.array_equal(some.rad, whole.rad[chosen])


@pytest.mark.parametrize("modes", [[5], [-1], [0.0], [], [[0]]])
def test_modes_that_do_not_exist(modes):
    with pytest.raises(ValueError, match="`modes` must be integers from 0 to 4"):
        certified.nplr_eigenvalues("legs", 5, modes=modes)
