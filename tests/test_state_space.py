"""Systems: validation, storage of conjugate pairs, dense forms, poles, transfer functions, changes of basis."""

import copy
import dataclasses
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ssm_numerics as ssm
from ssm_numerics import _pairs, testing

EPS = np.finfo(float).eps


@given(testing.systems(dtypes=testing.DTYPES), st.integers(0, 99))
def test_every_form_has_the_same_transfer_function(system, seed):
    """Points at distance >= 1 from the closed left half-plane, where a dissipative resolvent has norm at most 1."""
    rng = np.random.default_rng(seed)
    s = (1 + rng.random((2, 3)) + 5j * rng.normal(size=(2, 3))).astype(np.result_type(system.dtype, np.complex64))
    H = system.transfer_function(s)
    assert H.shape == (*system.batch_shape, 2, 3)
    dense = system.to_dense()
    norms = [np.linalg.norm(v, axis=-1).max() for v in (dense.B, dense.C)]
    size = norms[0] * norms[1] * (1 + np.linalg.norm(dense.A, axis=(-2, -1)).max() + np.abs(s).max())
    bound = 32 * np.finfo(system.dtype).eps * system.n_states * size
    others = [dense] if isinstance(system, ssm.StateSpace) else [dense, system.full(), system.full().to_dense()]
    for other in others:
        assert np.abs(other.transfer_function(s) - H).max() <= bound
    assert dense.A.dtype == (system.output_dtype if not isinstance(system, ssm.StateSpace) else system.dtype)


@given(st.booleans(), st.sampled_from([np.float32, np.float64]), st.integers(1, 5), st.integers(0, 99))
def test_residues_are_the_coefficients_of_the_kernel(in_pairs, dtype, N, seed):
    """A sum of N terms of three products: 2 (N + 3) eps of the sum of magnitudes, and 50 for the kernel's own."""
    rng = np.random.default_rng(seed)

    def draw(*shape):
        return (rng.normal(size=shape) + 1j * rng.normal(size=shape)).astype(np.result_type(dtype, 1j))

    z = draw(2, N)
    z /= 1 + np.abs(z)
    mask = np.arange(N) > 0 if in_pairs else False
    z[:, 0] = z[:, 0].real if in_pairs else z[:, 0]
    B, C = draw(N), draw(2, N)
    B[0] = B[0].real if in_pairs else B[0]
    one = dtype(1)
    system = ssm.DiscreteDiagonal(z, B, C, dtype(0), one, conjugate_pairs=mask)
    assert system.residues.dtype == C.dtype and not system.residues.flags.writeable
    powers = z[..., None] ** np.arange(9)
    K = (system.residues[..., None] * powers).sum(axis=-2)
    K = K.real if in_pairs else K
    bound = (2 * (N + 3) + 50) * np.finfo(dtype).eps * np.abs(system.residues).sum(axis=-1, keepdims=True)
    assert (np.abs(ssm.convolution_kernel(system, 9) - K) <= bound).all()


@given(testing.systems(), testing.rules(), testing.step_sizes(1e-3, 10))
def test_discrete_transfer_function_is_the_z_transform_of_the_kernel(system, rule, dt):
    """At |z| = 4 a contractive system's kernel has decayed to 4^-30 < eps^(1.1) after 30 samples."""
    d = ssm.discretize(system, dt, rule["discretization"], rule["alpha"])
    z = 4 * np.exp(2j * np.pi * np.arange(5) / 5)
    full = d.full() if hasattr(d, "full") else d
    K = ssm.convolution_kernel(full, 30)
    H = full.transfer_function(z)
    series = np.sum(K[..., None, :] * z[:, None] ** -np.arange(30.0), axis=-1)
    b = np.linalg.norm(full.B_bar, axis=-1).max()
    b += 0 if full.B_bar_previous is None else np.linalg.norm(full.B_bar_previous, axis=-1).max()
    size = np.linalg.norm(full.C, axis=-1).max() * b + 1e-300
    assert np.abs(H - series).max() <= 64 * EPS * (system.n_states + 4) * 30 * size
    assert np.abs(d.transfer_function(z) - H).max() <= 64 * EPS * (system.n_states + 4) * 30 * size


