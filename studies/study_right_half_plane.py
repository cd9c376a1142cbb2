"""Does Λ - PQ* leave the left half-plane where Λ - PP* cannot?
=============================================================

S4 trained Λ, P and Q freely, and its generative models became unstable; SaShiMi set Q = P. The reason is one line:
the Hermitian part of Λ - PP* is Re Λ - PP*, never positive while Re Λ is not, so no change of Λ's frequencies or of P
makes an eigenvalue cross. With two factors nothing forbids it, and this study measures how easily it happens.

Three kinds of change start from the same matrix: every number times 1 + σ times a random one; a walk of steps of one
thousandth in random directions, as an optimizer with normalized steps makes them without a gradient to follow; and the
smallest change of Q alone that puts an eigenvalue onto the imaginary axis, which has a closed form,
min over ω of |1 + Q*(iω - Λ)⁻¹P| / ‖(iω - Λ)⁻¹P‖, and its analogue for rank 2.

Random changes must be large before LegS becomes unstable, about as large as the numbers themselves; the worst direction
needs a change of 2/N only. What training does lies between the two.
"""

import numpy as np

import ssm_numerics as ssm
from ssm_numerics.study import Claim, run_as_script

SOURCE = "[SaShiMi] section 4.1 and proposition 4.1"
METHOD = "eigenvalues in float64, unstable if a real part exceeds 4 N u ‖A‖; the smallest change by minimizing over ω"
SEED = 10
U = 2.0**-53
FAMILIES = ("legs", "legt", "lagt", "fout")
SIGMAS = (0.01, 0.03, 0.1, 0.3, 1.0)
STEP = 1e-3
ALT = (
    "Left: share of unstable systems against relative noise, one rising line for each family with independent P and "
    "Q, and one line at zero for Q = P. Middle: the same against the number of steps of a random walk. Right: the "
    "smallest relative change of Q that makes the matrix unstable against N on logarithmic axes, falling for LegS."
)


def compute(small=False):
    """Rates over random changes, and the smallest change of Q over orders."""
    N, draws = (16, 20) if small else (32, 60)
    rng = np.random.default_rng(SEED)
    orders = (4, 8, 16) if small else (4, 8, 16, 32, 64)
    noise = {family: [rates(family, N, sigma, draws, rng) for sigma in SIGMAS] for family in FAMILIES}
    steps = (100, 1000, 10_000, 100_000, 1_000_000)
    walk = {family: [rates(family, N, STEP * np.sqrt(n), draws, rng, walk=True) for n in steps] for family in FAMILIES}
    return {
        "N": N,
        "draws": draws,
        "noise": noise,
        "steps": steps,
        "walk": walk,
        "orders": orders,
        "smallest": {family: [smallest_change(family, order) for order in orders] for family in FAMILIES},
    }


def changed(form, size, rng, walk):
    """Λ, P and Q after a change: each real number times 1 + size z, or, of a walk, plus size z; Re Λ stays negative."""

    def move(z):
        by = size * (rng.normal(size=z.shape) + 1j * rng.normal(size=z.shape))
        return z + by if walk else z * (1 + by / np.sqrt(2))

    real = form.Lambda.real * np.exp(size * rng.normal(size=form.N))  # trained as its logarithm
    noise = size * rng.normal(size=form.N)
    imag = form.Lambda.imag + (noise if walk else form.Lambda.imag * noise)
    return real + 1j * imag, move(form.P), move(form.Q)


def rates(family, N, size, draws, rng, walk=False):
    """Shares of unstable matrices among `draws`, with independent factors and with equal ones."""
    form, count = ssm.nplr(family, N), [0, 0]
    for _ in range(draws):
        Lambda, P, Q = changed(form, size, rng, walk)
        for index, other in enumerate((Q, P)):
            A = np.diag(Lambda) - P @ other.conj().T
            count[index] += bool(np.linalg.eigvals(A).real.max() > 4 * N * U * np.linalg.norm(A, 2))
    return {"independent": count[0] / draws, "equal": count[1] / draws}


