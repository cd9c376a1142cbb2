"""Libraries are imported when their submodule is first reached, and a missing one is named."""

import subprocess
import sys

import pytest

import ssm_numerics as ssm

LIBRARIES = ("control", "sklearn", "xarray", "dask", "pymor", "scipy.signal")


def test_the_package_imports_none_of_them():
    code = f"import sys, ssm_numerics as ssm; ssm.interop; print([m for m in {LIBRARIES} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_missing_library_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "control", None)
    monkeypatch.delitem(sys.modules, "ssm_numerics.interop.control", raising=False)
    monkeypatch.delitem(vars(ssm.interop), "control", raising=False)
    with pytest.raises(
        ImportError, match=r'`interop.control` needs control: python -m pip install "ssm-numerics\[interop\]"'
    ):
        _ = ssm.interop.control


def test_nothing_else_is_there():
    assert "xarray" in dir(ssm.interop)
    with pytest.raises(AttributeError, match="no attribute 'jax'"):
        _ = ssm.interop.jax
