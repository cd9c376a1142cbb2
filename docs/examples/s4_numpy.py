"""S4 from scratch in NumPy: Algorithm 1 and the recurrence in O(N) a step, checked; and a bug, found and named.

python docs/examples/s4_numpy.py
"""

from __future__ import annotations

import numpy as np

from ssm_numerics import testing


def backward(Lambda, P, Q, dt, v):
    """(2/dt - A)^-1 v for A = diag(Lambda) - P Q*, by the Woodbury identity; v is a vector or columns."""
    columns = v.reshape(Lambda.size, -1)
    D = 1 / (2 / dt - Lambda)[:, None]
    solved = D * columns
    capacitance = np.eye(P.shape[1]) + Q.conj().T @ (D * P)
    solved = solved - D * P @ np.linalg.solve(capacitance, Q.conj().T @ solved)
    return solved.reshape(v.shape)


def advance(Lambda, P, Q, dt, v):
    """A_bar v = (2/dt - A)^-1 (2/dt + A) v, the bilinear rule."""
    columns = v.reshape(Lambda.size, -1)
    forward = (2 / dt + Lambda)[:, None] * columns - P @ (Q.conj().T @ columns)
    return backward(Lambda, P, Q, dt, forward).reshape(v.shape)


def kernel(Lambda, P, Q, B, C, dt, L, truncate=True):
    """K_l = C A_bar^l B_bar, l < L: the generating function on the circle r^L = 1/2, and an inverse FFT."""
    if truncate:  # C~ = C (I - A_bar^L / 2), whose generating function ends after L samples
        A_bar = advance(Lambda, P, Q, dt, np.eye(Lambda.size, dtype=complex))
        C = C - C @ np.linalg.matrix_power(A_bar, L) / 2
    k = np.arange(L)
    omega = 0.5 ** (1 / L) * np.exp(-2j * np.pi * (k / L))
    s = dt / 2 * (1 + omega)
    resolvent = 1 / ((1 - omega)[:, None] - s[:, None] * Lambda)
    k00, k01 = resolvent @ (C * B), resolvent @ (C[:, None] * P)
    k10 = resolvent @ (B[:, None] * Q.conj())
    k11 = np.einsum("ln,ni,nj->lij", resolvent, Q.conj(), P)
    coupled = np.linalg.solve(np.eye(P.shape[1]) + s[:, None, None] * k11, k10[..., None])[..., 0]
    K_hat = dt * (k00 - s * np.sum(k01 * coupled, axis=-1))
    return np.fft.ifft(K_hat) * 2 ** (k / L)


def scan(Lambda, P, Q, B, C, D, dt, u):
    """y_k = C x_k + D u_k, x_k = A_bar x_{k-1} + B_bar u_k."""
    B_bar, x, y = 2 * backward(Lambda, P, Q, dt, B), np.zeros_like(B), []
    for sample in u:
        x = advance(Lambda, P, Q, dt, x) + B_bar * sample
        y.append(C @ x + D * sample)
    return np.array(y)


def kernel_with_a_bug(*arguments):
    """C where C~ belongs: the generating function of the whole kernel, which folds what comes after L samples back."""
    return kernel(*arguments, truncate=False)


if __name__ == "__main__":
    for report in (testing.check_kernel(kernel, "dplr"), testing.check_recurrence(scan, "dplr")):
        print(report)
        assert report.passed
    report = testing.check_kernel(kernel_with_a_bug, "dplr")
    print(report)
    assert report.causes == ("truncation_forgotten",)
