"""The continuous view: impulse responses against balls and closed forms, exact holds against the ODE, and bad input."""

import flint
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.interpolate import CubicSpline

import ssm_numerics as ssm
from ssm_numerics import testing
from ssm_numerics.continuous import even_step

EPS = np.finfo(float).eps
DENSE = ssm.StateSpace([[-1.0, 0.5], [0.25, -2.0]], [1.0, -1.0], [0.5, 2.0], 0.25)
P, Q, PAIRS = [[1 + 0.5j], [0.5]], [[0.6 - 0.3j], [0.9]], np.array([True, False])
DPLR = ssm.DPLR([-1 + 2j, -0.5], P, Q, [1 - 1j, 2], [0.5 + 1j, 1], 0.25, PAIRS)
DIAGONAL = ssm.Diagonal(DPLR.Lambda, DPLR.B, DPLR.C, 0.25, DPLR.conjugate_pairs)
SYSTEMS = {
    "dense": DENSE,
    "dplr": DPLR,
    "dplr_full": DPLR.full(),
    "diagonal": DIAGONAL,
    "diagonal_full": DIAGONAL.full(),
}
TIMES = np.cumsum([0.3, 0.1, 0.4, 0.1, 0.5, 0.9, 0.2, 0.6])
U = np.array([1.0, -0.5, 2.0, 0.25, 0.0, -1.0, 1.5, 1.0])


def initial(kind):
    return {2: np.array([1.0, -2.0]), 3: np.array([1 - 2j, 0.5, 1 + 2j])}[SYSTEMS[kind].C.shape[-1]]


def ball(x):
    return flint.acb(complex(x).real, complex(x).imag)


def exponential(A, t):
    """e^{tA} in balls, A and t taken as exact."""
    return (flint.acb_mat([[ball(x) for x in row] for row in A]) * ball(t)).exp()


def middle(M):
    return np.array([[complex(M[i, j].mid()) for j in range(M.ncols())] for i in range(M.nrows())])


# Impulse responses


@pytest.mark.parametrize("t", [1e-8, 0.01, 1.0, 3.0, 20.0, 100.0])
@pytest.mark.parametrize(
    ("family", "N"), [("legs", 1), ("legs", 24), ("legt", 16), ("lmu", 9), ("lagt", 24), ("glagt", 12), ("fout", 8)]
)
def test_dense_impulse_response_against_balls(family, N, t):
    """2 (N + ||tA||) eps ||C|| ||e^{tA/4}||^4 ||B||, the last squarings; with C = I every component at once."""
    op = ssm.hippo(family, N)
    system = ssm.StateSpace(op.A, op.B, np.eye(N))
    with flint.ctx.workprec(600):
        exact = middle(exponential(op.A, t) * flint.acb_mat([[ball(b)] for b in op.B])).real[:, 0]
        quarter = np.linalg.norm(middle(exponential(op.A, t / 4)), 2) ** 4
    bound = 2 * (N + t * np.linalg.norm(op.A, 2)) * EPS * quarter * np.linalg.norm(op.B) + 1e-300
    assert np.abs(ssm.impulse_response(system, t) - exact).max() <= bound
    grid = ssm.impulse_response(system, np.array([t, 1.5 * t, 2 * t, 2.5 * t]))
    assert np.abs(grid[:, 0] - exact).max() <= bound


@pytest.mark.parametrize("t", [1e-12, 1e-3, 1.0, 40.0, 1e3])
@pytest.mark.parametrize("name", ["s4d-lin", "s4d-inv", "s4d-legs", "s4d-real"])
def test_diagonal_impulse_response_against_balls(name, t):
    """(2 + |t Lambda|) eps of the decayed sum |C B e^{t Lambda}|, with N eps for the sum itself."""
    modes = ssm.diagonal_init(name, 16)
    rng = np.random.default_rng(0)
    C = rng.normal(size=modes.C.size) + (0 if name == "s4d-real" else 1j * rng.normal(size=modes.C.size))
    system = ssm.Diagonal(modes.Lambda, modes.B, C, conjugate_pairs=modes.conjugate_pairs)
    with flint.ctx.workprec(300):
        terms = [
            (ball(t) * ball(z)).exp() * ball(c) * ball(w)
            for z, c, w in zip(system.Lambda, C, system.weights, strict=True)
        ]
        exact = float(sum(terms, flint.acb(0)).real.mid())
        size = sum(
            (2 + modes.C.size + abs(t * z)) * float(abs(term).mid())
            for z, term in zip(system.Lambda, terms, strict=True)
        )
    assert abs(ssm.impulse_response(system, t) - exact) <= 2 * EPS * size + 1e-300


