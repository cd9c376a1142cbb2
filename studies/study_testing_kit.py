"""Does the testing kit accuse implementations that are right?
===========================================================

`ssm_numerics.testing` checks other people's kernels, recurrences and products, and says what is wrong with them. A
check that cries wolf is worth less than none, so here right implementations stand trial: some written from scratch in
plain NumPy, in double and in single precision, sharing nothing with the package; and the package's own. No system may
fail, and the ratio of error to bound says how much room is left.

That planted faults are found and called by their names is the other half, and `tests/test_testing_kit.py` does it with
the implementations below: their options are the faults.
"""

from functools import partial

import numpy as np

import ssm_numerics as ssm
from ssm_numerics import testing
from ssm_numerics.study import Claim, run_as_script

SOURCE = "bounds of the checks, docs/testing.md"
METHOD = "every check over systems drawn from seeds that no test uses; errors against ball arithmetic"
ON_REQUEST = True
SEED = 1000
ALT = (
    "One row for every implementation, the largest and the median ratio of error to bound on a logarithmic axis; all "
    "largest ratios lie left of 1, by a factor of ten or more."
)


def expanded(*arrays):
    """Stored modes, then their partners."""
    return [np.concatenate([array, array.conj()]) for array in arrays]


def nodes_and_inputs(Lambda, B, dt, rule="bilinear", B_bar="rule"):
    """z and B_bar of diagonal modes."""
    if rule == "zoh":
        at_zero = Lambda == 0
        z = np.exp(dt * Lambda)
        forced = B * np.where(at_zero, dt, np.expm1(dt * Lambda) / np.where(at_zero, 1, Lambda))
    elif rule == "backward_euler":
        z, forced = 1 / (1 - dt * Lambda), dt * B / (1 - dt * Lambda)
    else:
        z, forced = (2 + dt * Lambda) / (2 - dt * Lambda), 2 * dt * B / (2 - dt * Lambda)
    return z, {"rule": forced, "dt B": dt * B, "B": B}[B_bar]


def diagonal_kernel(Lambda, B, C, dt, L, rule="bilinear", B_bar="rule", first=0, weight=2.0, real=True):
    """weight Re sum C B_bar z^l: S4D in three lines."""
    z, forced = nodes_and_inputs(Lambda, B, dt, rule, B_bar)
    K = weight * np.exp(np.outer(np.arange(first, L + first), np.log(z))) @ (C * forced)
    return K.real if real else K


def dense_step(A, B, dt):
    """Bilinear A_bar and B_bar of a matrix."""
    left = np.linalg.inv(np.eye(len(B)) - dt / 2 * A)
    return left @ (np.eye(len(B)) + dt / 2 * A), left @ (dt * B)


def dense_kernel(A, B, C, dt, L):
    """C A_bar^l B_bar, the row moving."""
    A_bar, B_bar = dense_step(A, B, dt)
    K = [C @ B_bar]
    for _ in range(L - 1):
        C = C @ A_bar
        K.append(C @ B_bar)
    return np.array(K)


def low_rank_kernel(Lambda, P, Q, B, C, dt, L, pairs=True):
    """The dense kernel of diag(Lambda) - P Q*."""
    if pairs:
        Lambda, P, Q, B, C = expanded(Lambda, P, Q, B, C)
    K = dense_kernel(np.diag(Lambda) - P @ Q.conj().T, B, C, dt, L)
    return K.real if pairs else K


