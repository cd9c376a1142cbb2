"""One fuzz case: a public call, a state file or a command line, which ends well or is a finding."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

import ssm_numerics as ssm
from ssm_numerics import __main__ as cli
from ssm_numerics import continuous
from tests.fuzz import state_files
from tests.fuzz.values import Chooser, number, one_of, value
from tests.reliability import surface
from tests.reliability.outcomes import differences, has_nan, parts
from tests.reliability.test_bad_input import CALLBACKS, SENTENCE, UNDEFINED, documented

SLOW = (
    *("respond[function]", "condition_report", "lemma.growth", "pseudospectrum", "certified.", "fit_kernel"),
    *("kernel_order", "testing."),
)
"""Calls of milliseconds, tried a tenth as often."""
SMALL = ("lemma.", "certified.", "testing.", "spectrum[name]", "largest_stable_step")
"""Calls in integers or balls, whose numbers grow with the size, or of many systems: sizes are 64 at most."""

WORDS = ("spectrum", "info", "-n", "--json", "--normal", "--theta", "--alpha", "--beta", "--plot", "--help", "verify")
VALUES = (
    *("legs", "legt", "lagt", "fout", "foud", "glagt", "lmu", "s4d-lin", "s4d-inv"),
    *("0", "3", "-1", "1e9", "nan", "x.png"),
)
"""What command lines are made of; `report` and `bench` run for minutes and are left out."""


class Finding(Exception):  # noqa: N818
    """A case that did not end well."""


@cache
def _calls() -> tuple[list[tuple[str, Callable[..., Any], dict[str, Any], dict[str, Any]]], ...]:
    """Name, callable, good arguments, and these taken apart: the quick calls, and the slow ones."""
    every = [(name, function, given) for name, (function, given) in surface.calls().items() if given]
    known = [(*call, {key: parts(value) for key, value in call[2].items()}) for call in every]
    return [c for c in known if not c[0].startswith(SLOW)], [c for c in known if c[0].startswith(SLOW)]


def public_call(choose: Chooser) -> str:
    """A call with one to three arguments replaced: refused in one sentence, or answered, with nothing modified."""
    quick, slow = _calls()
    place = choose.below(10 * len(quick) + len(slow))
    name, function, good, known = quick[place // 10] if place < 10 * len(quick) else slow[place - 10 * len(quick)]
    given, before = dict(good), dict(known)
    for _ in range(1 + choose.below(3) * choose.below(2)):
        argument = one_of(choose, tuple(good))
        replaced = value(choose, good[argument], 64 if name.startswith(SMALL) else 2048)
        if not (callable(replaced) and argument in CALLBACKS.get(name.partition("[")[0], ())):
            given[argument], before[argument] = replaced, parts(replaced)

    def text() -> str:
        return f"{name} { ({key: str(value)[:80] for key, value in given.items() if value is not good[key]}) }"

    ended, found = outcome(lambda: function(**given), lambda error: documented(name, error), text)
    modified = [key for key, value in given.items() if differences(parts(value), before[key])]
    if modified:
        raise Finding(f"{text()}: modified {modified}")
    if ended == "answered" and name not in UNDEFINED and has_nan(found):
        raise Finding(f"{text()}: NaN in the result")
    return ended


def state_file(choose: Chooser) -> str:
    """A file that is loaded: refused in one sentence if it was altered, and otherwise a stream that goes on."""
    name, call = state_files.load(choose)
    return outcome(call, lambda error: isinstance(error, OSError), lambda: f"{name} {{}}")[0]


def outcome(call: Callable[[], Any], allowed: Callable[[Exception], bool], text: Callable[[], str]) -> tuple[str, Any]:
    """How a call ends, and what it returns."""
    try:
        return "answered", call()
    except (ValueError, TypeError, ArithmeticError, OSError) as refusal:
        if allowed(refusal) or SENTENCE.match(str(refusal)):
            return "refused", None
        raise Finding(f"{text()}: {type(refusal).__name__} {refusal}") from refusal
    except Exception as error:
        if type(error) is RuntimeError and str(error).startswith("`backend` must be cpu"):
            return "refused", None  # a device was asked for where there is none
        raise Finding(f"{text()}: {type(error).__name__} {error}") from error


def prepare() -> None:
    """Once for all cases: a warning that is not the package's is an error, and the ODE solver gives up early."""
    import numba

    continuous.MOST_EVALUATIONS = 2000
    warnings.simplefilter("error")
    for kind in (ssm.UnstableDiscretizationWarning, ssm.ConditioningWarning):
        warnings.simplefilter("ignore", kind)
    if numba.config.DISABLE_JIT:  # the compiled layer runs as Python, whose scalars warn where Numba's are silent
        warnings.filterwarnings("ignore", category=RuntimeWarning, module=r"ssm_numerics\.compiled")


def command_line(choose: Chooser) -> str:
    """A command line of known and unknown words and a file of any content: exit status 0, 1 or 2."""
    folder = _folder()
    words = [*WORDS, *VALUES, str(folder / "matrix.npy"), str(folder / "matrix.csv"), str(folder / "matrix.txt")]
    argv = [one_of(choose, words) for _ in range(choose.below(6))]
    if not choose.below(4):
        argv = ["spectrum", str(folder / f"matrix.{one_of(choose, ('npy', 'csv', 'txt'))}"), *argv]
    if "verify" in argv:
        argv.append("no_such_study")
    for name in ("npy", "csv", "txt"):
        if any(word.endswith(name) for word in argv):
            (folder / f"matrix.{name}").write_bytes(_file(choose, name))
    argv = [str(folder / word) if word == "x.png" else word for word in argv]
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            status = _main(argv)
    except SystemExit as stop:
        status = stop.code
    except Exception as error:
        raise Finding(f"ssm-numerics {' '.join(argv)}: {type(error).__name__} {error}") from error
    if status not in (0, 1, 2):
        raise Finding(f"ssm-numerics {' '.join(argv)}: exit status {status}")
    return "answered" if status == 0 else "refused"


def _main(argv: list[str]) -> int:
    """The command line with a parser that is built once, as it would take most of the time."""
    if not hasattr(cli.build_parser, "cache_info"):
        cli.build_parser = cache(cli.build_parser)
    return cli.main(argv)


TARGETS: dict[str, tuple[Callable[[Chooser], str], int]] = {
    "calls": (public_call, 80),
    "files": (state_file, 15),
    "lines": (command_line, 5),
}
"""What is fuzzed, and how many of a hundred cases are of that kind."""


@cache
def _folder() -> Path:
    import tempfile

    return Path(tempfile.mkdtemp(prefix="ssm-fuzz-"))


def _file(choose: Chooser, kind: str) -> bytes:
    """A matrix file, whole, cut or corrupted."""
    buffer = io.BytesIO()
    n = 1 + choose.below(4)
    matrix = np.array([number(choose) for _ in range(n * n)]).reshape(n, n)
    if kind == "npy":
        np.save(buffer, matrix)
    else:
        np.savetxt(buffer, matrix, delimiter="," if kind == "csv" else " ")
    content = bytearray(buffer.getvalue())
    for _ in range(choose.below(4)):
        content[choose.below(len(content))] = choose.below(256)
    return bytes(content[: choose.below(len(content)) if not choose.below(3) else None])
