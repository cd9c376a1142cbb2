"""Why must the nodes of Algorithm 1 leave the unit circle?
========================================================

Algorithm 1 of S4 evaluates Cauchy sums at the L-th roots of unity. Under the bilinear rule the modes of LegT, LagT and
FouT, which have no damping of their own, become poles on the same circle, and where a node meets a pole the sum is 0/0.
At ω = 1 this happens to FouT always and to LegT and LagT for odd N, because one mode is zero; for even N it happens for
some steps and lengths: LagT with Δ = 4 meets a node in every mode. A near miss at distance d costs N u/d at most, and
mostly much less. LegS, damped by 1/2, is safe on either circle.

On the circle r^L = 1/2 every pole is at least 1 - r ≈ 0.69/L away. The radius hardly matters between r^L = 0.9 and
0.01: closer to the unit circle the distance shrinks, further inside the factor r^-L magnifies the rounding of the
last samples.
"""

import numpy as np

import ssm_numerics as ssm
from ssm_numerics.study import Claim, run_as_script

SOURCE = "[S4] Algorithm 1; the smaller circle is this project's (docs/kernels.md)"
METHOD = "Algorithm 1 in plain NumPy, only the radius changed, against an enclosing ball; errors relative to max |K|"
SEED = 40
U = 2.0**-53
FAMILIES = ("legs", "legt", "lagt", "fout")
RADII = (1.0, 1 - 1e-10, 1 - 1e-6, 0.999, 0.99, 0.9, 0.5, 0.1, 0.01, 1e-4, 1e-8, 1e-12)
"""Values of r^L."""
ALT = (
    "Left: error of the kernel against the distance between the nearest node and pole, both axes logarithmic; on the "
    "unit circle the marks rise slowly from rounding level and reach 100 % at distance zero, on the smaller circle all "
    "stay at rounding level. Right: the largest error against r to the power L, a flat valley between 0.01 and 0.9 "
    "with walls on both sides."
)


def compute(small=False):
    """Errors and distances over families, orders and steps on both circles, and over radii."""
    orders, L = ((4, 5), 64) if small else ((3, 4, 5, 8, 16, 17, 33, 64, 65), 512)
    rng = np.random.default_rng(SEED)
    steps = [1 / L, 2 / L] + ([4.0] if small else [0.1, 1.0, 4.0, *(10.0 ** rng.uniform(-3, 1, 3))])
    cases, valley = [], {family: np.zeros(len(RADII)) for family in FAMILIES}
    for family in FAMILIES:
        for N in orders:
            system = ssm.nplr(family, N).to_dplr(rng.normal(size=N))
            for dt in steps:
                exact = ssm.certified.convolution_kernel(system, L, dt).mid
                cases.append(case(family, N, system, L, dt, exact))
                if dt == steps[1]:
                    errors = [error(algorithm_1(system.full(), L, dt, power ** (1 / L)), exact) for power in RADII]
                    valley[family] = np.maximum(valley[family], errors)
    return {"L": L, "orders": orders, "steps": steps, "cases": cases, "valley": valley}


def case(family, N, system, L, dt, exact):
    """Distance and error on the unit circle and on the smaller one."""
    out = {"family": family, "N": N, "dt": dt}
    for name, radius in (("unit", 1.0), ("half", 0.5 ** (1 / L))):
        out[name] = {
            "distance": float(ssm.node_pole_distance(system, dt, L, radius)),
            "error": error(algorithm_1(system.full(), L, dt, radius), exact),
        }
    return out


def algorithm_1(form, L, dt, radius):
    """The kernel from its truncated generating function on a circle: Cauchy sums, Woodbury, inverse FFT."""
    with np.errstate(all="ignore"):
        power = np.linalg.matrix_power(ssm.discretize(form, dt).to_dense().A_bar, L)
        C = form.C - radius**L * (form.C @ power)
        omega = radius * np.exp(-2j * np.pi * (np.arange(L) / L))
        s = dt / 2 * (1 + omega)
        cauchy = 1 / ((1 - omega)[:, None] - s[:, None] * form.Lambda)
        k00, k01 = cauchy @ (C * form.B), (cauchy * C) @ form.P
        k10 = (cauchy * form.B) @ form.Q.conj()
        k11 = np.einsum("wn,nr,ns->wrs", cauchy, form.Q.conj(), form.P)
        inner = np.eye(form.P.shape[-1]) + s[:, None, None] * k11
        if not np.isfinite(inner).all():
            return np.full(L, np.nan)
        correction = np.sum(k01 * np.linalg.solve(inner, k10[..., None])[..., 0], axis=-1)
        return np.fft.ifft(dt * (k00 - s * correction)).real * radius ** -np.arange(L)


