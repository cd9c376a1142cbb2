"""Selective scans: three methods against the definition in extended precision, Mamba's formula, and `simulate`."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ssm_numerics as ssm
from ssm_numerics import selective
from ssm_numerics.selective import METHODS, RULES

U = {np.dtype(np.float64): 2.0**-53, np.dtype(np.float32): 2.0**-24}


def arguments(rng, T, N, is_complex=False, real=np.float64, fastest=1.0):
    """Steps over four powers of ten, decaying modes, B and C that change."""
    Lambda = -fastest * rng.exponential(size=N) + (1j * rng.normal(size=N) if is_complex else 0)
    given = {
        "u": rng.normal(size=T),
        "dt": 10.0 ** rng.uniform(-3, 1, T),
        "Lambda": Lambda,
        "B": rng.normal(size=(T, N)),
        "C": rng.normal(size=(T, N)),
    }
    return {name: a.astype(np.result_type(real, 1j) if np.iscomplexobj(a) else real) for name, a in given.items()}


def definition(u, dt, Lambda, B, C, rule, x0=0.0):
    """The recurrence in extended precision."""
    x, y = np.zeros(B.shape[-1], np.clongdouble) + x0, []
    for k in range(u.size):
        z = dt[k].astype(np.longdouble) * Lambda.astype(np.clongdouble)
        weight = {"zoh": (np.exp(z) - 1) / Lambda, "zoh_a_euler_b": dt[k] + 0 * z}[rule]
        x = np.exp(z) * x + weight * B[k] * u[k]
        y.append((C[k] * x).sum())
    return np.array(y), x


def bound(given, rule, x0=None):
    """The promise: 8 (T + N + 64 max|Lambda| sum dt) u W, W being the scan of absolute values."""
    parts = {name: np.abs(value) for name, value in given.items()} | {"Lambda": given["Lambda"].real}
    W = ssm.selective_scan(**parts, rule=rule, x0=None if x0 is None else np.abs(x0), method="sequential")
    if rule == "zoh":  # |(e^z - 1)/z| <= 1 where Re z <= 0
        parts["Lambda"] = given["Lambda"].real
        W = np.maximum(W, ssm.selective_scan(**parts, rule="zoh_a_euler_b", method="sequential"))
    T, N = given["u"].size, given["Lambda"].size
    rounding = U[given["u"].dtype] * 8 * (T + N + 64 * np.abs(given["Lambda"]).max() * given["dt"].sum())
    return rounding * W


@settings(max_examples=40)
@given(
    st.sampled_from([1, 2, 63, 64, 65, 130]), st.integers(1, 9), st.booleans(), st.sampled_from(sorted(RULES)),
    st.sampled_from([0.1, 10.0]), st.integers(0, 2**16),
)  # fmt: skip
def test_every_method_is_the_definition(T, N, is_complex, rule, fastest, seed):
    rng = np.random.default_rng(seed)
    given, x0 = arguments(rng, T, N, is_complex, fastest=fastest), rng.normal(size=N)
    expected, last = definition(**given, rule=rule, x0=x0)
    allowed = bound(given, rule, x0)
    for method in METHODS:
        y, x = ssm.selective_scan(**given, rule=rule, x0=x0, method=method, return_state=True)
        assert y.dtype == (np.complex128 if is_complex else np.float64)
        assert (np.abs(y - expected) <= allowed).all(), method
        ones = {"C": np.ones((T, N))}
        assert (np.abs(x - last) <= bound(given | ones, rule, x0)[-1]).all(), method


@pytest.mark.jit
@pytest.mark.parametrize("rule", RULES)
def test_methods_agree_on_long_signals(rule, monkeypatch):
    """Across many segments and pieces: within sixteen roundings a sample of a memory of 100, times e^x's 30."""
    monkeypatch.setattr(selective, "PIECE_BYTES", 2**12)
    rng = np.random.default_rng(0)
    given = arguments(rng, 5000, 4)
    given |= {"dt": rng.uniform(0.01, 0.1, 5000), "Lambda": np.array([-0.1, -0.5, -1.0, -8.0])}
    y = [ssm.selective_scan(**given, rule=rule, method=method) for method in METHODS]
    parts = {name: np.abs(value) for name, value in given.items()} | {"Lambda": given["Lambda"]}
    W = ssm.selective_scan(**parts, rule="zoh_a_euler_b")
    # slowest mode: a step of 0.055 on average decays by 0.0055, so that 1/0.0055 = 182 samples are remembered; the
    # exponents of a chunk reach 8 * 0.1 * 64 = 51, and times in it are sums of up to 64 rounded steps
    allowed = 2.0**-53 * (16 * 182 + 2 * 51 * 64) * W
    for other in y[1:]:
        assert (np.abs(other - y[0]) <= allowed).all()


