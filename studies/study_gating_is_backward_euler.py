"""Is the gate of a recurrent network a discretization?
=======================================================

The gated update x ← (1 - σ(z)) x + σ(z) u, the heart of LSTM and GRU cells, is one step of the equation x' = -x + u:
the gate is a step size in disguise. Lemma 3.1 of the LSSL paper names backward Euler with Δ = e^z; zero-order hold
with Δ = log(1 + e^z), the softplus of selective state spaces, gives the same numbers.

So a network that learns its gates learns how fast time passes. The claims compare the two sides number by number,
over gates from 10⁻¹³ to 1 - 10⁻¹³, and over a signal whose gate changes at every sample.
"""

import numpy as np

import ssm_numerics as ssm
from ssm_numerics.study import Claim, run_as_script

SOURCE = "[LSSL] Lemma 3.1"
METHOD = "both sides of the identities in float64, over 26 decades of gates and through a signal"
SEED = 31
U = 2.0**-53
ALT = (
    "Left: the logistic gate against its input z, with the input weight of one backward Euler step and of one "
    "zero-order-hold step lying on it, and of the bilinear rule leaving it. Right: a noisy signal and the same "
    "smoothed curve from the gated update and from backward Euler with changing steps."
)


def compute(small=False):
    """Gates and steps side by side; `small` takes fewer samples."""
    rng = np.random.default_rng(SEED)
    z = np.linspace(-30.0, 30.0, 241 if small else 2401)
    gate, complement = 1 / (1 + np.exp(-z)), 1 / (1 + np.exp(z))  # σ(z) and 1 - σ(z), both without cancellation
    leaky = ssm.Diagonal([-1.0], [1.0], [1.0])
    dt = {"backward_euler": np.exp(z), "zoh": np.log1p(np.exp(z)), "bilinear": np.exp(z)}
    steps = {method: ssm.discretize(leaky, dt[method], method) for method in dt}
    difference = {}
    for method in ("backward_euler", "zoh"):
        weight, decay = steps[method].B_bar[:, 0], steps[method].A_bar[:, 0]
        difference[method] = max(np.max(np.abs(weight / gate - 1)), np.max(np.abs(decay / complement - 1))) / U

    T = 60 if small else 600
    gates = 4 * np.sin(np.arange(T) * 0.02) - 3 + rng.normal(size=T)
    u = np.sign(np.sin(np.arange(T) * 0.03)) + 0.5 * rng.normal(size=T)
    sigma = 1 / (1 + np.exp(-gates))
    gated = recur(1 - sigma, sigma, u)
    stepped = ssm.simulate(leaky, u, np.exp(gates), "backward_euler", irregular=True)
    shown = slice(None, None, 6 if small else 10)
    return {
        "z": z[shown],
        "weight": {"gate": gate[shown]} | {method: steps[method].B_bar[shown, 0] for method in steps},
        "difference_in_u": difference,
        "bilinear_weight_at_largest_step": steps["bilinear"].B_bar[-1, 0],
        "signal": {"u": u, "gated": gated, "stepped": stepped},
        "signal_difference_in_u": np.max(np.abs(gated - stepped)) / np.max(np.abs(u)) / U,
    }


def recur(decay, weight, u):
    """The recurrence x ← decay x + weight u with coefficients that change at every sample."""
    x, history = 0.0, np.zeros(len(u))
    for k in range(len(u)):
        history[k] = x = decay[k] * x + weight[k] * u[k]
    return history


def claims(results):
    """Both identities in units of u, relative to each number, and the whole signal."""
    difference, T = results["difference_in_u"], len(results["signal"]["u"])
    return [
        # Each side takes an exponential, a sum and a quotient, each rounded to a u or two.
        Claim(
            "Backward Euler with Δ = e^z is the gate σ(z): relative difference",
            difference["backward_euler"],
            "<=",
            8,
            "u",
        ),
        # e^-Δ turns the rounding of Δ, at most 30, into up to 30u.
        Claim("Zero-order hold with Δ = log(1 + e^z) is the same gate: difference", difference["zoh"], "<=", 40, "u"),
        # A step rounds by at most 4u max|u|, and T of them add up in the worst case.
        Claim(
            "A signal through changing gates and through changing steps",
            results["signal_difference_in_u"],
            "<=",
            4 * T,
            "u",
        ),
        Claim(
            "The bilinear rule is no gate: its weight passes 1", results["bilinear_weight_at_largest_step"], ">=", 1.9
        ),
    ]


def figure(results):
    """The gate and the rules over z; the filtered signal."""
    from ssm_numerics import plotting

    with plotting.style():
        fig, ((left, right),) = plotting.new_figure(1, 2)
        z, weight = np.array(results["z"]), results["weight"]
        left.plot(z, weight["gate"], label="gate σ(z)", color="black", linewidth=2)
        labels = {"backward_euler": "backward Euler, Δ = $e^z$", "zoh": "zero-order hold, Δ = log(1 + $e^z$)"}
        for index, (method, label) in enumerate(labels.items()):
            left.plot(z[index::2], weight[method][index::2], label=label, **plotting.series(index, line=False))
        left.plot(z, weight["bilinear"], label="bilinear, Δ = $e^z$", **plotting.series(2, marker=False))
        left.set(
            xlim=(-12, 8), xlabel="gate input z", ylabel="weight of the new input", title="The gate is a step size"
        )
        left.legend(loc="upper left", fontsize=8)
        signal = results["signal"]
        right.plot(signal["u"], color="#c8c8c8", linewidth=0.8, label="input")
        right.plot(signal["gated"], color=plotting.COLORS[0], linewidth=2.8, label="gated update")
        right.plot(signal["stepped"], color="black", linestyle=(0, (2, 2)), label="backward Euler, changing Δ")
        right.set(xlabel="sample", title="The same filter, written twice", ylim=(None, 4.2))
        right.legend(loc="upper right", ncols=3, fontsize=8)
    return fig


if __name__ == "__main__":
    run_as_script(__file__)
