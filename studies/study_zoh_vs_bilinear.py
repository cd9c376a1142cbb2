"""Does it matter whether a state space model is discretized by zero-order hold or by the bilinear rule?
=====================================================================================================

S4 takes the bilinear rule, S4D and Mamba zero-order hold, and papers report no difference in accuracy. For modes that
are slow against the sampling there is hardly one: with samples in the middle of their steps both are of second order,
and the kernels differ by O(Δ²). For fast modes the rules are opposites. Zero-order hold keeps the decay of a mode,
|z| = e^(Δ Re λ), and folds its frequency at Nyquist. The bilinear rule keeps the order of frequencies, squeezing all of
them below Nyquist by ω → (2/Δ) atan(Δω/2), and lets fast modes decay slower, by 1/(1 + (Δω/2)²): they ring at the
Nyquist frequency. LegS reaches N²/π, far beyond any usual sampling, so this is the rule rather than the exception.
"""

import numpy as np

import ssm_numerics as ssm
from ssm_numerics.study import Claim, run_as_script

SOURCE = "[S4] section 2.3 and [S4D] section 3.1 for the two choices; frequency warping is textbook"
METHOD = "poles and kernels of the same LegS system under both rules, float64"
SEED = 70
U = 2.0**-53
STEPS = (1e-1, 1e-2, 1e-3, 1e-4)
ALT = (
    "Left: decay time of every mode of LegS in samples against its frequency in units of Nyquist; constant under "
    "zero-order hold, rising with the square of frequency above Nyquist under the bilinear rule. Middle: discrete "
    "frequency against continuous frequency; folded under zero-order hold, saturating under the bilinear rule. Right: "
    "relative difference of kernels against the step, slope two where all modes are slow, of order one where they "
    "are not."
)


def compute(small=False):
    """Poles of both rules, and differences of kernels over steps."""
    N = 16 if small else 64
    rng = np.random.default_rng(SEED)
    form = ssm.nplr("legs", N)
    Lambda = form.Lambda[: N // 2]
    dt = 1e-2
    fine = [2.0**-k for k in (range(4, 9) if small else range(4, 16, 2))]
    orders = (4, N)
    outputs = {n: rng.normal(size=n) for n in orders}
    differences = {n: [kernels_differ(outputs[n], step) for step in fine] for n in orders}
    modes = {}
    for rule in ("zoh", "bilinear"):
        z = ssm.discretize(ssm.Diagonal(Lambda, np.ones(N // 2), np.ones(N // 2)), dt, rule).A_bar
        modes[rule] = {"decay": -1 / np.log(np.abs(z)), "angle": np.abs(np.angle(z))}
    return {
        "N": N,
        "dt": dt,
        "omega": Lambda.imag,
        "modes": modes,
        "share_beyond_nyquist": {step: float(np.mean(Lambda.imag * step > np.pi)) for step in STEPS},
        "steps": fine,
        "differences": differences,
    }


def kernels_differ(C, dt):
    """Difference of the two kernels up to time 1/2, relative to the largest entry."""
    L = max(4, round(0.5 / dt))
    system = ssm.hippo("legs", C.size).state_space(C)
    zoh, bilinear = (
        ssm.convolution_kernel(system, L, dt, discretization=rule, method="krylov_blocked")
        for rule in ("zoh", "bilinear")
    )
    return float(np.max(np.abs(zoh - bilinear)) / np.max(np.abs(zoh)))


def claims(results):
    """Decay and frequency of every mode against the formulas, and the order of the difference."""
    omega, dt = np.array(results["omega"]), results["dt"]
    zoh, bilinear = results["modes"]["zoh"], results["modes"]["bilinear"]
    x = dt * omega / 2
    warped, folded = 2 * np.arctan(x), np.abs(np.angle(np.exp(1j * dt * omega)))
    kept = np.max(np.abs(np.array(zoh["decay"]) * dt / 2 - 1))
    # |z|² = ((1 - h)² + x²) / ((1 + h)² + x²) with h = Δ/4: its logarithm is -4h/(1 + x²) up to h³.
    slowed = np.array(bilinear["decay"]) * dt / 2 / (1 + x**2)
    slow = results["differences"]["4"]
    fast = results["differences"][str(results["N"])]
    last = np.log(slow[-2] / slow[-1]) / np.log(results["steps"][-2] / results["steps"][-1])
    fastest = max(bilinear["decay"]) * dt / 2
    return [
        # log |z| of |z| = 1 - 0.005 loses a factor 200.
        Claim("Zero-order hold keeps the decay of every mode: relative difference", kept / U, "<=", 2000, "u"),
        Claim(
            "Zero-order hold folds frequencies at Nyquist: largest difference",
            max(abs(folded - zoh["angle"])),
            "<=",
            1e-12,
        ),
        Claim(
            "Bilinear: decay time is 1 + (Δω/2)² times longer; largest relative difference",
            np.max(np.abs(slowed - 1)),
            "<=",
            dt**2,
        ),
        Claim(
            "Bilinear: frequencies are (2/Δ) atan(Δω/2); largest difference",
            max(abs(warped - bilinear["angle"])),
            "<=",
            dt,
        ),
        Claim(
            f"The fastest mode at Δ = {dt:g} lives longer under the bilinear rule, by a factor",
            fastest,
            ">=",
            1 + x[0] ** 2 / 2,
        ),
        Claim("N = 4: order of the difference of kernels in Δ", last, ">=", 1.9),
        Claim(f"N = {results['N']}, Δ = 1/16: difference of kernels", fast[0], ">=", 0.1),
    ]


def figure(results):
    """Decay, frequency, and difference of kernels."""
    from ssm_numerics import plotting

    with plotting.style():
        fig, ((left, middle, right),) = plotting.new_figure(1, 3, width=11.0, height=3.6)
        nyquist = results["dt"] * np.array(results["omega"]) / np.pi
        for index, (rule, label) in enumerate((("zoh", "zero-order hold"), ("bilinear", "bilinear"))):
            modes = results["modes"][rule]
            left.loglog(nyquist, modes["decay"], label=label, **plotting.series(index, line=False))
            middle.semilogx(
                nyquist, np.array(modes["angle"]) / np.pi, label=label, **plotting.series(index, line=False)
            )
        left.set(ylabel="decay time in samples", title=f"LegS, N = {results['N']}, Δ = {results['dt']:g}")
        middle.set(ylabel="discrete frequency / Nyquist", title="Frequency of every mode")
        for ax in (left, middle):
            ax.set(xlabel="ω / Nyquist")
            ax.axvline(1, color="#666666", linewidth=0.8)
            ax.legend()
        for index, (N, values) in enumerate(results["differences"].items()):
            right.loglog(results["steps"], values, label=f"N = {N}", **plotting.series(index))
        right.set(xlabel="step Δ", title="Difference of kernels, relative")
        right.legend()
    return fig


if __name__ == "__main__":
    run_as_script(__file__)
