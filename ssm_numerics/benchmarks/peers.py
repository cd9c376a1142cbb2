"""What a user would pick instead, written straightforwardly, and references in extended precision.

Imports of optional packages are inside the functions; JAX functions are compiled once and told to use double precision.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

Extended = np.longdouble
ComplexExtended = np.clongdouble

# References in extended precision


def powers_sum(c: np.ndarray, z: np.ndarray, L: int) -> np.ndarray:
    """2 Re sum_n c_n z_n^l of the numbers given, for one head."""
    terms = np.repeat(z.astype(ComplexExtended)[:, None], L, axis=1)
    terms[:, 0] = c
    return 2 * np.multiply.accumulate(terms, axis=1).sum(axis=0).real


def fractions_sum(v: np.ndarray, z: np.ndarray, poles: np.ndarray) -> np.ndarray:
    """sum_n v[j, n] / (z_l - p_n), shape (J, L)."""
    return v.astype(ComplexExtended) @ (1 / (z.astype(ComplexExtended) - poles.astype(ComplexExtended)[:, None]))


def bilinear_legs(N: int, dt: float) -> tuple[np.ndarray, np.ndarray]:
    """A_bar and B_bar of HiPPO-LegS by forward substitution."""
    n = np.arange(N, dtype=Extended)
    B = np.sqrt(2 * n + 1)
    A = -(np.tril(np.outer(B, B), -1) + np.diag(n + 1))
    half = Extended(dt) / 2 * A
    implicit, right = np.eye(N) - half, np.column_stack([np.eye(N) + half, Extended(dt) * B])
    for i in range(N):
        right[i] = (right[i] - implicit[i, :i] @ right[:i]) / implicit[i, i]
    return right[:, :N], right[:, N]


def response(A: np.ndarray, B: np.ndarray, C: np.ndarray, u: np.ndarray) -> np.ndarray:
    """y_k = C x_k, x_k = A x_{k-1} + B u_k, for one head."""
    A, B, C = A.astype(Extended), B.astype(Extended), C.astype(Extended)
    x, y = np.zeros_like(B), np.empty(u.size, dtype=Extended)
    for k in range(u.size):
        x = A @ x + B * u[k]
        y[k] = C @ x
    return y


# NumPy and SciPy


def kernel_by_broadcast(c: np.ndarray, z: np.ndarray, L: int) -> np.ndarray:
    """The Vandermonde matrix of every head, and a product with it."""
    return 2 * (c[:, None, :] @ z[..., None] ** np.arange(L))[:, 0].real


def kernel_by_exponentials(c: np.ndarray, z: np.ndarray, L: int) -> np.ndarray:
    """The formula of the S4D paper's listing: exp of an outer product."""
    return 2 * np.einsum("hn,hnl->hl", c, np.exp(np.log(z)[..., None] * np.arange(L))).real


def bilinear(A: np.ndarray, B: np.ndarray, dt: float) -> tuple[np.ndarray, np.ndarray]:
    """A_bar and B_bar of one dense system."""
    eye = np.eye(len(A))
    solved = np.linalg.solve(eye - dt / 2 * A, np.column_stack([eye + dt / 2 * A, dt * B]))
    return solved[:, :-1], solved[:, -1]


def kernel_by_definition(A: np.ndarray, B: np.ndarray, C: np.ndarray, dt: np.ndarray, L: int) -> np.ndarray:
    """C A_bar^l B_bar, a matrix-vector product per sample."""
    K = np.empty((len(C), L))
    for h in range(len(C)):
        A_bar, x = bilinear(A, B, dt[h])
        for l in range(L):
            K[h, l] = C[h] @ x
            x = A_bar @ x
    return K


