"""Write reliability.md from _data/{reliability.json,fuzz.jsonl,long_stream.json}; measure first if asked to.

python docs/reliability_page.py --measure     # about five minutes; suites named after it are the only ones run
python docs/reliability_page.py --versions tests/laws …     # these tests with this Python, a row of versions
python docs/reliability_page.py --stream      # a stream of 10^9 samples, a quarter of an hour
python docs/reliability_page.py               # only the page
python tests/fuzz/run.py --cases 1000000 --json docs/_data/fuzz.jsonl     # adds a row of fuzzing
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
import xml.etree.ElementTree as ElementTree
from importlib.metadata import PackageNotFoundError, metadata, requires, version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ssm_numerics import study

DOCS = Path(__file__).resolve().parent
DATA, FUZZ = DOCS / "_data" / "reliability.json", DOCS / "_data" / "fuzz.jsonl"
STREAM, VERSIONS = DOCS / "_data" / "long_stream.json", DOCS / "_data" / "versions.json"
NAMED = ("numpy", "scipy", "numba")
INTERPRETED = {"NUMBA_DISABLE_JIT": "1"}

SUITES = {  # file: (what it asks, environment)
    "test_bad_input.py": (
        "Bad input is refused in one sentence, or answered correctly; nothing is modified",
        INTERPRETED,
    ),
    "test_numerical_faults.py": ("Kernels that say they can be trusted have half of their digits", {}),
    "test_concurrency.py": ("Threads, processes, pickles, interrupts, asyncio; the same bits in every run", {}),
    "test_no_network.py": ("No connection is opened", {}),
    "test_found_by_fuzzing.py": ("What fuzzing has found stays mended", {}),
}

HEAD = """\
# Reliability

Written by `python docs/reliability_page.py`, which reads what `--measure` and `python tests/fuzz/run.py` have counted.

## Tests

`tests/reliability` asks the same of every public callable: `surface.py` has one good call of each, and a name that is
missing there fails a test.
"""

FUZZING = """\
## Fuzzing

`python tests/fuzz/run.py --cases N --seed S` makes cases of three kinds. *Calls*: a public call with one to three
arguments replaced by entries of the catalogue, by arrays, numbers and words of any content, or by good ones of another
size, scale or precision. *Files*: `Stream.load` of a file that was cut, overwritten or pieced together, and of one with
a right checksum around any contents; what loads has to go on. *Lines*: the command line, with damaged matrix files.
A finding is anything but a refusal in one sentence or an answer without NaN: another exception, an altered file that
loads, a modified argument, a warning that is not the package's, or more than 30 s of processor time (180 s with
`--compiled`). With `--atheris` coverage guides the cases; with `NUMBA_BOUNDSCHECK=1` and `--compiled` an index out of
bounds in compiled code is an error. Every row is a whole run; what earlier runs found was mended before, and is kept in
`tests/reliability/test_found_by_fuzzing.py`.
"""

STREAMING = """\
## A long stream

`python docs/reliability_page.py --stream` runs `studies/study_long_stream.py`, which says how, over all its samples:
"""

MATRIX = """\
## Versions

`python docs/reliability_page.py --versions` with the files of `VERSIONS` in `noxfile.py`; `nox -s pythons lowest
newest` runs them, too.
"""

LICENCES = """\
## Licences

