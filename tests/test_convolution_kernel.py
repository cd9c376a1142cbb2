"""Accuracy of every kernel method against balls, the choice of `auto`, and bad input."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ssm_numerics as ssm
from ssm_numerics import certified, testing
from ssm_numerics.convolution_kernel import LARGE, METHODS

U = 2.0**-53
CASES = [  # L, dt, discretization: fast sampling, long memory, holds, damping, one sample
    (4096, 1 / 4096, "bilinear"),
    (4096, 0.01, "bilinear"),
    (1024, 0.01, "zoh"),
    (777, 0.001, "foh"),
    (1000, 0.1, "backward_euler"),
    (1, 0.1, "bilinear"),
]


def balls(system, L, dt, rule, alpha=None):
    """The kernel as balls whose radii are below u max |K|, so that nothing is certified by a vacuous radius."""
    K, radius = certified.convolution_kernel(system, L, dt, rule, alpha)
    assert (radius.max(axis=-1) <= U * np.abs(K).max(axis=-1)).all()
    return K


def error(K, exact):
    """The largest error relative to max |K|, in units of u."""
    return (np.abs(K - exact).max(axis=-1) / np.abs(exact).max(axis=-1)).max() / U


@pytest.mark.jit
@pytest.mark.parametrize(("L", "dt", "rule"), CASES)
@pytest.mark.parametrize("N", [1, 2, 5, 64, 65, 128])
@pytest.mark.parametrize("family", ["legs", "legt", "lagt", "fout"])
def test_dense_methods(family, N, L, dt, rule):
    """krylov and krylov_blocked: 1000 u, here with a margin of four (1400 u before the delta form)."""
    op = ssm.hippo(family, N)
    system = ssm.StateSpace(op.A, op.B, np.random.default_rng(N).normal(size=N))
    exact = balls(system, L, dt, rule)
    for method in ("krylov", "krylov_blocked"):
        assert error(ssm.convolution_kernel(system, L, dt, rule, method=method), exact) <= 250 + 4 * N


@pytest.mark.jit
@pytest.mark.parametrize(("L", "dt", "rule"), [case for case in CASES if "oh" not in case[2]])
@pytest.mark.parametrize("N", [1, 2, 5, 64, 65])
@pytest.mark.parametrize("family", ["legs", "legt", "lagt", "fout"])
def test_algorithm_1(family, N, L, dt, rule):
    """cauchy on r^L = 1/2: 16 (N + 8) u, odd and even N, poles on the imaginary axis included."""
    C = np.random.default_rng(N).normal(size=N)
    system = ssm.nplr(family, N).to_dplr(C)
    exact = balls(system, L, dt, rule)
    for stored in (system, system.full()):
        K = ssm.convolution_kernel(stored, L, dt, rule, method="cauchy")
        assert error(K, exact) <= 16 * (N + 8)
        K, info = ssm.convolution_kernel(stored, L, dt, rule, method="contour", return_info=True)
        assert error(K, exact) * U <= max(info.estimated_error, info.a_posteriori_error)
    op = ssm.hippo(family, N)
    whole = balls(ssm.StateSpace(op.A, op.B, C), L, dt, rule)
    assert error(exact, whole) <= 16 * (N + 8)


@pytest.mark.parametrize("dt", [1e-6, 1e-3, 0.3, 40.0])
@pytest.mark.parametrize("rule", ["bilinear", "zoh", "foh", "backward_euler"])
@pytest.mark.parametrize("name", ["s4d-lin", "s4d-inv", "s4d-legs", "s4d-real"])
def test_diagonal_methods(name, rule, dt):
    """vandermonde from (Lambda, dt): 50 u relative to sum |C B_bar|, whatever L, since nodes are known to 2^-95."""
    modes = ssm.diagonal_init(name, 32)
    rng = np.random.default_rng(0)
    C = rng.normal(size=modes.C.shape) + (1j * rng.normal(size=modes.C.shape))
    system = ssm.Diagonal(modes.Lambda, modes.B, C, conjugate_pairs=modes.conjugate_pairs)
    d = ssm.discretize(system, dt, rule)
    size = 2 * np.abs(d.C * d.B_bar).sum() + (
        0 if d.B_bar_previous is None else 2 * np.abs(d.C * d.B_bar_previous).sum()
    )
    exact, radius = certified.convolution_kernel(system, 3000, dt, rule)
    assert radius.max() <= U * size
    K = ssm.convolution_kernel(system, 3000, dt, rule, method="vandermonde")
    assert np.abs(K - exact).max() <= 50 * U * size


@given(testing.systems(max_states=6), testing.rules(), testing.step_sizes(1e-4, 100), st.integers(1, 40))
def test_every_method_against_balls(system, rule, dt, L):
    """For dissipative systems every output is below S = ||C|| ||B_bar||, and L steps lose at most L (N + 4) eps of
    it."""
    exact, radius = certified.convolution_kernel(system, L, dt, rule["discretization"], rule["alpha"])
    d = ssm.discretize(system, dt, rule["discretization"], rule["alpha"])
    weights = getattr(d, "weights", 1)
    b = np.linalg.norm(d.B_bar * weights, axis=-1).max()
    b += 0 if d.B_bar_previous is None else np.linalg.norm(d.B_bar_previous * weights, axis=-1).max()
    size = np.linalg.norm(d.C, axis=-1).max() * b
    moved = dt * np.linalg.norm(system.to_dense().A, axis=(-2, -1)).max()
    assert radius.max() <= U * size + 1e-300
    for name, method in METHODS.items():
        problem_fits = isinstance(d, ssm.DiscreteDiagonal) or (
            isinstance(d, ssm.DiscreteDPLR) and name != "vandermonde"
        )
        if name in ("krylov", "krylov_blocked") or problem_fits:
            K = ssm.convolution_kernel(system, L, dt, method=name, **rule)
            assert method.error is not None
            aimed = 1e-12 * size if name == "contour" else 0
            assert (
                np.abs(K - exact).max() <= 128 * U * L * (system.n_states + 4) * size * (1 + min(moved, 1 / U)) + aimed
            )


@pytest.mark.jit
def test_many_modes_go_through_a_transform():
    """1024 modes: the same bound as the split, 50 u relative to sum |C B_bar|."""
    modes = ssm.diagonal_init("s4d-lin", 2048)
    system = ssm.Diagonal(modes.Lambda, modes.B, np.cos(np.arange(1024.0)), conjugate_pairs=True)
    d = ssm.discretize(system, 1e-3)
    K = ssm.convolution_kernel(system, 700, 1e-3)
    exact, radius = certified.convolution_kernel(system, 700, 1e-3)
    size = 2 * np.abs(d.C * d.B_bar).sum()
    assert radius.max() <= U * size
    assert np.abs(K - exact).max() <= 50 * U * size


def test_auto_and_info():
    legs = ssm.nplr("legs", 64).to_dplr(np.ones(64))
    K, info = ssm.convolution_kernel(legs, 2048, 1 / 2048, return_info=True)
    assert (info.method in METHODS and info.method in info.why) or "least" in info.why
    assert info.a_posteriori_error <= info.estimated_error
    assert json.loads(json.dumps(info.to_dict()))["method"] == info.method
    np.testing.assert_array_equal(K, ssm.convolution_kernel(legs, 2048, 1 / 2048, method=info.method))
    assert (
        ssm.convolution_kernel(ssm.diagonal_init("s4d-lin", 64), 64, 0.1, return_info=True)[1].method == "vandermonde"
    )


def test_discrete_systems_need_no_step():
    system = ssm.nplr("legt", 9).to_dplr(np.ones(9))
    d = ssm.discretize(system, 0.05)
    for method in ("krylov", "krylov_blocked", "cauchy"):
        K = ssm.convolution_kernel(d, 100, method=method)
        exact = ssm.convolution_kernel(system, 100, 0.05, method=method)
        assert error(K, exact) <= 100 * 17  # nodes rounded to u are moved by L u over L samples
    with pytest.raises(ValueError, match=r"`dt` must be omitted for a system that is already discrete"):
        ssm.convolution_kernel(d, 100, 0.05)


@pytest.mark.parametrize(
    ("change", "kind", "sentence"),
    [
        ({"L": 0}, ValueError, "`L` must be at least 1, but it is 0."),
        ({"L": 2.5}, TypeError, "`L` must be an integer, but it is float 2.5."),
        ({"L": True}, TypeError, "`L` must be an integer, but it is True."),
        ({"dt": 0.0}, ValueError, "`dt` must be positive, but its least entry is 0.0."),
        ({"dt": -1.0}, ValueError, "`dt` must be positive, but its least entry is -1.0."),
        ({"dt": None}, ValueError, "`dt` must be a positive step for a continuous system, but it is None."),
        ({"dt": np.nan}, ValueError, "`dt` must be finite, but it is nan."),
        ({"dt": 1j}, TypeError, "`dt` must be real, but its dtype is complex128."),
        (
            {"method": "fft"},
            ValueError,
            "`method` must be one of auto, krylov, krylov_blocked, vandermonde, cauchy, contour",
        ),
        (
            {"method": "vandermonde"},
            ValueError,
            "`method` must be krylov or krylov_blocked unless the system is diagonal",
        ),
        (
            {"discretization": "tustin"},
            ValueError,
            "`discretization` must be one of euler, backward_euler, bilinear, gbt, zoh, foh",
        ),
        ({"discretization": "gbt", "alpha": 1.5}, ValueError, "`alpha` must be at most 1.0, but it is 1.5."),
        ({"discretization": "gbt"}, ValueError, r"`alpha` must be a number in \[0, 1\] when `discretization` is 'gbt'"),
        ({"alpha": 0.5}, ValueError, "`alpha` must be None unless `discretization` is 'gbt'"),
        ({"L": 10**12}, ValueError, "`L` must fit into max_memory = 8 GiB, but it needs"),
        ({"system": np.eye(2)}, TypeError, "`system` must be a continuous or discrete state space system"),
        ({"dt": [0.1, 0.2], "system": "batch"}, ValueError, "`dt`, `system` must have leading axes that broadcast"),
    ],
)
def test_bad_input(change, kind, sentence):
    arguments = {"system": ssm.StateSpace(-np.eye(2), [1.0, 1.0], [1.0, 1.0]), "L": 8, "dt": 0.1} | change
    if isinstance(arguments["system"], str):
        arguments["system"] = ssm.StateSpace(-np.eye(2), np.ones((3, 2)), [1.0, 1.0])
    with pytest.raises(kind, match=sentence):
        ssm.convolution_kernel(**arguments)


def test_unstable_systems_are_computed_with_a_warning_or_refused_with_a_reason():
    op = ssm.hippo("legs", 8)
    system = ssm.StateSpace(op.A, op.B, np.ones(8))
    with pytest.warns(ssm.UnstableDiscretizationWarning, match="spectral radius of A_bar is 7"):
        K = ssm.convolution_kernel(system, 10, 1.0, "euler")
    assert np.isfinite(K).all()
    with (
        pytest.warns(ssm.UnstableDiscretizationWarning),
        pytest.raises(
            ValueError, match="`L` must be short enough for the growth of an unstable system, but the kernel overflows"
        ),
    ):
        ssm.convolution_kernel(system, 1000, 1.0, "euler")


@pytest.mark.parametrize("z", [1.0, 1.01])
@pytest.mark.parametrize("size", [1.0, 1e290, 6e299, 1.4e300, 1e306, 1e308])
@pytest.mark.parametrize("z_2", [0.5, 1.0])
def test_large_kernels_that_overflow_are_refused(z, size, z_2):
    """They are looked through unless no mode grows and no coefficient is near 2^996, where double-words overflow."""
    modes = ssm.DiscreteDiagonal([z, z_2], [size, size], [1.0, 1.0], 0.0, 1.0)
    if z > 1 or size > 2.0**996:
        with pytest.raises(ValueError, match="the kernel overflows within 262144 samples"):
            ssm.convolution_kernel(modes, LARGE)
    else:
        assert ssm.convolution_kernel(modes, LARGE)[-1] == size * (1 + z_2 ** (LARGE - 1))


@pytest.mark.parametrize(
    ("z", "size", "is_refused"),
    [(1.0, 1.0, False), (1.0, 6e299, False), (1.0, 1e308, True), (1.01, 1.0, False), (1.01, 1e300, True)],
)
def test_small_kernels_that_overflow_are_refused(z, size, is_refused):
    """They are looked through, whatever their modes are."""
    modes = ssm.DiscreteDiagonal([z, 0.5], [size, size], [1.0, 1.0], 0.0, 1.0)
    if is_refused:
        with pytest.raises(ValueError, match="the kernel overflows within 4096 samples"):
            ssm.convolution_kernel(modes, 4096)
    else:
        assert np.isfinite(ssm.convolution_kernel(modes, 4096)).all()


@pytest.mark.parametrize("pole", [-1e305, -1 + 1e305j])
@pytest.mark.parametrize("rule", ["bilinear", "backward_euler"])
def test_large_kernels_whose_nodes_overflow_are_refused(pole, rule):
    """A_bar is a number here, its double-word is none; in one of two heads."""
    modes = ssm.Diagonal([[pole, -1.0], [-1.0, -2.0]], [1.0, 1.0], [1.0, 1.0])
    with pytest.raises(ValueError, match="the kernel overflows"):
        ssm.convolution_kernel(modes, LARGE // 2, 1.0, rule)


@pytest.mark.parametrize("rule", ["bilinear", "foh"])
def test_shape_is_that_of_the_batch(rule):
    """Every method gives (*batch_shape, L), axes that only D or dt has included."""
    modes = ssm.diagonal_init("s4d-lin", 4)
    diagonal = ssm.Diagonal(modes.Lambda, modes.B, modes.C, [1.0, 2.0], modes.conjugate_pairs)
    for system in (diagonal, diagonal.full(), diagonal.to_dense()):
        d = ssm.discretize(system, [[0.1], [0.2], [0.3]], rule)
        for L in (1, 2, 7):
            expected = ssm.convolution_kernel(d, L, method="krylov")
            for name, method in METHODS.items():
                if isinstance(d, ssm.DiscreteDiagonal) or "krylov" in name:
                    K = ssm.convolution_kernel(d, L, method=name)
                    assert K.shape == d.batch_shape + (L,) == (3, 2, L) and K.flags.c_contiguous
                    assert np.abs(K - expected).max() <= max(1e-11, 1000 * U) and method.needs


def test_kernels_that_are_zero():
    """No output: K = 0 by every method, with estimates that are numbers."""
    system = ssm.Diagonal([-1.0 + 1j, -2.0], [1.0, 1.0], [0.0, 0.0])
    for name in METHODS:
        K, info = ssm.convolution_kernel(system, 9, 0.1, method=name, return_info=True)
        assert not K.any() and info.a_posteriori_error == 0 and np.isfinite(info.estimated_error)


@pytest.mark.parametrize("dtype", [np.complex64, np.complex128])
def test_poles_that_underflow(dtype):
    """ZOH of a mode that dies within one step: its pole is subnormal or zero, and K_0 alone is left."""
    for dt in (40.0, 90.0, 95.0, 133.0, 720.0, 744.0, 745.0, 2000.0):
        system = ssm.Diagonal(np.array([-0.7 + 0.9j, -1.0], dtype), np.ones(2, dtype), np.ones(2, dtype))
        exact = ssm.convolution_kernel(system, 5, dt, "zoh", method="krylov")
        for name in METHODS:
            K = ssm.convolution_kernel(system, 5, dt, "zoh", method=name)
            assert np.abs(K - exact).max() <= 64 * 5 * np.finfo(dtype).eps * np.abs(exact).max() + (
                1e-11 if name == "contour" else 0
            )
    tiny = np.array([2 + 1.5j, 1.0]) * np.finfo(dtype).smallest_subnormal * 1000
    for pairs in (False, True):
        d = ssm.DiscreteDiagonal(tiny.astype(dtype), *(np.ones(2, dtype),) * 2, 0.0, 1.0, conjugate_pairs=pairs)
        for name in METHODS:
            K = ssm.convolution_kernel(d, 5, method=name)
            exact = np.array([2, 0, 0, 0, 0]) * (1 + pairs)
            assert np.abs(K - exact).max() <= 64 * 5 * np.finfo(dtype).eps + (1e-11 if name == "contour" else 0)


@pytest.mark.parametrize("dt", [1e3, 1e6, 1e9])
@pytest.mark.parametrize("rule", ["bilinear", "backward_euler"])
@pytest.mark.parametrize(("family", "N"), [("lagt", 5), ("legt", 9), ("legt", 65), ("fout", 9), ("legs", 9)])
def test_long_steps_of_couplings_to_a_pole_at_zero(family, N, rule, dt):
    """Where Lambda has an entry 0 Woodbury's formula alone loses dt |P|^2, 1e9 u at dt = 1e9: B_bar is refined."""
    system = ssm.nplr(family, N).to_dplr(np.random.default_rng(N).normal(size=N))
    exact = balls(system, 8, dt, rule)
    for method in ("krylov", "cauchy"):
        for stored in (system, system.full()):
            assert error(ssm.convolution_kernel(stored, 8, dt, rule, method=method), exact) <= 16 * (N + 8)


