"""Hot loops compile to vector instructions: read from the optimized LLVM IR of compiled functions, and the assembly.

A loop that LLVM vectorized carries the mark `llvm.loop.isvectorized`, on its vector form and on the scalar remainder.
An innermost loop with floating-point arithmetic and without that mark runs one number at a time.
"""

from __future__ import annotations

import importlib
import platform
import re
from dataclasses import dataclass
from unittest import mock

import numpy as np
import pytest

import ssm_numerics as ssm
from ssm_numerics import _block_tables, _chunked, _krylov_blocks, _solves
from ssm_numerics._increments import Power
from ssm_numerics.products import cauchy_sums

from ..conftest import JIT_OFF

pytestmark = pytest.mark.skipif(JIT_OFF, reason="nothing is compiled with the JIT off")

ARITHMETIC = re.compile(r"= (?:tail )?(?:f(?:add|sub|mul|div|neg)\b|call [^@]*@llvm\.(?:fma|fmuladd)\.)")
PACKED = re.compile(r"\bv?(?:add|sub|mul|div|fn?m(?:add|sub)\d+)p[sd]\b.*%[xyz]mm")
BITS = {np.float64: ("double", 64), np.float32: ("float", 32)}


@dataclass(frozen=True)
class Loop:
    """One innermost loop: its arithmetic instructions on vectors and on single numbers, and whether LLVM marked it."""

    lanes: int
    vector: int
    scalar: int
    divisions: int
    marked: bool
    remainder: bool


def innermost_loops(ir: str, kind: str) -> list[Loop]:
    """The blocks of the optimized IR that branch to themselves and compute with numbers of a kind."""
    marks = set(re.findall(r"(!\d+) = !\{!\"llvm.loop.isvectorized\"", ir))
    marked = {name for name, body in re.findall(r"(!\d+) = distinct !\{([^}]*)\}", ir) if marks & set(body.split(", "))}
    loops = []
    for function in re.split(r"\ndefine ", ir)[1:]:
        parts = re.split(r'\n"?([\w.$-]+)"?:\s*;[^\n]*', function[: function.index("\n}")])
        for label, body in zip(parts[1::2], parts[2::2], strict=True):
            end = body.rstrip().splitlines()[-1] if body.strip() else ""
            if not re.search(rf'label %"?{re.escape(label)}"?[,\s]|label %"?{re.escape(label)}"?$', end):
                continue
            lines = [line for line in body.splitlines() if ARITHMETIC.search(line)]
            lanes = [int(n) for line in lines for n in re.findall(rf"<(\d+) x {kind}>", line)[:1]]
            single = [line for line in lines if re.search(rf"\b{kind}\b", line) and f"x {kind}>" not in line]
            if lanes or single:
                mark = re.search(r"!llvm\.loop (!\d+)", end)
                loops.append(
                    Loop(
                        max(lanes, default=1),
                        len(lanes),
                        len(single),
                        sum("fdiv" in line for line in lines),
                        mark is not None and mark[1] in marked,
                        re.search(r"\.(prol|epil)", label) is not None,
                    )
                )
    return loops


def scalar(loops: list[Loop]) -> list[int]:
    """The sizes of loops that run one number at a time, remainders of others left out."""
    return sorted(loop.scalar for loop in loops if not (loop.vector or loop.marked or loop.remainder))


def host_lanes(bits: int) -> int:
    """How many numbers a register of this machine holds (256 bits where wider ones are not preferred)."""
    import llvmlite.binding

    features = llvmlite.binding.get_host_cpu_features()
    return (256 if features.get("avx") else 128) // bits


@dataclass(frozen=True)
class Hot:
    """A compiled driver: arithmetic per lane in its largest vector loop, divisions in it, scalar loops it may have."""

    module: str
    name: str
    least: int
    divides: bool = False
    scalar_loops: int = 0
    why: str = ""


HOT = [
    Hot("cauchy", "cauchy_loop", 24, True),
    Hot("cauchy", "cauchy_pairs_loop", 24, True),
    Hot("vandermonde", "power_tables_loop", 60),
    Hot("small_matrices", "krylov_vectors_loop", 8, False, 2, "the diagonal"),
    Hot("small_matrices", "substitute_loop", 4),
    Hot("blocks", "tables_loop", 8, False, 4, "the diagonal, and the tables' kernels"),
    Hot("blocks", "enter_loop", 8),
    Hot("blocks", "leave_loop", 8),
    Hot("blocks", "in_blocks_loop", 8),
    Hot("recurrence", "dense_loop", 8),
    Hot("recurrence", "modal_loop", 6),
    Hot("hippo_steps", "dense_loop", 8),
    Hot(
        "hippo_steps",
        "compress_scaled_loop",
        3,
        True,
        6,
        "running sums, of which one is long",
    ),
]