def test_published_formula():
    """selective_scan_ref of Mamba, word for word: deltaA = exp(delta A), deltaB_u = delta B u; here 4 (T + N) u W."""
    rng = np.random.default_rng(0)
    batch, channels, T, N = 2, 3, 70, 4
    u, delta = rng.normal(size=(batch, channels, T)), rng.uniform(0.01, 0.5, (batch, channels, T))
    A, D = -np.exp(rng.normal(size=(channels, N))), rng.normal(size=channels)
    B, C = rng.normal(size=(batch, N, T)), rng.normal(size=(batch, N, T))
    deltaA = np.exp(np.einsum("bdl,dn->bdln", delta, A))
    deltaB_u = np.einsum("bdl,bnl,bdl->bdln", delta, B, u)
    x, ys, absolute, W = np.zeros((batch, channels, N)), [], np.zeros((batch, channels, N)), []
    for i in range(T):
        x = deltaA[:, :, i] * x + deltaB_u[:, :, i]
        absolute = deltaA[:, :, i] * absolute + np.abs(deltaB_u[:, :, i])
        ys.append(np.einsum("bdn,bn->bd", x, C[:, :, i]))
        W.append(np.einsum("bdn,bn->bd", absolute, np.abs(C[:, :, i])))
    expected, W = np.stack(ys, axis=2) + u * D[:, None], np.stack(W, axis=2) + np.abs(u * D[:, None])
    for method in ("auto", *METHODS):
        given = (u, delta, A, np.swapaxes(B, 1, 2)[:, None], np.swapaxes(C, 1, 2)[:, None], D)
        y = ssm.selective_scan(*given, method=method)
        exponents = np.abs(A).max() * delta.sum(axis=-1).max()
        assert (np.abs(y - expected) <= 8 * (T + N + 64 * exponents) * 2.0**-53 * W).all()


def test_zoh_is_that_of_simulate_and_the_published_rule_is_not():
    rng = np.random.default_rng(0)
    given = arguments(rng, 50, 3)
    B, C = given["B"][0], given["C"][0]
    system = ssm.Diagonal(given["Lambda"], B, C)
    expected = ssm.simulate(system, given["u"], given["dt"], "zoh", irregular=True)
    constant = given | {"B": B[None], "C": C[None]}
    allowed = bound(given | {"B": np.tile(B, (50, 1)), "C": np.tile(C, (50, 1))}, "zoh")
    for method in METHODS:
        y = ssm.selective_scan(**constant, rule="zoh", method=method)
        assert (np.abs(y - expected) <= allowed).all()
        other = ssm.selective_scan(**constant, method=method)
        assert np.abs(other - expected).max() > allowed.max()


def test_rules_agree_to_first_order():
    """w = dt (1 + z/2 + ...): the difference of the rules is |z|/2 of the output at most, and not less than |z|/4."""
    z = 1e-3
    y = [ssm.selective_scan([1.0], [z], [-1.0], [[1.0]], [[1.0]], rule=rule)[0] for rule in RULES]
    assert z / 4 <= abs(y[0] / y[1] - 1) <= z


@pytest.mark.parametrize("method", METHODS)
def test_signals_can_be_cut(method):
    rng = np.random.default_rng(0)
    given = arguments(rng, 200, 3)
    whole, last = ssm.selective_scan(**given, method="sequential", return_state=True)
    x, parts = None, []
    for part in (slice(0, 1), slice(1, 70), slice(70, 200)):
        piece = {name: value[part] if name != "Lambda" else value for name, value in given.items()}
        y, x = ssm.selective_scan(**piece, x0=x, method=method, return_state=True)
        parts.append(y)
    if method == "sequential":
        np.testing.assert_array_equal(np.concatenate(parts), whole)
        np.testing.assert_array_equal(x, last)
    else:
        assert (np.abs(np.concatenate(parts) - whole) <= bound(given, "zoh_a_euler_b")).all()


@pytest.mark.parametrize("method", METHODS)
def test_everything_broadcasts(method):
    """Heads, channels and batch in any argument; each row is the scan of its own."""
    rng = np.random.default_rng(0)
    T, N = 66, 3
    shapes = {"u": (2, 3, T), "dt": (3, T), "Lambda": (2, 1, N), "B": (1, T, N), "C": (3, 1, N), "x0": (2, 1, N)}
    given = {name: rng.normal(size=shape) for name, shape in shapes.items()}
    given |= {"dt": np.abs(given["dt"]), "Lambda": -np.abs(given["Lambda"])}
    for changed in ({}, {"dt": np.abs(rng.normal(size=(2, 1, 1)))}, {"Lambda": -np.ones((1, 1))}):
        for shared in ({}, {"dt": np.abs(rng.normal(size=(2, 1, T))), "C": rng.normal(size=(1, T, N))}):
            these = given | shared | changed
            y, x = ssm.selective_scan(**these, D=[[2.0], [3.0]], method=method, return_state=True)
            assert y.shape == (2, 3, T) and x.shape == (2, 3, N)
            full = {"u": (T,), "dt": (T,), "Lambda": (N,), "B": (T, N), "C": (T, N), "x0": (N,)}
            rows = {name: np.broadcast_to(these[name], (2, 3, *shape)) for name, shape in full.items()}
            for i, j in np.ndindex(2, 3):
                row = {name: value[i, j] for name, value in rows.items()}
                alone, last = ssm.selective_scan(**row, D=2.0 + i, method="sequential", return_state=True)
                x0 = row.pop("x0")
                allowed = bound(row, "zoh_a_euler_b", x0) + 4 * 2.0**-53 * np.abs(row["u"]) * 3
                assert (np.abs(y[i, j] - alone) <= allowed).all()
                allowed = bound(row | {"C": np.ones((T, N))}, "zoh_a_euler_b", x0)[-1]
                assert (np.abs(x[i, j] - last) <= allowed).all()


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("is_complex", [False, True])
def test_single_precision(method, is_complex):
    given = arguments(np.random.default_rng(0), 130, 3, is_complex, np.float32)
    y = ssm.selective_scan(**given, rule="zoh", method=method)
    assert y.dtype == (np.complex64 if is_complex else np.float32)
    wide = {name: value.astype(np.result_type(value, np.float64)) for name, value in given.items()}
    expected, _ = definition(**wide, rule="zoh")
    assert (np.abs(y - expected) <= bound(given, "zoh")).all()


