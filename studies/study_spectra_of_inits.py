"""How close do the diagonal initializations come to HiPPO?
==========================================================

S4D drops the low-rank term: its LegS initialization keeps the normal part of HiPPO-LegS with B/2, and a theorem says
that the two systems agree as N grows. In which sense is the question. At every fixed frequency they do: the difference
of the transfer functions up to ω = 10 halves as N doubles, so the responses to a slow input agree. But not uniformly:
near the top frequency N²/π the diagonal system has resonances that LegS has not, which grow with N where the output
adds all states up, and the kernels themselves stay apart. What is lost is not seen by slow inputs only.

S4D-Inv and S4D-Lin are not made to agree with LegS; their transfer functions are drawn beside it, each with the C that
fits LegS best in the least squares sense over a logarithmic grid of frequencies.
"""

import numpy as np

import ssm_numerics as ssm
from ssm_numerics.study import Claim, run_as_script

SOURCE = "[S4D] Theorem 3 and section 4; Yu et al., Robustifying state-space models for long sequences, 2024"
METHOD = "transfer functions and impulse responses of both systems in float64, the normal part in closed form"
SLOW = 10.0
INITS = ("s4d-legs", "s4d-inv", "s4d-lin")
OUTPUTS = ("first coefficient", "sum of all")
ALT = (
    "Left: moduli of the transfer functions of LegS and of the diagonal initializations against frequency, both axes "
    "logarithmic; all agree at low frequency, S4D-LegS has narrow peaks at its top frequencies that LegS has not. "
    "Middle: their difference against N, falling like 1/N below frequency 10, not falling over all frequencies. Right: "
    "difference of the responses to a smooth input, falling, and of the kernels, not falling."
)


def compute(small=False):
    """Differences of transfer functions, kernels and responses over orders, for two outputs."""
    orders = (8, 16, 32) if small else (8, 16, 32, 64, 128, 256)
    shown = 16 if small else 64
    return {
        "orders": orders,
        "cases": {name: [case(N, name) for N in orders] for name in OUTPUTS},
        "shown": curves(shown),
    }


def pair(N, name):
    """LegS with an output row, and its normal part with half the input."""
    C = np.eye(N)[0] if name == OUTPUTS[0] else np.ones(N) / np.sqrt(N)
    form = ssm.nplr("legs", N)
    full = form.to_dplr(C)
    return full, ssm.Diagonal(full.Lambda, full.B / 2, full.C, conjugate_pairs=full.pairs)