@given(st.integers(1, 9), st.integers(0, 99))
def test_pair_coordinates_round_trip_exactly(n, seed):
    rng = np.random.default_rng(seed)
    pairs = rng.random(n) < 0.6
    x = rng.normal(size=(3, n)) + 1j * rng.normal(size=(3, n)) * pairs
    np.testing.assert_array_equal(_pairs.from_coordinates(_pairs.coordinates(x, pairs), pairs), x)
    full = _pairs.expand(x, pairs)
    assert full.shape[-1] == n + pairs.sum()
    np.testing.assert_allclose(
        np.linalg.norm(_pairs.realify(x, pairs), axis=-1), np.linalg.norm(full, axis=-1), rtol=4 * n * EPS
    )


def test_poles():
    system = ssm.Diagonal([-1 + 2j, -3.0], [1, 1], [1, 1], conjugate_pairs=np.array([True, False]))
    np.testing.assert_array_equal(system.poles(), [-1 + 2j, -3, -1 - 2j])
    assert system.n_states == 3 and system.output_dtype == np.float64
    np.testing.assert_array_equal(ssm.hippo("legs", 5).state_space(np.ones(5)).poles(), -np.arange(1.0, 6))


def test_low_rank_part_is_subtracted_with_q_conjugated():
    """A = diag(Lambda) - P Q*, entry by entry, for complex P and Q of rank 2 in full and in pair storage."""
    rng = np.random.default_rng(0)
    P, Q = (rng.normal(size=(3, 2)) + 1j * rng.normal(size=(3, 2)) for _ in range(2))
    Lambda, ones = np.array([-1 + 2j, -2 + 1j, -1 + 1j]), np.ones(3)
    full = ssm.DPLR(Lambda, P, Q, ones, ones)
    expected = np.array([[Lambda[i] * (i == j) - sum(P[i] * Q[j].conj()) for j in range(3)] for i in range(3)])
    size = 8 * EPS * (np.abs(P) @ np.abs(Q).T + np.abs(Lambda))
    assert (np.abs(full.to_dense().A - expected) <= size).all()
    pairs = ssm.DPLR(Lambda, P, Q, ones, ones, conjugate_pairs=True)
    s = np.array([1.0 + 1j, 3j])
    H, G = pairs.transfer_function(s), pairs.full().to_dense().transfer_function(s)
    assert np.abs(H - G).max() <= 1e3 * EPS * np.abs(G).max()
    assert np.abs(pairs.to_dense().transfer_function(s) - G).max() <= 1e3 * EPS * np.abs(G).max()


def test_full_storage_mirrors_the_pairs():
    """Stored modes first, then the partners in reverse, whatever is stored alone; C of a mode alone loses its phase."""
    mask = np.array([True, True, False, True])
    modes = [-1 + 3j, -1 + 2j, -4, -1 + 1j]
    system = ssm.DPLR(modes, [[1j], [2j], [3], [4j]], np.ones((4, 1)), np.ones(4), [1j, 2j, 3 + 1j, 4j], 0.0, mask)
    full = system.full()
    np.testing.assert_array_equal(full.Lambda, [*modes, -1 - 1j, -1 - 2j, -1 - 3j])
    np.testing.assert_array_equal(full.P[:, 0], [1j, 2j, 3, 4j, -4j, -2j, -1j])
    np.testing.assert_array_equal(full.C, [1j, 2j, 3, 4j, -4j, -2j, -1j])
    assert full.full() is full and full.pairs is None


def test_systems_are_frozen_and_keep_the_caller_out():
    A = -np.eye(2)
    system = ssm.StateSpace(A, [1.0, 1.0], [1.0, 1.0])
    A[0, 0] = 7
    assert system.A[0, 0] == -1
    with pytest.raises(ValueError, match="read-only"):
        system.A[0, 0] = 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        system.A = A


def test_single_precision_stays_single():
    one = np.float32([1, 2])
    assert ssm.StateSpace(-np.eye(2, dtype=np.float32), one, one).dtype == np.float32
    assert ssm.Diagonal(np.complex64([-1, 1j]), one, one, 0.5).dtype == np.complex64
    assert ssm.Diagonal(np.complex64([-1, 1j]), one, np.float64(one)).dtype == np.complex128
    assert ssm.StateSpace([[-1]], [1], [1]).dtype == np.float64