@pytest.mark.jit
@pytest.mark.parametrize(("family", "N"), [("legs", 9), ("legt", 8), ("lagt", 16)])
def test_structured_steps_in_delta_form(family, N):
    """4000 steps with dt = 1e-6 lose 43 u at most; with poles rounded to A_bar, not to A_bar - I, 580 u to 2000 u."""
    system = ssm.nplr(family, N).to_dplr(np.random.default_rng(0).normal(size=N))
    for stored in (system, system.full(), ssm.Diagonal(system.Lambda, system.B, system.C, 0.0, system.conjugate_pairs)):
        exact = balls(stored, 4000, 1e-6, "bilinear")
        assert error(ssm.convolution_kernel(stored, 4000, 1e-6, method="krylov"), exact) <= 100


@pytest.mark.parametrize("rank", [1, 2, 4])
@pytest.mark.parametrize("rule", ["bilinear", "backward_euler", "zoh"])
def test_general_low_rank_parts(rule, rank):
    """P and Q that differ, in real and complex storage: every method against balls; A_bar is a contraction."""
    rng = np.random.default_rng(rank)
    P, Q = (0.3 * (rng.normal(size=(5, rank)) + 1j * rng.normal(size=(5, rank))) for _ in range(2))
    Lambda = -2 + 3j * rng.normal(size=5)
    B, C = (rng.normal(size=5) + 1j * rng.normal(size=5) for _ in range(2))
    for pairs in (True, False):
        system = ssm.DPLR(Lambda, P, Q, B, C, conjugate_pairs=pairs)
        assert np.linalg.norm(ssm.discretize(system, 0.2, rule).to_dense().A_bar, 2) < 1
        exact = balls(system, 60, 0.2, rule)
        for method in ("krylov", "krylov_blocked") if rule == "zoh" else ("krylov", "krylov_blocked", "cauchy"):
            assert error(ssm.convolution_kernel(system, 60, 0.2, rule, method=method), exact) <= 16 * 18


