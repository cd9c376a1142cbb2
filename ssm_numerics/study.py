"""Studies: one question, its claims with their numbers, and a figure; here is what runs them.

A study is a file `study_<name>.py` with `compute(small=False)` (numbers that JSON can hold, from a fixed seed),
`claims(results)` (a list of `Claim`) and `figure(results)` (a Matplotlib figure). Its docstring's first line is the
question. The files lie in `studies/` of the repository and travel inside the wheel.
"""

from __future__ import annotations

import importlib.util
import json
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from . import _arrays

PREFIX = "study_"
ORDER = (
    "lemma_3_2_blowup",
    "eigenvalue_spectra",
    "kernel_equivalence",
    "discretization",
    "delta_form",
    "hippo_reconstruction",
    "gating_is_backward_euler",
)
"""The order in which the report tells the story; studies that are not named here follow alphabetically."""

_RELATIONS: dict[str, Callable[[float, float], bool]] = {
    "<=": lambda measured, bound: measured <= bound,
    ">=": lambda measured, bound: measured >= bound,
    "=": lambda measured, bound: measured == bound,
}


@dataclass(frozen=True)
class Claim:
    """One statement with its measured number and the bound it must respect.

    Parameters
    ----------
    statement : str
        What is claimed, one sentence a reader can judge.
    measured : float
    relation : {"<=", ">=", "="}
    bound : float
    unit : str, optional
        What one of the number is, such as "u" for 2^-53.

    Examples
    --------
    >>> Claim("Halving the step divides the error by four.", 2.01, ">=", 1.9).passed
    True
    >>> Claim("The error is finite.", float("nan"), "<=", 1.0).passed
    False
    """

    statement: str
    measured: float
    relation: str
    bound: float
    unit: str = ""

    def __post_init__(self) -> None:
        _arrays.choice("relation", self.relation, _RELATIONS)

    @property
    def passed(self) -> bool:
        """Whether the number respects the bound; NaN never does."""
        return bool(_RELATIONS[self.relation](self.measured, self.bound))

    @property
    def verdict(self) -> str:
        """PASS or FAIL."""
        return "PASS" if self.passed else "FAIL"

    def to_dict(self) -> dict[str, Any]:
        """The claim as JSON can hold it."""
        return {**asdict(self), "verdict": self.verdict}


@dataclass
class Outcome:
    """What running one study gave: its numbers and claims, or the error that stopped it."""

    name: str
    question: str
    explanation: str
    results: dict[str, Any] = field(default_factory=dict)
    claims: list[Claim] = field(default_factory=list)
    seconds: float = 0.0
    error: str = ""

    @property
    def passed(self) -> bool:
        """Whether the study ran and all its claims hold; a study without claims proves nothing."""
        return not self.error and bool(self.claims) and all(claim.passed for claim in self.claims)

    def to_dict(self) -> dict[str, Any]:
        """The outcome as JSON can hold it."""
        return {
            "question": self.question,
            "verdict": "PASS" if self.passed else "FAIL",
            "claims": [claim.to_dict() for claim in self.claims],
            "seconds": round(self.seconds, 3),
            "error": self.error,
            "results": self.results,
        }


def folder() -> Path:
    """Where the study files are: inside an installed package, or beside it in a clone."""
    package = Path(__file__).resolve().parent
    candidates = (package / "_studies", package.parent / "studies")
    for candidate in candidates:
        if any(candidate.glob(f"{PREFIX}*.py")):
            return candidate
    raise FileNotFoundError(f"No study files found in {' or '.join(map(str, candidates))}; reinstall ssm-numerics.")


def names() -> list[str]:
    """The names of all studies, in the order of the report."""
    found = sorted(path.stem.removeprefix(PREFIX) for path in folder().glob(f"{PREFIX}*.py"))
    return sorted(found, key=lambda name: ORDER.index(name) if name in ORDER else len(ORDER))


def load(name: str) -> ModuleType:
    """Import one study by its name."""
    path = folder() / f"{PREFIX}{_arrays.choice('study', name, names())}.py"
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"The study file {path} cannot be imported.")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run(name: str, small: bool = False) -> tuple[Outcome, ModuleType | None]:
    """Run one study; an exception inside it becomes the outcome's error, so that the others still run."""
    begin, module = time.perf_counter(), None
    outcome = Outcome(name, name.replace("_", " "), "")
    try:
        module = load(name)
        outcome.question, outcome.explanation = _docstring(module)
        outcome = evaluate(name, module, small)
    except Exception as error:
        outcome.error = f"{type(error).__name__}: {error}"
    outcome.seconds = time.perf_counter() - begin
    return outcome, module


def evaluate(name: str, module: ModuleType, small: bool = False, **options: Any) -> Outcome:
    """The numbers and claims of a loaded study; options go to its `compute`."""
    question, explanation = _docstring(module)
    with one_blas_thread():
        results = plain(module.compute(small=small, **options))
        return Outcome(name, question, explanation, results, module.claims(results))


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Many small factorizations run up to sixty times slower on two BLAS threads than on one."""
    import scipy.linalg  # noqa: F401  (SciPy has a BLAS library of its own, which must be loaded to be limited)
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1, user_api="blas"):
        yield


def run_as_script(file: str, small: bool = False, **options: Any) -> Any:
    """What `python studies/study_<name>.py` does: write results/<name>.json and the figure, then assert the claims.

    Options go to the study's `compute`. Returns the figure, so that a gallery shows it.
    """
    from .plotting import save

    name = Path(file).stem.removeprefix(PREFIX)
    module = load(name)
    outcome = evaluate(name, module, small, **options)
    results = Path("results")
    results.mkdir(exist_ok=True)
    (results / f"{name}.json").write_text(to_json(outcome.to_dict()), encoding="utf-8")
    figure = module.figure(outcome.results)
    save(figure, results / f"{name}.png")
    for claim in outcome.claims:
        print(f"{claim.verdict}  {claim.statement}  {number(claim.measured)} {claim.relation} {number(claim.bound)}")
    failed = [claim.statement for claim in outcome.claims if not claim.passed]
    assert not failed, f"Claims that do not hold: {failed}"
    return figure


def number(value: float) -> str:
    """A number as a reader wants it: three significant digits, integers whole."""
    if math.isfinite(value) and value == round(value) and abs(value) < 1e6:
        return f"{value:.0f}"
    return f"{value:.3g}"


def plain(value: Any, finite: bool = False) -> Any:
    """Arrays as lists and NumPy scalars as Python's, all the way down; with `finite`, NaN and infinities as None.

    Claims and figures are made from this form, so they can be made again from results.json alone.
    """
    if isinstance(value, dict):
        return {str(key): plain(entry, finite) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(entry, finite) for entry in value]
    if hasattr(value, "tolist"):
        return plain(value.tolist(), finite)
    if finite and isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def to_json(value: Any) -> str:
    """Strict JSON, in which NaN and infinities become null: JSON has no words for them."""
    return json.dumps(plain(value, finite=True), indent=None, allow_nan=False, ensure_ascii=False) + "\n"


def _docstring(module: ModuleType) -> tuple[str, str]:
    """The question (first line) and the explanation (the rest, without the title's underline)."""
    head, _, rest = (module.__doc__ or module.__name__).strip().partition("\n")
    lines = rest.strip().splitlines()
    if lines and lines[0].strip("=- ") == "":
        lines = lines[1:]
    return head.strip(), "\n".join(lines).strip()
