"""S4D from scratch in JAX: the kernel and a scan, checked; and a bug, found and named.

python -m pip install jax && python docs/examples/s4d_jax.py
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import lax

from ssm_numerics import testing

jax.config.update("jax_enable_x64", True)  # without this line JAX works in single precision, and so does the check


def discretize(Lambda, B, dt):
    """Zero-order hold, A_bar = e^z and B_bar = dt (e^z - 1)/z B with z = dt Lambda, also at and near z = 0."""
    z = dt * Lambda
    safe = jnp.where(z == 0, 1, z)
    return jnp.exp(z), dt * B * jnp.where(z == 0, 1, jnp.expm1(safe) / safe)


def kernel(Lambda, B, C, dt, L):
    """K_l = 2 Re sum_n C_n A_bar_n^l B_bar_n; every exponential on its own, e^(l dt Lambda)."""
    _, B_bar = discretize(Lambda, B, dt)
    return 2 * (jnp.exp(jnp.outer(jnp.arange(L), dt * Lambda)) @ (C * B_bar)).real


def scan(Lambda, B, C, D, dt, u):
    """y_k = 2 Re C x_k + D u_k, x_k = A_bar x_{k-1} + B_bar u_k: the output already sees this step's input."""
    A_bar, B_bar = discretize(Lambda, B, dt)

    def step(x, sample):
        x = A_bar * x + B_bar * sample
        return x, 2 * jnp.vdot(C.conj(), x).real + D * sample

    return lax.scan(step, jnp.zeros_like(B), u)[1]


def scan_with_a_bug(Lambda, B, C, D, dt, u):
    """The output is read before the state moves, as in SciPy and python-control."""
    A_bar, B_bar = discretize(Lambda, B, dt)

    def step(x, sample):
        return A_bar * x + B_bar * sample, 2 * jnp.vdot(C.conj(), x).real + D * sample

    return lax.scan(step, jnp.zeros_like(B), u)[1]


if __name__ == "__main__":
    options = {"discretization": "zoh", "convert": jnp.asarray}
    checks = (
        testing.check_discretization(discretize, "diagonal", **options),
        testing.check_kernel(kernel, **options),
        testing.check_recurrence(scan, **options),
    )
    for report in checks:
        print(report)
        assert report.passed
    report = testing.check_recurrence(scan_with_a_bug, **options)
    print(report)
    assert report.causes == ("one_sample_late",)