@pytest.mark.parametrize("N", [5, 33])  # C A_bar^L by squaring, and by steps of the adjoint recurrence
@pytest.mark.parametrize("rule", ["bilinear", "zoh", "foh"])
def test_outputs_of_modes_alone_are_real(rule, N):
    """Only Re C of a mode without a partner reaches the output, as for modal rows of odd order."""
    C = np.exp(1j * np.arange(1, (N + 3) // 2))
    system = ssm.nplr("legt", N).to_dplr(C, basis="modal")
    assert list(system.pairs) == [True] * (N // 2) + [False] and C[-1].imag
    real = ssm.nplr("legt", N).to_dplr(np.where(system.pairs, C, C.real), basis="modal")
    forms = [(s, ssm.Diagonal(s.Lambda, s.B, s.C, conjugate_pairs=s.conjugate_pairs)) for s in (system, real)]
    for given_form, real_form in zip(*forms, strict=True):
        for name in METHODS:
            if name in ("cauchy", "contour", "vandermonde") and (
                isinstance(given_form, ssm.DPLR) and (rule != "bilinear" or name == "vandermonde")
            ):
                continue
            for L in (1, 4, 500):
                K, expected = (ssm.convolution_kernel(s, L, 0.01, rule, method=name) for s in (given_form, real_form))
                assert np.abs(K - expected).max() <= 64 * U * np.abs(expected).max()
        u = np.ones(9)
        y, z = (ssm.simulate(s, u, 0.01, rule) for s in (given_form, real_form))
        assert np.abs(y - z).max() <= 64 * U * np.abs(z).max()
        assert np.abs(given_form.transfer_function(1j) - real_form.transfer_function(1j)) <= 64 * U * np.abs(C).sum()
