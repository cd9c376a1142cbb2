"""S4D from scratch in PyTorch: the kernel and a recurrence, checked; and a bug, found and named.

python -m pip install torch && python docs/examples/s4d_torch.py
"""

from __future__ import annotations

import torch

from ssm_numerics import testing


def discretize(Lambda, B, dt):
    """The bilinear rule: A_bar = (1 + z/2)/(1 - z/2), B_bar = dt B/(1 - z/2), z = dt Lambda."""
    half = dt / 2 * Lambda
    return (1 + half) / (1 - half), dt * B / (1 - half)


def kernel(Lambda, B, C, dt, L):
    """K_l = 2 Re sum_n C_n A_bar_n^l B_bar_n, one power of A_bar after another."""
    A_bar, B_bar = discretize(Lambda, B, dt)
    powers = torch.cumprod(torch.cat([torch.ones_like(A_bar)[None], A_bar.expand(L - 1, -1)]), dim=0)
    return 2 * (powers @ (C * B_bar)).real


def scan(Lambda, B, C, D, dt, u):
    """y_k = 2 Re C x_k + D u_k, x_k = A_bar x_{k-1} + B_bar u_k."""
    A_bar, B_bar = discretize(Lambda, B, dt)
    x, y = torch.zeros_like(B), []
    for sample in u:
        x = A_bar * x + B_bar * sample
        y.append(2 * (C @ x).real + D * sample)
    return torch.stack(y)


def kernel_with_a_bug(Lambda, B, C, dt, L):
    """B_bar = dt B, which is right for explicit Euler only."""
    A_bar, _ = discretize(Lambda, B, dt)
    powers = torch.cumprod(torch.cat([torch.ones_like(A_bar)[None], A_bar.expand(L - 1, -1)]), dim=0)
    return 2 * (powers @ (C * dt * B)).real


def in_single_precision(array):
    """What most layers do; the check measures in the eps of what comes out."""
    return torch.as_tensor(array).to(torch.complex64 if array.dtype.kind == "c" else torch.float32)


if __name__ == "__main__":
    for convert in (torch.as_tensor, in_single_precision):
        for report in (testing.check_kernel(kernel, convert=convert), testing.check_recurrence(scan, convert=convert)):
            print(report)
            assert report.passed
    report = testing.check_kernel(kernel_with_a_bug, convert=torch.as_tensor)
    print(report)
    assert report.causes == ("B_bar_is_dt_B",)
