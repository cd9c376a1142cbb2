"""Two states in every storage: the systems that tests of streams, of irregular steps and of compiled steps run."""

from __future__ import annotations

import ssm_numerics as ssm

DPLR = ssm.DPLR(
    [-1 + 2j, -0.5], [[1 + 0.5j], [0.5]], [[0.6 - 0.3j], [0.9]], [1 - 1j, 2], [0.5 + 1j, 1], 0.25, [True, False]
)
TWO_STATES = {
    "dense": ssm.StateSpace([[-1.0, 0.5], [0.25, -2.0]], [1.0, -1.0], [0.5, 2.0], 0.25),
    "dplr": DPLR,
    "dplr_full": DPLR.full(),
    "diagonal": ssm.Diagonal(DPLR.Lambda, DPLR.B, DPLR.C, 0.25, DPLR.conjugate_pairs),
}
