"""Converters: what a package computes from its arrays, in a few lines of its mathematics, is our kernel; and back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal

import ssm_numerics as ssm
from ssm_numerics import conventions as cv
from ssm_numerics import testing

U = 2.0**-53
L = 6
LAYERS = [name for name, entry in cv.CONVENTIONS.items() if entry.heads]
DENSE = [name for name in cv.CONVENTIONS if name not in LAYERS]


def joined(parts):
    return parts[..., 0] + 1j * parts[..., 1]


def zoh(Lambda, dt):
    return np.exp(dt * Lambda), np.expm1(dt * Lambda) / Lambda


def bilinear(Lambda, dt):
    return (1 + dt * Lambda / 2) / (1 - dt * Lambda / 2), dt / (1 - dt * Lambda / 2)


def powers(z, weights):
    return np.einsum("...n,...nl->...l", weights, z[..., None] ** np.arange(L))


def low_rank_kernel(Lambda, P, B, C_row, dt):
    """C A_bar^l B_bar of one head by dense bilinear steps; every mode stored, P (N, r)."""
    A, eye = np.diag(Lambda) - P @ P.conj().T, np.eye(Lambda.size)
    A_bar = np.linalg.solve(eye - dt / 2 * A, eye + dt / 2 * A)
    B_bar = np.linalg.solve(eye - dt / 2 * A, dt * B)
    return np.array([C_row @ np.linalg.matrix_power(A_bar, l) @ B_bar for l in range(L)]), A_bar


def s4(p):
    Lambda, dt = -np.exp(p["A_real"]) - 1j * p["A_imag"], np.exp(p["inv_dt"])[:, 0]
    B, C, P = joined(p["B"])[0], joined(p["C"])[0], np.moveaxis(joined(p["P"]), 0, -1)
    rows = []
    for h in range(dt.size):
        full = [np.concatenate([x[h], x[h].conj()]) for x in (Lambda, P, B, C)]
        K, A_bar = low_rank_kernel(*full, dt[h])
        if p["l_kernel"]:
            C_row = np.linalg.solve((np.eye(full[0].size) - np.linalg.matrix_power(A_bar, L)).T, full[3])
            K, _ = low_rank_kernel(*full[:3], C_row, dt[h])
        rows.append(K.real)
    return np.stack(rows)


def annotated_s4(p):
    rows = []
    for h in range(p["Lambda_re"].shape[1]):
        Lambda, dt = p["Lambda_re"][:, h] + 1j * p["Lambda_im"][:, h], np.exp(p["log_step"][0, h])
        P, B, tilde = p["P"][:, h, None], p["B"][:, h], joined(p["C"])[:, h].conj()
        _, A_bar = low_rank_kernel(Lambda, P, B, tilde, dt)
        C_row = np.linalg.solve((np.eye(Lambda.size) - np.linalg.matrix_power(A_bar, L)).T, tilde)
        rows.append(low_rank_kernel(Lambda, P, B, C_row, dt)[0].real)
    return np.stack(rows)


def s4_diag(p):
    z, b = zoh(-np.exp(p["A_real"]) - 1j * p["A_imag"], np.exp(p["inv_dt"]))
    return 2 * powers(z, joined(p["C"])[0] * joined(p["B"])[0] * b).real


def s4d(p):
    z, b = zoh(-np.exp(p["log_A_real"]) + 1j * p["A_imag"], np.exp(p["log_dt"])[:, None])
    return 2 * powers(z, joined(p["C"]) * b).real


def dss(p):
    z, b = zoh(-np.exp(p["Lambda_log_neg_re"]) + 1j * p["Lambda_im"], np.exp(p["log_dt"])[:, None])
    return powers(z, joined(p["W"])[0] * b).real


def dss_softmax(p):
    Lambda, dt = joined(p["Lambda"]), np.exp(p["log_dt"])[:, None]
    z, _ = zoh(Lambda, dt)
    rows = z[..., None] ** np.arange(L)
    return np.einsum("hn,hnl->hl", joined(p["W"])[0] / Lambda, rows / rows.sum(axis=-1, keepdims=True)).real


def annotated_s4d(p):
    z, b = zoh(p["A_re"].T + 1j * p["A_im"].T, np.exp(p["log_step"]).T)
    return powers(z, np.moveaxis(joined(p["C"]), 1, 0) * b).real


def s5(p):
    z, b = zoh(p["Lambda_re"] + 1j * p["Lambda_im"], np.exp(p["log_step"])[:, 0])
    weights = joined(p["C"])[:, None, :] * b * joined(p["B"]).T
    return 2 * powers(z, weights).real


def mamba(p):
    dt = np.log1p(np.exp(p["delta_bias"]))[:, None]
    return powers(np.exp(-dt * np.exp(p["A_log"])), p["C"] * dt * p["B"])


THEIRS = {
    "s4": s4,
    "s4-diag": s4_diag,
    "s4d": s4d,
    "dss": dss,
    "dss-softmax": dss_softmax,
    "annotated-s4": annotated_s4,
    "annotated-s4d": annotated_s4d,
    "s5": s5,
    "mamba": mamba,
}


@st.composite
def layers(draw, name):
    """A system that the package can hold, with one axis of heads (or outputs and inputs), and steps."""
    entry = cv.CONVENTIONS[name]
    kind = "dplr_pairs" if entry.system is ssm.DPLR else "diagonal_pairs"
    batch = {"h": draw(st.sampled_from([(1,), (3,)])), "oi": (1, 1)}[entry.heads]
    rank = 1 if name == "annotated-s4" else 2
    system = draw(testing.systems(kinds=(kind,), max_states=5, max_rank=rank, batches=(batch,)))
    Lambda = -0.25 - np.abs(system.Lambda.real) + 1j * system.Lambda.imag
    if name == "mamba":
        return ssm.Diagonal(Lambda.real, system.B.real, system.C.real, 0.5), draw(steps(batch))
    if name.startswith("dss"):
        Lambda = np.broadcast_to(Lambda[:1], Lambda.shape)
    return replace(system, Lambda=Lambda, D=0.5), draw(steps(() if name == "s5" else batch))


def steps(shape):
    sizes = testing.step_sizes(1e-3, 1.0)
    return st.lists(sizes, min_size=max(1, int(np.prod(shape))), max_size=max(1, int(np.prod(shape)))).map(
        lambda values: np.reshape(values, shape) if shape else np.array(values[0])
    )


def size(system, dt):
    """||C|| dt ||B||, which bounds the kernel of a dissipative system, and the largest |log| that is stored."""
    f = system.full()
    amplitude = np.linalg.norm(f.C, axis=-1) * np.linalg.norm(f.B, axis=-1) * dt
    logs = max(np.abs(np.log(dt)).max(), np.abs(np.log(-f.Lambda.real)).max())
    return np.max(amplitude), 1 + logs, np.max(np.abs(dt[..., None] * f.Lambda))


def tolerance(system, dt, condition=1.0):
    """64 u per step and mode for either side, 4 u (1 + |log x|) on dt Lambda that L steps repeat."""
    amplitude, logs, stiffness = size(system, dt)
    return U * amplitude * L * (64 * system.n_states * condition + 16 * logs * (1 + stiffness))


def softmax_condition(system, dt):
    return 1 + 1 / np.abs(np.expm1(L * dt[..., None] * system.Lambda)).min()


def kernel(system, dt, rule):
    return ssm.convolution_kernel(system, L, dt, rule, method="krylov_blocked")  # nothing to compile


@pytest.mark.parametrize("name", LAYERS)
@settings(max_examples=12)
@given(data=st.data())
def test_the_package_computes_our_kernel(name, data):
    system, dt = data.draw(layers(name))
    parameters = cv.to_parameters(system, dt, name, L)
    condition = 1.0
    if "C~" in cv.CONVENTIONS[name].notes:
        condition = cv.truncate(system, dt, L).condition
    if name == "dss-softmax":
        condition = softmax_condition(system, dt)
    rule = cv.CONVENTIONS[name].discretizations[0]
    K = kernel(system, dt, rule)
    assert np.abs(THEIRS[name](parameters) - K).max() <= tolerance(system, dt, condition)


@pytest.mark.parametrize("name", LAYERS)
@settings(max_examples=12)
@given(data=st.data())
def test_round_trip(name, data):
    """Exact but for logarithms, products C B, phi_1 and C~; modes of the other half come back as their conjugates."""
    system, dt = data.draw(layers(name))
    entry = cv.CONVENTIONS[name]
    layer = cv.from_parameters(cv.to_parameters(system, dt, name, L), name, L)
    assert layer.discretization == entry.discretizations[0]
    assert (layer.system.D == system.D).all()
    assert (np.abs(layer.dt - dt) <= 4 * U * dt * (1 + np.abs(np.log(dt)))).all()
    condition = softmax_condition(system, dt) if name == "dss-softmax" else layer.condition
    difference = layer.convolution_kernel(L, "krylov_blocked") - kernel(system, dt, layer.discretization)
    assert np.abs(difference).max() <= tolerance(system, dt, condition)
    if name == "mamba":
        logs = np.abs(np.log(dt))[..., None] + np.abs(np.log(-system.Lambda))  # phi_1 sees dt Lambda as it was stored
        assert (np.abs(layer.system.B - system.B) <= 4 * U * (6 + logs) * np.abs(system.B)).all()
    if entry.weight is None:
        assert np.array_equal(layer.system.Lambda.imag, system.full().Lambda.imag)
        return
    turned = system.Lambda.imag * entry.half < 0
    expected = np.where(turned, system.Lambda.conj(), system.Lambda)
    assert (layer.system.Lambda.imag == expected.imag).all()
    size = 4 * U * np.abs(expected.real) * (1 + np.abs(np.log(-expected.real)))
    assert (np.abs(layer.system.Lambda.real - expected.real) <= size).all()
    if system.pairs.all() and entry.form == "plain":
        for quantity in ("B", "C"):
            value = getattr(system, quantity)
            assert np.array_equal(getattr(layer.system, quantity), np.where(turned, value.conj(), value))


@pytest.mark.parametrize("name", LAYERS)
@settings(max_examples=8)
@given(data=st.data())
def test_what_was_read_is_written_bit_for_bit(name, data):
    """From arrays to a system and back: all but logarithms and C~ is the same to the last bit."""
    system, dt = data.draw(layers(name))
    entry = cv.CONVENTIONS[name]
    first = cv.to_parameters(system, dt, name, L)
    layer = cv.from_parameters(first, name, L)
    second = cv.to_parameters(layer.system, layer.dt, name, L)
    assert first.keys() == second.keys()
    exact = {field.name for field in entry.fields if not field.code.startswith(("log", "soft"))}
    exact -= {"C"} if "truncated" in entry.form else {"W"} if entry.form == "softmax" else set()
    exact -= {"B"} if name == "mamba" else set()
    assert [key for key in exact if not np.array_equal(first[key], second[key])] == []


@pytest.mark.parametrize("name", DENSE)
@settings(max_examples=8)
@given(data=st.data())
def test_dense_conventions(name, data):
    """Transposes and columns are exact; a discrete system of SciPy's or control's comes back bit for bit."""
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    N = data.draw(st.integers(1, 6))
    system = ssm.StateSpace(-np.eye(N) - np.tril(rng.normal(size=(N, N)), -1), rng.normal(size=N), rng.normal(size=N))
    dt = data.draw(testing.step_sizes(1e-3, 1.0))
    parameters = cv.to_parameters(system, dt, name)
    layer = cv.from_parameters(parameters, name)
    again = cv.to_parameters(layer.system, layer.dt if layer.dt is not None else dt, name)
    assert all(np.array_equal(parameters[key], again[key]) for key in parameters)
    if name == "hippo-code":
        assert np.array_equal(layer.system.A, system.A) and np.array_equal(layer.system.B, system.B)
        return
    K = kernel(system, dt, "zoh" if name == "keras-lmu" else "bilinear")
    norm = np.linalg.norm(ssm.discretize(system, dt, "zoh").A_bar) + 1
    bound = 64 * N * L * U * norm**L * np.linalg.norm(system.C) * dt * np.linalg.norm(system.B)
    d, theirs = layer.system, np.empty(L)
    b = d.A_bar @ d.B_bar + (0 if d.B_bar_previous is None else d.B_bar_previous)
    theirs[0] = d.C @ d.B_bar + d.D  # where the output is read before the state moves, K_0 is part of D
    theirs[1:] = [d.C @ np.linalg.matrix_power(d.A_bar, l) @ b for l in range(L - 1)]
    assert np.abs(theirs - K).max() <= bound


def test_scipy_runs_what_it_is_given():
    system = ssm.hippo("legt", 5).state_space(np.arange(5.0), 0.5)
    p = cv.to_parameters(system, 0.1, "scipy", discretization="zoh")
    u = np.sin(np.arange(30.0))
    _, y, _ = signal.dlsim((p["A"], p["B"], p["C"], p["D"], float(p["dt"])), u)
    d, x, ours = ssm.discretize(system, 0.1, "zoh"), np.zeros(5), []
    for sample in u:
        x = d.A_bar @ x + d.B_bar * sample
        ours.append(d.C @ x + d.D * sample)
    assert np.abs(y[:, 0] - ours).max() <= 32 * 30 * 5 * U * 30 * np.linalg.norm(system.C)  # ||A_bar|| <= 1, |u| <= 1


def test_first_order_hold_survives_scipy():
    """Its second tap goes into B: the impulse response is the kernel."""
    d = ssm.discretize(ssm.hippo("legs", 4).state_space(np.ones(4)), 0.1, "foh")
    p = cv.to_parameters(d, convention="scipy")
    response = [p["D"][0, 0], *((p["C"] @ np.linalg.matrix_power(p["A"], l) @ p["B"])[0, 0] for l in range(L - 1))]
    later = d.A_bar @ d.B_bar + d.B_bar_previous
    K = [d.C @ d.B_bar, *(d.C @ np.linalg.matrix_power(d.A_bar, l) @ later for l in range(L - 1))]
    assert np.abs(np.subtract(response, K)).max() <= 64 * 4 * L * U * np.linalg.norm(d.C) * np.linalg.norm(d.B_bar)


def test_lmu_and_legt_are_one_window():
    """keras-lmu's matrices (theta in samples, zero-order hold), transposed, are those of hippo("lmu")."""
    theta, N = 20.0, 6
    system = ssm.hippo("lmu", N, theta=theta).state_space(np.ones(N))
    n = np.arange(N)
    A = np.where(n[:, None] < n, -1.0, (-1.0) ** (n[:, None] - n + 1)) * (2 * n[:, None] + 1) / theta
    B = (-1.0) ** n * (2 * n + 1) / theta
    expected = ssm.discretize(ssm.StateSpace(A, B, np.ones(N)), 1.0, "zoh")
    p = cv.to_parameters(system, 1.0, "keras-lmu")
    assert np.abs(p["A"].T - expected.A_bar).max() <= 64 * N * U * np.linalg.norm(A)
    assert np.abs(p["B"][0] - expected.B_bar).max() <= 64 * N * U * np.linalg.norm(A) * np.linalg.norm(B)


