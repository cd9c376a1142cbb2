"""One fuzz case: a public call with some arguments replaced, or a command line, which ends well or is a finding."""

from __future__ import annotations

import contextlib
import io
import math
import struct
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np

import ssm_numerics as ssm
from ssm_numerics import __main__ as cli
from tests.reliability import bad_inputs, surface
from tests.reliability.outcomes import differences, parts
from tests.reliability.test_bad_input import CALLBACKS, SENTENCE, documented

SLOW = ("respond[function]", "condition_report", "lemma.growth", "pseudospectrum", "certified.")
"""Calls of milliseconds, tried a tenth as often."""

DTYPES = ("f8", "f4", "f2", "c16", "c8", "i8", "i4", "u1", "?", ">f8", "O", "U3", "M8[s]", "g")
SPECIAL = (0.0, -0.0, 1.0, -1.0, 0.5, 2.0, 1e-300, 1e300, 5e-324, math.inf, -math.inf, math.nan, 1e16, 1 + 2**-52)
WORDS = ("spectrum", "info", "-n", "--json", "--normal", "--theta", "--alpha", "--beta", "--plot", "--help", "verify")
VALUES = (
    "legs",
    "legt",
    "lagt",
    "fout",
    "foud",
    "glagt",
    "lmu",
    "s4d-lin",
    "s4d-inv",
    "0",
    "3",
    "-1",
    "1e9",
    "nan",
    "x.png",
)
"""What command lines are made of; `report` and `bench` run for minutes and are left out."""


class Chooser(Protocol):
    """Where decisions come from: a random generator, or the bytes of a coverage-guided fuzzer."""

    def below(self, n: int) -> int: ...

    def octets(self, n: int) -> bytes: ...


class Finding(Exception):  # noqa: N818
    """A case that did not end well."""


@cache
def _calls() -> list[tuple[str, Callable[..., Any], dict[str, Any]]]:
    return [(name, function, given) for name, (function, given) in surface.calls().items() if given]


def public_call(choose: Chooser) -> str:
    """A call with one to three arguments replaced: refused in one sentence, or answered, with nothing modified."""
    name, function, good = _calls()[choose.below(len(_calls()))]
    if name.startswith(SLOW) and choose.below(10):
        name, function, good = _calls()[choose.below(6)]
    given = dict(good)
    for _ in range(1 + choose.below(3)):
        argument = list(good)[choose.below(len(given))]
        value = good[argument]
        with contextlib.suppress(ValueError, TypeError, IndexError, OverflowError):  # a value that cannot be made
            value = _value(choose, good[argument])
        if not (callable(value) and argument in CALLBACKS.get(name.partition("[")[0], ())):
            given[argument] = value
    before = {key: parts(value) for key, value in given.items()}
    text = f"{name} { ({key: str(value)[:80] for key, value in given.items()}) }"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for kind in (ssm.UnstableDiscretizationWarning, ssm.ConditioningWarning):
            warnings.simplefilter("ignore", kind)
        if bad_inputs_interpreted():
            warnings.simplefilter("ignore", RuntimeWarning)
        try:
            function(**given)
            ended = "answered"
        except (ValueError, TypeError, ArithmeticError, OSError) as refusal:
            ended = "refused"
            if not documented(name, refusal) and not SENTENCE.match(str(refusal)):
                raise Finding(f"{text}: {type(refusal).__name__} {refusal}") from refusal
        except Exception as error:
            raise Finding(f"{text}: {type(error).__name__} {error}") from error
    modified = [key for key, value in given.items() if differences(parts(value), before[key])]
    if modified:
        raise Finding(f"{text}: modified {modified}")
    return ended


def bad_inputs_interpreted() -> bool:
    """Whether the compiled layer runs as Python, whose scalars warn where Numba's are silent."""
    import numba

    return bool(numba.config.DISABLE_JIT)


def command_line(choose: Chooser) -> str:
    """A command line of known and unknown words and a file of any content: exit status 0, 1 or 2."""
    folder = _folder()
    words = [*WORDS, *VALUES, str(folder / "matrix.npy"), str(folder / "matrix.csv"), str(folder / "matrix.txt")]
    argv = [words[choose.below(len(words))] for _ in range(choose.below(6))]
    if not choose.below(4):
        argv = ["spectrum", str(folder / f"matrix.{('npy', 'csv', 'txt')[choose.below(3)]}"), *argv]
    if "verify" in argv:
        argv.append("no_such_study")
    for name in ("npy", "csv", "txt"):
        if any(word.endswith(name) for word in argv):
            (folder / f"matrix.{name}").write_bytes(_file(choose, name))
    argv = [str(folder / word) if word == "x.png" else word for word in argv]
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            status = cli.main(argv)
    except SystemExit as stop:
        status = stop.code
    except Exception as error:
        raise Finding(f"ssm-numerics {' '.join(argv)}: {type(error).__name__} {error}") from error
    if status not in (0, 1, 2):
        raise Finding(f"ssm-numerics {' '.join(argv)}: exit status {status}")
    return "answered" if status == 0 else "refused"


TARGETS: dict[str, Callable[[Chooser], str]] = {"calls": public_call, "cli": command_line}


@cache
def _folder() -> Path:
    import tempfile

    return Path(tempfile.mkdtemp(prefix="ssm-fuzz-"))


def _file(choose: Chooser, kind: str) -> bytes:
    """A matrix file, whole, cut or corrupted."""
    buffer = io.BytesIO()
    n = 1 + choose.below(4)
    matrix = np.array(_floats(choose, n * n)).reshape(n, n)
    if kind == "npy":
        np.save(buffer, matrix)
    else:
        np.savetxt(buffer, matrix, delimiter="," if kind == "csv" else " ")
    content = bytearray(buffer.getvalue())
    for _ in range(choose.below(4)):
        content[choose.below(len(content))] = choose.below(256)
    return bytes(content[: choose.below(len(content)) if not choose.below(3) else None])


def _floats(choose: Chooser, count: int) -> list[float]:
    chosen = []
    for _ in range(count):
        special = choose.below(2)
        chosen.append(SPECIAL[choose.below(len(SPECIAL))] if special else struct.unpack("d", choose.octets(8))[0])
    return chosen


def _value(choose: Chooser, good: Any) -> Any:
    """From the catalogue, or an array, a number, a word of any content."""
    kind = choose.below(6)
    if kind < 2:
        values = bad_inputs.BAD if kind else bad_inputs.SAME
        make = values[list(values)[choose.below(len(values))]]
        with np.errstate(all="ignore"):
            return make(good if isinstance(good, (np.ndarray, float, int)) and np.size(good) else np.ones(3))
    if kind == 2 and isinstance(good, ssm.StateSpace | ssm.Diagonal | ssm.DPLR):
        return bad_inputs.BAD_SYSTEMS[list(bad_inputs.BAD_SYSTEMS)[choose.below(len(bad_inputs.BAD_SYSTEMS))]](good)
    if kind == 3:
        return _floats(choose, 1)[0]
    if kind == 4:
        return choose.below(12) - 2
    if kind == 5 and np.size(good) and isinstance(good, np.ndarray):
        array = np.array(good)
        with np.errstate(all="ignore"), contextlib.suppress(ValueError, OverflowError):
            array.flat[choose.below(array.size)] = _floats(choose, 1)[0]
        return array
    shape = [choose.below(4) for _ in range(choose.below(4))]
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        array = np.array(_floats(choose, math.prod(shape))).reshape(shape)
        return (
            np.nan_to_num(array, posinf=9, neginf=-9).astype(DTYPES[choose.below(len(DTYPES))])
            if choose.below(2)
            else array
        )
