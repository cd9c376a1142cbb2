"""NPLR forms: unitary, exact, and accurate mode by mode against ball arithmetic."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import ssm_numerics as ssm

flint = pytest.importorskip("flint")

U = 2.0**-53
FAMILIES = [
    ("legs", {}),
    ("lagt", {}),
    ("glagt", {"beta": 0.3}),
    ("legt", {}),
    ("legt", {"theta": 2.0}),
    ("fout", {}),
    ("foud", {}),
]
families = st.sampled_from(FAMILIES)
methods = st.sampled_from(["closed_form", "eigh"])


@pytest.fixture
def bits():
    """Set python-flint's global precision for one test."""
    before = flint.ctx.prec

    def use(precision: int) -> None:
        flint.ctx.prec = precision

    yield use
    flint.ctx.prec = before


def check_form(f: ssm.nplr, A: np.ndarray, B: np.ndarray) -> None:
    N = f.N
    assert f.residual() <= 100 * N * U
    assert f.unitarity() <= 100 * N * U
    assert np.abs(f.V.conj().T @ B - f.B).max() <= 100 * N * U * np.linalg.norm(B)
    assert np.array_equal(f.A, A)
    for row in f.P:
        entries = row[np.abs(row) > 8 * N * U * np.linalg.norm(f.P)]
        assert entries.size == 0 or (entries[0].real > 0 and abs(entries[0].imag) <= 8 * N * U * abs(entries[0]))


@pytest.mark.jit
@given(families, st.integers(1, 64), methods)
@example(("legt", {}), 1, "closed_form")
@example(("legt", {}), 3, "closed_form")
@example(("legs", {}), 33, "closed_form")
@example(("legt", {}), 257, "closed_form")
@example(("legs", {}), 256, "eigh")
def test_reconstruction_unitarity_and_gauge(family, N, method):
    name, parameters = family
    op = ssm.hippo(name, N, **parameters)
    f = ssm.nplr(op, method=method)
    check_form(f, op.A, op.B)
    assert f.method == method
    assert f.rank == {"legt": 2, "foud": 0}.get(name, 1)


@given(families, st.integers(1, 64), methods)
def test_conjugate_pairs_are_exact(family, N, method):
    name, parameters = family
    f = ssm.nplr(name, N, method=method, **parameters)
    assert f.stored == (N + 1) // 2
    for array in (f.Lambda, f.B, *f.P.T, *f.V):
        assert np.array_equal(array[::-1].conj(), array) or N == 1 or (name == "foud" and not array.any())
    assert (np.diff(f.Lambda.imag) <= 0).all()
    assert len(set(f.Lambda.real)) == 1


@given(families, st.integers(1, 64))
def test_both_methods_agree(family, N):
    name, parameters = family
    closed, dense = (ssm.nplr(name, N, method=m, **parameters) for m in ("closed_form", "eigh"))
    scale = np.abs(closed.Lambda).max()
    assert np.abs(closed.Lambda - dense.Lambda).max() <= N * U * scale + 4 * U


def relative(values: np.ndarray, certified: ssm.certified.Certified) -> float:
    """The largest relative error, the balls' radii added, in units of u; exact zeros must be exact."""
    zero = certified.mid == 0
    assert not values[zero].any()
    error = np.abs(values - certified.mid)[~zero] + certified.rad[~zero]
    return float((error / np.abs(certified.mid[~zero])).max(initial=0) / U)


@pytest.mark.parametrize("N", [1, 2, 3, 4, 5, 16, 31, 32, 33, 34, 64, 65, 127, 257])
@pytest.mark.parametrize("family", ["legs", "lagt"])
def test_every_mode_is_accurate(family, N):
    f = ssm.nplr(family, N)
    exact = ssm.certified.nplr_eigenvalues(family, N)
    assert relative(f.Lambda.imag, ssm.certified.Certified(exact.mid.imag, exact.rad)) <= 16
    weights = ssm.certified.nplr_weights(family, N)
    assert relative(np.abs(f.P) ** 2, weights) <= 16