# C and C~


@pytest.mark.parametrize("pairs", [False, True, np.array([True, True, False])])
def test_truncation_and_back(pairs):
    Lambda, P = np.array([5j - 0.1, 3j, -1.0]), np.array([[1.0, 2.0], [1.0, 0.0], [1.0, -1.0]])
    system, dt, length = ssm.DPLR(Lambda, P, P, [1, 1, 2], [1, 2j, 3], conjugate_pairs=pairs), 0.01, 50
    N = system.n_states
    tilde = cv.truncate(system, dt, length)
    back = cv.restore(replace(system, C=tilde.C), dt, length)
    expected = ssm.truncation_condition(system, dt, length, [1.0]).conditions[0]
    norm = np.linalg.norm(np.sqrt(system.weights) * system.C)
    assert tilde.condition == back.condition
    assert abs(back.condition / expected - 1) <= 4 * N * length * U * expected  # first-order change of a condition
    assert np.linalg.norm(back.C - system.C) <= 8 * N * length * U * back.condition * norm


def test_truncation_against_certified():
    """(C A_bar^L)_j is the last sample of the kernel with B = e_j of the same discrete system."""
    N, length = 4, 30
    system = ssm.hippo("legs", N).state_space(np.cos(np.arange(N)))
    d = ssm.discretize(system, 0.05)
    rows = [replace(d, B_bar=np.eye(N)[j], increment=None) for j in range(N)]
    last = [ssm.certified.convolution_kernel(row, length + 1).mid[-1] for row in rows]
    C = cv.truncate(system, 0.05, length).C
    assert np.abs(C - (system.C - last)).max() <= 4 * N * length * U * np.linalg.norm(system.C)


