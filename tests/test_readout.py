"""Read-outs: recovery of C and D within condition times rounding, blocks, recordings, masks, ridge and its choice."""

from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ssm_numerics as ssm
from ssm_numerics import _state_blocks
from ssm_numerics._least_squares import METHODS, solve

U = 2.0**-53
SYSTEMS = {
    "dense": lambda n: ssm.hippo("legt", n).state_space(np.arange(1.0, n + 1), D=0.3),
    "pairs": lambda n: ssm.Diagonal(-0.5 + 2j * np.arange(1, n + 1), np.ones(n), 1 + 1j * np.arange(n), 0.3, True),
    "mask": lambda n: ssm.Diagonal(
        -1.0 - np.arange(n) + 4j * (np.arange(n) == 0), np.ones(n), 1.0 + np.arange(n), 0.3, np.arange(n) == 0
    ),
    "full": lambda n: ssm.Diagonal(-0.5 + 2j * np.arange(1, n + 1), np.ones(n), 1 + 1j * np.arange(n), 0.3 - 1j),
    "dplr": lambda n: ssm.nplr("legs", n).to_dplr(np.arange(1.0, n + 1)),
}


def states_of(system, u, rule, dt=0.05):
    """All states by the definition, in the basis of `to_dense`."""
    step = ssm.discretize(system, dt, rule).to_dense()
    x, before, out = np.zeros(step.n_states, step.dtype), 0.0, []
    for value in u:
        x = step.A_bar @ x + step.B_bar * value
        x = x if step.B_bar_previous is None else x + step.B_bar_previous * before
        out.append(x)
        before = value
    return np.array(out), step.C


@given(
    kind=st.sampled_from(sorted(SYSTEMS)),
    n=st.integers(1, 5),
    rule=st.sampled_from(["zoh", "bilinear", "foh"]),
    method=st.sampled_from(sorted(METHODS)),
    direct=st.booleans(),
)
@settings(max_examples=20)
def test_what_made_the_output_comes_back(kind, n, rule, method, direct):
    """C x + D u from the same states: |error| <= 8 p u kappa |c|, or kappa^2 for normal equations."""
    system, u = SYSTEMS[kind](n), np.random.default_rng(n).normal(size=300)
    states, C = states_of(system, u, rule)
    y = states @ C + (system.D * u if direct else 0)
    fit = ssm.fit_readout(system, u, y, 0.05, rule, direct=direct, method=method)
    p, power = C.size + direct, 1 if method == "qr" else 2
    drift = np.sqrt(u.size)  # both sides step through the states in their own order
    bound = 8 * p * U * fit.condition**power * drift * np.linalg.norm(np.append(C, system.D * direct))
    assert np.linalg.norm(fit.system.to_dense().C - system.to_dense().C) <= bound
    assert abs(fit.system.D - system.D * direct) <= bound
    assert abs(fit.degrees_of_freedom - p) <= 8 * p * U * fit.condition**power
    assert type(fit.system) is type(system) and fit.samples == 300


def test_bounds_of_the_docstring_where_the_condition_is_known():
    """X = Q diag(s) with chosen singular values: the small problem alone, without states."""
    rng = np.random.default_rng(0)
    Q = np.linalg.qr(rng.normal(size=(500, 6)))[0]
    for kappa in (1e2, 1e5, 1e7):
        X, c = Q * np.geomspace(1, 1 / kappa, 6) @ np.linalg.qr(rng.normal(size=(6, 6)))[0], rng.normal(size=(6, 2))
        rows = np.concatenate([X, X @ c], axis=1)
        for name, method in METHODS.items():
            kept = None
            for block in np.array_split(rows, 7):
                kept = method.update(kept, block)
            found = solve(method.reduce(kept, 6, 500), 0.0, np.ones(6, bool))
            power = 1 if name == "qr" else 2
            assert np.linalg.norm(found.coefficients - c) <= 8 * 6 * U * kappa**power * np.linalg.norm(c)
            if name == "qr":
                assert abs(found.condition / kappa - 1) <= 8 * 6 * U * kappa


@given(st.lists(st.integers(1, 5000), min_size=1, max_size=4), st.sampled_from(sorted(METHODS)))
@settings(max_examples=8)
def test_blocks_recordings_and_outputs(cuts, method):
    system, rng = SYSTEMS["dense"](4), np.random.default_rng(1)
    u, y = rng.normal(size=5200), rng.normal(size=(2, 3, 5200))
    edges = sorted({0, *cuts, 5200})
    fitter = ssm.ReadoutFitter(system, 0.05, "foh", method=method)
    for first, last in pairwise(edges):
        fitter.update(u[first:last], y[..., first:last])
    blocks, whole = fitter.solve(), ssm.fit_readout(system, u, y, 0.05, "foh", method=method)
    slack = 64 * U * whole.condition**2 * np.abs(whole.system.C).max()
    assert blocks.system.C.shape == (2, 3, 4) and np.abs(blocks.system.C - whole.system.C).max() <= slack
    fitter.restart()
    fitter.update(u, y)
    assert fitter.solve().samples == 2 * 5200


