"""Does a stream stay right, small and bounded over a thousand million samples?
==============================================================================

A filter that runs for weeks at audio rate sees 10⁹ samples every six hours. Each step rounds; what adds up is measured
three times, on streams that get their signal in blocks.

*Drift*: four undamped modes, the worst case, driven by a constant. Their exact states after k samples come from the
same numbers in integer arithmetic of 256 bits, by squaring the map x ↦ z x + b. *Energy*: a dense orthogonal step
without input, whose norm should stay one, and a HiPPO-LegS memory under noise, whose norm cannot exceed
max|u| Σ‖Ā^j B̄‖. *Memory*: what Python and NumPy hold at each checkpoint, once the interpreter has let go
of what it keeps for itself: lists of free objects, and a cache of attribute names (4096 entries; up to 0.3 MB).

`python studies/study_long_stream.py --samples 1000000000`, or `ssm-numerics report --full --only long_stream`, runs the
whole; the report stops at two million.
"""

import numpy as np

import ssm_numerics as ssm
from ssm_numerics.study import Claim, run_as_script

SOURCE = "the promise of Stream (docs/streaming.md): states are carried, nothing else"
METHOD = "integer arithmetic of 256 bits, the dissipation of each system, and Python's tracemalloc"
FULL = {"samples": 10**9}
SEED = 8
U = 2.0**-53
BLOCK = 2**16
BITS = 256
PAGE = 4096
ALT = (
    "Left: the largest error of four undamped modes against the number of samples, both logarithmic, far below the "
    "straight line of the worst case. Right: how far the norm of an orthogonal recurrence has moved from one, below "
    "its own line."
)


def compute(small=False, samples=None):
    """Three streams over `samples` samples; two million if left out, `small` a tenth of that."""
    samples = samples or (200_000 if small else 2_000_000)
    checkpoints = [10**k for k in range(2, 20) if 10**k < samples] + [samples]
    rng = np.random.default_rng(SEED)

    omega = np.array([0.013, 0.4, 2.5, 31.0])
    z = (1 + 0.5j * 0.05 * omega) / (1 - 0.5j * 0.05 * omega)
    modes = ssm.DiscreteDiagonal(z, np.full(4, 0.05), np.ones(4), 0.0, 0.05, conjugate_pairs=True)
    stream, states, held = ssm.Stream(modes), [], [0] * len(checkpoints)
    for count, state in run(stream, checkpoints, lambda count: np.ones(count), held):
        exact = np.array([after(node, 0.05, count) for node in z])
        states.append(np.max(np.abs(state - exact) * np.abs(1 - z) / (2 * 0.05)) / U)

    N = 8
    skew = rng.normal(size=(N, N))
    turn = ssm.discretize(ssm.StateSpace(skew - skew.T, np.ones(N), np.ones(N)), 0.1)
    start = np.linalg.qr(skew)[0][0]
    norms = [
        abs(np.linalg.norm(state) - 1) / U
        for _, state in run(ssm.Stream(turn, x0=start), checkpoints, lambda count: np.zeros(count), held)
    ]

    memory = ssm.discretize(ssm.hippo("legs", N).state_space(np.ones(N)), 0.05)
    noise = lambda count: rng.uniform(-1, 1, count)  # noqa: E731
    sizes = [np.linalg.norm(state) for _, state in run(ssm.Stream(memory, method="auto"), checkpoints, noise, held)]
    column, limit = memory.B_bar, 0.0
    for _ in range(4000):
        limit, column = limit + np.linalg.norm(column), memory.A_bar @ column
    return {
        "samples": checkpoints,
        "drift_in_u": states,
        "norm_in_u": norms,
        "states": N,
        "energy": max(sizes),
        "energy_limit": limit,
        "bytes_held": held,
    }