def test_a_small_gap_keeps_its_digits():
    """dt L |A| = 1e-9: I - A_bar^L is 1e-9, and C~ is right relative to that."""
    system = ssm.StateSpace([[-1.0]], [1.0], [1.0])
    exact = -np.expm1(-1e-9)  # bilinear and exponential differ by the third order
    assert abs(cv.truncate(system, 1e-10, 10).C[0] / exact - 1) <= 4 * 10 * U + 1e-19


def test_an_undamped_constant_has_no_way_back():
    """A mode with z = 1, which FouT has: I - A_bar^L is singular for every L."""
    system = ssm.Diagonal([0.0, -1.0], [1.0, 1.0], [1.0, 1.0])
    with pytest.raises(ValueError, match="`L` must leave"):
        cv.restore(system, 0.1, 8)


# What packages cannot hold, said in one sentence

PAIR = ssm.Diagonal([-1.0 + 2j], [1.0], [1.0], conjugate_pairs=True)
TWO_HEADS = replace(PAIR, Lambda=np.array([[-1j - 1], [-2.0]]))
COMPLEX = ssm.Diagonal([-1.0 + 2j], [1.0], [1.0])


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: cv.to_parameters(PAIR, 0.1, "s6"), "`convention` must be one of s4"),
        (lambda: cv.to_parameters(PAIR, 0.1, "s4"), "`system` must be a DPLR system for s4"),
        (lambda: cv.to_parameters(COMPLEX, 0.1, "s4d"), "`system` must be real or store"),
        (lambda: cv.to_parameters(PAIR, 0.1, "mamba"), "`Lambda` must be real"),
        (
            lambda: cv.to_parameters(replace(PAIR, Lambda=[2j]), 0.1, "s4d"),
            "`Lambda` must be negative",
        ),
        (lambda: cv.to_parameters(COMPLEX, 0.1, "scipy"), "`system` must be real or store"),
        (lambda: cv.to_parameters(PAIR, 0.1, "s4d", discretization="bilinear"), "`discretization` must be one of zoh"),
        (lambda: cv.to_parameters(PAIR, 0.1, "dss-softmax"), "`L` must be given"),
        (lambda: cv.to_parameters(TWO_HEADS, 0.1, "dss"), "`Lambda.real` must be the same for all heads"),
        (lambda: cv.to_parameters(replace(PAIR, C=np.ones((2, 2, 1))), 0.1, "s4d"), "`system` must have leading"),
        (lambda: cv.from_parameters({"log_A_real": [0.0]}, "s4d"), "`parameters` must hold A_imag"),
        (lambda: cv.from_parameters({"A": np.eye(2), "B": np.eye(2)}, "hippo-code"), "`B` must have shape (n, 1)"),
        (lambda: cv.from_parameters({"Lambda": [1.0]}, "dss-softmax"), "`Lambda` must hold real and imaginary"),
    ],
)
def test_errors(call, words):
    with pytest.raises((ValueError, TypeError)) as raised:
        call()
    assert str(raised.value).startswith(words.split(" must")[0]) and words in str(raised.value)
    assert str(raised.value).count(". ") == 0