def test_two_recordings_of_the_same_are_one():
    system, rng = SYSTEMS["pairs"](2), np.random.default_rng(2)
    u, y, x0 = rng.normal(size=200), rng.normal(size=200), rng.normal(size=4)
    fitter = ssm.ReadoutFitter(system, 0.1, x0=x0)
    for _ in range(2):
        fitter.restart(x0)
        fitter.update(u, y)
    once = ssm.fit_readout(system, u, y, 0.1, x0=x0)
    slack = 64 * U * once.condition**2 * np.abs(once.system.C).max()
    assert np.abs(fitter.solve().system.C - once.system.C).max() <= slack


def test_x0_is_a_state_of_the_dense_form():
    system, u = SYSTEMS["dense"](3), np.random.default_rng(3).normal(size=100)
    middle = ssm.simulate(system, u[:50], 0.05, return_state=True)[1]
    later = ssm.simulate(system, u[50:], 0.05, x0=middle)
    fit = ssm.fit_readout(system, u[50:], later, 0.05, x0=middle)
    assert np.abs(fit.system.C - system.C).max() <= 64 * 100 * U * fit.condition * np.linalg.norm(system.C)


def test_unknown_samples_are_left_out():
    system, u = SYSTEMS["dense"](3), np.random.default_rng(4).normal(size=400)
    y = ssm.simulate(system, u, 0.05)
    known = np.random.default_rng(5).random(400) < 0.3
    fit = ssm.fit_readout(system, u, np.where(known, y, 1e6), 0.05, where=known)
    assert fit.samples == known.sum()
    assert np.abs(fit.system.C - system.C).max() <= 64 * 400 * U * fit.condition * np.linalg.norm(system.C)


# --- ridge ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
def test_ridge_solves_its_normal_equations(method):
    """(X* X + ridge P) c = X* y in the real unitary basis, D without penalty; the penalty bounds the condition."""
    system, rng = SYSTEMS["pairs"](3), np.random.default_rng(6)
    u, y = rng.normal(size=500), rng.normal(size=500)
    X = np.concatenate([states_of(system, u, "zoh")[0], u[:, None]], axis=1)
    penalty = 0.7 * np.diag([1.0] * 6 + [0.0])
    fit = ssm.fit_readout(system, u, y, 0.05, "zoh", ridge=0.7, method=method)
    c = np.append(fit.system.to_dense().C, fit.system.D)
    G = X.T @ X + penalty
    assert np.linalg.norm(G @ c - X.T @ y) <= 64 * 7 * U * np.linalg.norm(G) * np.linalg.norm(c) * fit.condition
    hat = np.trace(np.linalg.solve(G, X.T @ X))
    assert abs(fit.degrees_of_freedom - hat) <= 64 * 7 * U * np.linalg.cond(G)
    score = np.mean((y - X @ c) ** 2) / (1 - hat / 500) ** 2
    assert abs(fit.gcv / score - 1) <= 64 * 7 * U * np.linalg.cond(G)
    assert fit.condition == pytest.approx(np.sqrt(np.linalg.cond(G)), rel=64 * 7 * U * np.linalg.cond(G))


def test_cross_validation_helps_where_states_are_dependent():
    """40 states of a slow signal and 400 noisy samples: the penalty chosen forecasts better than none."""
    rng, system = np.random.default_rng(7), ssm.hippo("legt", 40).state_space(np.ones(40))
    u = np.cumsum(rng.normal(size=3000)) / 50
    clean = states_of(ssm.Diagonal([-4.0], [4.0], [1.0]), u, "bilinear", 0.02)[0][:, 0]
    y = clean + 0.1 * rng.normal(size=3000)
    fits = {ridge: ssm.fit_readout(system, u[:400], y[:400], 0.02, "zoh", ridge=ridge) for ridge in (0.0, "gcv")}
    states = states_of(system, u, "zoh", 0.02)[0]
    errors = {r: np.linalg.norm(states @ f.system.C + f.system.D * u - clean) for r, f in fits.items()}
    assert errors["gcv"] < errors[0.0] and fits["gcv"].gcv <= fits[0.0].gcv
    assert fits["gcv"].condition < fits[0.0].condition and fits["gcv"].ridge > 0


