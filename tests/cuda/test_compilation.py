"""Every kernel through NVVM and ptxas: registers within a budget, nothing spilled, no stack, one precision."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from .seam import SKIP

pytestmark = pytest.mark.skipif(SKIP is not None, reason=str(SKIP))
VARIANTS, ARCHITECTURES = [], []
if SKIP is None:
    from . import offline
    from .offline import ARCHITECTURES, VARIANTS

BUDGET = {  # registers a thread may use; 65536 / (registers * threads of a block) blocks fit on a multiprocessor
    "pack_kernel": 48,
    "power_tables_kernel": 64,
    "matmul_kernel": 128,
    "pole_range_kernel": 80,
    "cauchy_kernel": 96,
    "cauchy_pairs_kernel": 96,
    "combine_kernel": 72,
    "quotient_kernel": 64,
    "gbt_modes_kernel": 64,
    "gbt_low_rank_kernel": 255,
    "compress_kernel": 255,
    "compress_scaled_kernel": 255,
    "modal_kernel": 144,
    "carry_kernel": 80,
    "carry_modes_kernel": 48,
}
TERM = {  # floating-point instructions of one term that the formula needs, its division apart, and terms per division
    "cauchy_kernel": 2 + 2 + 2 + 4 * 4,  # t - p, |t - p|^2, (t - p)/|t - p|^2, four complex sums
    "cauchy_pairs_kernel": 1 + 5 + 1 + 2 + 2 + 4 + 4 * 4,  # e, Re q, Im q, |q|^2, 1/q, e/q, four sums of two products
}
DIVISION = {"float32": 8, "float64": 8}
"""Instructions that a correctly rounded division may add to its reciprocal estimate."""


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize(("name", "precision"), VARIANTS)
def test_resources(name, precision, architecture):
    used = offline.resources(name, precision, architecture)
    assert used.stack == used.spills == 0
    assert used.registers <= BUDGET[name]
    assert ".local" not in offline.ptx(name, precision, architecture)
    assert used.shared <= 48 * 1024


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("name", [name for name, precision in VARIANTS if precision == "float32"])
def test_single_precision_stays_single(name, architecture):
    assert ".f64" not in offline.ptx(name, "float32", architecture)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize(("name", "precision"), [v for v in VARIANTS if v[0] in TERM])
def test_instructions_per_term(name, precision, architecture):
    loop = offline.busiest_loop(name, precision, architecture)
    assert loop.floating <= (TERM[name] + DIVISION[precision]) * loop.divisions


def test_every_kernel_is_compiled_here():
    from ssm_numerics.compiled import cuda as package

    sources = [file.read_text() for file in Path(package.__path__[0]).glob("*.py")]
    found = {name for source in sources for name in re.findall(r"@kernel\ndef (\w+)", source)}
    assert found == set(offline.BY_NAME) == set(BUDGET)
