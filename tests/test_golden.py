"""Golden vectors: two readers that know nothing of the package, and every kernel method within bound and radius."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

import ssm_numerics as ssm
from ssm_numerics import __main__ as cli
from ssm_numerics import golden
from ssm_numerics.convolution_kernel import METHODS
from tests.reliability import bad_inputs
from tests.reliability.test_bad_input import SENTENCE

U = 2.0**-53
PAGE = Path(__file__).resolve().parents[1] / "docs" / "golden.md"
LACKING = {"dense": {"vandermonde", "cauchy", "contour"}, "diagonal": set(), "dplr": {"vandermonde"}}
SYSTEMS = {"dense": ssm.StateSpace, "diagonal": ssm.Diagonal, "dplr": ssm.DPLR}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("golden")
    golden.write(path, small=True)
    return path


@pytest.fixture(scope="module")
def reader():
    """The functions of the page, as printed there."""
    if not PAGE.exists():
        pytest.skip("the pages are part of the repository, not of the package")
    names: dict = {}
    exec(re.search(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL).group(1), names)
    return names


def array(reader, record):
    return np.reshape(reader["numbers"](record), record["shape"])


def test_manifest_and_checksums(folder):
    manifest = json.loads((folder / "manifest.json").read_text())
    assert (manifest["format"], manifest["version"]) == ("ssm-numerics golden kernels", 1)
    assert set(manifest["files"]) == {path.name for path in folder.iterdir()} - {"manifest.json"}
    for name, facts in manifest["files"].items():
        content = (folder / name).read_bytes()
        assert facts == {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    assert manifest["kernels"] == sum(
        len(json.loads((folder / f"{g}.json").read_text())["kernels"]) for g in golden.GROUPS
    )


def test_the_page_says_how_many(folder):
    counts = [len(golden.RULES) * len(size.steps) - (len(size.steps) - 1) for size in (golden.FULL, golden.SMALL)]
    systems = [
        sum(golden.GROUPS[g](N) is not None for g in golden.GROUPS for N in size.orders)
        for size in (golden.FULL, golden.SMALL)
    ]
    full, small = (n * s for n, s in zip(counts, systems, strict=True))
    text = PAGE.read_text(encoding="utf-8")
    assert f"writes {full} certified" in text and f"writes {small} short ones" in text


@pytest.mark.parametrize("group", golden.GROUPS)
def test_both_files_hold_the_same_numbers(folder, reader, group):
    with np.load(folder / f"{group}.npz") as stored:
        for system, kernel, K, radius in reader["read"](folder / f"{group}.json"):
            for name in {"A", "Lambda", "P", "Q", "B", "C"} & system.keys():
                assert np.array_equal(stored[f"{system['id']}/{name}"], array(reader, system[name]))
            assert np.array_equal(stored[f"{kernel['id']}/K"], K) and len(K) == kernel["L"]
            assert np.array_equal(stored[f"{kernel['id']}/radius"], radius)
            assert stored[f"{kernel['id']}/dt"] == float.fromhex(kernel["dt"])


@pytest.mark.jit
@pytest.mark.filterwarnings("ignore::ssm_numerics.UnstableDiscretizationWarning")
@pytest.mark.parametrize("group", golden.GROUPS)
def test_every_method_within_its_bound_and_the_radius(folder, reader, group):
    tried = set()
    for record, kernel, K, radius in reader["read"](folder / f"{group}.json"):
        arrays = {name: array(reader, record[name]) for name in ("A", "Lambda", "P", "Q", "B", "C") if name in record}
        if record["pairs"] is not None:
            arrays["conjugate_pairs"] = np.array(record["pairs"])
        system = SYSTEMS[record["structure"]](**arrays)
        alpha = None if kernel["alpha"] is None else float.fromhex(kernel["alpha"])
        rule = {"discretization": kernel["discretization"], "alpha": alpha}
        dt, L = float.fromhex(kernel["dt"]), kernel["L"]
        result = ssm.error_amplification(system, dt, L, **rule)
        for method, bound in zip(result.methods, result.bounds, strict=True):
            found = ssm.convolution_kernel(system, L, dt, **rule, method=method)
            assert (np.abs(found - K) <= bound * np.abs(K).max() + radius).all(), (kernel["id"], method)
            tried.add(method)
    assert tried == set(METHODS) - LACKING[record["structure"]]


@pytest.mark.parametrize("group", ["legs", "dplr-unequal"])
def test_reader_in_c(folder, reader, group, tmp_path):
    compiler = shutil.which("cc")
    if compiler is None or not PAGE.exists():
        pytest.skip("no C compiler")
    source = re.search(r"```c\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL).group(1)
    (tmp_path / "golden.c").write_text(source)
    subprocess.run([compiler, "-Wall", "-Werror", "-o", tmp_path / "golden", tmp_path / "golden.c"], check=True)
    printed = subprocess.run(
        [tmp_path / "golden", folder / f"{group}.json"], check=True, capture_output=True, text=True
    ).stdout
    expected = [
        (kernel["id"], len(K), np.real(K[-1]), radius[-1])
        for _, kernel, K, radius in reader["read"](folder / f"{group}.json")
    ]
    lines = [line.split() for line in printed.splitlines()]
    assert [(key, int(L), float.fromhex(K), float.fromhex(r)) for key, L, K, r in lines] == expected


def test_radii_are_not_vacuous(folder, reader):
    for group in golden.GROUPS:
        for _, _, K, radius in reader["read"](folder / f"{group}.json"):
            assert (radius <= U * np.abs(K) + 2.0**-59 * np.abs(K).max()).all()


def test_written_again_it_is_the_same_but_for_progress(folder, tmp_path, capsys):
    assert cli.main(["golden", "--small", "--json", "-o", str(tmp_path)]) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out) == json.loads((folder / "manifest.json").read_text())
    assert f"{len(golden.GROUPS)}/{len(golden.GROUPS)} dplr-unequal-pairs" in printed.err


@pytest.mark.parametrize("name", bad_inputs.BAD)
def test_bad_input_is_refused_before_anything_is_written(name: str, tmp_path: Path, monkeypatch) -> None:
    """The catalogue of tests/reliability, less what is a good folder, flag or function."""
    monkeypatch.chdir(tmp_path)
    value = bad_inputs.BAD[name]("golden")
    good = {"folder": isinstance(value, str), "small": value is True, "advance": value is None or callable(value)}
    for argument in (argument for argument, is_good in good.items() if not is_good):
        with pytest.raises(TypeError) as refusal:
            golden.write(**{"folder": "golden", "small": True, argument: value})
        assert SENTENCE.match(str(refusal.value))
    assert not list(tmp_path.iterdir())
