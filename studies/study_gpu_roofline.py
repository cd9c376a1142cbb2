"""How fast could the CUDA kernels be, by the datasheets?
======================================================

A prediction: no graphics processor was measured. For each CUDA kernel the study counts the bytes it must move and the
floating-point instructions it issues (one for a fused multiply-add), the latter per term as they stand in the machine
code that ptxas makes (table in `docs/cuda.md`). A device's datasheet gives bytes and instructions per second. The
larger of the two times is the bound that the roofline model predicts: a kernel can come near it, never below.

The workload is a layer of 256 heads with 64 states, 32 stored pairs, and 16,384 samples. What the model cannot see is
latency: it says nothing about the recurrence, whose samples wait for each other.
"""

import numpy as np

from ssm_numerics.study import Claim, run_as_script

SOURCE = "datasheets of NVIDIA A100 and H100; this project's (docs/cuda.md)"
METHOD = "bytes and instructions counted for each CUDA kernel, against what the datasheets allow; nothing is run"
HEADS, MODES, LENGTH = 256, 32, 16384
DEVICES = {  # bytes per second, and instructions per second in double and single precision: half the datasheet's flops
    "A100 SXM 80 GB": (2.039e12, {"double": 9.7e12 / 2, "single": 19.5e12 / 2}),
    "H100 SXM": (3.35e12, {"double": 34e12 / 2, "single": 67e12 / 2}),
}
SIZE = {"double": 8, "single": 4}
PER_POWER = 98  # one product of complex double-words
PER_PAIR = 38  # a conjugate pair of poles at a node, four sums, its division included
PER_NODE = 60  # Woodbury's formula at a node, rank 1, counted in the source
PER_MODE = 41  # GBT discretization of a mode
ALT = (
    "Roofline diagram in double precision: predicted instructions per second against instructions per byte, one roof "
    "per device, and the CUDA kernels as points on them. Discretization and the combination step lie on the slope, "
    "tables of powers and Cauchy sums on the flat part, the matrix product where the two meet."
)


def kernels(heads, modes, length, size):
    """Floating-point instructions and bytes, each array once, of every kernel in this layer; `size` of a number."""
    root = int(np.sqrt(length))
    tables, nodes = heads * 2 * root * 2 * modes, length // 2 + 1
    kernel, parameters = heads * length * size, 8 * heads * modes * size
    return {
        "tables of powers": (heads * modes * 2 * root * PER_POWER, parameters + tables * size),
        "matrix product of the tables": (2 * modes * heads * length, tables * size + kernel),
        "Cauchy sums of Algorithm 1": (heads * modes * nodes * PER_PAIR, parameters + 4 * 2 * heads * nodes * size),
        "combination step": (heads * nodes * PER_NODE, 10 * heads * nodes * size),
        "discretization": (heads * modes * PER_MODE, 10 * heads * modes * size),
    }


def compute(small=False):
    """Predicted times; `small` changes nothing, as nothing is run."""
    found = {}
    for device, (bandwidth, rates) in DEVICES.items():
        for precision, rate in rates.items():
            rows = {}
            for name, (instructions, moved) in kernels(HEADS, MODES, LENGTH, SIZE[precision]).items():
                arithmetic, memory = instructions / rate, moved / bandwidth
                rows[name] = {"instructions": instructions, "bytes": moved, "arithmetic_s": arithmetic}
                rows[name] |= {"memory_s": memory, "predicted_s": max(arithmetic, memory)}
            found[f"{device}, {precision}"] = rows
    return found


def claims(results):
    """Statements about the prediction, not about any device that was run."""

    def ratio(name):
        return [rows[name]["arithmetic_s"] / rows[name]["memory_s"] for rows in results.values()]

    double = {device: rows for device, rows in results.items() if device.endswith("double")}
    slowest = max(double.values(), key=lambda rows: rows["Cauchy sums of Algorithm 1"]["predicted_s"])
    s4, s4d = slowest["Cauchy sums of Algorithm 1"], slowest["matrix product of the tables"]
    return [
        Claim(
            "Prediction: Cauchy sums are bound by arithmetic on every device: arithmetic over memory time, at least",
            min(ratio("Cauchy sums of Algorithm 1")),
            ">=",
            1,
        ),
        Claim(
            "Prediction: discretization is bound by memory everywhere: arithmetic over memory time, at most",
            max(ratio("discretization")),
            "<=",
            1,
        ),
        Claim(
            "Prediction: a diagonal kernel costs less than Algorithm 1's sums by a factor of",
            s4["predicted_s"] / s4d["predicted_s"],
            ">=",
            5,
        ),
    ]


def figure(results):
    """The roofs of double precision, and every kernel on its roof."""
    from ssm_numerics import plotting

    with plotting.style():
        fig, ((axes,),) = plotting.new_figure(1, 1)
        intensity = np.logspace(-1.5, 3, 200)
        for index, (device, (bandwidth, rates)) in enumerate(DEVICES.items()):
            roof = np.minimum(intensity * bandwidth, rates["double"])
            axes.loglog(intensity, roof, color=plotting.COLORS[index], label=f"{device}: predicted bound")
            for name, row in results[f"{device}, double"].items():
                x, y = row["instructions"] / row["bytes"], row["instructions"] / row["predicted_s"]
                axes.plot(x, y, "o", color=plotting.COLORS[index])
                if not index:
                    place = {"xytext": (0, -6), "textcoords": "offset points", "rotation": -45, "va": "top"}
                    axes.annotate(name, (x, y), fontsize=8, **place)
        axes.set(
            xlabel="floating-point instructions per byte",
            ylabel="instructions per second",
            title="Prediction from datasheets, double precision: nothing was run on a device",
            ylim=(1e10, 6e13),
        )
        axes.legend(loc="upper left", fontsize=8)
    return fig


if __name__ == "__main__":
    run_as_script(__file__)
