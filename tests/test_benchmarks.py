"""Benchmarks run once, small: every implementation in the table does its task as accurately as the table says."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ssm_numerics import __main__ as cli
from ssm_numerics.benchmarks import cold, run, table
from ssm_numerics.benchmarks.case import OURS

DOCS = Path(__file__).resolve().parents[1] / "docs"
CASES = {case.name: case for case in run.cases()}


@pytest.mark.parametrize("name", CASES)
def test_every_implementation_is_right(name: str) -> None:
    case = CASES[name]
    rows = {each: row for each, _, _, row in run.first_calls(case, case.small)}
    assert OURS in rows
    assert {each: (row["error"], row["allowed"]) for each, row in rows.items() if not within(row)} == {}
    assert set(case.targets) <= set(case.implementations) - {OURS}


def within(row: dict) -> bool:
    return row["error"] is None or row["error"] <= row["allowed"]


def test_a_wrong_implementation_is_found() -> None:
    case = CASES["diagonal-kernel-H1-L1024"]
    right = case.implementations[OURS]
    wrong = replace(right, call=lambda inputs: right.call(inputs) * (1 + 2.0**-40))
    broken = replace(case, implementations={OURS: wrong})
    assert [within(row) for _, _, _, row in run.first_calls(broken, broken.small)] == [False]


def test_cut_down_implementations_are_scaled() -> None:
    case = CASES["diagonal-kernel-H256-L16384"]
    slow = replace(case.implementations["NumPy, broadcast power"], units=1)
    row = run.measure(replace(case, implementations={OURS: slow}), small=True, repeat=1)["rows"][OURS]
    assert row["share"] == 3
    assert row["note"] == "run on H = 1 and scaled"


def test_record_and_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "bench.json"
    assert cli.main(["bench", "--small", "--only", "nplr", "--repeat", "1", "--threads", "1", "--json", str(path)]) == 0
    printed = capsys.readouterr()
    record = json.loads(path.read_text(encoding="utf-8"))
    assert record["environment"]["threads"] == 1
    assert set(record["ratios"]) == {"nplr-N64", "nplr-N1024"}
    assert record["ratios"]["nplr-N64"][OURS] == 1
    assert len(table.verdicts(record)) == 2
    assert "NumPy, eigh" in printed.out
    assert "nplr-N1024" in printed.err
    assert run.accurate(record)


@pytest.mark.skipif(not DOCS.is_dir(), reason="the pages are part of the repository, not of the package")
def test_the_page_is_that_of_the_data() -> None:
    spec = importlib.util.spec_from_file_location("performance_page", DOCS / "performance_page.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    record, fresh, first_calls = (json.loads((module.DATA / name).read_text("utf-8")) for name in module.FILES)
    assert module.page(record, fresh, first_calls) == (DOCS / "performance.md").read_text("utf-8")
    assert not record["small"]
    assert list(record["cases"]) == list(CASES)
    assert list(first_calls) == list(cold.CALLS)
    assert run.accurate(record)


def test_unknown_case_lists_the_known(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["bench", "--only", "nonsense"]) == 2
    assert "nplr-N64" in capsys.readouterr().err


def test_references_are_those_of_the_definitions() -> None:
    """Powers and fractions one by one, in integers that no precision rounds."""
    from ssm_numerics.benchmarks import peers

    c, z = np.array([3 + 1j, -2.0]), np.array([1j, -1.0])
    expected = [2 * (3 * (1j**l).real - (1j**l).imag - 2 * (-1) ** l) for l in range(9)]
    assert (peers.powers_sum(c, z, 9) == expected).all()
    assert peers.fractions_sum(c[None], np.array([2 + 1j]), np.array([1j, 1 + 1j]))[0, 0] == (3 + 1j) / 2 - 2


@pytest.mark.jit
def test_nothing_is_compiled_that_is_not_called() -> None:
    """In fresh processes: a convolution needs no compiler, a diagonal kernel its tables and nodes and nothing else."""
    convolve = cold.measure("convolve")
    assert not convolve["numba"]
    assert convolve["loaded"] == []
    kernel = cold.measure("convolution_kernel: diagonal")
    modules = {name.partition(".")[0] for name in kernel["compiled"]}
    assert modules <= {"vandermonde", "nodes", "double_word"}
    assert all(entry["specializations"] == 1 for entry in kernel["compiled"].values())


def test_first_calls_cover_the_public_functions() -> None:
    import ssm_numerics as ssm

    called = {name.partition(":")[0] for name in cold.CALLS}
    assert called <= set(ssm.__all__)
    assert subprocess.run([sys.executable, "-c", "import ssm_numerics.benchmarks.cold"], check=False).returncode == 0
