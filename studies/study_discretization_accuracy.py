"""Which discretization is stable, and how accurate is it?
=======================================================

Six rules turn x' = Ax + Bu into a recurrence. Euler is stable only while Δ is below 2/N for LegS, whose eigenvalues
are -1, …, -N; backward Euler, the bilinear rule and the exact holds are stable for every step.

Accuracy depends on what a sample means. If sample k is the input at the end of its step, only first-order hold is of
second order; if it is the input in the middle of its step, the bilinear rule and zero-order hold are too. Zero-order
hold is exact, up to rounding, for inputs that are constant over each step, and first-order hold for inputs that are
linear. The reference is the exponential of the system joined to the oscillator that makes its input.

LegS with 64 states is stiff, ‖A‖ ≈ 2,600. The bilinear rule and first-order hold keep their second order for steps with
Δ‖A‖ up to a hundred, where the fast modes are not resolved at all; zero-order hold drops to first order there, because
its stairs excite them, and regains the second only when Δ‖A‖ is small; Euler has overflowed.
"""

import warnings

import numpy as np

import ssm_numerics as ssm
from ssm_numerics.study import Claim, run_as_script

SOURCE = "orders and stability are textbook; the place of the sample is where papers on state space models differ"
METHOD = "the exponential of the system joined to the oscillator that makes its input, and quadrature for the holds"
U = 2.0**-53
METHODS = ("euler", "backward_euler", "bilinear", "zoh", "foh")
ORDERS = {  # order of convergence, by where in its step a sample is taken
    "end": {"euler": 1, "backward_euler": 1, "bilinear": 1, "zoh": 1, "foh": 2},
    "middle": {"euler": 1, "backward_euler": 1, "bilinear": 2, "zoh": 2, "foh": 1},
}
N, FREQUENCY, TIME = 8, 2.5, 2.0
STIFF, OVERFLOWN = 64, 1e30
ALT = (
    "Above left: stability regions in the plane of Δλ: Euler inside a disc, bilinear the whole left half-plane, "
    "backward Euler all but a disc on the right. Above right: spectral radius of the discretized LegS matrix against "
    "the step; only Euler passes one. Below left: error against the step on logarithmic axes, with slopes one and two. "
    "Below right: the same for 64 states against the step times the norm of A; bilinear and first-order hold fall with "
    "slope two from a hundred on, zero-order hold with slope one, Euler leaves the picture."
)


def compute(small=False):
    """Spectral radii over eight decades of steps, and errors over halved steps."""
    system = legs(N)
    dt = np.logspace(-4, 4, 17 if small else 65)
    radius = {method: spectral_radius(system, dt, method) for method in METHODS}
    limits = {}
    for order in (4, 8, 16) if small else (4, 8, 16, 32, 64):
        limits[order] = stability_limit(legs(order)) * order / 2
    counts = (64, 128, 256) if small else (64, 128, 256, 512, 1024)
    errors = {at: {method: [error(system, method, at, n) for n in counts] for method in METHODS} for at in ORDERS}
    orders = {at: {m: float(np.log2(e[-2] / e[-1])) for m, e in errors[at].items()} for at in errors}
    stiff = legs(16 if small else STIFF)
    stiff_counts = (16, 64, 256) if small else (8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192)
    size = float(np.linalg.norm(stiff.A, 2))
    return {
        "stiff_N": stiff.n_states,
        "stiff_step_times_norm": TIME * size / np.array(stiff_counts),
        "stiff_errors": {m: [stiff_error(stiff, m, n) for n in stiff_counts] for m in METHODS},
        "dt": dt,
        "spectral_radius": radius,
        "euler_limit_times_half_N": limits,
        "step": TIME / np.array(counts),
        "errors": errors,
        "orders": orders,
        "unresolved_order": {m: unresolved_order(stiff, m) for m in ("bilinear", "foh", "zoh")},
        "exactness_in_u": {hold: exactness(system, hold, 40 if small else 200) for hold in ("zoh", "foh")},
    }


def legs(order):
    """HiPPO-LegS that puts out the sum of its states."""
    op = ssm.hippo("legs", order)
    return ssm.StateSpace(op.A, op.B, np.ones(order))