def frequencies(N):
    """A logarithmic grid, and every resonance of the diagonal system with its surroundings."""
    top = 2 * N**2 / np.pi
    resonances = ssm.nplr("legs", N).Lambda.imag[: N // 2]
    return np.unique(
        np.concatenate([np.geomspace(1e-2, top, 2000), *(resonances + d for d in (-0.5, -0.1, 0.0, 0.1, 0.5))])
    )


def case(N, name):
    """Largest difference of the transfer functions, slow and over all; of responses and kernels in the mean square."""
    full, diagonal = pair(N, name)
    omega = frequencies(N)
    G, H = full.transfer_function(1j * omega), diagonal.transfer_function(1j * omega)
    difference, largest = np.abs(G - H), np.abs(G).max()
    t = np.linspace(0.005, 3.0, 2000)
    kernels = [ssm.impulse_response(system, t) for system in (full, diagonal)]
    bump = np.exp(-(((t - 1) / 0.3) ** 2))
    responses = [ssm.respond(system, bump, t, hold="foh") for system in (full, diagonal)]
    return {
        "N": N,
        "slow": float(difference[omega <= SLOW].max() / largest),
        "all": float(difference.max() / largest),
        "at": float(omega[difference.argmax()]),
        "kernel": mean_square(*kernels),
        "response": mean_square(*responses),
    }


def mean_square(wanted, other):
    """Difference in the mean square, relative to the first."""
    return float(np.linalg.norm(wanted - other) / np.linalg.norm(wanted))


def curves(N):
    """|G(iω)| of LegS and of the initializations, the C of the latter fitted to LegS below SLOW."""
    full, diagonal = pair(N, OUTPUTS[1])
    omega = np.geomspace(0.1, 2 * N**2 / np.pi, 600)
    out = {"omega": omega, "legs": np.abs(full.transfer_function(1j * omega))}
    out["s4d-legs"] = np.abs(diagonal.transfer_function(1j * omega))
    wanted = full.transfer_function(1j * omega)
    for name in INITS[1:]:
        poles = ssm.diagonal_init(name, N).Lambda
        basis = np.stack([1 / (1j * omega[:, None] - poles), 1 / (1j * omega[:, None] - poles.conj())])
        columns = np.concatenate([basis.sum(0), 1j * (basis[0] - basis[1])], axis=1)  # real and imaginary part of C
        parts = (np.concatenate([values.real, values.imag]) for values in (columns, wanted))
        C = np.linalg.lstsq(*parts, rcond=1e-8)[0]
        half = poles.size
        system = ssm.Diagonal(poles, np.ones(half), C[:half] + 1j * C[half:], conjugate_pairs=True)
        out[name] = np.abs(system.transfer_function(1j * omega))
    return out


def claims(results):
    """Convergence at slow frequencies and of responses; none over all frequencies and of kernels."""
    out = []
    orders = results["orders"]
    doublings = np.log2(orders[-1] / orders[-2])
    for name, cases in results["cases"].items():
        last, before = cases[-1], cases[-2]
        # First order in 1/N; the slope between the two largest N is not yet the limit.
        out.append(
            Claim(
                f"{name}: order in 1/N of the difference below ω = {SLOW:g}",
                np.log2(before["slow"] / last["slow"]) / doublings,
                ">=",
                0.8,
            )
        )
        out.append(
            Claim(
                f"{name}: response to a smooth input, difference at N = {orders[-1]}",
                last["response"],
                "<=",
                4 / orders[-1],
            )
        )
        out.append(
            Claim(
                f"{name}: kernels, least difference in the mean square over N",
                min(c["kernel"] for c in cases),
                ">=",
                0.5,
            )
        )
    every = results["cases"][OUTPUTS[1]]
    out.append(
        Claim(
            "sum of all: over all frequencies, least difference relative to max |G|",
            min(c["all"] for c in every),
            ">=",
            1,
        )
    )
    return out


def figure(results):
    """Transfer functions, and differences against N."""
    from ssm_numerics import plotting

    with plotting.style():
        fig, ((left, middle, right),) = plotting.new_figure(1, 3, width=11.0, height=3.8)
        shown = results["shown"]
        left.loglog(shown["omega"], shown["legs"], color="black", linewidth=2.2, label="LegS")
        for index, name in enumerate(INITS):
            left.loglog(shown["omega"], shown[name], label=name, **plotting.series(index, marker=False))
        left.set(xlabel="frequency ω", ylabel="|G(iω)|", title="Transfer functions")
        left.legend(loc="lower left")
        for index, (name, cases) in enumerate(results["cases"].items()):
            for offset, (key, label) in enumerate((("slow", f"ω ≤ {SLOW:g}"), ("all", "all ω"))):
                middle.loglog(
                    results["orders"],
                    [c[key] for c in cases],
                    label=f"{name}, {label}",
                    **plotting.series(2 * index + offset),
                )
            for offset, (key, label) in enumerate((("response", "response"), ("kernel", "kernel"))):
                right.loglog(
                    results["orders"],
                    [c[key] for c in cases],
                    label=f"{name}, {label}",
                    **plotting.series(2 * index + offset),
                )
        middle.set(xlabel="number of states N", ylabel="relative to max |G|", title="Difference of G, S4D-LegS")
        right.set(xlabel="number of states N", title="Difference in the mean square")
        for ax in (middle, right):
            ax.set_xticks(results["orders"], [str(N) for N in results["orders"]])
            ax.xaxis.set_minor_formatter("")
            ax.legend(loc="best", fontsize=7.5)
    return fig


if __name__ == "__main__":
    run_as_script(__file__)
