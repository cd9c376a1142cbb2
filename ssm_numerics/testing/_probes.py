"""The systems that checks try, from the smallest to the largest: the same ones every time for one seed.

Numbers are ones that single precision holds, so that an implementation in float32 is judged by its own arithmetic and
not by the rounding of its input; who answers in double precision gets some cases that need it. The first failing probe
is a smallest failing example by construction.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from .. import _arrays
from ..diagonal_init import diagonal_init
from ..hippo import hippo
from ..nplr import nplr
from ..state_space import DPLR, Diagonal, StateSpace

SYSTEMS = ("diagonal", "diagonal_pairs", "dplr", "dplr_pairs", "dense")
"""Words for `system=`: what the callable is given. "_pairs" systems store one mode per conjugate pair, each a pair."""

REGIMES = ("stable", "marginal", "stiff", "init")
"""Damped poles (slow in long cases); on the imaginary axis, 0 too; scales 1000 apart; HiPPO or S4D initializations."""

LENGTHS = (1, 2, 3, 5, 8, 16, 33, 64)
UNITARY = ("legs", "legt", "lagt", "fout")
FAMILIES = (*UNITARY, "foud", "lmu", "glagt")
INITS = ("s4d-lin", "s4d-inv", "s4d-legs")


@dataclass(frozen=True, eq=False)
class Case:
    """One probe: arrays as the callable gets them, a step, a length and a signal."""

    system: str
    regime: str
    arrays: dict[str, np.ndarray]
    dt: float
    L: int
    u: np.ndarray
    of: str = ""  # the family or initialization it comes from
    fine: bool = False  # numbers of double precision, for callables that return it

    @property
    def pairs(self) -> bool:
        """Whether each stored mode stands for a conjugate pair."""
        return self.system.endswith("_pairs")

    @property
    def n(self) -> int:
        """How many modes or states are stored."""
        return int(self.arrays["B"].size)

    def continuous(self, D: float = 0.0) -> Any:
        """The system as an object of this package."""
        arrays: dict[str, Any] = {**self.arrays, "D": D}
        if self.system == "dense":
            return StateSpace(**arrays)
        return (Diagonal if self.system.startswith("diagonal") else DPLR)(**arrays, conjugate_pairs=self.pairs)

    def describe(self) -> dict[str, Any]:
        """What a reader needs to repeat the case by hand."""
        where = {"system": self.system, "regime": self.regime, "of": self.of, "dt": self.dt, "L": self.L}
        return {**where, **self.arrays, "u": self.u}


def single(values: Any) -> Any:
    """Values rounded to what single precision holds, in double precision."""
    array = np.asarray(values)
    return (
        array.astype(np.complex64).astype(complex)
        if array.dtype.kind == "c"
        else array.astype(np.float32).astype(float)
    )


FINE = 4
"""How many cases in double precision there are."""

LONG = 4096
"""Samples of the two long cases: nodes with few digits show here, in single precision too."""


CASE_BYTES = 4096
"""A case, at least."""


def checked_draw(cases: Any, seed: Any) -> tuple[int, int]:
    """How many cases are drawn, and the seed that draws them."""
    _arrays.memory("cases", CASE_BYTES * _arrays.count("cases", cases))
    return int(cases), _arrays.count("seed", seed, least=0)


def probes(system: str, cases: Any, seed: Any, regimes: Any = REGIMES, long: bool = False) -> tuple[Case, ...]:
    """`_probes` of checked arguments."""
    return _probes(system, *checked_draw(cases, seed), _arrays.words("regimes", regimes, REGIMES), long)


@lru_cache(maxsize=64)
def _probes(system: str, count: int, seed: int, regimes: tuple[str, ...], long: bool) -> tuple[Case, ...]:
    """`count` cases in ascending order of their size, 1 to 8 modes and up to 64 samples, then two long ones on request;
    and `FINE` ones in double precision.
    """
    rng = np.random.default_rng(seed)
    cases = []
    for i in range(count):
        n, L = 1 + 8 * i // count, int(rng.choice(LENGTHS[: 3 + 6 * i // count]))
        cases.append(_case(system, regimes[i % len(regimes)], n, L, rng))
    cases += [_case(system, regimes[i % len(regimes)], 3 + i, 33, rng, fine=True) for i in range(FINE)]
    if long and "stable" in regimes:
        cases += [_case(system, "slow", n, LONG, rng) for n in (1, 2)]
    return tuple(sorted(cases, key=lambda case: (case.n * case.L, case.n)))


def _case(system: str, regime: str, n: int, L: int, rng: np.random.Generator, fine: bool = False) -> Case:
    """One case; which of the families or initializations it takes is drawn too."""
    of = ""
    if system == "dense":
        of = str(rng.choice(FAMILIES)) if regime == "init" else ""
        arrays = _dense(regime, n, of, rng)
    elif system.startswith("diagonal"):
        of = str(rng.choice(INITS)) if regime == "init" else ""
        arrays = _modes(regime, n, of, rng)
    else:
        of = str(rng.choice(UNITARY)) if regime == "init" else ""
        arrays = _low_rank(regime, n, of, rng, system.endswith("_pairs"))
    arrays["D"] = np.asarray(rng.normal())
    rounded = np.asarray if fine else single
    arrays = {name: rounded(array) for name, array in arrays.items()}
    if system == "dense":
        speed = np.linalg.norm(arrays["A"], 2)
    else:
        low_rank = np.linalg.norm(arrays["P"]) * np.linalg.norm(arrays["Q"]) if "P" in arrays else 0.0
        speed = np.abs(arrays["Lambda"]).max() + low_rank
    reach = 2.0 ** rng.uniform(-5, 1) if regime != "stiff" else 2.0 ** rng.uniform(0, 4)
    dt = float(rounded(reach / max(float(speed), 0.25)))
    return Case(system, regime, arrays, dt, L, rounded(rng.normal(size=L)), of, fine)


def _complex(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.normal(size=shape) + 1j * rng.normal(size=shape)


def _damping(regime: str, n: int, rng: np.random.Generator) -> np.ndarray:
    """-Re Lambda."""
    exponents = {"stable": rng.uniform(-1, 0.2, n), "slow": rng.uniform(-1.3, -0.7, n), "stiff": rng.uniform(-1, 2, n)}
    return 10.0 ** exponents[regime] if regime in exponents else np.zeros(n)


def _modes(regime: str, n: int, of: str, rng: np.random.Generator) -> dict[str, np.ndarray]:
    if of:
        Lambda = nplr("legs", 2 * n, method="eigh").Lambda[:n] if of == "s4d-legs" else diagonal_init(of, 2 * n).Lambda
    else:
        Lambda = -_damping(regime, n, rng) + 1j * rng.uniform(-6, 6, n)
        if regime == "marginal" and n > 1 and rng.random() < 0.5:
            Lambda[0] = 0
    return {"Lambda": Lambda + 0j, "B": 2 * _complex(rng, n), "C": _complex(rng, n)}


def _low_rank(regime: str, n: int, of: str, rng: np.random.Generator, pairs: bool) -> dict[str, np.ndarray]:
    """The form of a HiPPO family, or modes with P and Q that differ; Q = P where these would be unstable."""
    if of:
        form = nplr(of, 2 * n if pairs else n, method="eigh")
        Lambda, P, B = form.Lambda[:n], form.P[:n], form.B
        assert B is not None
        return {"Lambda": Lambda, "P": P, "Q": P, "B": B[:n], "C": _complex(rng, n)}
    arrays = _modes(regime, n, "", rng)
    size = 0.2 if regime == "slow" else 1.0
    P = size * _complex(rng, n, int(rng.integers(1, 3))) / np.sqrt(n)
    Q = P + 0.4 * size * _complex(rng, *P.shape) / np.sqrt(n)
    for factor in (Q, P):
        full = DPLR(single(arrays["Lambda"]), single(P), single(factor), arrays["B"], arrays["C"], 0.0, pairs)
        if full.poles().real.max() <= 0:
            break
    return {"Lambda": arrays["Lambda"], "P": P, "Q": factor, "B": arrays["B"], "C": arrays["C"]}


def _dense(regime: str, n: int, of: str, rng: np.random.Generator) -> dict[str, np.ndarray]:
    B, C = rng.normal(size=n), rng.normal(size=n)
    if of:
        op = hippo(of, n, **({"alpha": 0.5} if of == "glagt" else {}))
        return {"A": op.A, "B": op.B, "C": C}
    noise = rng.normal(size=(n, n))
    lower = np.tril(rng.normal(size=(n, n)), -1) if regime == "stable" else 0.0  # not normal
    return {"A": noise - noise.T - np.diag(_damping(regime, n, rng)) + 0.3 * lower, "B": B, "C": C}


def check_system(system: str, allowed: tuple[str, ...] = SYSTEMS) -> str:
    """A checked word for `system`."""
    return _arrays.choice("system", system, allowed)