def algorithm_1(Lambda: Any, P: Any, B: Any, C: Any, dt: np.ndarray, L: int) -> np.ndarray:
    """Algorithm 1 of [S4] for A = diag(Lambda) - P P*, C~ included: all N modes, all four sums, an inverse real FFT."""
    from scipy import fft

    omega = np.exp(-2j * np.pi * np.arange(L // 2 + 1) / L)
    A, K = np.diag(Lambda) - np.outer(P, P.conj()), np.empty((len(C), L))
    for h in range(len(C)):
        A_bar, _ = bilinear(A, B, dt[h])
        C_tilde = C[h] - C[h] @ np.linalg.matrix_power(A_bar, L)
        z = 2 / dt[h] * (1 - omega) / (1 + omega)
        products = np.stack([C_tilde * B, C_tilde * P, P.conj() * B, P.conj() * P], axis=1)
        k00, k01, k10, k11 = ((1 / (z[:, None] - Lambda)) @ products).T
        K[h] = fft.irfft(2 / (1 + omega) * (k00 - k01 * k10 / (1 + k11)), L)
    return K


def impulse_of_scipy(A: np.ndarray, B: np.ndarray, C: np.ndarray, dt: np.ndarray, L: int) -> np.ndarray:
    """`cont2discrete` and `dimpulse`, head by head; SciPy's output convention needs C A_bar and C B_bar."""
    from scipy import signal

    K = np.empty((len(C), L))
    for h in range(len(C)):
        A_bar, B_bar = signal.cont2discrete((A, B[:, None], C[:1], [[0.0]]), dt[h], "bilinear")[:2]
        output, direct = C[h] @ A_bar, C[h] @ B_bar
        K[h] = signal.dimpulse((A_bar, B_bar, output[None], direct[None], dt[h]), n=L)[1][0][:, 0]
    return K


def simulate_by_loop(A: np.ndarray, B: np.ndarray, C: np.ndarray, u: np.ndarray) -> np.ndarray:
    """The recurrence of one head, two NumPy products per sample."""
    x, y = np.zeros(len(B)), np.empty(u.size)
    for k in range(u.size):
        x = A @ x + B * u[k]
        y[k] = C @ x
    return y


def compress_by_solve(A: np.ndarray, B: np.ndarray, u: np.ndarray) -> np.ndarray:
    """The time-varying LegS operator, a dense `numpy.linalg.solve` per step."""
    eye, c = np.eye(len(B)), np.zeros(len(B))
    c[0] = u[0]
    for k in range(1, u.size):
        half = A / (2 * k)
        c = np.linalg.solve(eye - half, c + half @ c + B * (u[k] / k))
    return c


def compress_by_substitution(A: np.ndarray, B: np.ndarray, u: np.ndarray) -> np.ndarray:
    """The same with `scipy.linalg.solve_triangular`, for who knows that A is triangular."""
    from scipy.linalg import solve_triangular

    eye, c = np.eye(len(B)), np.zeros(len(B))
    c[0] = u[0]
    for k in range(1, u.size):
        half = A / (2 * k)
        c = solve_triangular(eye - half, c + half @ c + B * (u[k] / k), lower=True, check_finite=False)
    return c


def convolve_by_ducc(K: np.ndarray, u: np.ndarray, threads: int) -> np.ndarray:
    """Zero-padded real transforms of ducc0."""
    from ducc0 import fft

    n = fft.good_size(u.size + K.size - 1, True)
    spectra = []
    for signal in (K, u):
        padded = np.zeros(n)
        padded[: signal.size] = signal
        spectra.append(fft.r2c(padded, nthreads=threads))
    y: np.ndarray = fft.c2r(spectra[0] * spectra[1], lastsize=n, forward=False, inorm=2, nthreads=threads)
    return y[: u.size]


def powers_by_finufft(c: np.ndarray, angle: np.ndarray, L: int) -> np.ndarray:
    """sum_n c_n e^(i angle_n l) by a type 1 transform; its frequencies run from -L/2."""
    from finufft import nufft1d1

    return nufft1d1(angle, c * np.exp(1j * angle * (L // 2)), L, eps=1e-12, isign=1)


def powers_by_ducc(c: np.ndarray, angle: np.ndarray, L: int, threads: int) -> np.ndarray:
    """The same by ducc0."""
    from ducc0.nufft import nu2u

    shifted = c * np.exp(1j * angle * (L // 2))
    out = np.empty(L, dtype=np.complex128)
    return nu2u(points=shifted, coord=angle[:, None], forward=False, epsilon=1e-12, nthreads=threads, out=out)


# JAX and PyTorch


@functools.cache
def _jax() -> Any:
    import jax

    jax.config.update("jax_enable_x64", True)
    return jax


@functools.cache
def _jax_compiled(name: str) -> Any:
    """The JAX functions below, compiled; sizes are static."""
    jax = _jax()
    static = {"_jax_diagonal": 2, "_jax_s4": 5}.get(name)
    return jax.jit(globals()[name], static_argnums=static)


def by_jax(name: str, *arguments: Any) -> np.ndarray:
    """Call one of them and wait for its result."""
    return np.asarray(_jax_compiled(f"_jax_{name}")(*arguments))


def _jax_diagonal(c: Any, z: Any, L: int) -> Any:
    jnp = _jax().numpy
    return 2 * jnp.einsum("hn,hnl->hl", c, jnp.exp(jnp.log(z)[..., None] * jnp.arange(L))).real


def _jax_cauchy(v: Any, z: Any, poles: Any) -> Any:
    return v @ (1 / (z - poles[:, None]))


def _jax_s4(Lambda: Any, P: Any, B: Any, C: Any, dt: Any, L: int) -> Any:
    """As annotated-S4 does it, with its C~ by a matrix power."""
    jnp = _jax().numpy
    omega = jnp.exp(-2j * jnp.pi * jnp.arange(L) / L)
    A, eye = jnp.diag(Lambda) - jnp.outer(P, P.conj()), jnp.eye(Lambda.size)

    def one(C: Any, dt: Any) -> Any:
        A_bar = jnp.linalg.solve(eye - dt / 2 * A, eye + dt / 2 * A)
        C_tilde = C - C @ jnp.linalg.matrix_power(A_bar, L)
        z = 2 / dt * (1 - omega) / (1 + omega)
        products = jnp.stack([C_tilde * B, C_tilde * P, P.conj() * B, P.conj() * P])
        k00, k01, k10, k11 = products @ (1 / (z - Lambda[:, None]))
        return jnp.fft.ifft(2 / (1 + omega) * (k00 - k01 * k10 / (1 + k11)), L).real

    return _jax().lax.map(lambda head: one(*head), (C, dt))


def _jax_simulate(A: Any, B: Any, C: Any, u: Any) -> Any:
    def step(x: Any, now: Any) -> tuple[Any, Any]:
        x = A @ x + B * now
        return x, C @ x

    return _jax().lax.scan(step, _jax().numpy.zeros_like(B), u)[1]


def _jax_simulate_diagonal(z: Any, b: Any, c: Any, u: Any) -> Any:
    def step(x: Any, now: Any) -> tuple[Any, Any]:
        x = z * x + b * now
        return x, 2 * (c * x).sum().real

    return _jax().lax.scan(step, _jax().numpy.zeros_like(b), u)[1]


def torch_diagonal(c: np.ndarray, z: np.ndarray, L: int) -> np.ndarray:
    """The S4 repository's formula for diagonal kernels."""
    import torch

    log_z, power = torch.from_numpy(np.log(z)), torch.arange(L)
    return 2 * torch.einsum("hn,hnl->hl", torch.from_numpy(c), torch.exp(log_z[..., None] * power)).real.numpy()


def torch_cauchy(v: np.ndarray, z: np.ndarray, poles: np.ndarray) -> np.ndarray:
    """The S4 repository's fallback for Cauchy sums."""
    import torch

    v_, z_, poles_ = (torch.from_numpy(array) for array in (v, z, poles))
    return (v_.unsqueeze(-1) / (z_ - poles_.unsqueeze(-1))).sum(dim=-2).numpy()