def smallest_change(family, N):
    """‖δQ‖ / ‖Q‖ of the smallest δQ that gives Λ - P(Q + δQ)* an imaginary eigenvalue, and proof that it does.

    iω is an eigenvalue iff F + δQ*M is singular, M = (iω - Λ)⁻¹P and F = I + Q*M. A δQ of norm ‖Fv‖ / ‖Mv‖ does it,
    δQ = -M v (F v)* / ‖M v‖², and none below the least such ratio does: a generalized singular value.
    """
    form = ssm.nplr(family, N)
    reach = 1.5 * np.abs(form.Lambda).max() + 1.0
    omega = np.concatenate([np.linspace(1e-9, reach, 600), np.geomspace(1e-3, reach, 600)])
    for width in (reach / 300, reach / 10_000):  # once over the whole axis, then finer around the best point
        ratios, vectors = changes_at(form, omega)
        best = int(np.argmin(ratios))
        centre, ratio, v = omega[best], ratios[best], vectors[best]
        omega = np.append(centre + np.linspace(-width, width, 60), centre)
    M = form.P / (1j * centre - form.Lambda)[:, None]
    w = (np.eye(form.rank) + form.Q.conj().T @ M) @ v
    change = -np.outer(M @ v, w.conj()) / np.linalg.norm(M @ v) ** 2
    A = np.diag(form.Lambda) - form.P @ (form.Q + 1.01 * change).conj().T
    return {
        "relative": float(ratio / np.linalg.norm(form.Q, 2)),
        "omega": float(centre),
        "abscissa_after": float(np.linalg.eigvals(A).real.max()),
        "rounding": float(4 * N * U * np.linalg.norm(A, 2)),
    }


def changes_at(form, omega):
    """The least ‖Fv‖ / ‖Mv‖ at every ω, and the v that reaches it."""
    M = form.P / (1j * omega[:, None] - form.Lambda)[..., None]
    F = np.eye(form.rank) + np.einsum("nr,wns->wrs", form.Q.conj(), M)
    triangle = np.linalg.qr(M)[1]
    inverse = np.linalg.inv(triangle)
    right = np.linalg.svd(F @ inverse)
    vectors = np.einsum("wrs,ws->wr", inverse, right[2][:, -1].conj())
    return right[1][:, -1], vectors


def claims(results):
    """Equal factors never; independent ones at large noise; the smallest change, and that it works."""
    every = [rate for kind in ("noise", "walk") for family in results[kind].values() for rate in family]
    legs = results["smallest"]["legs"]
    cases = [case for family in ("legs", "legt", "lagt") for case in results["smallest"][family]]
    N, draws = results["N"], results["draws"]
    largest = min(results["noise"][family][-1]["independent"] for family in FAMILIES)
    moderate = results["noise"]["legs"][SIGMAS.index(0.1)]["independent"]
    return [
        Claim(
            f"Q = P: unstable systems among {len(every) * draws}", sum(rate["equal"] for rate in every) * draws, "=", 0
        ),
        Claim(f"Independent P, Q, noise of 100 %, N = {N}: least share of unstable systems", largest, ">=", 0.5),
        Claim(f"… but LegS under noise of 10 %: share of unstable systems, of {draws}", moderate, "<=", 0.1),
        Claim(
            "The smallest change of Q, made 1 % larger, is unstable: least real part, over rounding",
            min(case["abscissa_after"] / case["rounding"] for case in cases),
            ">=",
            1,
        ),
        # At ω = 0, F = 2 and ‖M‖ = √2, because A⁻¹B = -e₀; and ‖Q‖ = N/√2.
        Claim(
            f"LegS, N ≤ {results['orders'][-1]}: smallest relative change of Q, times N/2, differs from 1 by",
            max(abs(c["relative"] * N / 2 - 1) for c, N in zip(legs, results["orders"], strict=True)) / U,
            "<=",
            32 * results["orders"][-1],
            "u",
        ),
    ]


def figure(results):
    """Shares against noise and steps; the smallest change against N."""
    from ssm_numerics import plotting

    with plotting.style():
        fig, ((noise, walk, least),) = plotting.new_figure(1, 3, width=11.0, height=3.6)
        for ax, x, kind in ((noise, SIGMAS, "noise"), (walk, results["steps"], "walk")):
            for index, family in enumerate(FAMILIES):
                ax.plot(
                    x, [rate["independent"] for rate in results[kind][family]], label=family, **plotting.series(index)
                )
            equal = [max(results[kind][family][i]["equal"] for family in FAMILIES) for i in range(len(x))]
            ax.plot(x, equal, label="all, Q = P", **plotting.series(5))
            ax.set(xscale="log", ylim=(-0.05, 1.05), ylabel="share of unstable systems")
        noise.set(xlabel="relative noise σ", title=f"Independent noise, N = {results['N']}")
        noise.legend(loc="upper left")
        walk.set(xlabel="steps of ± 0.001", title="Random walk")
        for index, family in enumerate(FAMILIES):
            values = [max(case["relative"], 1e-16) for case in results["smallest"][family]]
            least.loglog(results["orders"], values, label=family, **plotting.series(index))
        least.set(xlabel="number of states N", ylabel="‖δQ‖ / ‖Q‖", title="Smallest change of Q", ylim=(1e-3, None))
        least.set_xticks(results["orders"], [str(N) for N in results["orders"]])
        least.xaxis.set_minor_formatter("")
        least.legend()
    return fig


if __name__ == "__main__":
    run_as_script(__file__)
