"""Implementations in plain NumPy, right ones, and ones with a fault planted as its author would write it.

They share nothing with the package, not even an order of operations; every fault is an option with its usual spelling.
"""

import numpy as np


def expanded(*arrays):
    """Stored modes, then their partners."""
    return [np.concatenate([a, a.conj()]) for a in arrays]


def nodes_and_inputs(Lambda, B, dt, rule="bilinear", B_bar="rule"):
    """z and B_bar of diagonal modes."""
    if rule == "zoh":
        z = np.exp(dt * Lambda)
        at_zero = Lambda == 0
        forced = B * np.where(at_zero, dt, np.expm1(dt * Lambda) / np.where(at_zero, 1, Lambda))
    elif rule == "backward_euler":
        z, forced = 1 / (1 - dt * Lambda), dt * B / (1 - dt * Lambda)
    else:
        z, forced = (2 + dt * Lambda) / (2 - dt * Lambda), 2 * dt * B / (2 - dt * Lambda)
    return z, {"rule": forced, "dt B": dt * B, "B": B}[B_bar]


def diagonal_kernel(Lambda, B, C, dt, L, rule="bilinear", B_bar="rule", first=0, weight=2.0, real=True):
    """weight Re sum C B_bar z^l, S4D in three lines."""
    z, forced = nodes_and_inputs(Lambda, B, dt, rule, B_bar)
    K = weight * np.exp(np.outer(np.arange(first, L + first), np.log(z))) @ (C * forced)
    return K.real if real else K


def dense_step(A, B, dt):
    """Bilinear A_bar and B_bar of a matrix."""
    left = np.linalg.inv(np.eye(len(B)) - dt / 2 * A)
    return left @ (np.eye(len(B)) + dt / 2 * A), left @ (dt * B)


def dense_kernel(A, B, C, dt, L):
    """C A_bar^l B_bar by powers of a matrix."""
    A_bar, B_bar = dense_step(A, B, dt)
    K = [C @ B_bar]
    for _ in range(L - 1):
        C = C @ A_bar
        K.append(C @ B_bar)
    return np.array(K)


def low_rank_kernel(Lambda, P, Q, B, C, dt, L, pairs=True, **options):
    """A dense kernel of diag(Lambda) - P Q*."""
    if pairs:
        Lambda, P, Q, B, C = expanded(Lambda, P, Q, B, C)
    K = dense_kernel(np.diag(Lambda) - P @ Q.conj().T, B, C, dt, L)
    return K.real if pairs else K


def algorithm_1(Lambda, P, Q, B, C, dt, L, circle=1.0, truncate=True, nodes=None, dtype=complex):
    """[S4] Algorithm 1 as the paper prints it, on |omega|^L = circle."""
    Lambda, P, Q, B, C = expanded(Lambda, P, Q, B, C)
    A_bar, _ = dense_step(np.diag(Lambda) - P @ Q.conj().T, B, dt)
    r = circle ** (1 / L)
    if truncate:
        C = C - circle * C @ np.linalg.matrix_power(A_bar, L)
    omega = r * np.exp(-2j * np.pi * np.arange(L) / L) if nodes is None else nodes(L)
    Lambda, P, Q, B, C, omega = (a.astype(dtype) for a in (Lambda, P, Q, B, C, omega))
    g = (2 / dt * (1 - omega) / (1 + omega)).astype(dtype)
    k = 1 / (g[:, None] - Lambda)
    k00, k01, k10 = k @ (C * B), k @ (C[:, None] * P), k @ (Q.conj() * B[:, None])
    k11 = np.einsum("ln,nr,ns->lrs", k, Q.conj(), P)
    middle = np.linalg.solve(np.eye(P.shape[1], dtype=dtype) + k11, k10[..., None])[..., 0]
    K_hat = 2 / (1 + omega) * (k00 - (k01 * middle).sum(axis=1))
    return (np.fft.ifft(K_hat) * r ** -np.arange(L)).real.astype(np.finfo(dtype).dtype)


def powers_of_one_node(L):
    """The nodes of state-spaces/s4: powers of a number in single precision."""
    return np.complex64(np.exp(-2j * np.pi / L)) ** np.arange(L)


def scan(Lambda, B, C, D, dt, u, read="after", direct=1.0, weight=2.0, rule="bilinear"):
    """The recurrence of diagonal pairs; the state is read after it moves, or before."""
    z, forced = nodes_and_inputs(Lambda, B, dt, rule)
    x, y = np.zeros_like(B), []
    for sample in u:
        old = x
        x = z * x + forced * sample
        y.append(weight * (C @ (x if read == "after" else old)).real + direct * D * sample)
    return np.array(y)


def half_of_a_matrix(A, B, C, dt, L, odd_mode=1.0):
    """The kernel of a HiPPO matrix in the basis of its skew part, one mode of every pair stored, by powers."""
    omega, V = np.linalg.eigh(-0.5j * (A - A.T))
    small = 1e-9 * np.abs(omega).max()
    keep, alone = omega > small, np.abs(omega) <= small
    if alone.sum() > 1:  # the Fourier families: the basis of the null space is not one mode
        return dense_kernel(A, B, C, dt, L)
    weights = np.where(keep, 2.0, odd_mode)[keep | alone]
    V = V[:, keep | alone]
    A_bar, x = dense_step(A, B, dt)
    K = []
    for _ in range(L):
        K.append((weights * (C @ V) @ (V.conj().T @ x)).real)
        x = A_bar @ x
    return np.array(K)


def legs_form(N, gauge=0):
    """(Lambda, P, B, V) of LegS as annotated S4 makes them, V with other phases for another gauge."""
    p = np.sqrt(2.0 * np.arange(N) + 1)
    A = -np.tril(np.outer(p, p)) + np.diag(np.arange(N))
    S = A + np.outer(p, p) / 2
    values, V = np.linalg.eigh(-1j * (S - np.diag(np.diag(S))))
    V = V * np.exp(1j * gauge * np.arange(N))
    return np.mean(np.diag(S)) + 1j * values, V.conj().T @ (p / 2**0.5), V.conj().T @ p, V