@pytest.mark.parametrize("N", [1, 2, 3, 8, 9, 64, 65, 100])
def test_every_mode_of_legt_is_accurate(N):
    f = ssm.nplr("legt", N)
    exact = ssm.certified.nplr_eigenvalues("legt", N)
    assert relative(f.Lambda.imag, ssm.certified.Certified(exact.mid.imag, exact.rad)) <= 4
    weights = ssm.certified.nplr_weights("legt", N)
    # v comes from one backward stable solve per mode: N u relative to the whole row
    error = np.abs(np.abs(f.P) ** 2 - weights.mid) + weights.rad
    assert (error <= 8 * N * U * weights.mid.sum(axis=1, keepdims=True)).all()


def legs_errors(N: int, modes: list[int], omega: np.ndarray, weights: np.ndarray) -> tuple[float, float]:
    """Relative errors of omega and 1/theta' in units of u, from theta and theta' at the computed omega in balls."""
    arb, acb = flint.arb, flint.acb
    worst = [0.0, 0.0]
    for m in modes:
        w = arb(float(omega[m]))
        ends = acb(arb(N) + arb(1) / 2, w), acb(arb(1) / 2, w)
        theta = (ends[0].lgamma() - ends[1].lgamma()).imag
        slope = (ends[0].digamma() - ends[1].digamma()).real
        shift = arb(0) if w == 0 else (arb(N - 1 - 2 * m) * arb.pi() / 2 - theta) / slope
        exact = w + shift  # one Newton step from 1e-15: the remainder is below 1e-28
        ends = acb(arb(N) + arb(1) / 2, exact), acb(arb(1) / 2, exact)
        slope = (ends[0].digamma() - ends[1].digamma()).real
        if w != 0:
            worst[0] = max(worst[0], abs(float(shift / exact)) / U)
        worst[1] = max(worst[1], abs(float(arb(float(weights[m])) * slope - 1)) / U)
    return worst[0], worst[1]


@pytest.mark.jit
@pytest.mark.parametrize(("N", "limit"), [(501, 16), (1024, 16), (4095, 16), (4096, 16), (99_999, 64), (10**6, 64)])
def test_large_legs_mode_by_mode(N, limit, bits):
    bits(120)
    f = ssm.nplr("legs", N)
    half = N // 2
    rng = np.random.default_rng(N)
    log_spaced = (half - np.geomspace(1, half, 60)).astype(int)
    modes = {0, 1, half - 1, f.stored - 1, *log_spaced.tolist(), *rng.integers(0, half, 140).tolist()}
    errors = legs_errors(N, sorted(modes), f.Lambda.imag, np.abs(f.P[:, 0]) ** 2)
    assert max(errors) <= limit


