"""The checks of this project, each defined once; `.ci/run` runs them all, `nox -s checks -- lint` a part."""

from __future__ import annotations

import os
from pathlib import Path

import nox
import nox.command

nox.options.sessions = ["report", "checks", "cuda"]
nox.options.error_on_missing_interpreters = True

COMPILED = [  # tests that reach every function of ssm_numerics/compiled at sizes an interpreter can bear
    "tests/cuda/test_simulator.py",
    "tests/laws/test_signals.py",
    "tests/laws/test_views_agree.py",
    "tests/test_convolution_kernel.py",
    "tests/test_device.py",
    "tests/test_hippo.py",
    "tests/test_nodes.py",
    "tests/test_nufft.py",
    "tests/test_nplr.py",
    "tests/test_online_compression.py",
    "tests/test_products.py",
    "tests/test_selective.py",
    "tests/test_simulation.py",
    "tests/test_structured.py",
]
WITHOUT_JIT = {  # the compiled layer as plain Python on the CUDA simulator: true line coverage, small sizes
    "NUMBA_DISABLE_JIT": "1",
    "NUMBA_ENABLE_CUDASIM": "1",
    "SSM_NUMERICS_HYPOTHESIS_PROFILE": "quick",
}
COVERAGE = ("--cov=ssm_numerics/compiled", "--cov-report=term")
PARTS = {
    "tests": [("python", "-m", "pytest")],
    "jit_off": [("python", "-m", "pytest", *filter(os.path.exists, COMPILED), *COVERAGE)],
    "lint": [("ruff", "check", "."), ("ruff", "format", "--check", "."), ("mypy",), ("lint-imports",)],
}


@nox.session
def report(session: nox.Session) -> None:
    """What a user does first: install from the clone, then write the report."""
    session.install(".[report]")
    out = Path(session.create_tmp()) / "ssm-report"
    with session.chdir(session.create_tmp()):
        session.run("ssm-numerics", "report", "--output", str(out))
    for name in ("index.html", "results.json"):
        if not (out / name).stat().st_size:
            session.error(f"{out / name} is empty")


@nox.session
def checks(session: nox.Session) -> None:
    """Tests, tests without the JIT, lint, in one environment; all parts run even if one fails."""
    session.install("-e", ".[test]")
    failed = []
    for part in session.posargs or PARTS:
        for command in PARTS[part]:
            try:
                session.run(*command, env=WITHOUT_JIT if part == "jit_off" else None)
            except nox.command.CommandFailed:
                failed.append(" ".join(command))
    if failed:
        session.error(f"failed: {'; '.join(failed)}")


@nox.session
def cuda(session: nox.Session) -> None:
    """CUDA kernels compiled and run without a device; in its own environment, as numba-cuda replaces numba.cuda."""
    session.install("-e", ".[cuda-test]")
    session.run("python", "-m", "pytest", "tests/cuda", "tests/test_device.py")


@nox.session
def interop(session: nox.Session) -> None:
    """The libraries of `interop`, newest or, with `lowest`, as old as pyproject.toml allows; not a default session."""
    extras = nox.project.load_toml("pyproject.toml")["project"]["optional-dependencies"]["interop"]
    oldest = [extra.replace(">=", "==") for extra in extras] if "lowest" in session.posargs else []
    session.install("-e", ".[interop,test]", *oldest)
    session.run("python", "-m", "pytest", "tests/interop", "ssm_numerics/interop")


@nox.session
def docs(session: nox.Session) -> None:
    """The documentation, with every warning an error; not part of the default sessions."""
    session.install("-e", ".[docs,report]")
    session.run("sphinx-build", "-W", "--keep-going", "-n", "-b", "html", "docs", "docs/_build/html")


@nox.session
def examples(session: nox.Session) -> None:
    """The examples of docs/, with JAX and PyTorch: large downloads, so not part of the default sessions."""
    session.install("-e", ".[test,examples]")
    session.run("python", "-m", "pytest", "tests/test_examples.py", "-rs")
