"""Compile every CUDA kernel without a driver: LLVM IR, PTX, machine code, and what they use.

Needs the extra `cuda-test`. `python -m tests.cuda.offline` prints the table of `docs/cuda.md`.
"""

from __future__ import annotations

import functools
import re
import subprocess
import tempfile
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import numba.cuda.dispatcher
from numba import cuda, types
from numba.cuda.cudadrv import nvvm

from ssm_numerics.compiled.cuda import cauchy, discretization, generating_function, hippo, modal, pack, vandermonde

ARCHITECTURES = ("sm_80", "sm_90")
PRECISIONS = ("float32", "float64")

KERNELS = {  # how each argument is passed: digits are axes of contiguous arrays, s a strided one, j one of indices
    pack.pack_kernel: "s 3",
    vandermonde.power_tables_kernel: "3 3 3 4 3",
    vandermonde.matmul_kernel: "3 3 3",
    cauchy.pole_range_kernel: "3 1 1 r",
    cauchy.cauchy_kernel: "4 3 3 3 1 1 r 4",
    cauchy.cauchy_pairs_kernel: "4 3 3 3 1 1 1 r 4",
    generating_function.combine_kernel: "4 3 i 3",
    generating_function.quotient_kernel: "4 3 3",
    discretization.gbt_modes_kernel: "3 3 1 r 3 3 3",
    discretization.gbt_low_rank_kernel: "3 4 4 3 1 1 r i i 3 4 3 3 4 4 3",
    hippo.compress_kernel: "2 2 r r 1 3 2 2 4",
    hippo.compress_scaled_kernel: "r 1 3 2 3 4",
    modal.modal_kernel: "j j i i 2 3 4 4 3 3 3 2 3 2 4 4 3",
    modal.carry_kernel: "j 3 2 3 3",
    modal.carry_modes_kernel: "j 3 3 4 4",
}
DOUBLE_ONLY = (hippo.compress_kernel, hippo.compress_scaled_kernel)
"""Compression computes in double precision for every signal, as on the CPU."""

VARIANTS = [
    (kernel.py_func.__name__, precision)
    for kernel in KERNELS
    for precision in PRECISIONS
    if precision == "float64" or kernel not in DOUBLE_ONLY
]

THREADS = {
    pack.pack_kernel: pack.BLOCK,
    vandermonde.power_tables_kernel: vandermonde.BLOCK,
    vandermonde.matmul_kernel: vandermonde.SIDE**2,
    generating_function.combine_kernel: generating_function.BLOCK,
    generating_function.quotient_kernel: generating_function.BLOCK,
    discretization.gbt_modes_kernel: discretization.BLOCK,
    discretization.gbt_low_rank_kernel: discretization.BLOCK,
    hippo.compress_kernel: hippo.BLOCK,
    hippo.compress_scaled_kernel: hippo.BLOCK,
    modal.modal_kernel: modal.LARGEST_BLOCK,
    modal.carry_kernel: modal.LARGEST_BLOCK,
    modal.carry_modes_kernel: modal.LARGEST_BLOCK,
}
"""Threads of a block; cauchy.BLOCK where nothing is said."""

FLOATING = {
    "float32": ("FADD", "FMUL", "FFMA"),
    "float64": ("DADD", "DMUL", "DFMA"),
}

BY_NAME = {kernel.py_func.__name__: kernel for kernel in KERNELS}


def kinds(kernel: object, precision: str) -> tuple[str, ...]:
    """The types of a kernel's arguments, as (dtype, axes, layout) in one word."""
    words = {"r": precision, "i": "int64", "s": f"{precision} 5 A", "j": "int64 1 C"}
    return tuple(words.get(a, f"{precision} {a} C") for a in KERNELS[kernel].split())


def numba_type(kind: str) -> types.Type:
    """What Numba calls it."""
    dtype, *array = kind.split()
    return types.Array(getattr(types, dtype), int(array[0]), array[1]) if array else getattr(types, dtype)


@functools.cache
def ir(name: str, given: tuple[str, ...]) -> tuple[str, ...]:
    """The LLVM IR that numba-cuda hands to NVVM for arguments of such kinds, one module per function."""
    kernel, taken = BY_NAME[name], []
    compile_ir, device = nvvm.compile_ir, numba.cuda.dispatcher.get_current_device
    nvvm.compile_ir = lambda modules, **options: taken.extend(modules) or b""
    numba.cuda.dispatcher.get_current_device = lambda: SimpleNamespace(compute_capability=(8, 0))
    try:
        cuda.compile(kernel.py_func, tuple(map(numba_type, given)), cc=(8, 0), device=False, abi="numba")
    finally:
        nvvm.compile_ir, numba.cuda.dispatcher.get_current_device = compile_ir, device
    return tuple(taken)


