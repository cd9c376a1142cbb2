"""Which conventions a callable follows: found by calling it, not by reading it.

Every axis is a table from the words of the result to the change of a recipe that means them. The combination with the
fewest departures from the conventions of this package that foretells every output is the answer; where several of the
same number do, an axis on which they differ cannot be told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields, replace
from itertools import combinations, product
from typing import Any

import numpy as np

from .. import _arrays
from .._results import Result
from . import _faults
from ._causes import Foretold, Trial, fits
from ._form_faults import HALF_FORM, as_lmu, only, scaled
from ._forms import (
    FormCase,
    form_arguments,
    form_foretold,
    form_truth,
    full_form,
    matrices_foretold,
    matrices_truth,
    rebuilt_parts,
)
from ._judge import Subject, as_arrays, check_functions, trial
from ._probes import check_system, probes
from ._recipes import Recipe
from .checks import kernel_subject, recurrence_subject

CANNOT_TELL = "cannot tell"
MOST_DEPARTURES = 3
KINDS = ("kernel", "recurrence", "nplr", "hippo", "initializer")

Axis = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Convention(Result):
    """The conventions of a callable; made by `identify_convention`.

    Every axis is a word, or "cannot tell" where the callable does not show it. `candidates` holds, for axes that could
    be narrowed down but not decided, what is left. `understood` says whether some combination foretells every output.
    """

    kind: str
    understood: bool
    discretization: str = CANNOT_TELL
    first_sample: str = CANNOT_TELL
    impulse: str = CANNOT_TELL
    B_bar: str = CANNOT_TELL
    C: str = CANNOT_TELL
    B: str = CANNOT_TELL
    pairs: str = CANNOT_TELL
    half: str = CANNOT_TELL
    low_rank: str = CANNOT_TELL
    legt: str = CANNOT_TELL
    s4d_inv: str = CANNOT_TELL
    candidates: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def __str__(self) -> str:
        axes = [f.name for f in fields(self) if f.name not in ("kind", "understood", "candidates")]
        told = [f"  {name}: {getattr(self, name)}" for name in axes if getattr(self, name) != CANNOT_TELL]
        open_ = [f"  {name}: one of {', '.join(words)}" for name, words in self.candidates.items()]
        head = f"{self.kind}: " + ("" if self.understood else "follows none of the known combinations")
        return "\n".join([head.strip(), *told, *open_])


SAMPLE_AXES: dict[str, Axis] = {
    "first_sample": {
        "K_0 = C B_bar": {},
        "h_0 = D, K_0 comes one sample later": {"start": -1},
        "C and D changed by the bilinear transform": {"output": True},
        "C A_bar B_bar, one sample early": {"start": 1},
    },
    "impulse": {"1": {}, "1/dt (or a B_bar without its dt)": {"after": [lambda K, case: K / case.dt]}},
    "B_bar": {"that of the rule": {}, "dt B": {"forcing": lambda B_bar, B, dt: dt * B}},
    "C": {
        "as given": {},
        "conjugated": {"before": [_faults.on("C", np.conj)]},
        "C~ = C (I - A_bar^L)": {"row": _faults.aliased},
        "conjugated C~": {"before": [_faults.on("C", np.conj)], "row": _faults.aliased},
    },
    "B": {"as given": {}, "imaginary part clipped to [-2, 2]": {"before": [_faults.on("B", _faults.clipped)]}},
}

MODE_AXES: dict[str, Axis] = {
    "half": {"as given": {}, "conjugates of the given Lambda": {"before": [_faults.on("Lambda", np.conj)]}},
}

PAIR_AXIS: Axis = {
    "2 Re": {},
    "Re": {"after": [lambda K, case: K / 2]},
    "complex sum of the stored modes": {"partners": False},
}

LOW_RANK_AXIS: Axis = {
    "Lambda - P Q*": {},
    "Lambda - P P*": {"before": [lambda a: {**a, "Q": a["P"]}]},
    "Lambda - P Q^T": {"before": [_faults.on("Q", np.conj)]},
    "Lambda + P Q*": {"before": [_faults.on("Q", np.negative)]},
}


def identify_convention(
    fn: Callable[..., Any],
    kind: str = "kernel",
    system: str = "diagonal_pairs",
    *,
    seed: int = 0,
    convert: Callable[[np.ndarray], Any] | None = None,
) -> Convention:
    """Name the conventions that a callable follows.

    Parameters
    ----------
    fn : callable
        By `kind`: "kernel" as in `check_kernel`; "recurrence" as in `check_recurrence`; "nplr" ``fn(family, N)`` ->
        (Lambda, P, Q, B, V); "hippo" ``fn(family, N)`` -> (A, B); "initializer" ``fn(name, N)`` -> Lambda, with a name
        of `diagonal_init`. A family that `fn` refuses by an exception is passed over.
    kind : {"kernel", "recurrence", "nplr", "hippo", "initializer"}
    system : str
        For "kernel" and "recurrence", as in `check_kernel`.
    seed, convert
        As in `check_kernel`.

    Returns
    -------
    Convention
        By `kind`, kernel and recurrence: discretization, first_sample, impulse, B_bar, C, B, and pairs, half, low_rank
        where the system has them. nplr: half, low_rank, B, legt. hippo: legt. initializer: half, s4d_inv.

    Notes
    -----
    At most three departures from this package's conventions, besides the discretization, are found together.
    *Cost*: a handful of calls, and less than a second for combinations that nothing foretells.

    Examples
    --------
    >>> import numpy as np
    >>> from ssm_numerics import testing
    >>> def mamba(Lambda, B, C, dt, L):
    ...     return 2 * ((C * dt * B) @ np.exp(dt * Lambda)[:, None] ** np.arange(L)).real
    >>> found = testing.identify_convention(mamba)
    >>> found.B_bar, found.pairs, found.first_sample
    ('dt B', '2 Re', 'K_0 = C B_bar')
    """
    check_functions(convert, fn=fn)
    seed = _arrays.count("seed", seed, least=0)
    return _KINDS[_arrays.choice("kind", kind, KINDS)](fn, kind, system, seed, convert)


def _of_samples(fn: Any, kind: str, system: str, seed: int, convert: Any) -> Convention:
    subject = (kernel_subject if kind == "kernel" else recurrence_subject)(check_system(system), "bilinear", None)
    axes = {"discretization": {rule: {"rule": rule} for rule in _faults.RULES}, **SAMPLE_AXES}
    axes |= {} if system == "dense" else MODE_AXES
    axes |= {"pairs": PAIR_AXIS} if system.endswith("_pairs") else {}
    axes |= {"low_rank": LOW_RANK_AXIS} if system.startswith("dplr") else {}
    cases = [case for case in probes(system, 16, seed, ("stable",)) if case.L > 2]
    return _search(kind, _trials(subject, fn, cases, convert), axes, subject.foretold)


def _of_forms(fn: Any, kind: str, system: str, seed: int, convert: Any) -> Convention:
    subject = Subject("", form_arguments, form_truth, form_foretold, (), (), read=rebuilt_parts)
    trials = _trials(subject, fn, [FormCase(family, N) for family in ("legs", "legt") for N in (4, 6)])
    families = {one.case.family for one in trials}
    axes: dict[str, Axis] = {
        "low_rank": {"-": {}, "+": {"before": [scaled(Q=-1.0)]}},
        "B": SAMPLE_AXES["B"],
        "legt": {"theta = 1": {}, "halved, theta = 2": {"before": [only("legt", scaled(**HALF_FORM))]}},
    }
    found = _search(kind, trials, axes, form_foretold)
    if not found.understood:
        return found
    factors = _factors(trials[0]) if "legs" in families else ""
    low_rank = CANNOT_TELL if found.low_rank == CANNOT_TELL else f"Lambda {found.low_rank} {factors or 'P Q*'}"
    return replace(found, low_rank=low_rank, half=half_of(trials[0].raw[0], trials[0].case.N))


def _of_matrices(fn: Any, kind: str, system: str, seed: int, convert: Any) -> Convention:
    subject = Subject("", form_arguments, matrices_truth, matrices_foretold, (), ())
    axes: dict[str, Axis] = {
        "legt": {
            "theta = 1": {},
            "halved, theta = 2": {"before": [only("legt", scaled(A=0.5, B=0.5))]},
            "LMU's scaling": {"before": [only("legt", as_lmu)]},
        }
    }
    return _search(kind, _trials(subject, fn, [FormCase("legt", N) for N in (2, 5)]), axes, matrices_foretold)


def _of_initializer(fn: Any, kind: str, system: str, seed: int, convert: Any) -> Convention:
    """The half that is stored, and whether the N in the formula of S4D-Inv counts states or stored modes."""
    told: dict[str, Any] = {}
    N = 8
    for name in ("s4d-lin", "s4d-inv"):  # the frequencies of the first all have one sign
        try:
            (Lambda,) = as_arrays(fn(name, N))
        except Exception:
            continue
        told.setdefault("half", half_of(Lambda, N))
        modes = Lambda.size if told["half"] != "all modes" else Lambda.size // 2
        if name == "s4d-inv":
            told["s4d_inv"] = _number_in_formula(np.sort(np.abs(Lambda.imag))[::-1], modes)
    return Convention(kind, CANNOT_TELL not in told.values() and bool(told), **told)


def _number_in_formula(omega: np.ndarray, modes: int) -> str:
    """Which number stands in omega_n = (N/pi)(N/(2n+1) - 1) over `modes` stored modes; the largest is N(N - 1)/pi."""
    words = {2 * modes: "N counts states", modes: "N counts stored modes"}
    for N, word in words.items():
        if abs(omega[0] - N * (N - 1) / np.pi) <= 1e-3 * omega[0]:
            return word
    return CANNOT_TELL


_KINDS = {
    "kernel": _of_samples,
    "recurrence": _of_samples,
    "nplr": _of_forms,
    "hippo": _of_matrices,
    "initializer": _of_initializer,
}


def _trials(subject: Subject, fn: Any, cases: Any, convert: Any = None) -> list[Trial]:
    """Cases that the callable takes, the largest first: they exclude most."""
    trials = [trial(subject, fn, case, convert) for case in reversed(cases) if not case.fine]
    return [one for one in trials if not one.trouble]


def _search(kind: str, trials: list[Trial], axes: dict[str, Axis], foretold: Foretold) -> Convention:
    """The combination with the fewest departures that foretells all trials, and what could stand in its place."""
    if not trials:
        return Convention(kind, False)
    for words in combinations_of(axes):
        if fits(trials, recipe_of(axes, words), foretold):
            break
    else:
        return Convention(kind, False)
    told, candidates = {}, {}
    for name, axis in axes.items():
        also = [word for word in axis if fits(trials, recipe_of(axes, {**words, name: word}), foretold)]
        told[name] = words[name] if len(also) == 1 else CANNOT_TELL
        if len(also) > 1:
            candidates[name] = tuple(also)
    return Convention(kind, True, **told, candidates=candidates)


def combinations_of(axes: dict[str, Axis]) -> Iterator[dict[str, str]]:
    """Words for all axes, those with fewer departures from the first words first; the discretization is none."""
    usual = {name: next(iter(axis)) for name, axis in axes.items()}
    rules = list(axes.get("discretization", {}))
    others = [name for name in axes if name != "discretization"]
    for departures in range(min(MOST_DEPARTURES, len(others)) + 1):
        for names in combinations(others, departures):
            for words in product(*(list(axes[name])[1:] for name in names)):
                chosen = {**usual, **dict(zip(names, words, strict=True))}
                yield from ({**chosen, "discretization": rule} for rule in rules) if rules else [chosen]


def recipe_of(axes: dict[str, Axis], words: dict[str, str]) -> Recipe:
    """The recipe that these words mean."""
    recipe = Recipe()
    for name, word in words.items():
        recipe = recipe.changed(axes[name][word])
    return recipe


def half_of(Lambda: np.ndarray, N: int) -> str:
    """Which modes of the conjugate pairs an array holds."""
    omega = np.asarray(Lambda).imag
    small = 1e-6 * np.abs(omega).max(initial=0.0)
    for sign, word in ((1, "positive half"), (-1, "negative half")):
        if (sign * omega >= -small).all() and (sign * omega > small).any():
            return word
    return "all modes" if np.any(omega) else CANNOT_TELL


def _factors(one: Trial) -> str:
    """How the low-rank part of LegS is divided: sizes of V P and V Q in sqrt(n + 1/2)."""
    _, P, Q, _, V = full_form(one.raw, one.case)
    root = np.linalg.norm(np.sqrt(np.arange(one.case.N) + 0.5))
    words = {
        (1.0, 1.0): "P P*, P = sqrt(n + 1/2)",
        (0.5**0.5, 2**0.5): "P Q*, P = sqrt(2n + 1)/2, Q = sqrt(2n + 1)",
        (2**0.5, 0.5**0.5): "P Q*, P = sqrt(2n + 1), Q = sqrt(2n + 1)/2",
    }
    sizes = np.array([np.linalg.norm(V @ factor) / root for factor in (P, Q)])
    return next((word for pair, word in words.items() if np.abs(sizes - pair).max() <= 1e-3), "P Q*")
