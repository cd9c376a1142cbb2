"""GBT discretization of many diagonal and DPLR heads on the device."""

from __future__ import annotations

from typing import Any

from .._cuda import SIMULATED, cuda, kernel
from ..recurrence import turned
from .generating_function import divided

BLOCK = 8 if SIMULATED else 128


@kernel
def gbt_modes_kernel(Lambda: Any, B: Any, dt: Any, alpha: Any, Lambda_bar: Any, increment: Any, B_bar: Any) -> None:
    """(1 + (1 - alpha) z) i, z i and dt B i with z = dt Lambda and i = 1/(1 - alpha z), mode by mode; dt (H,).

    Lambda and B (H, N, 2); the results (H, N, 1 or 2).
    """
    n_modes, one = Lambda.shape[1], type(alpha)(1)
    zero, beta = one - one, one - alpha
    for i in range(cuda.grid(1), Lambda.shape[0] * n_modes, cuda.gridsize(1)):
        h, n = i // n_modes, i % n_modes
        z_re, z_im = dt[h] * Lambda[h, n, 0], dt[h] * Lambda[h, n, 1]
        i_re, i_im = divided(one, zero, one - alpha * z_re, -(alpha * z_im))
        re, im = turned(one + beta * z_re, beta * z_im, i_re, i_im)
        d_re, d_im = turned(z_re, z_im, i_re, i_im)
        b_re, b_im = turned(dt[h] * B[h, n, 0], dt[h] * B[h, n, 1], i_re, i_im)
        Lambda_bar[h, n, 0], increment[h, n, 0], B_bar[h, n, 0] = re, d_re, b_re
        if Lambda_bar.shape[2] > 1:
            Lambda_bar[h, n, 1], increment[h, n, 1], B_bar[h, n, 1] = im, d_im, b_im
