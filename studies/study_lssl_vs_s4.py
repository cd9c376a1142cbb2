"""What does a kernel cost if its states are kept, as the LSSL does, and if they are not?
=========================================================================================

The LSSL discretizes a dense A for every head and holds all states of the impulse response, the N × L Krylov matrix
B̄, ĀB̄, …, Ā^(L-1)B̄, before C is applied. Table 2 of [S4] compares one training step of it with S4 at dimension 128, 256
and 512: 1.9, 6.7 and 29.6 times the time, 42, 133 and 392 times the memory. Here the same is measured for what differs
between the two, the generation of the kernels, in float64, by processor time: four heads of HiPPO-LegS with different
steps, as many states as the dimension, and 784 samples, the length of sequential MNIST. Memory is the peak of all array
buffers that a call allocates.

The baseline is as fast as the idea permits: one solve for Ā and B̄, and Krylov vectors by doubling, all of it in
matrix products. Against it stand Algorithm 1 of S4 on diagonal plus low-rank parameters, C̃ included, and the definition
itself in the basis of HiPPO, where a step costs O(N) and no state outlives the next; head by head, since nothing forces
one head's work to exist while another's is done.
"""

import numpy as np

import ssm_numerics as ssm
from ssm_numerics.study import Claim, run_as_script

SOURCE = "[S4] Table 2; [LSSL] section 3"
METHOD = "processor time, the least of a few runs; the most bytes of buffers; all three kernels against each other"
ALONE = True
SEED = 4
U = 2.0**-53
PAPER = {128: (1.9, 42.0), 256: (6.7, 133.0), 512: (29.6, 392.0)}
LSSL, S4, STRUCTURED = "LSSL", "Algorithm 1", "O(N) steps"
ALT = (
    "Two panels against the dimension on logarithmic axes: how many times the time and how many times the memory the "
    "LSSL baseline takes, for Algorithm 1, for O(N) steps, and as Table 2 of S4 has it; all curves rise, that of "
    "O(N) steps above the paper's."
)


def compute(small=False):
    """Seconds, peak bytes and differences at every dimension."""
    dimensions, heads, L = ((16, 32), 2, 64) if small else (tuple(PAPER), 4, 784)
    rng = np.random.default_rng(SEED)
    steps = np.geomspace(1e-3, 1e-1, heads)
    return {"heads": heads, "L": L, "cases": [case(N, L, steps, rng.normal(size=(heads, N))) for N in dimensions]}


def case(N, L, steps, C):
    """One dimension, three ways."""
    op = ssm.hippo("legs", N)
    systems = op.state_space(C[0]), ssm.nplr(op).to_dplr(C), op.structured_state_space(C)
    ways = {
        LSSL: lambda: krylov_matrix_kernels(systems[0].A, systems[0].B, C, steps, L),
        S4: lambda: head_by_head(lambda h: part(systems[1], C=systems[1].C[h], D=0.0), steps, L, "cauchy"),
        STRUCTURED: lambda: head_by_head(lambda h: op.structured_state_space(C[h]), steps, L, "krylov"),
    }
    kernels = {name: way() for name, way in ways.items()}  # this also compiles
    scale = np.abs(kernels[STRUCTURED]).max(axis=1, keepdims=True)
    return {
        "N": N,
        "difference_in_u": {
            name: float((np.abs(K - kernels[STRUCTURED]) / scale).max()) / U for name, K in kernels.items()
        },
        "seconds": {name: least_time(way, 2 if name == LSSL else 5) for name, way in ways.items()},
        "bytes": {name: peak_bytes(way) for name, way in ways.items()},
    }


def krylov_matrix_kernels(A, B, C, steps, L):
    """K of all heads as the LSSL makes it: C times the matrix of the states."""
    eye, half = np.eye(len(B)), steps[:, None, None] / 2 * A
    solved = np.linalg.solve(eye - half, np.concatenate([eye + half, steps[:, None, None] * B[:, None]], axis=-1))
    power, states = solved[..., :-1], np.empty((len(steps), len(B), L))
    states[..., :1] = solved[..., -1:]
    done = 1
    while done < L:
        more = min(done, L - done)
        np.matmul(power, states[..., :more], out=states[..., done : done + more])
        done += more
        power = power @ power if done < L else power
    return (C[:, None] @ states)[:, 0]


def head_by_head(system, steps, L, method):
    """Our kernels, one head after the other into one array."""
    K = np.empty((len(steps), L))
    for h, dt in enumerate(steps):
        K[h] = ssm.convolution_kernel(system(h), L, dt, method=method)
    return K


def part(system, **changes):
    """A copy of a system with other fields."""
    from dataclasses import replace

    return replace(system, **changes)


def least_time(run, times):
    """The least processor time of a few runs, in seconds: other work on the machine does not count."""
    from time import process_time

    best = np.inf
    for _ in range(times):
        begin = process_time()
        run()
        best = min(best, process_time() - begin)
    return best


def peak_bytes(run):
    """The most bytes of Python objects and NumPy buffers that a call holds at one time."""
    import tracemalloc

    tracemalloc.start()
    try:
        run()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def ratios(case, quantity, name):
    """How many times more the LSSL baseline takes."""
    return case[quantity][LSSL] / case[quantity][name]


def best(case, quantity):
    """The ratio to whichever of the two ways takes less."""
    return max(ratios(case, quantity, name) for name in (S4, STRUCTURED))


def claims(results):
    """The paper's ratios are exceeded, they grow as the paper's do, and all three agree."""
    cases, L = results["cases"], results["L"]
    out = [
        # 16 (N + 8) u is what the package promises of Algorithm 1; powers and steps of a contraction add a unit each.
        Claim(
            "All three give the same kernels: largest difference relative to max |K|, over 16 (N + 8) + L",
            max(max(c["difference_in_u"].values()) / (16 * (c["N"] + 8) + L) for c in cases),
            "<=",
            1,
            "u",
        )
    ]
    for c in cases:
        if c["N"] in PAPER:
            time, memory = PAPER[c["N"]]
            text = f"Dimension {c['N']}: LSSL's"
            out.append(Claim(f"{text} time over ours ({time} in [S4])", best(c, "seconds"), ">=", time))
            out.append(Claim(f"{text} peak memory over ours ({memory:.0f} in [S4])", best(c, "bytes"), ">=", memory))
    growth = best(cases[-1], "bytes") / best(cases[0], "bytes")
    out.append(Claim("The ratio of memory grows with the dimension: last over first", growth, ">=", 1))
    return out


def figure(results):
    """Both ratios against the dimension, beside the paper's."""
    from ssm_numerics import plotting

    cases = results["cases"]
    dimensions = [c["N"] for c in cases]
    with plotting.style():
        fig, ((left, right),) = plotting.new_figure(1, 2, width=9.0, height=3.8)
        for ax, quantity, title, column in ((left, "seconds", "time", 0), (right, "bytes", "peak memory", 1)):
            for index, name in enumerate((S4, STRUCTURED)):
                values = [ratios(c, quantity, name) for c in cases]
                ax.loglog(dimensions, values, label=name, **plotting.series(index))
            known = [N for N in dimensions if N in PAPER]
            if known:
                ax.loglog(known, [PAPER[N][column] for N in known], label="[S4], Table 2", **plotting.series(2))
            ax.set_xticks(dimensions, [str(N) for N in dimensions])
            ax.minorticks_off()
            ax.set(xlabel="dimension N", ylabel="LSSL over ours", title=f"{title}, {results['heads']} heads")
            ax.legend(loc="best")
    return fig


if __name__ == "__main__":
    run_as_script(__file__)
