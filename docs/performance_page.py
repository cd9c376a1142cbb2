"""Write performance.md from _data/bench.json, fresh.json and cold.json; with --measure, measure them first.

python docs/performance_page.py --measure     # about six minutes, on an otherwise idle machine
python docs/performance_page.py               # only the page
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from ssm_numerics.benchmarks import cold, run, table
from ssm_numerics.study import to_json

DOCS = Path(__file__).resolve().parent
DATA = DOCS / "_data"
FILES = ("bench.json", "fresh.json", "cold.json")

HEAD = """\
# Performance

Measured side by side in one process by `ssm-numerics bench`, and written here by `python docs/performance_page.py`.
The implementations of a task take turns, in an order that changes, so that all see the same drift of the machine and
none always follows the same one; times are medians, and below a second a turn begins with a call that is not timed, so
that caches and memory are warm for everybody. A row is checked before it is timed: *error* is its largest error against
extended precision, in units of rounding of its own precision times the task's natural scale (the sum of weights, the
largest entry of the kernel), and `tests/test_benchmarks.py` holds it to what is allowed. *Time / ours* says how many
times longer a row takes than the package. Rates count the operations of our own algorithm; *of dgemm* compares them
with NumPy's product of two square matrices of order 1024, timed beside each task. Times
marked ≈ were taken on a part of the task and scaled.
"""

FRESH_TASK, FRESH_MEMORY = "simulate-dense-H1-T100000", ("MALLOC_MMAP_THRESHOLD_", "131072")
FRESH = f"""\
## With fresh memory

A process that has given large arrays back gets them again without asking the system, and the tasks above run in one
that has. A process that has not pays for every page it touches for the first time, whoever computes: what needs much
room loses most. `{"=".join(FRESH_MEMORY)} ssm-numerics bench --only
{FRESH_TASK}` lets the C library of Linux always ask:
"""

COLD = """\
## First calls

From fresh processes (`ssm-numerics bench --cold`), in processor time: the import, the first call, which compiles, and
the second. Times of functions are by the clock and include what they call.
"""


def measure_with_fresh_memory(progress: Any) -> dict[str, Any]:
    """One task in a process whose arrays are always new to it."""
    progress(FRESH_TASK, 0, 1)
    command = [sys.executable, "-m", "ssm_numerics", "bench", "--json", "--only", FRESH_TASK]
    done = subprocess.run(command, env=os.environ | dict([FRESH_MEMORY]), capture_output=True, text=True, check=True)
    record: dict[str, Any] = json.loads(done.stdout)
    return record


def page(record: dict[str, Any], fresh: dict[str, Any], first_calls: dict[str, Any]) -> str:
    """The text of the page."""
    facts = record["environment"]
    packages = ", ".join(f"{name} {facts['packages'][name]}" for name in ("numpy", "scipy", "numba"))
    machine = f"{facts['threads']} threads; {packages}; Python {facts['python']}; {'; '.join(facts['blas'])}."
    lines = [HEAD, machine[0].upper() + machine[1:], "", "## Against what was aimed at", ""]
    lines += rows(("task", "peer", "aimed at", "times faster"), [target(record, line) for line in record["targets"]])
    for name, result in record["cases"].items():
        lines += ["", f"## {result['title']}", "", f"`ssm-numerics bench --only {name}`", ""]
        lines += implementations(result)
    lines += ["", FRESH]
    lines += implementations(fresh["cases"][FRESH_TASK])
    lines += ["", COLD]
    heads = ("call", "import", "first call", "second", "functions", "slowest to compile")
    lines += rows(heads, [first_call(name, each) for name, each in first_calls.items()])
    return "\n".join(lines) + "\n"


def implementations(result: dict[str, Any]) -> list[str]:
    """The table of one task."""
    cells = [table.cells(each, row, result["ratios"][each]) for each, row in result["rows"].items()]
    return rows(table.HEADS, cells)


def rows(heads: tuple[str, ...], body: list[list[str]]) -> list[str]:
    """A table in Markdown; all columns between the first and the last are numbers."""
    rule = ["---", *["---:"] * (len(heads) - 2), "---"]
    return [f"| {' | '.join(cells)} |" for cells in (heads, rule, *body)]


def target(record: dict[str, Any], line: dict[str, Any]) -> list[str]:
    """One row of the first table."""
    title = record["cases"][line["case"]]["title"]
    return [title, line["peer"], f"{line['target']:g}", f"{line['ratio']:.3g}"]


def first_call(name: str, each: dict[str, Any]) -> list[str]:
    """One row of the last table."""
    slowest = [f"`{key}` {table.duration(value['seconds'])}" for key, value in list(each["compiled"].items())[:2]]
    times = [table.duration(each[key]) for key in ("import", "first", "second")]
    return [f"`{name}`", *times, str(len(each["compiled"])), ", ".join(slowest)]


def main() -> None:
    """Measure if asked to, and write."""
    if "--measure" in sys.argv[1:]:
        DATA.mkdir(exist_ok=True)
        for name, measure in zip(FILES, (run.run, measure_with_fresh_memory, cold.run), strict=True):
            with table.progress() as progress:
                (DATA / name).write_text(to_json(measure(progress=progress)), encoding="utf-8")
    data = [json.loads((DATA / name).read_text("utf-8")) for name in FILES]
    (DOCS / "performance.md").write_text(page(*data), "utf-8")


if __name__ == "__main__":
    main()
