"""Online compression on the device: a thread per signal, the O(N) steps of the CPU on columns of its scratch arrays.

In double precision only, as on the CPU. Scratch arrays have the signal as their last axis, so that neighbouring threads
touch neighbouring memory.
"""

from __future__ import annotations

from typing import Any

from .. import hippo_steps
from .._cuda import SIMULATED, cuda, device_form, kernel
from ..hippo_steps import gbt_step

scaled_step = device_form(hippo_steps.scaled_step)

BLOCK = 4 if SIMULATED else 64


@kernel
def compress_kernel(
    generators: Any, factors: Any, h: Any, alpha: Any, B: Any, u: Any, c: Any, work: Any, out: Any
) -> None:
    """`compress_loop` for signals u (R, T, parts) into out (R, 1 or T, N, parts), from c = 0 (N, R parts)."""
    parts, n_samples, kept = u.shape[2], u.shape[1], out.shape[1]
    for i in range(cuda.grid(1), u.shape[0] * parts, cuda.gridsize(1)):
        for k in range(n_samples):
            gbt_step(generators, factors, h, alpha, B, u[i // parts, k, i % parts], c[:, i], work[:, i])
            if kept > 1 or k == n_samples - 1:
                for n in range(c.shape[0]):
                    out[i // parts, k * (kept > 1), n, i % parts] = c[n, i]


@kernel
def compress_scaled_kernel(alpha: Any, scale: Any, u: Any, e: Any, work: Any, out: Any) -> None:
    """`compress_scaled_loop` likewise, from e = 0 (N, R parts); work (3, N, R parts) is scratch."""
    parts, n_samples, kept = u.shape[2], u.shape[1], out.shape[1]
    for i in range(cuda.grid(1), u.shape[0] * parts, cuda.gridsize(1)):
        e[0, i] = u[i // parts, 0, i % parts]
        for k in range(n_samples):
            if k > 0:
                now = u[i // parts, k, i % parts]
                scaled_step(k, alpha, now, e[:, i], work[0, :, i], work[1, :, i], work[2, :, i])
            if kept > 1 or k == n_samples - 1:
                for n in range(e.shape[0]):
                    out[i // parts, k * (kept > 1), n, i % parts] = scale[n] * e[n, i]
