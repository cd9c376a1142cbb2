"""Whether numba-cuda is here and hands out what it compiles."""

from __future__ import annotations

from importlib.util import find_spec

from numba import config


def _obstacle() -> str | None:
    if config.ENABLE_CUDASIM or config.DISABLE_JIT:
        return "the simulator is on: nothing is compiled"
    if find_spec("numba_cuda") is None:
        return "numba-cuda is not installed (extra cuda-test)"
    try:
        from . import on_cpu  # noqa: F401
    except Exception as error:  # whatever a new version moved
        return f"numba-cuda no longer hands out its LLVM IR as this test expects: {error!r}"
    return None


SKIP = _obstacle()
"""Why nothing can be compiled here, or None."""
