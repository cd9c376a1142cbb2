"""Converters: what a package computes from its arrays, in a few lines of its own mathematics, is our kernel; and back."""

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


@pytest.mark.parametrize("name", LAYERS)
@settings(max_examples=25)
@given(data=st.data())
def test_the_package_computes_our_kernel(name, data):
    system, dt = data.draw(layers(name))
    parameters = cv.to_parameters(system, dt, name, L)
    condition = 1.0
    if "C~" in cv.CONVENTIONS[name].notes:
        condition = cv.truncate(system, dt, L).condition
    if name == "dss-softmax":
        condition = 1 / np.abs(np.expm1(L * dt[..., None] * system.Lambda)).min()
    rule = cv.CONVENTIONS[name].discretizations[0]
    K = ssm.convolution_kernel(system, L, dt, rule)
    assert np.abs(THEIRS[name](parameters) - K).max() <= tolerance(system, dt, condition)


@pytest.mark.parametrize("name", LAYERS)
@settings(max_examples=25)
@given(data=st.data())
def test_round_trip(name, data):
    """Exact but for logarithms, products C B, phi_1 and C~; modes of the other half come back as their conjugates."""
    system, dt = data.draw(layers(name))
    entry = cv.CONVENTIONS[name]
    layer = cv.from_parameters(cv.to_parameters(system, dt, name, L), name, L)
    assert layer.discretization == entry.discretizations[0]
    assert np.array_equal(np.broadcast_to(layer.system.D, system.batch_shape), np.broadcast_to(system.D, system.batch_shape))
    assert (np.abs(layer.dt - dt) <= 4 * U * dt * (1 + np.abs(np.log(dt)))).all()
    K = ssm.convolution_kernel(system, L, dt, layer.discretization)
    assert np.abs(layer.convolution_kernel(L) - K).max() <= tolerance(system, dt, layer.condition + (name == "dss-softmax") / np.abs(np.expm1(L * dt[..., None] * system.Lambda)).min())
    if entry.weight is None:
        assert np.array_equal(layer.system.Lambda.imag, system.full().Lambda.imag)
        return
    turned = system.Lambda.imag * entry.half < 0
    expected = np.where(turned, system.Lambda.conj(), system.Lambda)
    assert np.array_equal(layer.system.Lambda.imag + 0 * expected.real, expected.imag)
    size = 4 * U * np.abs(expected.real) * (1 + np.abs(np.log(-expected.real)))
    assert (np.abs(layer.system.Lambda.real - expected.real) <= size).all()
    if system.pairs.all() and entry.form == "plain":
        for quantity in ("B", "C"):
            value = getattr(system, quantity)
            assert np.array_equal(getattr(layer.system, quantity), np.where(turned, value.conj(), value))


@pytest.mark.parametrize("name", LAYERS)
@settings(max_examples=15)
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