def test_different_low_rank_factors_are_refused():
    system = ssm.DPLR([-1.0 + 2j], [[1.0]], [[2.0]], [1.0], [1.0], conjugate_pairs=True)
    with pytest.raises(ValueError, match="`Q` must equal P"):
        cv.to_parameters(system, 0.1, "s4")


# Batches of inputs and outputs, steps of their own, and chains


def test_s5_with_many_inputs_and_outputs():
    rng = np.random.default_rng(5)
    P, H = 3, 2
    parameters = {
        "Lambda_re": -rng.random(P) - 0.1,
        "Lambda_im": -rng.random(P),
        "B": rng.normal(size=(P, H, 2)),
        "C": rng.normal(size=(H, P, 2)),
        "log_step": np.log(rng.random((P, 1)) + 0.1),
        "D": rng.normal(size=H),
    }
    layer = cv.from_parameters(parameters, "s5")
    assert layer.system.batch_shape == (H, H) and np.array_equal(layer.system.D, np.diag(parameters["D"]))
    amplitude = np.abs(joined(parameters["C"])).sum() * np.abs(joined(parameters["B"])).sum()
    assert np.abs(layer.convolution_kernel(L, "krylov_blocked") - s5(parameters)).max() <= 64 * P * L * U * amplitude
    steps = {**parameters, "log_step": np.full((P, 1), -2.0)}
    again = cv.to_parameters(*(getattr(cv.from_parameters(steps, "s5"), x) for x in ("system", "dt")), "s5")
    assert all(np.array_equal(again[key], steps[key]) for key in steps if key != "log_step")


