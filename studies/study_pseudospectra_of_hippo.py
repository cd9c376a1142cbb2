"""Do the eigenvalues of a HiPPO matrix say what it does?
=======================================================

The ε-pseudospectrum is where eigenvalues can be after a change of A by ε. For LegS it is enormous: between its
eigenvalues -1, …, -N the least singular value of z - A falls by more than two bits with every state, and from about
20 states on it is below the rounding of A in the middle of the spectrum, so that in float64 the points there are
eigenvalues as good as the true ones. For LagT, a Jordan block, the pseudospectrum fills the whole left half-plane as
N grows, at z = -3/2 by exactly one bit per state, which is what the symbol of this Toeplitz matrix predicts. LegT, in
between, has lost its digits around N = 32; the Fourier matrix is nearly normal.

None of this makes them grow: all four are dissipative, ‖e^(tA)‖ ≤ 1 and Kreiss constant 1, however wild the eigenvalues
are. LMU, which is LegT in another scaling and has the same eigenvalues, is not: it grows before it decays. And the
unitary form of S4 has the same pseudospectra as the matrix it comes from: it does not make A normal, it makes it
unnecessary to know its eigenvectors.
"""

import numpy as np

import ssm_numerics as ssm
from ssm_numerics.study import Claim, run_as_script

SOURCE = "[S4] Lemma 3.2 for LegS; Trefethen and Embree, Spectra and Pseudospectra, 2005, sections 7 and 14"
METHOD = "least singular values by Lanczos on a Schur form, ball arithmetic where they are below rounding"
U = 2.0**-53
REGIONS = {  # least and largest real part, bound of the imaginary part, in units of N / 32
    "legs": (-40.0, 10.0, 25.0),
    "legt": (-70.0, 20.0, 80.0),
    "lmu": (-70.0, 20.0, 80.0),
    "lagt": (-4.0, 1.0, 2.5),
    "fout": (-4.0, 2.0, 60.0),
}
DISSIPATIVE = ("legs", "legt", "lagt", "fout")
LEVELS = (-12, -10, -8, -6, -4, -2, 0)
ALT = (
    "Five contour pictures of log ten of the least singular value of z minus A, one for each family, with eigenvalues "
    "as dots and the region below rounding in grey: wide nested contours and a large grey region for LegS and LagT, "
    "narrow contours around the eigenvalues for FouT. A sixth picture: base-two logarithm of the least singular value "
    "at one point against N, falling on straight lines, for LegS past the rounding of A near N = 20."
)


def compute(small=False):
    """Pseudospectra, transient growth, and least singular values at one point over orders."""
    N, n = (12, 16) if small else (32, 48)
    orders = (4, 8, 12) if small else (4, 8, 12, 16, 20, 24, 32, 48, 64)
    lmu = (4, 8, 16) if small else (4, 8, 16, 32, 64)
    return {
        "N": N,
        "pictures": {family: picture(family, N, n) for family in REGIONS},
        "growth": {family: growth(family, N) for family in REGIONS},
        "orders": orders,
        "least": {"legs": [between(order) for order in orders], "lagt": [lagt_at(order) for order in orders]},
        "rounding": [float(U * np.linalg.norm(ssm.hippo("legs", order).A, 2)) for order in orders],
        "lmu_orders": lmu,
        "lmu_growth": [float(ssm.transient_growth(ssm.hippo("lmu", order))) for order in lmu],
        "unitary_difference": unitary_difference(N),
    }


def picture(family, N, n):
    """log10 of the least singular values on a grid, eigenvalues, and the level of rounding."""
    left, right, top = REGIONS[family]
    scale = 1.0 if family == "lagt" else N / 32
    op = ssm.hippo(family, N)
    result = ssm.pseudospectrum(op, region=(scale * left, scale * right, -scale * top, scale * top), n=n)
    values = result.eigenvalues
    return {
        "real": result.z.real[0],
        "imag": result.z.imag[:, 0],
        "log10": np.round(np.log10(np.maximum(result.sigma_min, 1e-300)), 3),
        "rounding": float(np.log10(result.rounding_level)),
        "eigenvalues": [values.real, values.imag],
    }


def growth(family, N):
    """sup ‖e^(tA)‖, the Kreiss constant, and both abscissae."""
    op = ssm.hippo(family, N)
    return {
        "supremum": float(ssm.transient_growth(op)),
        "kreiss": float(ssm.kreiss_constant(op)),
        "numerical_abscissa": float(ssm.numerical_abscissa(op)),
        "norm": float(np.linalg.norm(op.A, 2)),
    }


def by_balls(op, z):
    """The least singular value of z - A, enclosed."""
    grid = ssm.pseudospectrum(op, region=(z - 0.1, z + 0.1, -0.1, 0.1), n=3, method="ball")
    return float(grid.sigma_min[1, 1])