@pytest.fixture(scope="module")
def compiled() -> None:
    """Every driver of the table in both precisions, as public calls compile it."""
    for real, kind in ((np.float64, np.complex128), (np.float32, np.complex64)):
        v, z, poles = (np.array([1 + 1j, 2 - 1j]) * n for n in (1, 3, 5))
        v, z, poles = v.astype(kind), z.astype(kind), poles.astype(kind)
        ssm.cauchy_product(v, z, poles)
        cauchy_sums(v[None], z, np.ones(1, real), poles, np.ones(2, bool))
        ssm.vandermonde_product(v, (z / 10).astype(kind), 9)
        ssm.vandermonde_product(np.stack([v, v]), (z / 10).astype(kind), 9)
        u, one = np.ones(4, real), real(1)
        for pairs in (True, False):
            ssm.convolution_kernel(ssm.Diagonal(-v, v, v, real(0), conjugate_pairs=pairs), 4, one, method="krylov")
        lower = ssm.StateSpace(-np.tri(2, dtype=real), u[:2], u[:2], real(0))
        ssm.convolution_kernel(lower, 4, one, method="krylov")
        power, row = Power(np.tri(2, dtype=real)[None], np.ones((1, 1, 1), real), "upper"), np.ones((1, 1, 2), real)
        _krylov_blocks._fill_kernel(True, power, row, row, np.empty((1, 1, 4), real))
        with mock.patch.object(_block_tables, "COMPILED_WORK", 0):
            for signals in (u, np.stack([u, u])):
                _chunked.run_chunked(ssm.discretize(lower, one), signals, None, np.zeros(signals.shape[:-1]), 2)
        _solves._substitute(np.tri(2, dtype=real)[None], np.tri(2, dtype=real)[None], "upper", 0)
    ssm.compress(ssm.hippo("legs", 4), np.ones(4), scaled=True)
    ssm.compress(ssm.hippo("fout", 4), np.ones(4), 0.1)


@pytest.mark.parametrize("hot", HOT, ids=lambda hot: f"{hot.module}.{hot.name}")
def test_the_hot_loop_runs_on_vectors(hot: Hot, compiled: None) -> None:
    driver = getattr(importlib.import_module(f"ssm_numerics.compiled.{hot.module}"), hot.name)
    assert driver.signatures
    kinds = set()
    for signature in driver.signatures:
        words = str(signature)
        table = hot.module == "vandermonde"  # powers are made in double and rounded where they are stored
        real = np.float32 if ("float32" in words or "complex64" in words) and not table else np.float64
        name, bits = BITS[real]
        kinds.add(real)
        loops = innermost_loops(driver.inspect_llvm(signature), name)
        largest = max(loops, key=lambda loop: loop.vector)
        assert largest.vector >= hot.least
        assert largest.lanes >= host_lanes(bits)
        assert not hot.divides or any(loop.divisions and loop.vector for loop in loops)
        assert len(scalar(loops)) <= hot.scalar_loops, hot.why
        if platform.machine() in ("x86_64", "AMD64"):
            assert len(PACKED.findall(driver.inspect_asm(signature))) >= hot.least / 2
    assert kinds == ({np.float64} if hot.module in ("vandermonde", "hippo_steps") else set(BITS))


def test_a_scalar_loop_is_seen(compiled: None) -> None:
    """A recurrence cannot run on vectors, and a sum in order may not; this file must notice both."""
    from ssm_numerics.compiled import hippo_steps
    from ssm_numerics.compiled._jit import jit

    @jit
    def total_loop(a):
        sum_ = 0.0
        for i in range(a.size):
            sum_ += a[i]
        return sum_

    total_loop(np.ones(3))
    assert scalar(innermost_loops(total_loop.inspect_llvm(total_loop.signatures[0]), "double"))
    for signature in hippo_steps.solve.signatures:
        loops = innermost_loops(hippo_steps.solve.inspect_llvm(signature), "double")
        assert scalar(loops) and not any(loop.vector for loop in loops)