@pytest.mark.parametrize("name", ["s4-diag", "s4d", "dss", "s5"])
def test_real_modes_are_stored_twice(name):
    system = ssm.diagonal_init("s4d-real", 4)
    K = kernel(system, np.array(0.1), "zoh")
    found = THEIRS[name](cv.to_parameters(system, 0.1, name))
    assert np.abs(found - K).max() <= tolerance(system, np.array(0.1))


def test_chain_from_dss_over_s4d_to_s5():
    rng = np.random.default_rng(6)
    dss_arrays = {
        "Lambda_log_neg_re": rng.normal(size=3),
        "Lambda_im": rng.random(3) * 5,
        "W": rng.normal(size=(1, 1, 3, 2)),
        "log_dt": [-2.0],
    }
    first = cv.convert(dss_arrays, "dss", "s4d")
    last = cv.convert(first, "s4d", "s5")
    amplitude = np.abs(joined(dss_arrays["W"])).sum()
    assert np.abs(s5(last)[0, 0] - dss({**dss_arrays, "log_dt": np.array([-2.0])})[0]).max() <= 256 * L * U * amplitude


def test_single_precision_stays():
    system = ssm.Diagonal(
        np.complex64([-1 + 2j]), np.ones(1, np.complex64), np.ones(1, np.complex64), conjugate_pairs=True
    )
    parameters = cv.to_parameters(system, 0.1, "s4d")
    assert parameters["C"].dtype == parameters["A_imag"].dtype == np.float32
    assert cv.from_parameters(parameters, "s4d").system.dtype == np.complex64


def test_every_convention_says_where_it_stands():
    assert all(entry.source and entry.form in cv.FORMS for entry in cv.CONVENTIONS.values())
