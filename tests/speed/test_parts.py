"""Parts of compiled loops have no entry point for Python: they run as Python there, so no loop may be a part."""

import ast
from pathlib import Path

import numpy as np
import pytest

import ssm_numerics
from ssm_numerics.compiled import double_word, hippo_steps
from ssm_numerics.compiled._jit import DRIVER

from ..conftest import JIT_OFF

ROOT = Path(ssm_numerics.__file__).parent
SCALARS = {"times", "exp_node"}  # of a node whose phase is reduced in rational arithmetic


def calls_of_compiled_code(path):
    """The names of functions of `compiled` that a module calls, and of those it imports from there."""
    tree, modules, names = ast.parse(path.read_text()), set(), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "compiled":
            is_package = node.module == "compiled"
            for alias in node.names:
                (modules if is_package else names).add(alias.asname or alias.name)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            f = node.func
            if isinstance(f, ast.Attribute) and isinstance(f.value, ast.Name) and f.value.id in modules:
                yield f.attr
            elif isinstance(f, ast.Name) and f.id in names:
                yield f.id


def test_python_calls_drivers():
    """Besides numba.cuda's, which has no such parts, and what benchmarks compare with."""
    found = set()
    for path in ROOT.rglob("*.py"):
        folder = path.relative_to(ROOT).parts[0]
        if folder not in ("compiled", "interop", "benchmarks") and "_device" not in path.name:
            found |= set(calls_of_compiled_code(path))
    assert len(found) > 20
    assert {name for name in found if not name.endswith(DRIVER)} <= SCALARS


@pytest.mark.skipif(JIT_OFF, reason="nothing is compiled with the JIT off")
def test_parts_run_as_python():
    """The same bits as in compiled code, and no crash."""
    from ssm_numerics.compiled._jit import Part, jit

    assert isinstance(double_word.times, Part) and not isinstance(hippo_steps.factor_loop, Part)

    @jit
    def product(a, b):
        return double_word.times(a, b)

    rng = np.random.default_rng(0)
    for _ in range(20):
        a, b = (tuple(float(x) for x in rng.normal(size=4) * (1, 1, 1e-17, 1e-17)) for _ in range(2))
        assert product(a, b) == double_word.times(a, b)