Of what an installation brings along, as the packages' metadata say.
"""


def measure(names: list[str]) -> dict[str, Any]:
    """Run the suites of these names, or all, and count; the others keep what was counted before."""
    known = json.loads(DATA.read_text(encoding="utf-8"))["suites"] if DATA.exists() else {}
    suites = known | {name: suite([f"tests/reliability/{name}"], SUITES[name][1]) for name in names or SUITES}
    return {"suites": suites, "catalogue": catalogue(), **facts()}


def versions(tests: list[str]) -> dict[str, dict[str, Any]]:
    """What came of these tests with this Python and these packages, beside what came of them with others."""
    known = json.loads(VERSIONS.read_text(encoding="utf-8")) if VERSIONS.exists() else {}
    words = [sys.version.split()[0], *map(version, NAMED)]
    row = dict(zip(("python", *NAMED), words, strict=True)) | suite(tests, {"SSM_NUMERICS_HYPOTHESIS_PROFILE": "quick"})
    return dict(sorted((known | {" ".join(words): row}).items()))


def suite(tests: list[str], environment: dict[str, str]) -> dict[str, Any]:
    """Tests, failures and tests left out of some files."""
    with TemporaryDirectory() as folder:
        out = Path(folder) / "junit.xml"
        command = [sys.executable, "-m", "pytest", "-q", *tests, f"--junitxml={out}"]
        subprocess.run(command, cwd=DOCS.parent, env=os.environ | environment, check=False, stdout=subprocess.DEVNULL)
        found = ElementTree.parse(out).getroot()[0].attrib
    failed = int(found["failures"]) + int(found["errors"])
    return {"tests": int(found["tests"]), "failed": failed, "skipped": int(found["skipped"])}


def catalogue() -> dict[str, int]:
    """How many callables, arguments and cases the catalogue of bad inputs amounts to."""
    sys.path.insert(0, str(DOCS.parent))
    from tests.reliability import bad_inputs, surface

    calls = surface.calls()
    goods = [good for _, given in calls.values() for good in given.values()]
    cases = sum(len(list(values(good))) for good in goods for values in (bad_inputs.bad_values, bad_inputs.same_values))
    inputs = len(bad_inputs.BAD) + len(bad_inputs.SAME) + len(bad_inputs.BAD_SYSTEMS)
    return {
        "callables": len({name.partition("[")[0] for name in calls}),
        "arguments": len(goods),
        "inputs": inputs,
        "cases": cases,
    }


def facts() -> dict[str, Any]:
    """Versions and licences of the package's dependencies and of theirs."""
    project = tomllib.loads((DOCS.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    waiting, licences = [project["dependencies"]], {}
    while waiting:
        for line in waiting.pop():
            other = re.split(r"[^\w.-]", line)[0]
            if "extra ==" not in line and other not in licences:
                try:
                    licences[other] = {"version": version(other), "licence": licence(other)}
                    waiting.append(requires(other) or [])
                except PackageNotFoundError:
                    continue
    return {"python": sys.version.split()[0], "licences": dict(sorted(licences.items()))}


def licence(package: str) -> str:
    """The licence expression of an installed package, or the nearest thing its metadata have."""
    found = metadata(package)
    classifiers = [c.rpartition(" :: ")[2] for c in found.get_all("Classifier") or [] if c.startswith("License ::")]
    text = found.get("License-Expression") or next(iter(classifiers), None) or found.get("License") or "not said"
    return text.splitlines()[0]


def page(
    record: dict[str, Any], runs: list[dict[str, Any]], stream: dict[str, Any], matrix: dict[str, dict[str, Any]]
) -> str:
    """The text of the page."""
    counted = record["catalogue"]
    lines = [HEAD, "| file | what it asks | tests | failed | left out |", "|---|---|---:|---:|---:|"]
    for name, (what, _) in SUITES.items():
        found = record["suites"].get(name, dict.fromkeys(("tests", "failed", "skipped"), "not measured"))
        lines.append(f"| `{name}` | {what} | {found['tests']} | {found['failed']} | {found['skipped']} |")
    text = f"{counted['callables']} callables with {counted['arguments']} arguments and {counted['inputs']} bad inputs"
    lines += ["", f"The catalogue of bad inputs: {text} make {counted['cases']:,} cases.", "", FUZZING]
    counts = ("cases", "calls", "files", "lines", "answered", "refused", "findings")
    lines += [f"| {' | '.join(counts)} | guided | compiled | bounds checked | seed |"]
    lines += ["|---:|---:|---:|---:|---:|---:|---:|---|---|---|---:|"]
    for run in runs:
        words = ["yes" if run[key] else "no" for key in ("guided", "compiled", "boundscheck")]
        lines.append(f"| {' | '.join([*(f'{run[key]:,}' for key in counts), *words, str(run['seed'])])} |")
    total = {key: f"**{sum(run[key] for run in runs):,}**" for key in counts}
    lines.append(f"| {' | '.join(total.values())} | | | | all |")
    found, number = stream["results"], study.number
    lines += ["", STREAMING, f"| after {found['samples'][-1]:,} samples | measured | | allowed | unit |"]
    lines += ["|---|---:|---|---:|---|"]
    for claim in stream["claims"]:
        numbers = number(claim["measured"]), "≤", number(claim["bound"]), claim["unit"]
        lines.append(f"| {' | '.join([claim['statement'], *numbers])} |")
    held = ", ".join(f"{size:,}" for size in found["bytes_held"])
    lines += ["", f"Held after 100, 1,000, … and all samples: {held} bytes."]
    lines += [
        "",
        MATRIX,
        f"| Python | {' | '.join(NAMED)} | tests | failed | left out |",
        "|---|---|---|---|---:|---:|---:|",
    ]
    columns = ("python", *NAMED, "tests", "failed", "skipped")
    lines += [f"| {' | '.join(str(row[column]) for column in columns)} |" for row in matrix.values()]
    lines += ["", LICENCES, "| package | version | licence |", "|---|---|---|"]
    lines += [f"| {name} | {each['version']} | {each['licence']} |" for name, each in record["licences"].items()]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write the page, measuring first where asked."""
    if "--stream" in sys.argv:
        STREAM.write_text(study.to_json(study.run("long_stream", full=True).to_dict()) + "\n", encoding="utf-8")
    if "--versions" in sys.argv:
        VERSIONS.write_text(json.dumps(versions(sys.argv[2:]), indent=1) + "\n", encoding="utf-8")
    if "--measure" in sys.argv:
        DATA.write_text(json.dumps(measure(sys.argv[2:]), indent=1) + "\n", encoding="utf-8")
    runs = [json.loads(line) for line in FUZZ.read_text(encoding="utf-8").splitlines()] if FUZZ.exists() else []
    read = [json.loads(path.read_text(encoding="utf-8")) for path in (DATA, STREAM, VERSIONS)]
    (DOCS / "reliability.md").write_text(page(read[0], runs, *read[1:]), encoding="utf-8")


if __name__ == "__main__":
    main()
