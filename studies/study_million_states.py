"""Can the LegS kernel be computed for a million states and a million samples?
===========================================================================

The generating function of the kernel at M = mL nodes on one circle inside the unit disc needs sums over all modes at
all nodes, N M terms if taken one by one: 6·10¹² for a million of each. With LegS in closed form and every sum a
nonuniform Fourier transform the work is O((N + M) log(N + M)) instead. Since B is a multiple of P, two sums suffice,
and no node or phase is ever rounded to double precision, so the error does not grow with N or L.

The output weights C are given for the modes: random and equally large ("flat"), or falling off like 1/k in the k-th
mode from the slowest ("decaying"). Errors are relative to max |K|. They have two parts: the tail of the kernel beyond
M samples, which the circle damps by ε, and the rounding of the sums, a few u Σ|C B̄|, which undoing the damping
magnifies by ε^(-1/m) at most, 200 for the six-fold circle. Σ|C B̄| / max |K| is listed with every case.

The report stops at a tenth of a million. `python studies/study_million_states.py --largest 1000000`, or `ssm-numerics
report --full --only million_states`, measures the whole in a process of its own, whose peak memory then is that of
the kernel.
"""

import numpy as np

import ssm_numerics as ssm
from ssm_numerics.study import Claim, run_as_script

SOURCE = "[S4] Theorem 3 promises near-linear time; the method is this project's (docs/kernels.md)"
METHOD = (
    "ball arithmetic at 1,024 states (2,048 with --largest); two circles of different size and the recurrence beyond"
)
FULL = {"largest": 1_000_000}
SEED = 3
U = 2.0**-53
WEIGHTS = ("flat", "decaying")
TOLERANCES = (1e-12, 1e-13)
"""Of the two circles: six and eight times as many nodes as samples."""
FIRST = 200
SECONDS_AT_A_MILLION, BYTES_AT_A_MILLION = 30.0, 3e9
ALT = (
    "Left: time of one kernel against size on logarithmic axes, three lines for N = L, for N alone and for L alone; "
    "all rise no faster than in proportion. Middle: peak memory against size, in proportion. Right: the two kernels of "
    "the largest size; with flat weights it looks like noise, with decaying weights it is a smooth oscillation."
)


def compute(small=False, largest=None):
    """Measured here, or up to a given size in a fresh process."""
    if largest is not None:
        return in_fresh_process(f"measure({int(largest)}, 2048)")
    return measure(4000, 256) if small else measure(100_000, 1024)


def in_fresh_process(call):
    """What a call of this module returns in a process of its own."""
    import json
    import subprocess
    import sys

    code = f"from ssm_numerics import study; print(study.to_json(study.load('million_states').{call}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"The measuring process failed: {done.stderr.strip().splitlines()[-1:]}")
    return json.loads(done.stdout)