def run(stream, checkpoints, signal, held):
    """Push signal(count) in blocks and yield the state at checkpoints; `held` keeps the most memory held at each."""
    import tracemalloc

    x0 = stream.state
    for bits in range(BLOCK.bit_length()):  # compiles, and fills what a stream keeps for blocks of one size
        stream.push(np.zeros(1 << bits))
    stream.state = x0
    release()
    tracemalloc.start()
    done = 0
    for i, checkpoint in enumerate(checkpoints):
        while done < checkpoint:
            count = min(BLOCK, checkpoint - done)
            stream.push(signal(count))
            done += count
        release()
        held[i] = max(held[i], tracemalloc.get_traced_memory()[0])
        yield done, stream.state
    tracemalloc.stop()


def release():
    """Free what the interpreter keeps for itself: cycles, lists of free objects, names in its cache of attributes."""
    import gc
    import sys

    gc.collect()
    (sys._clear_type_cache if sys.version_info < (3, 13) else sys._clear_internal_caches)()


def after(node, b, count):
    """The state of x <- node x + b after `count` steps from zero, in integers of BITS bits behind the point."""
    power, shift = (fixed(node.real), fixed(node.imag)), (fixed(b), 0)
    x = (0, 0)
    while count:
        if count & 1:
            x = plus(times(power, x), shift)
        shift = plus(times(power, shift), shift)
        power = times(power, power)
        count >>= 1
    return complex(x[0] / (1 << BITS), x[1] / (1 << BITS))


def fixed(value):
    """A double as an integer with BITS bits behind the point, exactly."""
    numerator, denominator = float(value).as_integer_ratio()
    return (numerator << BITS) // denominator


def times(a, b):
    """The product of two complex fixed-point numbers."""
    return (a[0] * b[0] - a[1] * b[1]) >> BITS, (a[0] * b[1] + a[1] * b[0]) >> BITS


def plus(a, b):
    """Their sum."""
    return a[0] + b[0], a[1] + b[1]


def claims(results):
    """Drift, norm and energy against their worst cases, and memory against what it was."""
    count, N, held = results["samples"][-1], results["states"], results["bytes_held"]
    return [
        # A complex product, an addition: less than 4u of the largest state in each step, and no damping.
        Claim("Drift of undamped modes, of their largest state", results["drift_in_u"][-1], "<=", 4 * count, "u"),
        # (N + 3) u of the norm in each step, and as much for the rounding of the matrix.
        Claim("Norm of an orthogonal recurrence, minus one", results["norm_in_u"][-1], "<=", 2 * (N + 3) * count, "u"),
        Claim("Norm of a LegS memory of noise", results["energy"], "<=", results["energy_limit"]),
        # Nothing is kept of a sample or a block; this study's own results take some bytes at each checkpoint.
        Claim("Memory held after all samples beyond that after 100", held[-1] - held[0], "<=", PAGE, "B"),
    ]


def figure(results):
    """Drift and norm over the samples."""
    from ssm_numerics import plotting

    with plotting.style():
        fig, ((left, right),) = plotting.new_figure(1, 2)
        samples = np.array(results["samples"], dtype=float)
        left.loglog(samples, 4 * samples, color="black", linestyle=(0, (1, 2)), label="worst case, 4u a step")
        left.loglog(samples, results["drift_in_u"], label="undamped modes", **plotting.series(0))
        left.set(xlabel="samples", ylabel="error / u", title="Drift from the exact state")
        bound = 2 * (results["states"] + 3) * samples
        right.loglog(samples, bound, color="black", linestyle=(0, (1, 2)), label="worst case, 2(N + 3)u a step")
        right.loglog(samples, np.maximum(results["norm_in_u"], 0.5), label="orthogonal step", **plotting.series(1))
        right.set(xlabel="samples", ylabel="| ‖x‖ - 1 | / u", title="Energy without input")
        for ax in (left, right):
            ax.legend(loc="upper left")
    return fig


if __name__ == "__main__":
    import argparse

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, help="number of samples; 2000000 if left out")
    run_as_script(__file__, **vars(parser.parse_args()))
