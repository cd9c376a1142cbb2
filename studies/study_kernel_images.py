"""What does a kernel see in an image that is read line by line?
=============================================================

Path-X shows a model an image of 128 × 128 as 16,384 pixels in a row, and S4 draws its trained kernels as images of
that shape. Here are the kernels before any training, for LegS and LegT with random output weights. The step Δ decides
how far they look: half of the energy of a LegS kernel lies within a fixed time, so within a number of pixels that
grows like 1/Δ: less than one line at Δ = 1/128, more than half of the image at Δ = 1/16384, where the kernel does not
even end. A kernel of LegT with θ = 1 ends sharply after 1/Δ pixels. What these kernels do not have is any trace of
columns: a pixel and the one below it are as unrelated as the distance of 128 in a smooth function of time makes them;
two-dimensional structure in a trained kernel is learned.
"""

import numpy as np

import ssm_numerics as ssm
from ssm_numerics.study import Claim, run_as_script

SOURCE = "[S4] section 4 and its figures of Path-X kernels; [HTYH] on time scales"
METHOD = "bilinear kernels of length 16,384 by blocked powers, checked against an enclosing ball"
SEED = 80
U = 2.0**-53
FAMILIES = ("legs", "legt")
ALT = (
    "Six images of 128 by 128 pixels, kernels read line by line, LegS above and LegT below. From left to right the "
    "step shrinks and the kernel reaches from the first line, over a quarter, to the whole image; LegS fades "
    "smoothly, LegT ends at one line of the image. All show horizontal stripes only."
)


def compute(small=False):
    """Kernels over steps, their reach, and what neighbours across lines have in common."""
    N, side = (16, 32) if small else (64, 128)
    L = side * side
    rng = np.random.default_rng(SEED)
    steps = [1 / side, 4 / L, 1 / L]
    cases = []
    for family in FAMILIES:
        C = rng.normal(size=N) / np.arange(1, N + 1)
        system = ssm.hippo(family, N).state_space(C)
        cases += [case(family, system, L, side, dt) for dt in steps]
    return {"N": N, "side": side, "cases": cases}


def case(family, system, L, side, dt):
    """One kernel: its picture, its error, its reach, and what its lines have in common."""
    K = ssm.convolution_kernel(system, L, dt, method="krylov_blocked")
    exact = ssm.certified.convolution_kernel(system, L, dt).mid
    energy = np.cumsum(K**2) / np.sum(K**2)
    window = min(L, round(1 / dt))
    return {
        "family": family,
        "dt": dt,
        "error_in_u": float(np.max(np.abs(K - exact)) / np.max(np.abs(exact)) / U),
        "half_energy": float(np.interp(0.5, energy, np.arange(1, L + 1))),
        "beyond_window": float(1 - energy[min(L - 1, round(1.05 * window))]),
        "along": roughness(K, 1),
        "down": roughness(K, side),
        "percent": np.round(100 * K.reshape(side, side) / np.max(np.abs(K))).astype(int),
    }


def roughness(K, lag):
    """‖K[l + lag] - K[l]‖ / ‖K‖: small if neighbours at this distance are alike."""
    return float(np.linalg.norm(K[lag:] - K[:-lag]) / np.linalg.norm(K))


def claims(results):
    """Errors, the reach of LegS and of LegT, and the absence of columns."""
    cases, side = results["cases"], results["side"]
    legs = [c for c in cases if c["family"] == "legs"]
    legt = [c for c in cases if c["family"] == "legt" and c["dt"] * side**2 > 1]
    reach = [c["half_energy"] * c["dt"] for c in legs[:2]]  # the third ends before the kernel does
    return [
        Claim("Largest error of a kernel, six kernels", max(c["error_in_u"] for c in cases), "<=", 1000, "u"),
        Claim(
            "LegS: half of the energy lies within the same time for the two larger steps; ratio of the times minus 1",
            abs(reach[0] / reach[1] - 1),
            "<=",
            0.1,
        ),
        Claim(f"LegS, Δ = 1/{side}: lines that hold half of the energy", legs[0]["half_energy"] / side, "<=", 1),
        Claim("LegT: largest share of the energy beyond 1.05 θ", max(c["beyond_window"] for c in legt), "<=", 0.01),
        Claim(
            "A pixel resembles its right neighbour more than the one below: least ratio of the differences",
            min(c["down"] / c["along"] for c in cases),
            ">=",
            1,
        ),
    ]


def figure(results):
    """The kernels as images."""
    from ssm_numerics import plotting

    with plotting.style():
        fig, grid = plotting.new_figure(2, 3, width=9.0, height=5.6, sharex=True, sharey=True)
        for ax, case in zip(grid.ravel(), results["cases"], strict=True):
            drawn = plotting.image(ax, np.array(case["percent"]))
            ax.set(title=f"{case['family']}, Δ = 1/{round(1 / case['dt'])}")
        for ax in grid[-1]:
            ax.set(xlabel="pixel in its line")
        for ax in grid[:, 0]:
            ax.set(ylabel="line")
        fig.colorbar(drawn, ax=grid, label="K in % of max |K|", shrink=0.6)
    return fig


if __name__ == "__main__":
    run_as_script(__file__)