def spectral_radius(system, dt, method):
    """The largest modulus of the poles for every step, read off the triangular matrix."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ssm.UnstableDiscretizationWarning)
        discrete = ssm.discretize(system, dt, method)
    return np.max(np.abs(discrete.poles()), axis=-1)


def stability_limit(system):
    """The step at which Euler's spectral radius passes one, by bisection."""
    low, high = 1e-6, 10.0
    while high - low > 4 * U * high:
        middle = (low + high) / 2
        stable = spectral_radius(system, middle, "euler") <= 1
        low, high = (middle, high) if stable else (low, middle)
    return low


def error(system, method, at, n):
    """Error of the output at the end of n steps for u(t) = sin(FREQUENCY t)."""
    dt = TIME / n
    t = dt * (np.arange(1, n + 1) - (0.5 if at == "middle" else 0.0))
    y = ssm.simulate(system, np.sin(FREQUENCY * t), dt, discretization=method)
    return float(abs(y[-1] - oscillator_response(system)))


def stiff_error(system, method, n):
    """The same relative to the exact output, samples in their better place; what overflows is wrong without bound."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", ssm.UnstableDiscretizationWarning)
        value = error(system, method, "end" if method == "foh" else "middle", n) / abs(oscillator_response(system))
    return min(value, OVERFLOWN) if np.isfinite(value) else OVERFLOWN


def unresolved_order(system, method):
    """The mean order between Δ‖A‖ = 80 and 5: the slope of four points on logarithmic axes."""
    size = float(np.linalg.norm(system.A, 2))
    counts = [round(TIME * size / product) for product in (80, 32, 13, 5)]
    errors = [stiff_error(system, method, n) for n in counts]
    return float(-np.polyfit(np.log(counts), np.log(errors), 1)[0])


def oscillator_response(system):
    """The exact output at TIME: the system and the oscillator that drives it are one autonomous linear system."""
    from scipy.linalg import expm

    order = system.n_states
    joint = np.zeros((order + 2, order + 2))
    joint[:order, :order], joint[:order, order] = system.A, system.B
    joint[order, order + 1], joint[order + 1, order] = FREQUENCY, -FREQUENCY
    start = np.append(np.zeros(order + 1), 1.0)  # sin 0 = 0, cos 0 = 1
    return float(system.C @ (expm(TIME * joint) @ start)[:order])


def exactness(system, hold, T):
    """Discrete response against the exact continuous one, for an input that the hold reproduces, in u times max |y|."""
    rng = np.random.default_rng(5)
    u, dt = rng.normal(size=T), 0.05
    discrete = ssm.simulate(system, u, dt, discretization=hold)
    exact = superposition(system, u, dt, hold)
    return float(np.max(np.abs(discrete - exact)) / np.max(np.abs(exact)) / U)


def superposition(system, u, dt, hold):
    """The exact output at the end of every step: the impulse response against the held input, by quadrature.

    For LegS it is a polynomial in e^-t: e^{tA} B has the entries sqrt(2n+1) P_n(2 e^-t - 1) e^-t.
    """
    from numpy.polynomial import legendre

    scale = np.sqrt(2 * np.arange(system.n_states) + 1) * system.C
    nodes, weights = legendre.leggauss(40)

    def impulse(t):
        return legendre.legval(2 * np.exp(-t) - 1, scale) * np.exp(-t)

    T = len(u)
    fraction = (nodes + 1) / 2  # of a step, counted backwards from its end
    values = impulse(dt * (np.arange(T)[:, None] + fraction)) * (dt * weights / 2)
    flat = values.sum(axis=1)
    if hold == "zoh":
        return np.convolve(u, flat)[:T]
    before = (values * fraction).sum(axis=1)  # the weight of the sample before, on the line between the two
    return np.convolve(u, flat - before)[:T] + np.convolve(np.append(0.0, u[:-1]), before)[:T]


def claims(results):
    """Stability, its limit for Euler, the orders, and exactness of the holds."""
    stable = [max(results["spectral_radius"][m]) for m in METHODS if m != "euler"]
    limit = max(abs(ratio - 1) for ratio in results["euler_limit_times_half_N"].values())
    out = [
        Claim("LegS stays stable for every step under all rules but Euler: spectral radius", max(stable), "<=", 1.0),
        # The poles 1 - Δk are formed with three roundings, the solve with I changes nothing.
        Claim("Euler is stable exactly up to Δ = 2/N: relative difference of the limit", limit / U, "<=", 8, "u"),
        Claim(
            "Euler past that limit is unstable: spectral radius at Δ = 10⁴",
            results["spectral_radius"]["euler"][-1],
            ">=",
            1.0,
        ),
    ]
    for at, words in (("end", "the end"), ("middle", "the middle")):
        for order in (1, 2):
            methods = [m for m in METHODS if ORDERS[at][m] == order]
            worst = max(abs(results["orders"][at][m] - order) for m in methods)
            named = ", ".join(methods)
            out.append(
                Claim(f"Samples at {words} of their step: order {order} for {named}; deviation", worst, "<=", 0.1)
            )
    order, stiff = results["unresolved_order"], f"LegS, N = {results['stiff_N']}, Δ‖A‖ from 80 to 5"
    out += [
        Claim(f"{stiff}: least mean order of bilinear and foh", min(order["bilinear"], order["foh"]), ">=", 1.7),
        Claim(f"{stiff}: mean order of zero-order hold, samples in the middle", order["zoh"], "<=", 1.5),
        Claim(
            f"LegS, N = {results['stiff_N']}, Δ‖A‖ = {results['stiff_step_times_norm'][0]:.0f}: error of Euler",
            results["stiff_errors"]["euler"][0],
            ">=",
            1,
        ),
    ]
    # 200 steps of 8 states: each step rounds by N u times the state, and LegS forgets.
    for hold, words in (("zoh", "piecewise constant"), ("foh", "piecewise linear")):
        out.append(Claim(f"{hold} is exact for {words} input", results["exactness_in_u"][hold], "<=", 200 * N, "u"))
    return out


def figure(results):
    """Stability regions, spectral radii, and convergence."""
    from ssm_numerics import plotting

    with plotting.style():
        fig, ((plane, radii), (orders, stiff)) = plotting.new_figure(2, 2, width=9.5, height=7.0)
        x, y = np.meshgrid(np.linspace(-4, 4, 401), np.linspace(-3, 3, 301))
        z = x + 1j * y
        for index, (alpha, label) in enumerate(((0.0, "Euler"), (0.5, "bilinear"), (1.0, "backward Euler"))):
            with np.errstate(divide="ignore", invalid="ignore"):
                inside = np.abs(1 + (1 - alpha) * z) <= np.abs(1 - alpha * z)
            plotting.complex_plane(plane, inside, (-4, 4, -3, 3), index, label)
        plane.set(xlabel="Re Δλ", ylabel="Im Δλ", title="Stable where shaded", aspect="equal")
        plane.legend(loc="upper left", fontsize=8)
        for index, method in enumerate(("euler", "backward_euler", "bilinear", "zoh")):
            label = "zoh and foh" if method == "zoh" else method
            radii.loglog(
                results["dt"], results["spectral_radius"][method], label=label, **plotting.series(index, marker=False)
            )
        radii.axhline(1.0, color="#666666", linewidth=0.8)
        radii.set(xlabel="step Δ", ylabel="spectral radius", title=f"LegS, N = {N}", ylim=(1e-5, 1e6))
        radii.legend(loc="upper left", fontsize=8)
        step = np.array(results["step"])
        for index, method in enumerate(METHODS):
            at = "end" if method == "foh" else "middle"
            orders.loglog(step, results["errors"][at][method], label=f"{method}, {at}", **plotting.series(index))
        orders.xaxis.set_minor_formatter("")
        orders.set(xlabel="step Δ", title="Error, by place of the sample")
        orders.legend(loc="lower right", fontsize=8)
        for index, method in enumerate(METHODS):
            stiff.loglog(
                results["stiff_step_times_norm"],
                results["stiff_errors"][method],
                label=method,
                **plotting.series(index),
            )
        stiff.set(xlabel="Δ‖A‖", ylim=(None, 10), title=f"Relative error, LegS, N = {results['stiff_N']}")
        stiff.legend(loc="lower right", fontsize=8)
    return fig


if __name__ == "__main__":
    run_as_script(__file__)
