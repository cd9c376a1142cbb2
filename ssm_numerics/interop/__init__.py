"""Systems to and from the libraries users already have. Each submodule, and its library, is imported at first use."""

from __future__ import annotations

from importlib import import_module
from typing import Any

_SUBMODULES = ("control", "numba", "pymor", "scipy", "sklearn", "xarray")

__all__ = ["control", "numba", "pymor", "scipy", "sklearn", "xarray"]


def __getattr__(name: str) -> Any:
    if name not in _SUBMODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return import_module(f".{name}", __name__)
    except ModuleNotFoundError as error:
        raise ImportError(
            f'`interop.{name}` needs {error.name}: python -m pip install "ssm-numerics[interop]".'
        ) from error


def __dir__() -> list[str]:
    return sorted({*globals(), *_SUBMODULES})