def algorithm_1(Lambda, P, Q, B, C, dt, L, circle=0.5, truncate=True, nodes=None, dtype=complex):
    """[S4] Algorithm 1 as the paper prints it, on the circle |omega|^L = circle."""
    Lambda, P, Q, B, C = expanded(Lambda, P, Q, B, C)
    A_bar, _ = dense_step(np.diag(Lambda) - P @ Q.conj().T, B, dt)
    if truncate:
        C = C - circle * C @ np.linalg.matrix_power(A_bar, L)
    r = circle ** (1 / L)
    omega = r * np.exp(-2j * np.pi * np.arange(L) / L) if nodes is None else nodes(L)
    Lambda, P, Q, B, C, omega = (array.astype(dtype) for array in (Lambda, P, Q, B, C, omega))
    g = (2 / dt * (1 - omega) / (1 + omega)).astype(dtype)
    k = 1 / (g[:, None] - Lambda)
    k00, k01, k10 = k @ (C * B), k @ (C[:, None] * P), k @ (Q.conj() * B[:, None])
    k11 = np.einsum("ln,nr,ns->lrs", k, Q.conj(), P)
    middle = np.linalg.solve(np.eye(P.shape[1], dtype=dtype) + k11, k10[..., None])[..., 0]
    K_hat = 2 / (1 + omega) * (k00 - (k01 * middle).sum(axis=1))
    return (np.fft.ifft(K_hat) * r ** -np.arange(L)).real.astype(np.finfo(dtype).dtype)


def half_of_a_matrix(A, B, C, dt, L, odd_mode=1.0):
    """The kernel of a HiPPO matrix, its output read in the basis of the skew part: one mode of every pair."""
    omega, V = np.linalg.eigh(-0.5j * (A - A.T))
    small = 1e-9 * np.abs(omega).max()
    keep, alone = omega > small, np.abs(omega) <= small
    if alone.sum() > 1:  # the Fourier families: the basis of the null space is not one mode
        return dense_kernel(A, B, C, dt, L)
    weights, V = np.where(keep, 2.0, odd_mode)[keep | alone], V[:, keep | alone]
    A_bar, x = dense_step(A, B, dt)
    K = []
    for _ in range(L):
        K.append((weights * (C @ V) @ (V.conj().T @ x)).real)
        x = A_bar @ x
    return np.array(K)


def scan(Lambda, B, C, D, dt, u, read="after", direct=1.0, weight=2.0, rule="bilinear"):
    """The recurrence of conjugate pairs; the state is read after it moves, or before."""
    z, forced = nodes_and_inputs(Lambda, B, dt, rule)
    x, y = np.zeros_like(B), []
    for sample in u:
        old, x = x, z * x + forced * sample
        y.append(weight * (C @ (x if read == "after" else old)).real + direct * D * sample)
    return np.array(y)


def powers(c, z, L, first=0):
    """A Vandermonde sum from a table of powers by repeated products."""
    return np.cumprod(np.vstack([z**first, np.broadcast_to(z, (L - 1, z.size))]), axis=0) @ c


def fractions(v, z, poles):
    """A Cauchy sum, point by point."""
    return np.array([np.sum(v / (point - poles)) for point in z])


def single(array):
    """In single precision."""
    return array.astype(np.complex64) if array.dtype.kind == "c" else array.astype(np.float32)


def narrow(fn):
    """A callable whose numbers are single precision before and after."""

    def narrowed(*arguments):
        return single(fn(*(a if isinstance(a, int) else single(np.asarray(a)) for a in arguments)))

    return narrowed


def ours(kind, pairs=False):
    """This package's kernel of a system's arrays."""

    def kernel(*arguments):
        *arrays, dt, L = arguments
        more = {} if kind is ssm.StateSpace else {"conjugate_pairs": pairs}
        return ssm.convolution_kernel(kind(*arrays, **more), L, dt)

    return kernel


def our_scan(Lambda, B, C, D, dt, u):
    """This package's recurrence."""
    return ssm.simulate(ssm.Diagonal(Lambda, B, C, D, conjugate_pairs=True), u, dt)


def our_step(A, B, dt):
    """This package's zero-order hold."""
    discrete = ssm.discretize(ssm.StateSpace(A, B, B), dt, "zoh")
    return discrete.A_bar, discrete.B_bar


