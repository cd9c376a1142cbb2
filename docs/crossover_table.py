"""Write _data/crossover_table.md, a part of choosing.md, from _data/crossover.json; with --measure, measure that first.

python docs/crossover_table.py --measure     # some minutes, on an otherwise idle machine
python docs/crossover_table.py               # only the table
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

DOCS = Path(__file__).resolve().parent
DATA, TABLE = DOCS / "_data" / "crossover.json", DOCS / "_data" / "crossover_table.md"
PICTURE = DOCS / "images" / "crossover.png"
STUDY = DOCS.parent / "studies" / "study_crossover.py"

HEAD = """\
Milliseconds of processor time, all threads together, for one kernel of HiPPO-LegS, bilinear, $\\Delta=1/L$. The
fastest of a line is bold; – was left out because it takes half a second or more, or because the matrix would be dense
beyond 256 states. Over all measured cases, of any form and number of heads, the flowchart costs at most
"""

ROUTES = {
    "krylov_blocked, dense": ("dense", "krylov_blocked"),
    "krylov, dense": ("dense", "krylov"),
    "krylov, O(N)": ("structured", "krylov"),
    "krylov, DPLR": ("dplr", "krylov"),
    "cauchy": ("dplr", "cauchy"),
    "contour": ("dplr", "contour"),
}


def advice(kind: str, N: int, L: int) -> str:
    """What the flowchart says."""
    if kind == "diagonal":
        return "vandermonde"
    if kind == "dense":
        return "krylov_blocked" if L >= 4 * N else "krylov"
    if kind == "dplr" and N >= 1024 and L >= 1024:
        return "contour"
    return "krylov_blocked" if N <= 64 and L >= 16_384 else "krylov"


def loss(case: dict[str, Any]) -> float:
    """How many times longer than the fastest method the advice takes."""
    return float(case["seconds"][advice(case["kind"], case["N"], case["L"])] / min(case["seconds"].values()))


def table(cases: list[dict[str, Any]]) -> list[str]:
    """Milliseconds of every route, one line for each N and L."""
    seconds = {(c["kind"], m, c["N"], c["L"]): s for c in cases if c["heads"] == 1 for m, s in c["seconds"].items()}
    sizes = sorted({key[2:] for key in seconds if key[0] == "dplr"})
    lines = [f"| $N$ | $L$ | {' | '.join(f'`{name}`' for name in ROUTES)} |", "|---:|---:|" + "---:|" * len(ROUTES)]
    for size in sizes:
        times = [seconds.get((*route, *size)) for route in ROUTES.values()]
        best = min(time for time in times if time is not None)
        cells = ["–" if t is None else f"**{1e3 * t:.3g}**" if t == best else f"{1e3 * t:.3g}" for t in times]
        lines.append(f"| {size[0]} | {size[1]} | {' | '.join(cells)} |")
    return lines


def text(record: dict[str, Any]) -> str:
    """The table with what it shows."""
    cases = record["results"]["cases"]
    return "\n".join([f"{HEAD}{max(map(loss, cases)):.2f} times the least.", "", *table(cases)]) + "\n"


def main() -> None:
    """Measure if asked to, and write."""
    if "--measure" in sys.argv[1:]:
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run([sys.executable, str(STUDY)], cwd=folder, check=True)
            shutil.copy(Path(folder) / "results" / "crossover.json", DATA)
            shutil.copy(Path(folder) / "results" / "crossover.png", PICTURE)
    TABLE.write_text(text(json.loads(DATA.read_text(encoding="utf-8"))), encoding="utf-8")


if __name__ == "__main__":
    main()