def test_diagonalize():
    A = np.array([[-1.0, 2.0], [-2.0, -1.0]])
    system = ssm.StateSpace(A, [1.0, 0.5], [1.0, -1.0])
    s = np.array([1.0, 2j])
    np.testing.assert_allclose(ssm.diagonalize(system).transfer_function(s), system.transfer_function(s), rtol=32 * EPS)
    op = ssm.hippo("legs", 12)
    with pytest.warns(ssm.ConditioningWarning, match="The eigenvectors have condition number .* digits are left"):
        ssm.diagonalize(op.state_space(np.ones(12)))
    with pytest.raises(ValueError, match="`system` must have a basis of eigenvectors"):
        ssm.diagonalize(ssm.StateSpace([[0.0, 1.0], [0.0, 0.0]], [1.0, 1.0], [1.0, 1.0]))
    with pytest.raises(TypeError, match="`system` must be a continuous StateSpace, Diagonal or DPLR system"):
        ssm.diagonalize(A)


@pytest.mark.parametrize(
    ("make", "kind", "sentence"),
    [
        (
            lambda: ssm.StateSpace(None, [1], [1]),
            TypeError,
            "`A` must be an array of numbers, but it is NoneType None.",
        ),
        (lambda: ssm.StateSpace("A", [1], [1]), TypeError, "`A` must be an array of numbers, but it is str 'A'."),
        (lambda: ssm.StateSpace([[1], [1, 2]], [1], [1]), TypeError, "`A` must be a rectangular array of numbers"),
        (lambda: ssm.StateSpace([[1, 2]], [1], [1]), ValueError, "`A` must have shape (..., N, N)"),
        (
            lambda: ssm.StateSpace(np.eye(2), [1], [1, 1]),
            ValueError,
            "`B` must have shape (..., N), but its shape is (1,)",
        ),
        (lambda: ssm.StateSpace(np.eye(2), 1, [1, 1]), ValueError, "`B` must have at least 1 dimension, but"),
        (lambda: ssm.StateSpace([[np.inf]], [1], [1]), ValueError, "`A` must be finite, but its entry (0, 0) is inf."),
        (lambda: ssm.StateSpace(np.eye(0), [], []), ValueError, "`A` must not be empty, but its shape is (0, 0)."),
        (lambda: ssm.StateSpace([[True]], [1], [1]), TypeError, "its dtype is bool."),
        (lambda: ssm.StateSpace([[1.0]], np.float16([1]), [1]), TypeError, "its dtype is float16."),
        (lambda: ssm.StateSpace([[1.0]], np.ma.ones(1), [1]), TypeError, "it is a masked array."),
        (lambda: ssm.StateSpace([[2**60]], [1], [1]), ValueError, "`A` must hold integers that float64 represents"),
        (lambda: ssm.StateSpace(np.ones((2, 1, 1)), np.ones((3, 1)), [1]), ValueError, "leading axes that broadcast"),
        (lambda: ssm.Diagonal([1j], [1], [1], 1j, True), ValueError, "`D` must be real where `conjugate_pairs` stores"),
        (lambda: ssm.Diagonal([1j], [1], [1], 0, np.array([False])), ValueError, "`Lambda` must be real in modes that"),
        (
            lambda: ssm.Diagonal([1j], [1], [1], 0, np.array([1])),
            TypeError,
            "`conjugate_pairs` must be True, False or a",
        ),
        (lambda: ssm.DPLR([1j], [[1]], [[1, 2]], [1], [1]), ValueError, "`Q` must have shape (..., N, r)"),
        (lambda: ssm.StateSpace(-np.eye(2), [1, 1], [1, 1]).conjugate(np.eye(3)), ValueError, "`T` must have shape"),
    ],
)
def test_bad_input(make, kind, sentence):
    with pytest.raises(kind) as caught:
        make()
    assert sentence in str(caught.value)