def test_legs_remembers_in_legendre_polynomials():
    """e^{tA} B = sqrt(2n+1) P_n(2 e^{-t} - 1) e^{-t}, at uneven times; |P_n| <= 1, and A moves it by N eps ||t A||."""
    N, t = 12, np.array([0.0, 0.1, 0.15, 0.7, 2.0, 5.0])
    op = ssm.hippo("legs", N)
    h = ssm.impulse_response(ssm.StateSpace(op.A, op.B, np.eye(N)), t)
    for n in range(N):
        legendre = np.polynomial.legendre.Legendre.basis(n)(2 * np.exp(-t) - 1)
        expected = np.sqrt(2 * n + 1) * legendre * np.exp(-t)
        assert np.abs(h[n] - expected).max() <= 8 * N * EPS * np.linalg.norm(op.B) + 4 * n**2 * EPS


@pytest.mark.parametrize("kind", SYSTEMS)
def test_shapes_and_grids(kind):
    """Scalars, matrices of times, unsorted and repeated times, and grids: the same function of t."""
    system = SYSTEMS[kind]
    t = np.array([[0.5, 0.0, 0.25], [1.0, 0.5, 0.7]])
    h = ssm.impulse_response(system, t)
    assert h.shape == t.shape and h.dtype == system.output_dtype
    size = 64 * EPS * np.linalg.norm(system.full().C if kind != "dense" else system.C) * np.linalg.norm(system.B) * 2
    for index in np.ndindex(*t.shape):
        assert abs(ssm.impulse_response(system, t[index]) - h[index]) <= size
    assert ssm.impulse_response(system, 0.5).shape == ()
    assert abs(h[0, 1] - np.sum(system.to_dense().C * system.to_dense().B)) <= size
    grid = ssm.impulse_response(system, 0.25 * np.arange(5))
    assert max(abs(grid[2] - h[0, 0]), abs(grid[1] - h[0, 2]), abs(grid[4] - h[1, 0]), abs(grid[0] - h[0, 1])) <= size
    backward = ssm.impulse_response(system, [1.0, 0.5, 0.0])
    assert np.abs(backward - grid[[4, 2, 0]]).max() <= size