HOLD = partial(diagonal_kernel, rule="zoh")
RIGHT = {  # name: check, callable, options of the check
    "powers": (testing.check_kernel, diagonal_kernel, {}),
    "powers, single": (testing.check_kernel, narrow(diagonal_kernel), {}),
    "hold": (testing.check_kernel, HOLD, {"discretization": "zoh"}),
    "hold, single": (testing.check_kernel, narrow(HOLD), {"discretization": "zoh"}),
    "complex sum": (testing.check_kernel, partial(diagonal_kernel, weight=1.0, real=False), {"system": "diagonal"}),
    "dense": (testing.check_kernel, dense_kernel, {"system": "dense"}),
    "dense, single": (testing.check_kernel, narrow(dense_kernel), {"system": "dense"}),
    "half of a matrix": (testing.check_kernel, half_of_a_matrix, {"system": "dense"}),
    "low rank": (testing.check_kernel, low_rank_kernel, {"system": "dplr_pairs"}),
    "Algorithm 1": (testing.check_kernel, algorithm_1, {"system": "dplr_pairs"}),
    "recurrence": (testing.check_recurrence, scan, {}),
    "discretization": (testing.check_discretization, dense_step, {}),
    "Vandermonde sum": (testing.check_vandermonde, powers, {}),
    "Cauchy sum": (testing.check_cauchy, fractions, {}),
}
OURS = {
    "ours: diagonal": (testing.check_kernel, ours(ssm.Diagonal, True), {}),
    "ours: dense": (testing.check_kernel, ours(ssm.StateSpace), {"system": "dense"}),
    "ours: low rank": (testing.check_kernel, ours(ssm.DPLR, True), {"system": "dplr_pairs"}),
    "ours: low rank, complex": (testing.check_kernel, ours(ssm.DPLR), {"system": "dplr"}),
    "ours: recurrence": (testing.check_recurrence, our_scan, {}),
    "ours: hold": (testing.check_discretization, our_step, {"discretization": "zoh"}),
    "ours: Vandermonde": (testing.check_vandermonde, ssm.vandermonde_product, {}),
    "ours: Cauchy": (testing.check_cauchy, ssm.cauchy_product, {}),
}


def compute(small=False):
    """Systems, failures, and ratios of error to bound, of every implementation."""
    seeds = range(SEED, SEED + (1 if small else 6))
    rows = []
    for name, (check, fn, options) in {**RIGHT, **OURS}.items():
        reports = [check(fn, seed=seed, cases=4 if small else 40, **options) for seed in seeds]
        ratios = np.concatenate([np.divide(report.errors, report.bounds) for report in reports])
        rows.append(
            {
                "name": name,
                "ours": name in OURS,
                "systems": sum(report.cases for report in reports),
                "failures": sum(report.failures for report in reports),
                "largest": float(ratios.max()),
                "median": float(np.median(ratios)),
            }
        )
    return {"rows": rows}


def claims(results):
    """No alarm for either group, and the room that is left."""
    found = []
    for group, words in ((False, "plain NumPy"), (True, "this package")):
        rows = [row for row in results["rows"] if row["ours"] is group]
        systems, failures = (sum(row[key] for row in rows) for key in ("systems", "failures"))
        found.append(Claim(f"False alarms among {systems} systems, {words}", failures, "=", 0))
        found.append(Claim("… largest error over its bound", max(row["largest"] for row in rows), "<=", 0.2))
    return found


def figure(results):
    """The largest and the median ratio of every implementation."""
    from ssm_numerics import plotting

    rows = results["rows"][::-1]
    with plotting.style():
        fig, ((ax,),) = plotting.new_figure(1, 1, width=7.5, height=5.0)
        for index, key in enumerate(("largest", "median")):
            values = [max(row[key], 1e-5) for row in rows]
            ax.semilogx(values, range(len(rows)), label=key, **plotting.series(index, line=False))
        ax.axvline(1.0, color="#666666", linewidth=0.8)
        ax.set_yticks(range(len(rows)), [row["name"] for row in rows])
        ax.set(xlabel="error / bound", title="Right implementations under the kit's checks")
        ax.legend(loc="lower left")
    return fig


if __name__ == "__main__":
    run_as_script(__file__)
