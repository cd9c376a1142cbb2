"""Print what was measured, with rich: a table per case, the targets, and the first calls."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from .case import OURS


def duration(seconds: float) -> str:
    """Three digits and a unit."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 1e-9:.3g} ns"


def cells(name: str, row: Mapping[str, Any], ratio: float) -> list[str]:
    """One row: implementation, median, ratio to ours, rate, share of dgemm, error in units of its roundoff, remark."""
    scaled = "≈ " if row["share"] != 1 else ""
    rate = f"{row['gflops']:.3g}" if name.startswith(OURS) else ""
    share = f"{100 * row['of_dgemm']:.0f} %" if name.startswith(OURS) else ""
    error = "" if row["error"] is None else f"{row['error']:.2g}"
    return [name, scaled + duration(row["median"]), f"{ratio:.3g}", rate, share, error, row["note"]]


HEADS = ("implementation", "median", "time / ours", "Gflop/s", "of dgemm", "error / u", "remark")


def verdicts(record: Mapping[str, Any]) -> list[str]:
    """One line per target."""
    return [
        f"{'reached' if line['ratio'] >= line['target'] else 'MISSED ':<8} {line['case']}: {line['ratio']:.3g} times "
        f"faster than {line['peer']}, {line['target']:g} aimed at"
        for line in record["targets"]
    ]


def show(record: Mapping[str, Any]) -> None:
    """The whole record on standard output."""
    from rich.console import Console
    from rich.table import Table

    console = Console()
    width = None if console.is_terminal else 140
    console = Console(width=width)
    for name, result in record["cases"].items():
        table = Table(title=f"{result['title']}   [{name}]", title_justify="left", title_style="bold")
        for head in HEADS:
            table.add_column(head, justify="left" if head in ("implementation", "remark") else "right")
        for implementation, row in result["rows"].items():
            table.add_row(*cells(implementation, row, result["ratios"][implementation]))
        console.print(table)
    for line in verdicts(record):
        console.print(line, markup=False, highlight=False)
    facts = record["environment"]
    console.print(
        f"{facts['threads']} threads; {'; '.join(facts['blas'])}; {record['seconds']:.0f} s in all", highlight=False
    )


def show_cold(records: Mapping[str, Mapping[str, Any]]) -> None:
    """First calls, and the functions that took longest to compile."""
    from rich.console import Console
    from rich.table import Table

    console = Console()
    table = Table(title="First calls in fresh processes", title_justify="left", title_style="bold")
    for head in ("call", "import", "first call", "second", "functions", "slowest to compile, callees included"):
        table.add_column(head, justify="left" if head.startswith(("call", "slow")) else "right")
    for name, record in records.items():
        compiled = record["compiled"]
        slowest = ", ".join(f"{key} {duration(value['seconds'])}" for key, value in list(compiled.items())[:3])
        times = (duration(record[key]) for key in ("import", "first", "second"))
        table.add_row(name, *times, str(len(compiled)), slowest)
    console.print(table)


@contextmanager
def progress() -> Iterator[Callable[[str, int, int], None]]:
    """A live bar on a terminal, a line per case elsewhere; always on standard error."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description:<32}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("starting")

        def advance(name: str, done: int, total: int) -> None:
            bar.update(task, description=name, completed=done, total=total)
            if not console.is_terminal:
                console.print(f"{done + 1}/{total} {name}", highlight=False)

        yield advance
