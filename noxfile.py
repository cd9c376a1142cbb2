"""The checks of this project, each defined once; `.ci/run` runs them all, `nox -s checks -- lint` a part."""

from __future__ import annotations

import os
import re
import shutil
import tomllib
from pathlib import Path

import nox
import nox.command

nox.options.sessions = ["report", "checks", "cuda"]
nox.options.error_on_missing_interpreters = True

COMPILED = [  # tests that reach every function of ssm_numerics/compiled at sizes an interpreter can bear
    "tests/cuda/test_simulator.py",
    "tests/laws/test_signals.py",
    "tests/laws/test_views_agree.py",
    "tests/reliability/test_bad_input.py",
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
    "tests/test_small_matrices.py",
    "tests/test_structured.py",
]
WITHOUT_JIT = {  # the compiled layer as plain Python on the CUDA simulator: true line coverage, small sizes
    "NUMBA_DISABLE_JIT": "1",
    "NUMBA_ENABLE_CUDASIM": "1",
    "SSM_NUMERICS_HYPOTHESIS_PROFILE": "quick",
}
COVERAGE = ("--cov=ssm_numerics/compiled", "--cov-report=term")
WORKERS = ("-n", "auto", "--dist", "loadfile")
PARTS = {
    "tests": [("python", "-m", "pytest", *WORKERS)],
    "jit_off": [("python", "-m", "pytest", *WORKERS, *filter(os.path.exists, COMPILED), *COVERAGE)],
    "lint": [("ruff", "check", "."), ("ruff", "format", "--check", "."), ("mypy",), ("lint-imports",)],
}

QUICK = {"SSM_NUMERICS_HYPOTHESIS_PROFILE": "quick"}
VERSIONS = [  # what breaks first when a dependency changes: every view, every oracle, every public call once
    "tests/laws",
    "tests/test_convolution_kernel.py",
    "tests/test_discretization.py",
    "tests/test_products.py",
    "tests/reliability/test_no_network.py",
]
BOUNDS = [  # every compiled driver, at sizes with several blocks
    "tests/reliability/test_no_network.py",
    "tests/test_nufft.py",
    "tests/test_products.py",
    "tests/test_recurrence.py",
    "tests/test_selective.py",
    "tests/test_structured.py",
]


def declared(lowest: bool) -> list[str]:
    """The dependencies that tests of versions need, as pyproject.toml declares them."""
    project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
    optional = project["optional-dependencies"]
    every = [
        *project["dependencies"],
        *optional["report"],
        *(p for p in optional["test"] if re.match("pytest>|hypo", p)),
    ]
    return [line.replace(">=", "==") if lowest else line.partition(">=")[0] for line in every]


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
    bad_input = ("tests/reliability/test_bad_input.py", "-k", "interop or entry")
    session.run("python", "-m", "pytest", *bad_input, env={"NUMBA_DISABLE_JIT": "1"})


@nox.session
def docs(session: nox.Session) -> None:
    """The documentation with its gallery, every warning an error; reads nothing from elsewhere once it is installed."""
    session.install("-e", ".[docs]")
    session.run("sphinx-build", "-W", "--keep-going", "-n", "-j", "auto", "-b", "html", "docs", "docs/_build/html")
    session.run("python", "-m", "pytest", "tests/test_built_pages.py")


@nox.session
def examples(session: nox.Session) -> None:
    """The examples of docs/, with JAX and PyTorch: large downloads, so not part of the default sessions."""
    session.install("-e", ".[test,examples]")
    session.run("python", "-m", "pytest", "tests/test_examples.py", "-rs")


@nox.session
def lowest(session: nox.Session) -> None:
    """The lowest versions that pyproject.toml declares."""
    session.install(*declared(lowest=True), ".")
    session.run("python", "-m", "pytest", *VERSIONS, env=QUICK)


@nox.session
def newest(session: nox.Session) -> None:
    """The newest versions that there are, pre-releases included."""
    session.install("--upgrade", "--pre", *declared(lowest=False), ".")
    session.run("python", "-m", "pytest", *VERSIONS, env=QUICK)


@nox.session(python=["3.11", "3.12", "3.13", "3.14"])
def pythons(session: nox.Session) -> None:
    """Every Python that is declared and installed here."""
    session.install(".[test]")
    session.run("python", "-m", "pytest", *VERSIONS, env=QUICK)


@nox.session
def package(session: nox.Session) -> None:
    """Wheel and sdist build, agree, install alone, and pass from the wheel, away from the sources."""
    session.install("build", "pytest>=8.2", "hypothesis>=6.108", "python-flint>=0.7")
    out = Path(session.create_tmp())
    session.run("python", "-m", "build", "--outdir", str(out), ".")
    wheel = max(out.glob("*.whl"))
    session.install("--force-reinstall", f"{wheel}[report]")
    copy = out / "away"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree("tests", copy / "tests")
    shutil.copy("pyproject.toml", copy)
    with session.chdir(copy):
        session.run("python", "-c", "import ssm_numerics; assert 'site-packages' in ssm_numerics.__file__")
        session.run("python", "-m", "pytest", "-o", "pythonpath=.", "-o", "testpaths=tests", *VERSIONS, env=QUICK)
        session.run("ssm-numerics", "verify", "--small", "gating_is_backward_euler")


@nox.session
def bounds(session: nox.Session) -> None:
    """Every public call and the largest tests of compiled code with an error for each index out of bounds."""
    session.install("-e", ".[test]")
    session.run("python", "-m", "pytest", *BOUNDS, env=QUICK | {"NUMBA_BOUNDSCHECK": "1"})


@nox.session
def fuzz(session: nox.Session) -> None:
    """Random cases against the public calls and the command line; `nox -s fuzz -- --cases 1000000`."""
    session.install("-e", ".[test]")
    session.run("python", "tests/fuzz/run.py", *(session.posargs or ["--cases", "20000"]))
    env = {"NUMBA_BOUNDSCHECK": "1"}
    session.run("python", "tests/fuzz/run.py", "--compiled", "--cases", "2000", env=env)
