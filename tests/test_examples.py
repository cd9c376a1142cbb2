"""The examples of docs/examples run, and find the bug that is planted in each; JAX and PyTorch where installed."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "examples"
EXAMPLES = {"s4_numpy": "numpy", "s4d_jax": "jax", "s4d_torch": "torch"}

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="examples are part of the repository, not of the package")


def test_every_example_is_here():
    assert {path.stem for path in FOLDER.glob("*.py")} == set(EXAMPLES)


@pytest.mark.parametrize("name", EXAMPLES)
def test_example(name, capsys):
    pytest.importorskip(EXAMPLES[name])
    runpy.run_path(str(FOLDER / f"{name}.py"), run_name="__main__")
    assert "likely cause" in capsys.readouterr().out
