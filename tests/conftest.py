"""Hypothesis profiles, and what a test run without the JIT leaves out."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings

_COMMON = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("default", derandomize=True, max_examples=100, **_COMMON)
settings.register_profile("quick", derandomize=True, max_examples=20, **_COMMON)
settings.register_profile("thorough", derandomize=False, max_examples=2000, **_COMMON)
settings.load_profile(os.environ.get("SSM_NUMERICS_HYPOTHESIS_PROFILE", "default"))

JIT_OFF = os.environ.get("NUMBA_DISABLE_JIT", "0") == "1"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Without the JIT, tests marked `jit` would take minutes each: they are skipped."""
    if JIT_OFF:
        skip = pytest.mark.skip(reason="too large to run with the JIT off")
        for item in items:
            if item.get_closest_marker("jit"):
                item.add_marker(skip)
