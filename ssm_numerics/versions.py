"""What the package runs on, for reports and for bug reports."""

from __future__ import annotations

import os
import platform
import time
from importlib.metadata import PackageNotFoundError, version
from typing import Any

PACKAGES = (
    "ssm-numerics",
    "numpy",
    "scipy",
    "numba",
    "threadpoolctl",
    "python-flint",
    "ducc0",
    "matplotlib",
    "sleepecg",
    "mlxtend",
    "scikit-learn",
)


def environment() -> dict[str, Any]:
    """Date, Python, platform, cores, and the versions of the packages that matter, as a JSON-able dict."""
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = "not installed"
    return {
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "python": platform.python_version(),
        "platform": platform.platform(terse=True),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "packages": versions,
    }


def show_versions() -> None:
    """Print the versions of everything that can matter, one per line."""
    facts = environment()
    packages = facts.pop("packages")
    for name, value in (facts | packages).items():
        print(f"{name:<14} {value}")
