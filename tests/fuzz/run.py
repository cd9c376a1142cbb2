"""Fuzz the public calls, state files and the command line, and count the cases.

    python tests/fuzz/run.py --cases 1000000             # random cases
    python tests/fuzz/run.py --seed 0 --first 1234 --cases 1   # one of them again: each is drawn from seed and number
    python tests/fuzz/run.py --cases 1000000 --atheris   # guided by coverage; pip install atheris
    NUMBA_BOUNDSCHECK=1 python tests/fuzz/run.py --cases 20000 --compiled

Without --compiled the compiled layer runs as plain Python, so that no compilation is waited for and an index out of
bounds is an error. Prints one line of counts; findings go to standard error and make the exit status 1.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import random
import signal
import sys
import time
from pathlib import Path
from typing import Any

HANGS, COMPILES = 30, 180
"""Seconds of processor time after which a case hangs; with the JIT several functions may have to be compiled."""


class Random:
    """Decisions of a random generator, which depend on the seed and the number of the case."""

    def __init__(self, seed: int, case: int) -> None:
        self.random = random.Random(seed << 64 | case)

    def below(self, n: int) -> int:
        return int(self.random.random() * n)

    def octets(self, n: int) -> bytes:
        return self.random.randbytes(n)


class Bytes:
    """Decisions read off the bytes of a coverage-guided fuzzer."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def below(self, n: int) -> int:
        return int.from_bytes(self.octets(2), "little") % n

    def octets(self, n: int) -> bytes:
        self.at += n
        return self.data[self.at - n : self.at].ljust(n, b"\0")


class Hang(BaseException):
    """A case that takes too long; no handler of errors catches it."""


class Counts:
    """What came of all cases."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.arguments, self.start = arguments, time.monotonic()
        self.ended = dict.fromkeys(("answered", "refused", "findings"), 0)
        self.seen: set[str] = set()
        from tests.fuzz import cases

        cases.prepare()
        gc.freeze()  # what is loaded stays
        self.finding = cases.Finding, Hang
        self.targets = [(name, case) for name, (case, share) in cases.TARGETS.items() for _ in range(share)]
        self.of = dict.fromkeys(cases.TARGETS, 0)

    def try_one(self, choose: Any) -> None:
        name, case = self.targets[choose.below(len(self.targets))]
        self.of[name] += 1
        signal.setitimer(signal.ITIMER_PROF, COMPILES if self.arguments.compiled else HANGS)
        try:
            self.ended[case(choose)] += 1
        except self.finding as finding:
            self.ended["findings"] += 1
            kind = str(finding).split(" {")[0] + str(finding).rpartition("}: ")[2][:60]
            if kind not in self.seen:
                self.seen.add(kind)
                print(f"case {self.arguments.first + self.cases - 1}: {finding}", file=sys.stderr, flush=True)
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)

    @property
    def cases(self) -> int:
        return sum(self.ended.values())

    def over(self) -> bool:
        return self.cases >= self.arguments.cases or time.monotonic() - self.start > self.arguments.seconds

    def report(self) -> int:
        arguments = self.arguments
        facts = {
            "cases": self.cases,
            **self.of,
            **self.ended,
            "seconds": round(time.monotonic() - self.start),
            "seed": arguments.seed,
            "guided": arguments.atheris,
            "compiled": arguments.compiled,
            "boundscheck": os.environ.get("NUMBA_BOUNDSCHECK") == "1",
        }
        print(json.dumps(facts), flush=True)
        if arguments.json:
            with Path(arguments.json).open("a", encoding="utf-8") as file:
                file.write(json.dumps(facts) + "\n")
        return 1 if self.ended["findings"] else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=float("inf"), help="stop earlier")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--atheris", action="store_true", help="guided by coverage")
    parser.add_argument("--compiled", action="store_true", help="with the JIT")
    parser.add_argument("--json", metavar="FILE", help="also add the counts to that file, as one line")
    arguments = parser.parse_args()
    if not arguments.compiled:
        os.environ["NUMBA_DISABLE_JIT"] = "1"
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

    def hangs(*_: Any) -> None:
        raise Hang(f"A case takes more than {COMPILES if arguments.compiled else HANGS} s")

    signal.signal(signal.SIGPROF, hangs)
    if not arguments.atheris:
        counts = Counts(arguments)
        while not counts.over():
            counts.try_one(Random(arguments.seed, arguments.first + counts.cases))
        return counts.report()
    import atheris

    with atheris.instrument_imports(include=["ssm_numerics"]):
        counts = Counts(arguments)

    def one(data: bytes) -> None:
        counts.try_one(Bytes(data))
        if counts.over():
            os._exit(counts.report())

    atheris.Setup([sys.argv[0], "-max_len=256", f"-seed={arguments.seed + 1}", "-verbosity=0"], one)
    atheris.Fuzz()
    return counts.report()


if __name__ == "__main__":
    sys.exit(main())