def error(K, exact):
    """Largest error relative to the largest entry, at most 100 %."""
    value = np.max(np.abs(K - exact)) / np.max(np.abs(exact))
    return float(min(value, 1.0)) if np.isfinite(value) else 1.0


def claims(results):
    """Both circles, which cases lose what, the prediction by the distance, and the valley."""
    cases = results["cases"]
    meeting = [c for c in cases if c["family"] == "fout" or (c["N"] % 2 and c["family"] != "legs")]
    even = [c for c in cases if not c["N"] % 2 and c["family"] in ("legt", "lagt")]
    legs = [c for c in cases if c["family"] == "legs"]
    worst = np.max([results["valley"][family] for family in FAMILIES], axis=0)
    half = worst[RADII.index(0.5)]
    return [
        Claim(
            "r^L = 1/2: largest error over all cases",
            max(c["half"]["error"] for c in cases) / U,
            "<=",
            round(2e-13 / U),
            "u",
        ),
        Claim(
            "r^L = 1/2: least distance of a node from a pole, times L / log 2",
            min(c["half"]["distance"] for c in cases) * results["L"] / np.log(2),
            ">=",
            0.99,
        ),
        Claim(
            f"Unit circle, FouT and, for odd N, LegT, LagT: cases of {len(meeting)} where a node is a pole",
            sum(c["unit"]["distance"] == 0 for c in meeting),
            "=",
            len(meeting),
        ),
        Claim("… and the least error there", min(c["unit"]["error"] for c in meeting), ">=", 1),
        Claim(
            f"Unit circle, LegT, LagT, even N, {len(even)} cases: largest error",
            max(c["unit"]["error"] for c in even),
            ">=",
            0.01,
        ),
        # A rounding of a node or of a pole changes its term by u / distance; N terms.
        Claim(
            "… and the largest error over N u / distance",
            max(c["unit"]["error"] * c["unit"]["distance"] / (c["N"] * U) for c in even),
            "<=",
            1,
        ),
        Claim(
            "Unit circle, LegS: largest error", max(c["unit"]["error"] for c in legs) / U, "<=", round(2e-13 / U), "u"
        ),
        Claim("Largest error at r^L = 1/2 over that at the best of twelve radii", half / worst.min(), "<=", 10),
    ]


def figure(results):
    """Error against distance on both circles; error against the radius."""
    from ssm_numerics import plotting

    with plotting.style():
        fig, ((left, right),) = plotting.new_figure(1, 2, width=10.0, height=4.0)
        for index, family in enumerate(FAMILIES):
            chosen = [c for c in results["cases"] if c["family"] == family]
            for name, face in (("unit", plotting.COLORS[index]), ("half", "white")):
                x = [max(c[name]["distance"], 1e-17) for c in chosen]
                y = [max(c[name]["error"], U / 4) for c in chosen]
                look = plotting.series(index, line=False) | {"markerfacecolor": face}
                left.loglog(x, y, label=f"{family}, {'unit circle' if name == 'unit' else '$r^L$ = 1/2'}", **look)
        left.set(
            xlabel="distance of the nearest node from a pole (10⁻¹⁷: zero)", ylabel="relative error", title="Every case"
        )
        left.legend(loc="upper center", ncols=2, fontsize=7.5)
        places = range(len(RADII))
        for index, family in enumerate(FAMILIES):
            right.semilogy(places, results["valley"][family], label=family, **plotting.series(index))
        names = ["1", "1-10⁻¹⁰", "1-10⁻⁶", "0.999", "0.99", "0.9", "½", "0.1", "0.01", "10⁻⁴", "10⁻⁸", "10⁻¹²"]
        right.set_xticks(places, names, rotation=60)
        right.set(xlabel="$r^L$", ylabel="largest relative error over N", title="The radius")
        right.legend(loc="upper center")
    return fig


if __name__ == "__main__":
    run_as_script(__file__)