@functools.cache
def ptx(name: str, precision: str, architecture: str) -> str:
    """What NVVM makes of it."""
    code = nvvm.compile_ir(
        list(ir(name, kinds(BY_NAME[name], precision))), opt=3, arch=architecture.replace("sm", "compute")
    )
    return code.decode().strip("\0 \n")


@dataclass(frozen=True)
class Resources:
    """What ptxas reports for a kernel, and its machine code."""

    registers: int
    shared: int
    stack: int
    spills: int
    cubin: bytes


@functools.cache
def resources(name: str, precision: str, architecture: str) -> Resources:
    """Assemble the PTX."""
    with tempfile.TemporaryDirectory() as folder:
        source, out = Path(folder, "kernel.ptx"), Path(folder, "kernel.cubin")
        source.write_text(ptx(name, precision, architecture))
        command = [tool("nvidia-cuda-nvcc", "ptxas"), "-v", f"-arch={architecture}", str(source), "-o", str(out)]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stderr
        cubin = out.read_bytes()

    def number(pattern: str) -> int:
        return sum(map(int, re.findall(pattern, said)))

    stack, spills = number(r"(\d+) bytes stack frame"), number(r"(\d+) bytes spill")
    return Resources(number(r"Used (\d+) registers"), number(r"(\d+) bytes smem"), stack, spills, cubin)


def tool(package: str, name: str) -> str:
    """The path of a program that a wheel carries."""
    found = [file.locate() for file in metadata.files(package) or () if file.name == name]
    return str(found[0])


@dataclass(frozen=True)
class Loop:
    """The busiest innermost loop of a kernel: floating-point instructions, divisions among them, and instructions."""

    floating: int
    divisions: int
    instructions: int


def busiest_loop(name: str, precision: str, architecture: str) -> Loop | None:
    """Counted in the machine code, between a label and the branch back to it that encloses no other such branch."""
    with tempfile.TemporaryDirectory() as folder:
        cubin = Path(folder, "kernel.cubin")
        cubin.write_bytes(resources(name, precision, architecture).cubin)
        command = [tool("nvidia-cuda-nvdisasm", "nvdisasm"), "-c", str(cubin)]
        lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    labels = {found[1]: i for i, line in enumerate(lines) if (found := re.match(r"(\.L_x_\d+):", line))}
    ends = ((i, re.search(r"BRA.*`\((\.L_x_\d+)\)", line)) for i, line in enumerate(lines))
    loops = [(labels[found[1]], i) for i, found in ends if found and labels[found[1]] < i]
    inner = [(a, b) for a, b in loops if not any(a <= c and d <= b and (c, d) != (a, b) for c, d in loops)]
    counted = []
    for first, last in inner:
        names = re.findall(r"\*/\s+(?:@!?U?P\w+\s+)?([A-Z0-9]+)", "\n".join(lines[first:last]))
        divisions = names.count("MUFU")
        counted.append(Loop(sum(map(names.count, FLOATING[precision])), divisions, len(names)))
    return max(counted, key=lambda loop: loop.floating, default=None)


def occupancy(registers: int, shared: int, threads: int) -> float:
    """The share of an SM's 2048 threads that fit, by 65536 registers in units of 256 a warp and 100 KiB of memory."""
    warps = -(-threads // 32)
    by_registers = 65536 // (-(-registers * 32 // 256) * 256 * warps)
    by_memory = 100 * 1024 // (shared + 1024)
    return min(by_registers, by_memory, 2048 // threads, 32) * threads / 2048


def table() -> str:
    """Every kernel, precision and architecture in Markdown."""
    head = "| kernel | precision | architecture | registers | shared memory | stack | spills | occupancy |"
    rows = [head + " inner loop: floating-point, divisions, all |", "|---|---|---|---|---|---|---|---|---|"]
    for name, precision in VARIANTS:
        for architecture in ARCHITECTURES:
            r, loop = resources(name, precision, architecture), busiest_loop(name, precision, architecture)
            share = occupancy(r.registers, r.shared, THREADS.get(BY_NAME[name], cauchy.BLOCK))
            count = f"{loop.floating}, {loop.divisions}, {loop.instructions}" if loop and loop.floating else "–"
            used = f"{r.registers} | {r.shared} | {r.stack} | {r.spills} | {share:.0%}"
            rows.append(f"| `{name}` | {precision} | {architecture} | {used} | {count} |")
    return "\n".join(rows)


if __name__ == "__main__":
    print(table())