@pytest.mark.parametrize(("N", "limit"), [(4095, 16), (4096, 16), (10**6, 64)])
def test_large_lagt_mode_by_mode(N, limit, bits):
    bits(120)
    f = ssm.nplr("lagt", N)
    for m in np.random.default_rng(N).integers(0, N // 2, 200).tolist():
        sine, cosine = flint.arb.sin_cos_pi_fmpq(flint.fmpq(N - 1 - 2 * m, 2 * N))
        omega, weight = sine / (2 * cosine), 1 / (2 * N * cosine * cosine)
        assert abs(float(flint.arb(float(f.Lambda[m].imag)) / omega - 1)) <= limit * U
        assert abs(float(flint.arb(float(abs(f.P[m, 0]) ** 2)) / weight - 1)) <= limit * U


@pytest.mark.jit
@pytest.mark.parametrize("N", [1023, 1024])
def test_large_legt_frequencies(N, bits):
    """The characteristic polynomial of the ring and its derivative, by its recurrence in balls."""
    bits(2000)  # the radii of the recurrence grow by at most (1 + sqrt 2)^N
    f = ssm.nplr("legt", N)
    n = N - N % 2
    weights = [2 * k + 1 for k in range(n)]
    weights[0] = 2 * N if N % 2 else 1
    sign = -1 if n % 4 == 0 else 1
    for m in (0, 1, 2, n // 4, n // 2 - 2, n // 2 - 1):
        z = 2 / flint.arb(float(f.Lambda[m].imag))
        columns = []
        for before, now in ((1, 0), (0, 1)):
            h, g, dh, dg = flint.arb(before), flint.arb(now), flint.arb(0), flint.arb(0)
            for d in weights:
                h, g, dh, dg = g, d * z * g - h, dg, d * g + d * z * dg - dh
            columns.append((h, g, dh, dg))
        value = columns[0][0] + columns[1][1] - 2 * sign
        slope = columns[0][2] + columns[1][3]
        assert abs(float(value / slope / z)) <= 4 * U


def test_printed_reference_values():
    omega = ssm.nplr("legs", 64).Lambda.imag
    assert abs(omega[0] - 1303.2738429812) <= 5e-11  # half a unit of the last printed digit
    assert abs(omega[31] - 0.2638569311) <= 5e-11
    assert abs(ssm.nplr("legs", 1024).Lambda[0].imag - 333771.5836168578) <= 5e-11 + 16 * U * 333771.6


@pytest.mark.parametrize("N", [4, 7, 16, 33, 100])
def test_largest_legs_frequency(N):
    """omega_0 = N^2/pi - pi/6 + (pi^3/90 + pi/12)/N^2 + O(N^-4), proved in docs/nplr.md; the next term is -1.3/N^4."""
    omega = ssm.nplr("legs", N).Lambda[0].imag
    rest = (omega - (N**2 / math.pi - math.pi / 6)) * N**2
    assert abs(rest - (math.pi**3 / 90 + math.pi / 12)) <= 1.4 / N**2 + 16 * U * N**4


@given(st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=24))
@example([1e-30, 1.0, 1e30])
@example([1.0] * 24)
def test_any_positive_weights(p):
    f = ssm.nplr(p=p)
    p = np.array(p)
    N = p.size
    # the theorem: theta(omega_m) = (N-1-2m) pi/2, to the accuracy of this naive sum
    omega = f.Lambda.imag
    theta = np.arctan(2 * omega[:, None] / p**2).sum(axis=1)
    assert np.abs(theta - (N - 1 - 2 * np.arange(N)) * math.pi / 2).max() <= 16 * N * U * math.pi
    if p.max() / p.min() <= 1e6:
        A = -p[:, None] * p * np.tri(N, k=-1) - np.diag(p**2) / 2
        check_form(f, f.A, p)
        np.testing.assert_allclose(f.A, A, rtol=2 * U)


def test_weights_and_shift_give_legs_back():
    N = 40
    p = np.sqrt(2.0 * np.arange(N) + 1)
    f, g = ssm.nplr(p=p, shift=-0.5), ssm.nplr("legs", N)
    assert np.abs(f.Lambda / g.Lambda - 1).max() <= 32 * U  # two results within 16 u each
    assert np.abs(f.P / g.P - 1).max() <= 16 * U
    assert f.residual() <= 100 * N * U
    assert np.abs(ssm.nplr(p=p, method="eigh").Lambda - f.Lambda - 0.5).max() <= N * U * np.abs(f.Lambda).max()


@pytest.mark.parametrize("family", ["legs", "legt", "lagt", "fout"])
@pytest.mark.parametrize("N", [1, 2, 5, 40])
def test_operator_products_equal_the_array(family, N, monkeypatch):
    f = ssm.nplr(family, N)
    V = f.V
    monkeypatch.setattr("ssm_numerics._unitary_basis.CHUNK", 1)  # blocks of 16 columns
    rng = np.random.default_rng(N)
    x = rng.standard_normal((N, 3)) + 1j * rng.standard_normal((N, 3))
    bound = 4 * (N + 4) * U * np.abs(x).sum(axis=0)
    pairs = [
        (f.basis, V),
        (f.basis.conj(), V.conj()),
        (f.basis.T, V.T),
        (f.basis.H, V.conj().T),
        (f.basis.conj().T, V.conj().T),
    ]
    for operator, array in pairs:
        assert np.array_equal(np.asarray(operator), array)
        assert (np.abs(operator @ x - array @ x) <= bound).all()
        assert (np.abs(operator @ x[:, 0] - array @ x[:, 0]) <= bound[0]).all()
    assert (np.abs(f.basis.H @ (f.basis @ x) - x) <= 100 * N * U * np.abs(x).sum(axis=0)).all()
    assert f.basis.shape == (N, N)


@pytest.mark.jit
def test_no_matrix_above_the_limit():
    N = 5000
    f = ssm.nplr("legs", N)
    assert not isinstance(f.V, np.ndarray)
    e = np.zeros(N)
    e[N // 3] = 1
    back = f.V @ (f.V.conj().T @ e)
    assert np.linalg.norm(back - e) <= 100 * N * U
    op = ssm.hippo("legs", N)
    assert np.linalg.norm(f.V.conj().T @ op.B - f.B) <= 100 * N * U * np.linalg.norm(op.B)
    # A applied in the modal basis equals the structured product
    modal = f.V.conj().T @ e
    rebuilt = f.V @ (f.Lambda * modal - f.P[:, 0] * (f.P[:, 0].conj() @ modal))
    assert np.abs(rebuilt - op.matvec(e)).max() <= 100 * N * U * np.abs(f.Lambda).max()


def test_v_entries_follow_the_explicit_formula():
    N, m = 12, 3
    p = np.sqrt(2.0 * np.arange(N) + 1)
    f = ssm.nplr("legs", N)
    a, s = p**2 / 2, 1j * f.Lambda[m].imag
    t = np.concatenate([[1], np.cumprod((s - a) / (s + a))[:-1]])
    x = p * t / (2 * (s + a))
    x /= np.linalg.norm(x)
    assert np.abs(f.V[:, m] - x).max() <= 8 * N * U


@given(families, st.integers(1, 24), st.integers(0, 2**32 - 1), st.booleans())
def test_to_dplr_keeps_the_transfer_function(family, N, seed, is_complex):
    name, parameters = family
    op = ssm.hippo(name, N, **parameters)
    rng = np.random.default_rng(seed)
    C = rng.standard_normal((2, N)) + (1j * rng.standard_normal((2, N)) if is_complex else 0)
    f = ssm.nplr(op)
    system = f.to_dplr(C, D=0.25)
    assert system.C.shape == (2, N if is_complex else (N + 1) // 2)
    assert (system.pairs is None) is is_complex
    s = np.array([1.0 + 2.0j, 3.0, 0.5 - 40j])
    dense = op.state_space(C, 0.25)
    expected = dense.transfer_function(s)
    resolvent = max(np.linalg.norm(np.linalg.inv(z * np.eye(N) - op.A), 2) for z in s)
    scale = np.linalg.norm(op.B) * np.linalg.norm(C) * resolvent
    # backward errors of N u ||A|| in A on either side, seen through the resolvent
    bound = 200 * (N + 4) * U * scale * (1 + np.linalg.norm(op.A, 2) * resolvent)
    assert np.abs(system.transfer_function(s) - expected).max() <= bound


def test_modal_rows():
    N = 7
    f = ssm.nplr("legs", N)
    C = np.random.default_rng(0).standard_normal(N)
    rows = (C @ f.V)[: f.stored]
    by_modes, by_states = f.to_dplr(rows, basis="modal"), f.to_dplr(C)
    assert np.abs(by_modes.C - by_states.C).max() <= 4 * N * U * np.linalg.norm(C)
    assert by_modes.pairs.tolist() == [True, True, True, False]
    assert np.array_equal(by_modes.Lambda, by_states.Lambda)
    with pytest.raises(ValueError, match="`C` must have shape"):
        f.to_dplr(C, basis="modal")


def test_hurwitz_form_survives_perturbation_and_the_other_does_not():
    """Re x*(Lambda - P P*)x <= -1/2 for every P and every Lambda on Re = -1/2; Lambda - P Q* has no such bound."""
    N = 16
    op = ssm.hippo("legs", N)
    hermitian = ssm.nplr("legs", N)
    p = np.sqrt(2.0 * np.arange(N) + 1)
    other = ssm.nplr(op.A, op.B, p / 2, p)  # A + p p'/2 again, as P Q* with unequal factors
    assert other.residual() <= 100 * N * U
    rng = np.random.default_rng(0)
    noise = 1 + rng.standard_normal((2, N, 1)) + 1j * rng.standard_normal((2, N, 1))
    P = hermitian.P * noise[0]
    stable = np.diag(hermitian.Lambda) - P @ P.conj().T
    assert float(ssm.numerical_abscissa(stable)) <= -0.5 + N * U * np.linalg.norm(stable)
    unstable = np.diag(other.Lambda) - (other.P * noise[0]) @ (other.Q * noise[1]).conj().T
    assert np.linalg.eigvals(unstable).real.max() > 0


def random_unitary(rng: np.random.Generator, N: int, is_complex: bool) -> np.ndarray:
    return np.linalg.qr(rng.standard_normal((N, N)) + (1j * rng.standard_normal((N, N)) if is_complex else 0))[0]


@given(
    st.integers(1, 20), st.integers(1, 3), st.booleans(), st.sampled_from(["skew", "normal"]), st.integers(0, 2**32 - 1)
)
def test_users_own_matrix(N, rank, is_complex, kind, seed):
    rng = np.random.default_rng(seed)
    Z = random_unitary(rng, N, is_complex)
    if is_complex:
        normal = (
            Z * (1j * rng.standard_normal(N) + (rng.standard_normal(N) if kind == "normal" else -0.3))
        ) @ Z.conj().T
    else:
        core = np.diag(rng.standard_normal(N) if kind == "normal" else np.full(N, -0.3))
        for k in range(0, N - 1, 2):
            b = rng.standard_normal()
            core[k : k + 2, k : k + 2] = [[core[k, k], b], [-b, core[k, k]]]
        normal = Z @ core @ Z.T
    P, Q = (
        rng.standard_normal((N, rank)) + (1j * rng.standard_normal((N, rank)) if is_complex else 0) for _ in range(2)
    )
    A = normal - P @ Q.conj().T
    B = rng.standard_normal(N)
    f = ssm.nplr(A, B, P, Q)
    # A is given to N u ||P Q*||, which bounds its departure from the exact form
    scale = N * U * (np.linalg.norm(A) + np.linalg.norm(P) * np.linalg.norm(Q))
    V = np.asarray(f.V)
    rebuilt = (V * f.Lambda - (V @ f.P) @ f.Q.conj().T) @ V.conj().T
    assert np.abs(rebuilt - A).max() <= 100 * scale
    assert f.unitarity() <= 100 * N * U
    assert (f.pairs is None) is is_complex
    system = f.to_dplr(np.ones(N))
    assert system.n_states == N
    assert (np.diff(f.Lambda[: f.stored].imag) <= 0).all()


def test_matrix_that_is_not_normal_plus_low_rank():
    A = np.triu(np.ones((5, 5)))
    with pytest.raises(ValueError, match=r"`P` must make A \+ P Q\* a normal matrix, but .* departs .* by"):
        ssm.nplr(A, np.ones(5), np.zeros(5))
    with pytest.raises(ValueError, match="departs"):
        ssm.nplr(A + 1j * A, np.ones(5), np.zeros(5))


@pytest.mark.parametrize(
    ("family", "N"), [("legs", 7), ("legs", 64), ("legs", 65), ("legs", 501), ("lagt", 64), ("lagt", 65)]
)
def test_k11_in_closed_form(family, N, bits):
    bits(400)
    f = ssm.nplr(family, N)
    shift = f.Lambda[0].real
    a = [flint.arb(2 * i + 1) / 2 if family == "legs" else flint.arb(1) / 2 for i in range(N)]
    rng = np.random.default_rng(N)
    omega = f.Lambda.imag[0]
    sigma = np.concatenate(
        [
            10.0 ** rng.uniform(-3, 7, 40) * np.exp(1j * rng.uniform(-math.pi / 2, math.pi / 2, 40)),
            10.0 ** rng.uniform(-3, 1, 40) + 1j * rng.uniform(-1.3, 1.3, 40) * omega,
            rng.uniform(0, 1.3 * N, 40) + 1j * rng.uniform(-30, 30, 40),  # among the a_i
            rng.choice([-1, 1], 10) * rng.integers(1, 40, 10) / 2 + 0j,  # on them, and in the left half-plane
        ]
    )
    points = sigma + shift
    got = f.k11(points.reshape(2, -1)).reshape(-1)
    for s, value in zip(points.tolist(), got.tolist(), strict=True):
        exact = flint.acb(s.real, s.imag) - flint.arb(shift)
        tau = flint.acb(1)
        for a_i in a:
            tau *= (exact - a_i) / (exact + a_i) if exact != -a_i else flint.acb(0)
        if any(exact == -a_i for a_i in a):
            assert value == -1
            continue
        k = (1 - tau) / (1 + tau)
        sensitivity = (
            -2 * tau / (1 + tau) ** 2 * sum(2 * a_i * exact / (exact**2 - a_i**2) for a_i in a if exact != a_i)
        )
        scale = float(abs(k)) + float(abs(sensitivity)) * (1 + abs(shift) / float(abs(exact)))
        assert float(abs(flint.acb(value.real, value.imag) - k)) <= 16 * U * scale


@given(st.sampled_from(["legs", "lagt", "fout"]), st.integers(1, 40), methods)
def test_k11_equals_its_sum(family, N, method):
    f = ssm.nplr(family, N, method=method)
    s = np.array([0.3 + 0.2j, 5.0 + 7.0j, 100.0, 1e-3 + 1e3j])
    expected = (np.abs(f.P[:, 0]) ** 2 / (s[:, None] - f.Lambda)).sum(axis=1)
    size = (np.abs(f.P[:, 0]) ** 2 / np.abs(s[:, None] - f.Lambda)).sum(axis=1)
    distance = (np.abs(f.Lambda) / np.abs(s[:, None] - f.Lambda)).max()
    assert (np.abs(f.k11(s) - expected) <= 64 * (N + 4) * U * size * (1 + distance)).all()


@pytest.mark.parametrize("N", [1, 2, 3, 4, 9])
def test_fout_modes(N):
    f = ssm.nplr("fout", N)
    expected = [math.pi * m for m in range(N // 2 - 1, 0, -1)]
    zeros = N - 2 * len(expected)
    assert f.Lambda.imag.tolist() == expected + [0.0] * zeros + [-w for w in reversed(expected)]
    assert not f.Lambda.real.any()
    # the exact null vector e_1 - and, for odd N, the combination of constant and last cosine orthogonal to B
    if N >= 2:
        assert np.abs(ssm.hippo("fout", N).A[:, 1]).max() <= math.pi * (N > 3)
        assert np.linalg.svd(f.A, compute_uv=False)[-1] <= 8 * N * U * np.linalg.norm(f.A, 2)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ssm.nplr("lmu", 4), "lmu is similar to legt by .* not unitary"),
        (lambda: ssm.nplr("glagt", 4, alpha=0.5), "glagt with alpha != 0 .* not unitary"),
        (lambda: ssm.nplr("hippo", 4), "`source` must be one of"),
        (lambda: ssm.nplr("legs", 4, method="qr"), "`method` must be one of auto, closed_form, eigh"),
        (lambda: ssm.nplr(ssm.hippo("legs", 4), 4), "`N` must be left out"),
        (lambda: ssm.nplr(np.eye(3)), "`P` must be given with a matrix"),
        (lambda: ssm.nplr(np.eye(3), P=np.ones(3), method="closed_form"), "`method` must be auto or eigh"),
        (lambda: ssm.nplr(np.ones((3, 2)), P=np.ones(3)), "`source` must have shape"),
        (lambda: ssm.nplr(np.eye(3), np.ones(2), np.ones(3)), "`B` must have shape"),
        (lambda: ssm.nplr(np.eye(3), np.ones(3), np.ones(2)), "`P` must have shape"),
        (lambda: ssm.nplr(np.eye(3), np.ones(3), np.ones((3, 2)), np.ones(3)), "`Q` must have shape"),
        (lambda: ssm.nplr(p=[1.0, -1.0]), "`p` must lie between"),
        (lambda: ssm.nplr(p=[[1.0]]), r"`p` must have shape \(N,\)"),
        (lambda: ssm.nplr("legs", 4, p=[1.0]), "`p` must be the only matrix argument"),
        (lambda: ssm.nplr("legt", 4).k11(1.0), "`s` must come with a form of rank 1"),
        (lambda: ssm.nplr("legs", 4).to_dplr(np.ones(3)), "`C` must have shape"),
        (lambda: ssm.nplr("legs", 4).to_dplr(np.ones(4), basis="dct"), "`basis` must be one of original, modal"),
        (lambda: ssm.nplr(np.eye(3), P=np.ones(3)).to_dplr(np.ones(3)), "`B` must be given to `nplr`"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_bad_types():
    with pytest.raises(TypeError, match="`source` must be a family"):
        ssm.nplr()
    with pytest.raises(TypeError, match="`N` must be an integer"):
        ssm.nplr("legs", 4.5)