def between(N):
    """LegS in the middle between two eigenvalues, at -N/√2 where they are worst conditioned."""
    return by_balls(ssm.hippo("legs", N), -np.floor(N / np.sqrt(2)) - 0.5)


def lagt_at(N):
    """LagT at -3/2, one unit away from its only eigenvalue."""
    return by_balls(ssm.hippo("lagt", N), -1.5)


def unitary_difference(N):
    """Largest relative difference between the pseudospectra of LegS and of its unitary form, where above rounding."""
    op = ssm.hippo("legs", N)
    region = (-1.25 * N, N / 4, -0.75 * N, 0.75 * N)
    dense = ssm.pseudospectrum(op, region, n=24)
    other = ssm.pseudospectrum(ssm.nplr(op).to_dplr(np.ones(N)), region, n=24, method="structured")
    above = dense.sigma_min > 1000 * dense.rounding_level
    return float(np.max(np.abs(other.sigma_min / dense.sigma_min - 1)[above]))


def claims(results):
    """Loss of eigenvalues, rates, growth, and invariance."""
    orders, least, growth = results["orders"], results["least"], results["growth"]
    lost = [
        N for N, value, rounding in zip(orders, least["legs"], results["rounding"], strict=True) if value < rounding
    ]
    bits = {family: -np.log2(values) for family, values in least.items()}
    last = orders[-1] - orders[-2]
    dissipative = max(growth[family]["supremum"] for family in DISSIPATIVE)
    exponent = np.polyfit(np.log(results["lmu_orders"]), np.log(results["lmu_growth"]), 1)[0]
    out = [
        Claim(
            "LegS, between eigenvalues: bits by which the least singular value falls per state",
            (bits["legs"][-1] - bits["legs"][-2]) / last,
            ">=",
            2,
        ),
        Claim(
            "LagT, one unit from its eigenvalue: bits per state, distance from 1",
            abs((bits["lagt"][-1] - bits["lagt"][-2]) / last - 1),
            "<=",
            0.01,
        ),
        # Rounding of A to a few N u ‖A‖ moves its numerical abscissa, and with it sup ‖e^(tA)‖ - 1, by as much.
        Claim(
            "LegS, LegT, LagT, FouT never grow: largest ‖e^(tA)‖, minus 1",
            (dissipative - 1) / U,
            "<=",
            64 * results["N"],
            "u",
        ),
        Claim("Their Kreiss constants: largest", max(growth[family]["kreiss"] for family in DISSIPATIVE), "=", 1),
        Claim("LMU, with the eigenvalues of LegT, grows: largest ‖e^(tA)‖", growth["lmu"]["supremum"], ">=", 1.3),
        Claim("… because its numerical abscissa is positive", growth["lmu"]["numerical_abscissa"], ">=", 1),
        Claim("LMU: its growth rises with N slowly, exponent", exponent, "<=", 0.35),
        # Each is within the 0.5 % that pseudospectrum promises.
        Claim(
            "LegS and its unitary form have the same pseudospectra: largest relative difference",
            results["unitary_difference"],
            "<=",
            0.01,
        ),
    ]
    if orders[-1] > 20:
        out.insert(0, Claim("LegS: N from which a point between eigenvalues is one within rounding", lost[0], "<=", 24))
    return out


def figure(results):
    """Contours for every family, and the fall of the least singular value."""
    from ssm_numerics import plotting

    with plotting.style():
        fig, grid = plotting.new_figure(2, 3, width=11.0, height=7.0)
        for ax, (family, part) in zip(grid.ravel(), results["pictures"].items(), strict=False):
            logs = np.array(part["log10"])
            ax.contourf(part["real"], part["imag"], logs, levels=[-301, part["rounding"]], colors=["#c8c8c8"])
            drawn = ax.contour(
                part["real"], part["imag"], logs, levels=LEVELS, colors="#0072B2", linewidths=1.0, linestyles="-"
            )
            ax.clabel(drawn, fontsize=7)
            ax.plot(*part["eigenvalues"], ".", color="black", markersize=4)
            ax.axvline(0, color="#666666", linewidth=0.8)
            ax.set(title=f"{family}, N = {results['N']}: log₁₀ σ(z - A)", xlabel="Re z", ylabel="Im z")
            ax.set(xlim=(part["real"][0], part["real"][-1]), ylim=(part["imag"][0], part["imag"][-1]))
        ax = grid[1, 2]
        for index, (family, label) in enumerate((("legs", "LegS, between eigenvalues"), ("lagt", "LagT, z = -3/2"))):
            ax.plot(results["orders"], np.log2(results["least"][family]), label=label, **plotting.series(index))
        ax.plot(
            results["orders"], np.log2(results["rounding"]), label="u ‖A‖ of LegS", **plotting.series(2, marker=False)
        )
        ax.set(xlabel="number of states N", title="log₂ of the least singular value")
        ax.legend(loc="lower left")
    return fig


if __name__ == "__main__":
    run_as_script(__file__)
