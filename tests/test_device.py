"""Without a device: importing works, asking says what to install, and nobody pays for CUDA who does not ask."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pytest

import ssm_numerics as ssm
from ssm_numerics.compiled import _cuda

EXTRAS = r"pip install 'ssm-numerics\[cuda12\]' or 'ssm-numerics\[cuda13\]'"
CALLS = {
    "vandermonde_product": lambda: ssm.vandermonde_product([1.0], [0.5], 3, backend="cuda"),
    "cauchy_product": lambda: ssm.cauchy_product([1.0], [0.5], [1.0], backend="cuda"),
    "convolution_kernel": lambda: ssm.convolution_kernel(ssm.Diagonal([-1.0], [1], [1]), 3, 0.1, backend="cuda"),
    "simulate": lambda: ssm.simulate(ssm.Diagonal([-1.0], [1], [1]), [1.0], 0.1, backend="cuda"),
    "discretize": lambda: ssm.discretize(ssm.Diagonal([-1.0], [1], [1]), 0.1, backend="cuda"),
    "compress": lambda: ssm.compress(ssm.hippo("legs", 2), [1.0], 0.1, backend="cuda"),
}


@pytest.mark.parametrize(
    "obstacle", ["the package numba-cuda is not installed", "no CUDA driver with a device was found"]
)
@pytest.mark.parametrize("name", CALLS)
def test_one_clear_error(name, obstacle, monkeypatch):
    monkeypatch.setattr(_cuda, "obstacle", lambda: obstacle)
    with pytest.raises(RuntimeError, match=f"^`backend` must be cpu.*{obstacle}.*{EXTRAS}"):
        CALLS[name]()
    info = ssm.cuda_info()
    assert not info.available and obstacle in str(info) and json.dumps(info.to_dict())


def test_a_device_array_asks_for_the_device(monkeypatch):
    class There:
        __cuda_array_interface__ = {"shape": (1,), "typestr": "<f8", "data": (0, False), "version": 3}

    monkeypatch.setattr(_cuda, "obstacle", lambda: "nothing here")
    with pytest.raises(RuntimeError, match="nothing here"):
        ssm.vandermonde_product(There(), [0.5], 3)
    with pytest.raises(ValueError, match="`backend` must be one of cpu, cuda"):
        ssm.vandermonde_product([1.0], [0.5], 3, backend="gpu")


@pytest.mark.skipif(_cuda.SIMULATED, reason="the simulator is on")
def test_kernels_import_without_a_driver_and_only_where_asked():
    code = """
import sys
import ssm_numerics as ssm
ssm.vandermonde_product([1.0], [0.5], 3)
assert "numba.cuda.dispatcher" not in sys.modules and "ssm_numerics.compiled._cuda" not in sys.modules
from ssm_numerics.compiled.cuda import cauchy, discretization, generating_function, hippo, modal, pack, vandermonde
"""
    subprocess.run(
        [sys.executable, "-W", "error", "-c", code], check=True, env={**os.environ, "PYTHONPATH": os.getcwd()}
    )


def test_streams_have_numbers():
    assert _cuda.stream_of(None) == 0


def test_layout_of_contiguous_arrays():
    described = _cuda.interface(type("There", (), {"__cuda_array_interface__": {"shape": (2, 3), "typestr": "<c8"}})())
    assert described["strides"] == np.zeros((2, 3), np.complex64).strides