def measure(largest, certified):
    """Times and memory over sizes, the peak memory of the process, then the three checks."""
    sizes = [n for n in (1000, 3000, 10_000, 30_000, 100_000, 300_000) if n < largest] + [largest]
    kernel(1000, 1000)  # what is compiled at first use is not part of the times
    kernel(largest // 4, 4096)
    same = [timed_case(n, n) for n in sizes]
    process = peak_of_process()
    shorter = sizes[len(sizes) // 2 : -1]
    return {
        "certified": [case for weights in WEIGHTS for case in certified_cases(certified, weights)],
        "same": same,
        "in_n": [timed_case(n, largest) for n in shorter] + [same[-1]],
        "in_l": [timed_case(largest, n) for n in shorter] + [same[-1]],
        "checks": [large_case(largest, weights) for weights in WEIGHTS],
        "process_bytes": process,
    }


def system(N, weights="flat"):
    """LegS in the modal basis, with random complex weights C of the stored modes."""
    form = ssm.nplr("legs", N)
    rng = np.random.default_rng(SEED)
    C = rng.normal(size=form.stored) + 1j * rng.normal(size=form.stored)
    if weights == "decaying":
        C /= np.arange(form.stored, 0, -1)
    return form.to_dplr(C, basis="modal")


def kernel(N, L, weights="flat", rtol=TOLERANCES[0]):
    """One kernel over the time from 0 to 1, by the contour method."""
    return ssm.convolution_kernel(
        system(N, weights), L, 1 / L, method="contour", rtol=rtol, return_info=True, max_memory=1e11
    )


def timed_case(N, L):
    """Seconds of the form, seconds of the kernel from a given system, and the most bytes its arrays take together."""
    import tracemalloc
    from time import perf_counter

    begin = perf_counter()
    given = system(N)
    form_seconds, seconds = perf_counter() - begin, np.inf
    for _ in range(7 if max(N, L) <= 100_000 else 1):
        begin = perf_counter()
        ssm.convolution_kernel(given, L, 1 / L, method="contour", max_memory=1e11)
        seconds = min(seconds, perf_counter() - begin)
    tracemalloc.start()
    ssm.convolution_kernel(given, L, 1 / L, method="contour", max_memory=1e11)
    array_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return {"N": N, "L": L, "form_seconds": form_seconds, "seconds": seconds, "array_bytes": array_bytes}


def peak_of_process():
    """The most memory this process has held, from its start on; None where the system does not tell."""
    import sys

    try:
        from resource import RUSAGE_SELF, getrusage
    except ImportError:
        return None
    return getrusage(RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def conditioning(given, dt, K):
    """Σ|C B̄| / max |K|: what one rounding of every mode does to the kernel."""
    step = ssm.discretize(given, dt)
    return float(np.sum(step.weights * np.abs(step.C * step.B_bar)) / np.max(np.abs(K)))


def certified_cases(N, weights):
    """Every entry against ball arithmetic, on the default circle and on the finest."""
    given = system(N, weights)
    exact, radius = ssm.certified.convolution_kernel(given, N, 1 / N)
    scale, out = np.max(np.abs(exact)), []
    for rtol in (1e-12, 1e-14):
        K, info = kernel(N, N, weights, rtol)
        out.append(
            {
                "N": N,
                "weights": weights,
                "rtol": rtol,
                "error": float(np.max(np.abs(K - exact) + radius) / scale),
                "said": info.a_posteriori_error,
                "conditioning": conditioning(given, 1 / N, exact),
            }
        )
    return out


def large_case(N, weights):
    """Two circles against each other, and the first samples against the recurrence, O(N) per step."""
    (K, info), (other, _) = (kernel(N, N, weights, rtol) for rtol in TOLERANCES)
    given, scale = system(N, weights), np.max(np.abs(K))
    first = ssm.convolution_kernel(given, FIRST, 1 / N, method="krylov")
    return {
        "N": N,
        "weights": weights,
        "between_circles": float(np.max(np.abs(K - other)) / scale),
        "to_recurrence": float(np.max(np.abs(K[:FIRST] - first)) / scale),
        "said": info.a_posteriori_error,
        "conditioning": conditioning(given, 1 / N, K),
        "picture": K[:: max(1, N // 500)].tolist(),
    }


def exponent(cases, along):
    """The slope of log(seconds) in log(N) or log(L)."""
    return float(np.polyfit(np.log([c[along] for c in cases]), np.log([c["seconds"] for c in cases]), 1)[0])


def claims(results):
    """Accuracy checked three ways, then time, memory, and how both grow."""
    largest, checks = results["same"][-1], results["checks"]
    size = f"N = L = {largest['N']:,}"
    part = largest["N"] / 1e6
    out = [
        Claim(
            f"N = L = {case['N']}, {case['weights']} C, rtol = {case['rtol']:g}: largest error against balls",
            case["error"],
            "<=",
            max(case["rtol"], 2e-14),  # what the finest circle is made for, 8 u^(12/13)
        )
        for case in results["certified"]
    ]
    out += [
        Claim(f"{size}: circles of 6 L and 8 L nodes differ", max(c["between_circles"] for c in checks), "<=", 2e-12),
        Claim(
            f"{size}: the first {FIRST} entries differ from the recurrence",
            max(c["to_recurrence"] for c in checks),
            "<=",
            1e-12,
        ),
        Claim(
            "Errors against balls are below what the method says of itself: largest ratio",
            max(c["error"] / c["said"] for c in results["certified"]),
            "<=",
            1,
        ),
        Claim(f"{size}: seconds for the kernel", largest["seconds"], "<=", max(1.0, SECONDS_AT_A_MILLION * part)),
    ]
    out.append(
        Claim(f"{size}: peak memory of the arrays in bytes", largest["array_bytes"], "<=", BYTES_AT_A_MILLION * part)
    )
    if results["process_bytes"] is not None and part >= 1:
        out.append(
            Claim(f"{size}: peak memory of the process in bytes", results["process_bytes"], "<=", BYTES_AT_A_MILLION)
        )
    if len(results["same"]) > 3:
        out += [
            Claim("Exponent of the time in N = L", exponent(results["same"], "N"), "<=", 1.15),
            Claim("Exponent of the time in N alone", exponent(results["in_n"], "N"), "<=", 1.15),
            Claim("Exponent of the time in L alone", exponent(results["in_l"], "L"), "<=", 1.15),
        ]
    return out


def figure(results):
    """Time and memory against size; the kernels."""
    from ssm_numerics import plotting

    lines = (("same", "N", "N = L"), ("in_n", "N", "N, at the largest L"), ("in_l", "L", "L, at the largest N"))
    with plotting.style():
        fig, ((left, middle, right),) = plotting.new_figure(1, 3, width=11.0, height=3.6)
        for index, (key, along, label) in enumerate(lines):
            cases = results[key]
            left.loglog([c[along] for c in cases], [c["seconds"] for c in cases], label=label, **plotting.series(index))
        first, last = results["same"][0], results["same"][-1]
        slope = [last["seconds"] * first["N"] / last["N"], last["seconds"]]
        left.loglog([first["N"], last["N"]], slope, color="#666666", linewidth=0.8, label="in proportion")
        left.set(xlabel="size", ylabel="seconds", title="Time of one kernel")
        left.legend()
        same = results["same"]
        middle.loglog([c["N"] for c in same], [c["array_bytes"] / 1e9 for c in same], **plotting.series(0))
        middle.set(xlabel="N = L", ylabel="GB", title="Peak memory of the arrays")
        for index, case in enumerate(results["checks"]):
            values = np.array(case["picture"])
            right.plot(
                np.linspace(0, 1, values.size),
                values / np.max(np.abs(values)),
                label=f"{case['weights']} C",
                **plotting.series(index, marker=False),
            )
        right.set(xlabel="time", ylabel="K / max |K|", title=f"The kernels, N = L = {last['N']:,}")
        right.legend()
    return fig


if __name__ == "__main__":
    import argparse

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--largest", type=int, help="number of states and of samples; 100000 if left out")
    run_as_script(__file__, **vars(parser.parse_args()))