@pytest.mark.parametrize("method", METHODS)
def test_dependent_states_get_the_least_read_out(method):
    """Two equal modes share their weight; a constant input makes all columns dependent."""
    system = ssm.Diagonal([-1.0, -1.0], [1.0, 1.0], [0.0, 0.0])
    u = np.random.default_rng(8).normal(size=200)
    y = ssm.simulate(ssm.Diagonal([-1.0], [1.0], [2.0]), u, 0.1)
    fit = ssm.fit_readout(system, u, y, 0.1, direct=False, method=method)
    assert np.abs(fit.system.C - 1).max() <= 64 * 200 * U and fit.condition > 1e7
    assert ssm.fit_readout(SYSTEMS["dense"](5), np.ones(3), np.ones(3), 0.1, method=method).error <= np.sqrt(U)


# --- states, results and errors ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("entries", [1, 200, 2**23])
def test_states_are_those_of_the_definition(entries, monkeypatch):
    monkeypatch.setattr(_state_blocks, "ENTRIES", entries)
    for kind in SYSTEMS:
        for rule in ("zoh", "foh"):
            system, u = SYSTEMS[kind](3), np.random.default_rng(9).normal(size=60)
            expected, _ = states_of(system, u, rule)
            blocks = _state_blocks.StateBlocks(ssm.discretize(system, 0.05, rule).to_dense())
            found = np.concatenate([blocks.push(part) for part in np.split(u, [7, 8, 40])])
            assert np.abs(found - expected).max() <= 8 * 60 * U * np.abs(expected).max()


def test_results_are_json_and_draw():
    figure = pytest.importorskip("matplotlib.figure")
    u = np.random.default_rng(10).normal(size=50)
    fit = ssm.fit_readout(SYSTEMS["pairs"](2), u, u, 0.1)
    json.dumps(fit.to_dict(), allow_nan=False)
    ax = figure.Figure().subplots()
    assert fit.plot(ax) is ax


ONE = ssm.Diagonal([-1.0], [1.0], [1.0])
TEN = np.arange(10.0)


@pytest.mark.parametrize(
    ("call", "kind", "words"),
    [
        (lambda: ssm.fit_readout(ONE, TEN, TEN), ValueError, "`dt` must be a positive step"),
        (lambda: ssm.fit_readout(np.eye(2), TEN, TEN, 0.1), TypeError, "`system` must be a continuous or discrete"),
        (lambda: ssm.fit_readout(ONE, TEN, TEN, [0.1, 0.2]), ValueError, "`system` must have one A, B and step"),
        (lambda: ssm.fit_readout(ONE, TEN[None], TEN, 0.1), ValueError, "`u` must be one signal of shape"),
        (lambda: ssm.fit_readout(ONE, TEN, TEN[1:], 0.1), ValueError, r"`y` must have shape \(..., 10\)"),
        (lambda: ssm.fit_readout(ONE, TEN, TEN, 0.1, ridge=-1.0), ValueError, "`ridge` must be at least 0"),
        (lambda: ssm.fit_readout(ONE, TEN, TEN, 0.1, ridge="cv"), ValueError, "`ridge` must be one of gcv"),
        (lambda: ssm.fit_readout(ONE, TEN, TEN, 0.1, method="svd"), ValueError, "`method` must be one of qr, normal"),
        (lambda: ssm.fit_readout(ONE, TEN, TEN, 0.1, x0=[1.0, 2.0]), ValueError, r"`x0` must have shape \(1,\)"),
        (
            lambda: ssm.fit_readout(ONE, TEN, TEN, 0.1, where=[1] * 10),
            TypeError,
            "`where` must be an array of bool",
        ),
        (lambda: ssm.fit_readout(ONE, TEN, TEN, 0.1, where=[False] * 10), ValueError, "`y` must have been given"),
        (lambda: ssm.fit_readout(SYSTEMS["pairs"](1), TEN, 1j * TEN, 0.1), TypeError, "`y` must be real"),
        (
            lambda: ssm.fit_readout(ssm.Diagonal([9.0], [1], [1]), np.ones(99999), np.ones(99999), 0.1),
            ValueError,
            "finite",
        ),
        (lambda: ssm.ReadoutFitter(ONE, 0.1).solve(), ValueError, "`y` must have been given to `update` before"),
    ],
)
def test_bad_input(call, kind, words):
    with pytest.raises(kind, match=words):
        call()


def test_outputs_keep_their_shape():
    fitter = ssm.ReadoutFitter(ONE, 0.1)
    fitter.update(TEN, TEN)
    with pytest.raises(ValueError, match=r"`y` must have shape .* as before"):
        fitter.update(TEN, TEN[None])