@pytest.mark.parametrize("distance", [0.0, 1e-15, 1e-8, 1e-3, 1.0])
@pytest.mark.parametrize(("family", "N"), [("lagt", 5), ("legt", 5), ("legt", 6), ("legs", 6), ("fout", 6)])
def test_transfer_function_beside_an_entry_of_lambda(family, N, distance):
    """An entry of Lambda is no pole of the system (0 is one of LagT and LegT for odd N): H is as accurate as elsewhere.

    Woodbury's identity may lose 4 bits; the dense solve loses its condition number, (|s| + ||A||) / |s - pole| < 2^6.
    """
    C = np.arange(1.0, N + 1)
    op, system = ssm.hippo(family, N), ssm.nplr(family, N).to_dplr(C)
    s = system.full().Lambda + distance
    s = s[np.abs(s.imag) > 1] if family == "fout" else s  # FouT has a pole at 0
    expected = op.state_space(C).transfer_function(s)
    size = np.linalg.norm(C) * np.linalg.norm(op.B)
    for other in (system, system.full()):
        assert np.abs(other.transfer_function(s) - expected).max() <= 2**10 * N * EPS * size
    batch = ssm.DPLR(
        system.Lambda, system.P, system.Q, system.B, np.stack([system.C, 2 * system.C]), [1.0, 2.0], system.pairs
    )
    both = batch.transfer_function(s)
    assert np.abs(both - np.stack([expected + 1, 2 * expected + 2])).max() <= 2**11 * N * EPS * size
    d = ssm.discretize(system, 0.1)
    z = d.full().Lambda_bar[:2] + distance
    assert np.abs(d.transfer_function(z) - d.to_dense().transfer_function(z)).max() <= 2**10 * N * EPS * size


def test_transfer_function_on_a_pole():
    for system in (ssm.StateSpace([[-1.0]], [1.0], [1.0]), ssm.Diagonal([-1.0], [1.0], [1.0])):
        with pytest.raises(
            ValueError, match="`s` must not be a pole of the system, but the transfer function is infinite there"
        ):
            system.transfer_function([0.0, -1.0])
        with pytest.raises(ValueError, match="`z` must not be a pole of the system"):
            ssm.discretize(system, 1.0, "backward_euler").transfer_function(0.5)
    with pytest.raises(ValueError, match="`s` must not be a pole of the system"):
        ssm.nplr("fout", 4).to_dplr(np.ones(4)).transfer_function(0.0)


def test_transfer_function_keeps_single_precision():
    one = np.float32([1])
    systems = (
        ssm.StateSpace(-one[None], one, one),
        ssm.Diagonal(-one, one, one),
        ssm.DPLR(-one, one[None], one[None], one, one),
    )
    for system in systems:
        assert system.transfer_function(1.0).dtype == system.transfer_function(np.complex64(1j)).dtype == np.complex64
        assert system.transfer_function(np.ones(2)).dtype == np.complex128


def test_copies_are_read_only_too():
    """By pickle and by copy, in every structure, increments and pair masks included."""
    pairs = ssm.nplr("legt", 5).to_dplr(np.ones(5))
    continuous = [pairs, pairs.full(), pairs.to_dense(), ssm.diagonal_init("s4d-lin", 4)]
    discrete = [ssm.discretize(system, 0.1, rule) for system in continuous for rule in ("bilinear", "foh")]
    for system in (*continuous, *discrete):
        for other in (pickle.loads(pickle.dumps(system)), copy.deepcopy(system), copy.copy(system)):
            assert type(other) is type(system)
            for field in dataclasses.fields(system):
                value, original = getattr(other, field.name), getattr(system, field.name)
                np.testing.assert_array_equal(value, original)
                assert not isinstance(value, np.ndarray) or not value.flags.writeable


def test_diagonalize_broadcasts_heads():
    A = np.array([[-1.0, 2.0], [-2.0, -1.0]])
    system = ssm.StateSpace(A, np.ones((3, 2)), np.arange(4.0).reshape(2, 1, 2))
    difference = ssm.diagonalize(system).transfer_function(1.0) - system.transfer_function(1.0)
    assert difference.shape == (2, 3) and np.abs(difference).max() <= 64 * EPS


def test_singular_change_of_basis():
    with pytest.raises(ValueError, match="`T` must be invertible, but it is singular"):
        ssm.StateSpace(-np.eye(2), [1, 1], [1, 1]).conjugate(np.ones((2, 2)))