@settings(max_examples=max(10, settings().max_examples // 3))
@given(st.permutations([(3, 1), (1, 2), (2,), ()]), st.booleans(), st.sampled_from(("dense", "diagonal", "dplr")))
def test_impulse_response_of_heads(shapes, even, kind):
    """A, B, C and D with leading axes of their own, on a grid and at uneven times: each head is its own system."""
    rng = np.random.default_rng(0)
    source = SYSTEMS[kind]
    names = [name for name, axes in source._SPEC.items() if axes]
    parts = {name: getattr(source, name) for name in source._SPEC}
    for name, shape in zip((names[0], "B", "C"), shapes, strict=False):
        array = parts[name]
        parts[name] = array * (1 + rng.random(shape)).reshape(*shape, *([1] * array.ndim))
    parts["D"] = rng.normal(size=shapes[3])
    pairs = {} if kind == "dense" else {"conjugate_pairs": source.conjugate_pairs}
    t = np.array([0.1, 0.2, 0.3, 0.4]) if even else np.array([0.1, 0.25, 0.3, 0.9])
    system = type(source)(**parts, **pairs)
    h, y = ssm.impulse_response(system, t), ssm.respond(system, np.ones(4), t)
    batch = np.broadcast_shapes(*shapes)
    assert h.shape == y.shape == (*batch, 4)
    axes = {name: len(source._SPEC[name]) for name in parts}
    rows = {n: np.broadcast_to(a, (*batch, *np.shape(a)[np.ndim(a) - axes[n] :])) for n, a in parts.items()}
    size = 64 * 4 * EPS * np.linalg.norm(system.C) * np.linalg.norm(system.B) + 8 * EPS * np.abs(system.D).max()
    for head in np.ndindex(*batch):
        alone = type(source)(**{name: row[head] for name, row in rows.items()}, **pairs)
        assert np.abs(h[head] - ssm.impulse_response(alone, t)).max() <= size
        assert np.abs(y[head] - ssm.respond(alone, np.ones(4), t)).max() <= size


@pytest.mark.parametrize("kind", SYSTEMS)
def test_transfer_function_is_the_laplace_transform(kind):
    """Simpson's rule on [0, 40], where e^{tA} is below e^{-10}: enough to tell a wrong sign or a missing partner."""
    system, t = SYSTEMS[kind], np.linspace(0, 40, 8001)
    h = ssm.impulse_response(system, t) * np.exp(-t)
    weights = np.where(np.arange(t.size) % 2, 4.0, 2.0)
    weights[[0, -1]] = 1
    integral = np.sum(weights * h) * (t[1] - t[0]) / 3
    H = system.transfer_function(1.0) - system.D
    fourth = np.linalg.norm(system.to_dense().A - np.eye(system.n_states), 2) ** 4
    decayed = np.exp(-40 * 1.2)
    assert abs(integral - H) <= 40 * (t[1] - t[0]) ** 4 / 180 * fourth * 16 + decayed + 1e4 * EPS


# Responses


def ode(system, function, t, x0=None, t0=0.0):
    """The independent answer, by Radau."""
    return ssm.respond(system, function, t, x0=x0, t0=t0, rtol=RTOL)


RTOL = 1e-8
ODE_ERROR = 1e3 * RTOL
"""Radau commits about RTOL of the state's size, below 10, in each of less than a hundred steps."""


@pytest.mark.parametrize("with_state", [False, True])
@pytest.mark.parametrize("kind", SYSTEMS)
def test_linear_interpolation_against_the_ode(kind, with_state):
    """FOH from (t0, u_before), uneven times; piecewise linear input has corners, so the ODE restarts at each."""
    system, x0 = SYSTEMS[kind], initial(kind) if with_state else None
    times, start, before = TIMES + 1.0, 0.75, -0.5
    y = ssm.respond(system, U, times, "foh", x0=x0, t0=start, u_before=before)
    knots, values = np.concatenate([[start], times]), np.concatenate([[before], U])
    states = np.eye(system.to_dense().n_states)
    assert np.abs(y - restarted(system, knots, values, x0, states)).max() <= ODE_ERROR
    late = ssm.respond(system, U, times - start, "foh", x0=x0, u_before=before)
    assert np.abs(y - late).max() <= 1e3 * EPS * np.abs(y).max()


def restarted(system, knots, values, x0, rows):
    """The ODE segment by segment in the dense basis, with the state read off by C = I."""
    dense = system.to_dense()
    if x0 is None:
        x = np.zeros(dense.n_states)
    else:
        basis = ssm.StateSpace(dense.A, dense.B, rows)
        x = dense_state(system, x0)
        assert x.shape == basis.B.shape
    reader = ssm.StateSpace(dense.A, dense.B, rows)
    outputs = []
    for begin, end, u, v in zip(knots, knots[1:], values, values[1:], strict=False):

        def line(t, begin=begin, end=end, u=u, v=v):
            return u + (v - u) * (t - begin) / (end - begin)

        x = ode(reader, line, [end], x0=np.broadcast_to(x, (dense.n_states, dense.n_states)), t0=begin)[:, 0]
        outputs.append(dense.C @ x + dense.D * v)
    return np.array(outputs)


def dense_state(system, x0):
    """The state of `to_dense`: for pairs its coordinates are sqrt 2 Re and sqrt 2 Im, for the mode alone its value."""
    if getattr(system, "pairs", None) is None:
        return x0
    return np.array([np.sqrt(2) * x0[0].real, np.sqrt(2) * x0[0].imag, x0[1].real])


@pytest.mark.parametrize("kind", SYSTEMS)
def test_held_input_against_the_exponential(kind):
    """ZOH: u_k on (t_{k-1}, t_k]; x_k = e^{hA} x_{k-1} + A^{-1} (e^{hA} - I) B u_k from balls."""
    system, x0 = SYSTEMS[kind], initial(kind)
    dense, x = system.to_dense(), dense_state(system, initial(kind))
    y = ssm.respond(system, U, TIMES + 1.0, x0=x0, t0=1.0)
    expected = []
    for step, u in zip(np.diff(TIMES + 1.0, prepend=1.0), U, strict=True):
        E = middle(exponential(dense.A, step))
        x = E @ x + np.linalg.solve(dense.A, (E - np.eye(len(E))) @ dense.B) * u
        expected.append(dense.C @ x + dense.D * u)
    assert y.dtype == system.output_dtype
    size = np.linalg.norm(dense.C) * (np.linalg.norm(x0) * 2 + TIMES[-1] * np.linalg.norm(dense.B) * np.abs(U).max())
    assert np.abs(y - expected).max() <= 64 * EPS * U.size * size * (1 + np.linalg.norm(dense.A))


@pytest.mark.parametrize("kind", SYSTEMS)
@pytest.mark.parametrize("hold", ["zoh", "foh"])
def test_even_times_are_the_recurrent_view(kind, hold):
    system, t = SYSTEMS[kind], 0.1 * np.arange(1, 9)
    y = ssm.simulate(system, U, 0.1, hold, x0=initial(kind), u_before=0.5)
    z = ssm.respond(system, U, t, hold, x0=initial(kind), u_before=0.5)
    size = np.linalg.norm(system.C) * (np.linalg.norm(initial(kind)) + 2 * np.linalg.norm(system.B)) * 4
    assert np.abs(y - z).max() <= 64 * EPS * 8 * 3 * size


@pytest.mark.parametrize("kind", SYSTEMS)
def test_functions_of_time(kind):
    """x' = Ax + B e^{-3t}: x(t) = e^{tA} x0 + (-3 - A)^{-1} (e^{-3t} - e^{tA}) B."""
    system, dense = SYSTEMS[kind], SYSTEMS[kind].to_dense()
    y = ssm.respond(system, lambda t: np.exp(-3 * t), TIMES, x0=initial(kind), rtol=RTOL)
    eye = np.eye(dense.n_states)
    expected = []
    for t in TIMES:
        E = middle(exponential(dense.A, t))
        forced = np.linalg.solve(-3 * eye - dense.A, (np.exp(-3 * t) * eye - E) @ dense.B)
        expected.append(dense.C @ (E @ dense_state(system, initial(kind)) + forced) + dense.D * np.exp(-3 * t))
    assert np.abs(y - expected).max() <= ODE_ERROR
    assert y.dtype == system.output_dtype


def test_functions_that_return_arrays_and_complex_numbers():
    """One input per head; a complex input into a real system is its real and imaginary part."""
    heads = ssm.StateSpace(np.stack([DENSE.A, 2 * DENSE.A, 3 * DENSE.A]), DENSE.B, DENSE.C, [0.0, 1.0, 2.0])
    y = ode(heads, lambda t: np.array([np.sin(t), 1.0, t]), TIMES)
    for head, function in enumerate((np.sin, lambda t: 1.0, lambda t: t)):
        alone = ssm.StateSpace(heads.A[head], heads.B, heads.C, heads.D[head])
        assert np.abs(y[head] - ode(alone, function, TIMES)).max() <= ODE_ERROR
    z = ode(DENSE, lambda t: np.exp(2j * t), TIMES)
    both = [ode(DENSE, f, TIMES) for f in (lambda t: np.cos(2 * t), lambda t: np.sin(2 * t))]
    assert np.abs(z - (both[0] + 1j * both[1])).max() <= ODE_ERROR


@pytest.mark.parametrize("kind", ["dense", "dplr", "diagonal_full"])
def test_interpolated_samples(kind):
    """hold=CubicSpline is the response to that spline; with several heads time is its first axis."""
    system = SYSTEMS[kind]
    y = ssm.respond(system, U, TIMES, CubicSpline, rtol=RTOL)
    assert np.abs(y - ode(system, CubicSpline(TIMES, U), TIMES)).max() <= ODE_ERROR
    square = np.stack([U * (1 + k) for k in range(8)])  # as many heads as samples: axes must not be confused
    z = ssm.respond(system, square, TIMES, CubicSpline, rtol=100 * RTOL)
    assert z.shape == (8, 8)
    assert np.abs(z[3] - 4 * y).max() <= 400 * ODE_ERROR


def test_times_that_begin_at_t0():
    """A first time equal to t0 shows the initial state under every hold."""
    x0 = np.array([1.0, 2.0])
    for hold in ("zoh", "foh"):
        assert ssm.respond(DENSE, [3.0], [0.5], hold, x0=x0, t0=0.5) == DENSE.C @ x0 + 0.25 * 3
    assert ssm.respond(DENSE, lambda t: 3.0, [0.5], x0=x0, t0=0.5) == DENSE.C @ x0 + 0.25 * 3
    y = ssm.respond(DENSE, lambda t: 3.0, [0.5, 1.5], x0=x0, t0=0.5)
    z = ssm.respond(DENSE, [3.0, 3.0], [0.5, 1.5], x0=x0, t0=0.5)
    assert np.abs(y - z).max() <= ODE_ERROR


@given(testing.systems(), testing.step_sizes(1e-3, 10), testing.signals(), st.data())
def test_states_carry_over_a_cut_in_time(system, dt, u, data):
    """Responding to a held input over [t0, t1], then [t1, t2], is one response: the state at t1 is e^{..}."""
    cut = data.draw(st.integers(1, u.size))
    hold = data.draw(st.sampled_from(("zoh", "foh")))
    rng = np.random.default_rng(0)
    steps = dt * (0.5 + rng.random(u.size))
    t = np.cumsum(steps)
    whole = ssm.respond(system, u, t, hold)
    n = system.C.shape[-1]
    parts = [ssm.respond(system, u[:cut], t[:cut], hold)]
    if cut < u.size:
        x = np.stack([states_of(system, mode, u[:cut], t[:cut], hold) for mode in range(n)], axis=-1)
        pairs = getattr(system, "pairs", None)
        x = x if pairs is None else np.where(pairs, x, x.real)
        parts.append(ssm.respond(system, u[cut:], t[cut:], hold, x0=x, t0=t[cut - 1], u_before=u[cut - 1]))
    dense = system.to_dense()
    growth = 1 + steps.max() * np.linalg.norm(dense.A, axis=(-2, -1)).max()
    reach = (
        np.linalg.norm(dense.B, axis=-1).max() * np.linalg.norm(dense.C, axis=-1).max() * steps.max() * np.abs(u).sum()
    )
    bound = 64 * EPS * u.size * (system.n_states + 4) ** 2 * 2 * reach * growth
    assert np.abs(np.concatenate(parts, axis=-1) - whole).max() <= bound


def states_of(system, mode, u, t, hold):
    """The final state's entry of one stored mode, read by the full system through C = e_mode."""
    full = system if isinstance(system, ssm.StateSpace) else system.full()
    reader = {name: getattr(full, name) for name, axes in full._SPEC.items() if axes}
    reader["C"] = np.eye(full.C.shape[-1])[mode].astype(full.dtype)
    return ssm.respond(type(full)(**reader), u, t, hold)[..., -1]


def test_many_distinct_steps_run_in_blocks(monkeypatch):
    """More distinct steps than fit into the working memory: the same response, whatever the blocks."""
    rng = np.random.default_rng(0)
    t, u = np.cumsum(0.01 + rng.random(50) / 10), rng.normal(size=(2, 50))
    for system in SYSTEMS.values():
        for hold in ("zoh", "foh"):
            whole = ssm.respond(system, u, t, hold, u_before=0.3)
            with monkeypatch.context() as patch:
                patch.setattr("ssm_numerics.continuous.BLOCK_BYTES", 4000)
                parts = ssm.respond(system, u, t, hold, u_before=0.3)
                h = ssm.impulse_response(system, t)
            assert np.abs(parts - whole).max() <= 64 * EPS * 50 * 3 * np.abs(whole).max()
            assert np.abs(h - ssm.impulse_response(system, t)).max() <= 64 * EPS * 3 * np.abs(h).max()


def test_even_times_far_from_zero():
    """At t = 1e9 the differences of the times have lost nine digits; the common step has not."""
    t = 1e9 + 0.1 * np.arange(1, 101)
    y = ssm.respond(DENSE, np.sin(np.arange(100.0)), t, t0=1e9)
    expected = ssm.simulate(DENSE, np.sin(np.arange(100.0)), 0.1, "zoh")
    assert np.abs(y - expected).max() <= 4 * (1e9 * EPS / 0.1) * np.abs(expected).max()
    relative = np.abs(y[50:] - expected[50:]).max() / np.abs(expected).max()
    assert relative <= 4 * 1e9 * EPS / 10  # the step is the mean of a hundred differences


@pytest.mark.parametrize("moved", [1e-13, 1e-9, 1e-3])
def test_nearly_even_times_are_not_taken_for_even(moved):
    """A grid is even up to the rounding of its times, 4 eps of the largest; what is moved further is answered there."""
    t = 0.25 * np.arange(1.0, 9)
    assert even_step(t) == 0.25
    t[4] += moved
    assert even_step(t) is None
    size = np.linalg.norm(DENSE.B) * np.linalg.norm(DENSE.C)
    exact = [ssm.impulse_response(DENSE, now) for now in t]
    assert np.abs(ssm.impulse_response(DENSE, t) - exact).max() <= 32 * EPS * size
    y = ssm.respond(DENSE, t, t, "foh")  # one straight line, whatever the knots
    assert (
        np.abs(y - [ssm.respond(DENSE, [now], [now], "foh")[0] for now in t]).max() <= 64 * 8 * EPS * size * t[-1] ** 2
    )


def test_single_precision_stays_single():
    single = ssm.StateSpace(*(getattr(DENSE, name).astype(np.float32) for name in "ABC"))
    t = np.float32(TIMES)
    assert ssm.impulse_response(single, TIMES).dtype == np.float32
    y = ssm.respond(single, np.float32(U), t)
    assert y.dtype == np.float32
    assert np.abs(y - ssm.respond(DENSE, U, TIMES) + 0.25 * U).max() <= 64 * 8 * np.finfo(np.float32).eps * 8
    assert ssm.respond(single, U, t).dtype == np.float64


@pytest.mark.parametrize("scale", [1e-300, 1e-100, 1e100, 1e300])
def test_extreme_time_scales(scale):
    """A and B in units of 1/scale and t in units of scale: the same response within rounding."""
    small = ssm.StateSpace(DENSE.A / scale, DENSE.B / scale, DENSE.C, DENSE.D)
    y, z = (ssm.respond(s, U, k * TIMES, "foh") for s, k in ((DENSE, 1.0), (small, scale)))
    assert np.abs(y - z).max() <= 64 * EPS * 8 * 2 * np.abs(y).max()
    h = ssm.impulse_response(small, scale * TIMES) * scale
    assert np.abs(h - ssm.impulse_response(DENSE, TIMES)).max() <= 64 * EPS * 4


def test_far_times_decay_to_zero_and_unstable_ones_are_refused():
    for system in SYSTEMS.values():
        assert not ssm.impulse_response(system, [1e5, 1e300]).any()
        assert not ssm.impulse_response(system, [1e300, 2e300, 3e300]).any()
    for growing in (ssm.StateSpace([[1.0]], [1.0], [1.0]), ssm.Diagonal([1.0], [1.0], [1.0])):
        for t in ([1e3], [0.0, 1e3], [0.0, 500.0, 1000.0], [0.0, 1e305, 2e305]):
            with pytest.raises(ValueError, match=r"`t` must keep d?t A and .* finite"):
                ssm.impulse_response(growing, t)
        with pytest.raises(ValueError, match="`t` must keep dt A and the discretized matrices finite"):
            ssm.respond(growing, [1.0], [1e3])


def test_arguments_are_not_modified():
    t, u, x0 = TIMES.copy(), np.stack([U, U]), np.ones(2)
    t.flags.writeable = u.flags.writeable = x0.flags.writeable = False
    for hold in ("zoh", "foh", CubicSpline):
        ssm.respond(DENSE, u, t, hold, x0=x0)
    ssm.impulse_response(DENSE, t)
    np.testing.assert_array_equal(t, TIMES)
    np.testing.assert_array_equal(u, [U, U])


@pytest.mark.parametrize(
    ("change", "kind", "sentence"),
    [
        (
            {"system": None},
            TypeError,
            "`system` must be a continuous StateSpace, Diagonal or DPLR, but it is NoneType.",
        ),
        ({"system": ssm.discretize(DENSE, 1.0)}, TypeError, "but it is DiscreteStateSpace."),
        ({"u": None}, TypeError, "`u` must be an array of numbers, but it is NoneType None."),
        ({"u": "zoh"}, TypeError, "`u` must be an array of numbers, but it is str 'zoh'."),
        ({"u": [1.0, np.nan]}, ValueError, "`u` must be finite, but its entry (1,) is nan."),
        ({"u": 1.0}, ValueError, "`u` must have at least 1 dimension"),
        ({"u": [1.0]}, ValueError, "`u` must have shape (..., 2) to match 2 times, but its shape is (1,)."),
        ({"u": np.ma.ones(2)}, TypeError, "`u` must be a plain array"),
        ({"u": np.array([True, False])}, TypeError, "its dtype is bool."),
        ({"u": np.float16([1, 2])}, TypeError, "its dtype is float16."),
        ({"u": np.ones((3, 2)), "x0": np.ones((2, 2))}, ValueError, "must have leading axes that broadcast"),
        ({"t": None}, TypeError, "`t` must be an array of numbers, but it is NoneType None."),
        ({"t": 1.0}, ValueError, "`t` must have at least 1 dimension"),
        ({"t": [[1.0, 2.0]]}, ValueError, "`t` must have one dimension, but its shape is (1, 2)."),
        ({"t": []}, ValueError, "`t` must not be empty"),
        ({"t": [1.0, np.inf]}, ValueError, "`t` must be finite, but its entry (1,) is inf."),
        ({"t": [1j, 2.0]}, TypeError, "`t` must be real, but its dtype is complex128."),
        ({"t": [2.0, 1.0]}, ValueError, "`t` must increase strictly, but its least difference is -1.0."),
        ({"t": [1.0, 1.0]}, ValueError, "`t` must increase strictly, but its least difference is 0.0."),
        ({"t": [-1.0, 1.0]}, ValueError, "`t` must not begin before t0 = 0.0, but its first entry is -1.0."),
        ({"t0": 1.5}, ValueError, "`t` must not begin before t0 = 1.5, but its first entry is 1.0."),
        ({"t0": [0.0, 0.0]}, ValueError, "`t0` must be one number, but its shape is (2,)."),
        ({"t0": None}, TypeError, "`t0` must be an array of numbers, but it is NoneType None."),
        ({"t0": np.nan}, ValueError, "`t0` must be finite, but it is nan."),
        ({"hold": "linear"}, ValueError, "`hold` must be one of zoh, foh, but it is 'linear'."),
        ({"hold": None}, TypeError, "`hold` must be one of zoh, foh, but it is NoneType None."),
        ({"hold": lambda t, u: u}, TypeError, "`hold` must return a function of time, but it returned ndarray."),
        ({"x0": "rest"}, TypeError, "`x0` must be an array of numbers"),
        ({"x0": [1.0, np.nan]}, ValueError, "`x0` must be finite, but its entry (1,) is nan."),
        ({"x0": 1.0}, ValueError, "`x0` must have at least 1 dimension"),
        ({"x0": [1.0]}, ValueError, "`x0` must have shape (..., 2) to match the system's 2 stored states"),
        ({"u_before": np.nan}, ValueError, "`u_before` must be finite, but it is nan."),
        ({"u_before": None}, TypeError, "`u_before` must be an array of numbers, but it is NoneType None."),
        ({"u_before": np.ones(3), "u": np.ones((2, 2))}, ValueError, "must have leading axes that broadcast"),
        ({"rtol": 0.0}, ValueError, "`rtol` must be at least"),
        ({"rtol": 1.0}, ValueError, "`rtol` must be less than 1.0, but it is 1.0."),
        ({"rtol": "tight"}, TypeError, "`rtol` must be an array of numbers"),
        ({"u": lambda t: np.nan}, ValueError, "`u` must be finite, but it is nan."),
        ({"u": lambda t: None}, TypeError, "`u` must be an array of numbers, but it is NoneType None."),
        ({"u": lambda t: np.ones(3), "x0": np.ones((2, 2))}, ValueError, "must have leading axes that broadcast"),
    ],
)
def test_bad_responses(change, kind, sentence):
    with pytest.raises(kind) as caught:
        ssm.respond(**{"system": DENSE, "u": [1.0, 2.0], "t": [1.0, 2.0]} | change)
    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    ("t", "kind", "sentence"),
    [
        (None, TypeError, "`t` must be an array of numbers, but it is NoneType None."),
        ("1", TypeError, "`t` must be an array of numbers, but it is str '1'."),
        ([-0.1, 1.0], ValueError, "`t` must not be negative, but its least entry is -0.1."),
        ([np.nan], ValueError, "`t` must be finite, but its entry (0,) is nan."),
        (1j, TypeError, "`t` must be real, but its dtype is complex128."),
        ([], ValueError, "`t` must not be empty, but its shape is (0,)."),
        (True, TypeError, "its dtype is bool."),
    ],
)
def test_bad_impulse_times(t, kind, sentence):
    for system in (DENSE, DIAGONAL):
        with pytest.raises(kind) as caught:
            ssm.impulse_response(system, t)
        assert sentence in str(caught.value)
    with pytest.raises(
        TypeError, match="`system` must be a continuous StateSpace, Diagonal or DPLR, but it is ndarray"
    ):
        ssm.impulse_response(np.eye(2), 1.0)


@pytest.mark.parametrize("kind", ["dplr", "diagonal"])
def test_pair_storage_refuses_what_it_cannot_hold(kind):
    """Complex signals, functions and states of modes without a partner, in every structure and hold alike."""
    system = SYSTEMS[kind]
    complex_input = "must be real for a system stored by conjugate pairs"
    for hold in ("zoh", "foh", CubicSpline):
        with pytest.raises(TypeError, match=f"`u` {complex_input}"):
            ssm.respond(system, U * 1j, TIMES, hold)
        with pytest.raises(
            ValueError, match="`x0` must be real in modes that `conjugate_pairs` leaves without a partner"
        ):
            ssm.respond(system, U, TIMES, hold, x0=[1.0, 1j])
    with pytest.raises(TypeError, match=f"`u` {complex_input}"):
        ssm.respond(system, lambda t: 1j, TIMES)
    with pytest.raises(TypeError, match=f"`u_before` {complex_input}"):
        ssm.respond(system, U, TIMES, "foh", u_before=1j)
