"""What does each HiPPO measure remember, and how old may it be?
==============================================================

A HiPPO operator keeps N coefficients of the past, weighted by a measure: LegT and LMU the last θ seconds uniformly,
FouT the last two by sines, LagT, LegS and FouD the whole past with weights e^-t in different bases, and scaled LegS
the whole history stretched to one interval. What comes back is compared with the input by its age, for random inputs
of limited bandwidth, after the operator has run long enough to have forgotten its start.

The windows remember evenly and then nothing. LagT and LegS remember the recent past best, LegS in e^-t, so its
resolution falls like the weight does; scaled LegS remembers all ages about equally, both ends best, and each
worse the longer the history.
"""

import numpy as np

import ssm_numerics as ssm
from ssm_numerics.study import Claim, run_as_script

SOURCE = "[HiPPO] section 2.3 and [HTYH] section 3; Voelker et al., Legendre memory units, 2019"
METHOD = "root mean square error by age, relative to that of the input, over random inputs; zero-order hold, fine steps"
SEED = 90
FAMILIES = ("legt", "lmu", "fout", "lagt", "glagt", "legs", "foud")
PARAMETERS = {"legt": {"theta": 2.0}, "lmu": {"theta": 2.0}, "glagt": {"alpha": 0.0, "beta": 0.01}}
WINDOWED = ("legt", "lmu", "fout")
WINDOW, LONG = 2.0, 12.0
CYCLES = 1 / 16
"""Highest frequency of the inputs in cycles per unit of time, for every coefficient kept."""
ALT = (
    "Left: relative error of the remembered input against its age, one line for each family; the windowed families are "
    "low up to age two, where they stop, LagT and LegS rise from low to above one half within a few units. Right: the "
    "same for scaled LegS against the position in a history of eight and of thirty-two units, flat lines that drop "
    "towards both ends, the longer history higher."
)


def compute(small=False):
    """Errors by age for every family, and by position for scaled LegS."""
    N, draws, rate = (16, 4, 100) if small else (64, 12, 400)
    rng = np.random.default_rng(SEED)
    waves = N * CYCLES * rng.random((draws, 40, 1)), 2 * np.pi * rng.random((draws, 40, 1))
    ages = (np.arange(80) + 0.5) * 0.05
    by_age = {}
    for family in FAMILIES:
        inside = ages[ages < WINDOW] if family in WINDOWED else ages
        op = ssm.hippo(family, N, **PARAMETERS.get(family, {}))
        c = ssm.compress(op, inputs(waves, middles(LONG, rate)), 1 / rate, discretization="zoh")
        by_age[family] = spread(op.reconstruct(c, inside) - inputs(waves, LONG - inside))
    histories = (8.0, 32.0)
    positions, by_position, legs = (np.arange(40) + 0.5) / 40, {}, ssm.hippo("legs", N)
    for T in histories:
        c = ssm.compress(legs, inputs(waves, middles(T, rate)), scaled=True)
        by_position[T] = spread(legs.reconstruct(c, positions, scaled=True) - inputs(waves, T * positions))
    return {"N": N, "ages": ages, "by_age": by_age, "positions": positions, "by_position": by_position}


def middles(T, rate):
    """The middle of every step up to time T, for which a held sample stands."""
    return (np.arange(round(T * rate)) + 0.5) / rate


def inputs(waves, times):
    """Random sums of sines with a mean square of one, shape (draws, times)."""
    frequencies, phases = waves
    return np.sqrt(2 / frequencies.shape[1]) * np.sin(2 * np.pi * frequencies * times + phases).sum(axis=1)


def spread(differences):
    """Root mean square over the draws."""
    return np.sqrt(np.mean(differences**2, axis=0))


def claims(results):
    """Evenness inside the windows, the order of ages, and scaled LegS."""
    by_age = {family: np.array(errors) for family, errors in results["by_age"].items()}
    legt, unit = by_age["legt"], 20  # ages within the most recent unit of time
    eight, many = (np.array(errors)[4:-4] for errors in results["by_position"].values())
    return [
        Claim(f"LegT, N = {results['N']}: largest error at any age in its window", legt.max(), "<=", 0.05),
        Claim(
            "LegT is even: error over its older half relative to that over its younger half",
            legt[unit:].mean() / legt[:unit].mean(),
            "<=",
            2,
        ),
        Claim(
            "LMU is LegT in another scaling: largest difference of the errors",
            np.max(np.abs(by_age["lmu"] - legt)),
            "<=",
            1e-9,
        ),
        Claim(
            "FouT, whose sines must be periodic: error relative to that of LegT",
            by_age["fout"].mean() / legt.mean(),
            ">=",
            3,
        ),
        Claim(
            "LegS: error at ages 3 to 4 over that at ages 0 to 1",
            by_age["legs"][-unit:].mean() / by_age["legs"][:unit].mean(),
            ">=",
            5,
        ),
        Claim(
            "LagT over LegS: error at ages 0 to 1", by_age["lagt"][:unit].mean() / by_age["legs"][:unit].mean(), ">=", 5
        ),
        Claim(
            "Scaled LegS, history of 8: largest over least error, a tenth left out at each end",
            eight.max() / eight.min(),
            "<=",
            10,
        ),
        Claim("Scaled LegS: error for a history of 32 over that for 8", many.mean() / eight.mean(), ">=", 1.5),
    ]


def figure(results):
    """Error against age and against position."""
    from ssm_numerics import plotting

    with plotting.style():
        fig, ((left, right),) = plotting.new_figure(1, 2, width=10.0, height=3.8)
        for index, family in enumerate(FAMILIES):
            errors = results["by_age"][family]
            left.semilogy(results["ages"][: len(errors)], errors, label=family, markevery=8, **plotting.series(index))
        left.set(xlabel="age of the input", ylabel="relative error", title=f"What {results['N']} numbers remember")
        left.legend(loc="lower right", ncols=2)
        for index, (T, errors) in enumerate(results["by_position"].items()):
            right.semilogy(
                results["positions"], errors, label=f"history of {float(T):g}", markevery=4, **plotting.series(index)
            )
        right.set(xlabel="position in the history (0: its beginning, 1: now)", title="Scaled LegS")
        right.legend()
    return fig


if __name__ == "__main__":
    run_as_script(__file__)