@pytest.mark.jit
@pytest.mark.parametrize("method", METHODS)
def test_bits_do_not_depend_on_threads(method, monkeypatch):
    given = arguments(np.random.default_rng(0), 3000, 4) | {"Lambda": -np.arange(1.0, 9).reshape(2, 4)}
    y = ssm.selective_scan(**given, method=method)
    monkeypatch.setattr("ssm_numerics._parallel.SERIAL_FLOPS", 0)
    for count in (1, 2, 5):
        monkeypatch.setattr("ssm_numerics._parallel.cores", lambda count=count: count)
        np.testing.assert_array_equal(ssm.selective_scan(**given, method=method), y)


def test_auto():
    rng = np.random.default_rng(0)
    T, N = 64, 3
    given = {"dt": np.ones(T), "Lambda": [-1.0], "B": rng.normal(size=(T, N)), "C": rng.normal(size=(T, N))}
    u = rng.normal(size=(16, T))
    y, chunked = (ssm.selective_scan(u, **given, method=method) for method in ("auto", "chunked"))
    np.testing.assert_array_equal(y, chunked)
    y, one = (ssm.selective_scan(u[:2], **given, method=method) for method in ("auto", "sequential"))
    np.testing.assert_array_equal(y, one)


@pytest.mark.parametrize("method", METHODS)
def test_steps_too_large_for_a_matrix(method):
    """Decays of e^-1000 in one step: chunks of one sample, no overflow, and a state that is the last input's."""
    y = ssm.selective_scan(np.ones(10), np.full(10, 1000.0), [-1.0], np.ones((1, 1)), np.ones((1, 1)), method=method)
    np.testing.assert_array_equal(y, np.full(10, 1000.0))


@pytest.mark.parametrize(
    ("change", "kind", "sentence"),
    [
        ({"rule": "euler"}, ValueError, "`rule` must be one of zoh_a_euler_b, zoh, but it is 'euler'."),
        ({"method": "scan"}, ValueError, "`method` must be one of auto, sequential, parallel, chunked"),
        ({"dt": [1.0, 0.0]}, ValueError, "`dt` must be positive, but its least entry is 0.0."),
        ({"dt": [1j, 1]}, TypeError, "`dt` must be real"),
        (
            {"dt": np.ones(3)},
            ValueError,
            "`dt` must have shape (..., T), or ones in their place, but its shape is (3,)",
        ),
        ({"B": np.ones((2, 2))}, ValueError, "`B` must have shape (..., T, N), or ones in their place"),
        ({"B": np.ones(3)}, ValueError, "`B` must have at least 2 dimensions"),
        ({"C": np.ones((3, 3))}, ValueError, "`C` must have shape (..., T, N)"),
        ({"Lambda": np.ones(2)}, ValueError, "`Lambda` must have shape (..., N)"),
        ({"Lambda": [np.nan] * 3}, ValueError, "`Lambda` must be finite"),
        ({"u": [[1.0, 2.0]] * 3, "dt": [[1.0, 2.0]] * 2}, ValueError, "must have leading axes that broadcast"),
        ({"x0": np.ones(2)}, ValueError, "`x0` must have shape (..., 3) to match 3 states"),
        ({"Lambda": [1e3, 1.0, 1.0]}, ValueError, "`u` must keep the response finite, but it overflows within 2"),
        ({"u": []}, ValueError, "`u` must not be empty"),
        ({"u": None}, TypeError, "`u` must be an array of numbers"),
    ],
)
def test_bad_arguments(change, kind, sentence):
    given = {"u": [1.0, 2.0], "dt": [1.0, 2.0], "Lambda": [-1.0] * 3, "B": np.ones((2, 3)), "C": np.ones((2, 3))}
    with pytest.raises(kind) as caught:
        ssm.selective_scan(**given | change)
    assert sentence in str(caught.value)
