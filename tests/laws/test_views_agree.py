"""Recurrent = convolutional = continuous, for every kind of system, rule, kernel method, dtype and batch.

Scale of every bound: S = ||C|| ||B_bar|| sum |u|. For a dissipative system ||A_bar|| <= 1, so no output exceeds S, each
of the T steps of a view commits at most a small multiple of (N + r) eps of it, and an FFT adds log2 factors.
"""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import ssm_numerics as ssm
from ssm_numerics import testing

METHODS = ("krylov", "krylov_blocked", "vandermonde", "cauchy", "contour")


def scale(system, u, dt, rule):
    """S, the largest output a dissipative system can produce, with FOH's two input vectors."""
    d = ssm.discretize(system, dt, rule["discretization"], rule["alpha"])
    b = np.linalg.norm(d.B_bar * getattr(d, "weights", 1), axis=-1).max()
    if d.B_bar_previous is not None:
        b += np.linalg.norm(d.B_bar_previous * getattr(d, "weights", 1), axis=-1).max()
    return 1e-300 + np.linalg.norm(d.C, axis=-1).max() * b * np.abs(u).sum(axis=-1).max()


def tolerance(system, u, S):
    """Steps times states times eps times S; 32 covers the constants of complex arithmetic and of Woodbury's formula."""
    return 32 * np.finfo(system.dtype).eps * u.shape[-1] * (system.n_states + 4) * S


def applicable(system, method, rule):
    if method == "vandermonde":
        return isinstance(system, ssm.Diagonal)
    if method in ("cauchy", "contour"):
        return isinstance(system, ssm.Diagonal) or (isinstance(system, ssm.DPLR) and "oh" not in rule["discretization"])
    return True


@pytest.mark.parametrize("method", METHODS)
@given(data=st.data())
def test_recurrent_is_convolutional(method, data):
    system = data.draw(testing.systems(dtypes=testing.DTYPES))
    rule, dt = data.draw(testing.rules()), data.draw(testing.step_sizes())
    assume(applicable(system, method, rule))
    u = data.draw(testing.signals(dtype=system.C.real.dtype))
    K = ssm.convolution_kernel(system, u.shape[-1], dt, method=method, **rule)
    y = ssm.simulate(system, u, dt, **rule)
    assert K.dtype == y.dtype == system.output_dtype
    assert K.shape == (*system.batch_shape, u.shape[-1])
    S = scale(system, u, dt, rule)
    aimed = max(1e-12, 1e4 * np.finfo(system.dtype).eps) if method == "contour" else 0
    assert np.abs(ssm.convolve(K, u) - y).max() <= tolerance(system, u, S) + aimed * S


@given(
    testing.systems(),
    testing.step_sizes(1e-3, 10),
    testing.signals(),
    st.integers(2, 4),
    st.sampled_from(("zoh", "foh")),
)
def test_continuous_is_discrete(system, dt, u, parts, hold):
    """Exact holds: dividing every step, and the held input with it, changes nothing at the old samples."""
    if hold == "zoh":
        fine = np.repeat(u, parts)
    else:
        fine = np.interp(np.arange(1, parts * u.size + 1) / parts, np.arange(u.size + 1), np.concatenate([[0], u]))
    t = dt * np.arange(1, parts * u.size + 1) / parts
    y = ssm.simulate(system, u, dt, hold)
    rule = {"discretization": hold, "alpha": None}
    bound = parts * tolerance(system, fine, scale(system, fine, dt, rule)) * condition(system, dt)
    assert np.abs(ssm.respond(system, fine, t, hold)[..., parts - 1 :: parts] - y).max() <= bound


def condition(system, dt):
    """Rounding dt Lambda moves e^{dt Lambda} by |dt Lambda| eps, which is what the times determine."""
    poles = system.to_dense().A
    return 1 + dt * np.linalg.norm(poles, axis=(-2, -1)).max()


@given(testing.systems(), testing.step_sizes(1e-2, 1), testing.signals(max_length=12))
def test_uneven_times(system, dt, u):
    """Times that merge two samples of a ZOH signal give the later of the two."""
    if u.size < 3:
        return
    t = dt * np.arange(1, u.size + 1)
    held = u.copy()
    held[-2] = u[-1]
    whole = ssm.respond(system, held, t)
    skipping = ssm.respond(system, np.delete(held, -2), np.delete(t, -2))
    rule = {"discretization": "zoh", "alpha": None}
    bound = tolerance(system, u, scale(system, held, 2 * dt, rule)) * condition(system, dt)
    assert np.abs(skipping[..., -1] - whole[..., -1]).max() <= bound


@given(
    testing.systems(kinds=("diagonal_pairs", "dplr_pairs")), testing.rules(), testing.step_sizes(), testing.signals()
)
def test_pair_storage_is_full_storage(system, rule, dt, u):
    y = ssm.simulate(system, u, dt, **rule)
    bound = tolerance(system, u, scale(system, u, dt, rule))
    for other in (system.full(), system.to_dense()):
        z = ssm.simulate(other, u, dt, **rule)
        assert np.abs(z - y).max() <= bound


@given(testing.systems(), testing.step_sizes(1e-2, 1), st.integers(1, 40))
def test_impulse_response_is_the_limit_of_the_kernel(system, dt, L):
    """K_l of ZOH is the mean of h over [l dt, (l + 1) dt] times dt: by Simpson's rule to order dt^5."""
    fine = dt / 64
    K = ssm.convolution_kernel(system, L, fine, "zoh")
    l = np.arange(L)
    h = [ssm.impulse_response(system, fine * (l + shift)) for shift in (0, 0.5, 1)]
    norm = np.linalg.norm(system.to_dense().A, axis=(-2, -1)).max()
    b, c = (np.linalg.norm(v, axis=-1).max() for v in (system.to_dense().B, system.to_dense().C))
    simpson = (fine * norm) ** 4 / 2880 * fine * b * c
    rounding = tolerance(system, np.ones(L), fine * b * c)
    assert np.abs(K - fine / 6 * (h[0] + 4 * h[1] + h[2])).max() <= simpson + rounding
