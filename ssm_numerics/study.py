"""Studies: one question, its claims with their numbers, and a figure; here is what runs them.

A study is a file `study_<name>.py` with `compute(small=False)` (numbers that JSON can hold, from a fixed seed),
`claims(results)` (a list of `Claim`) and `figure(results)` (a Matplotlib figure). Its docstring's first line is the
question. Constants at its top say the rest:

* `SOURCE`, whose claim it examines; `METHOD`, what its numbers are compared with; `ALT`, its figure in words; `SEED`.
* `FULL`, the options that `--full` hands to `compute`, for sizes that take too long by default.
* `ALONE = True` for a study that times things: nothing else runs beside it.
* `ON_REQUEST = True` for a study of times only: it runs with `--full` or when named, and alone.
* `NEEDS`, packages of the extra `data` (import name to package name) without which it is skipped.

The files lie in `studies/` of the repository and travel inside the wheel.
"""

from __future__ import annotations

import importlib.util
import json
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

from . import _arrays
from ._parallel import serial_blas

PREFIX = "study_"
ORDER = (
    "lemma_3_2_blowup",
    "why_unitary_nplr",
    "pseudospectra_of_hippo",
    "right_half_plane",
    "eigenvalue_spectra",
    "spectra_of_inits",
    "kernel_equivalence",
    "node_pole_collision",
    "precision",
    "discretization_accuracy",
    "zoh_vs_bilinear",
    "half_rate",
    "delta_form",
    "kernel_images",
    "hippo_reconstruction",
    "memory_of_measures",
    "hippo_vs_random",
    "ecg_baseline",
    "electricity_forecast",
    "speakers_by_vowels",
    "gating_is_backward_euler",
    "long_stream",
    "closed_form_nplr",
    "lssl_vs_s4",
    "million_states",
    "crossover",
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

    def __str__(self) -> str:
        unit = f" {self.unit}" if self.unit else ""
        numbers = f"{number(self.measured)}{unit} {self.relation} {number(self.bound)}{unit}"
        return f"{self.verdict}  {self.statement}  [{numbers}]"

    def to_dict(self) -> dict[str, Any]:
        """The claim as JSON can hold it."""
        return {**asdict(self), "verdict": self.verdict}


@dataclass
class Outcome:
    """What running one study gave: its numbers, claims and figure, or the error that stopped it.

    `picture` is the figure as a data address and `alternative` the text that stands for it; `skipped` says what a study
    that did not run needs; `measured_at` is when it ran, and `reused` whether that was an earlier run.
    """

    name: str
    question: str = ""
    explanation: str = ""
    source: str = ""
    method: str = ""
    seed: int | None = None
    results: dict[str, Any] = field(default_factory=dict)
    claims: list[Claim] = field(default_factory=list)
    alternative: str = ""
    picture: str = ""
    seconds: float = 0.0
    measured_at: str = ""
    error: str = ""
    skipped: str = ""
    reused: bool = False

    @property
    def passed(self) -> bool:
        """Whether the study ran and all its claims hold; a study without claims proves nothing."""
        return not self.error and bool(self.claims) and all(claim.passed for claim in self.claims)

    @property
    def verdict(self) -> str:
        """PASS, FAIL, or SKIP where something it needs is not installed."""
        return "SKIP" if self.skipped else "PASS" if self.passed else "FAIL"

    def to_dict(self) -> dict[str, Any]:
        """The outcome as JSON can hold it, without its picture."""
        record = {key: value for key, value in vars(self).items() if key not in ("name", "explanation", "picture")}
        record["claims"] = [claim.to_dict() for claim in self.claims]
        return {"verdict": self.verdict, **record, "seconds": round(self.seconds, 3)}


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


def on_request(name: str) -> bool:
    """Whether a study runs only when it is asked for; one that cannot be loaded runs, to show its error."""
    return _says(name, "ON_REQUEST")


def alone(name: str) -> bool:
    """Whether nothing may run beside a study, because it measures times."""
    return _says(name, "ALONE") or on_request(name)


def _says(name: str, word: str) -> bool:
    try:
        return bool(getattr(load(name), word, False))
    except Exception:
        return False


def run(name: str, small: bool = False, full: bool = False, figures: bool = False) -> Outcome:
    """Run one study; an exception inside it becomes the outcome's error, so that the others still run."""
    begin = time.perf_counter()
    outcome = Outcome(name, name.replace("_", " "))
    try:
        module = load(name)
        outcome = describe(name, module)
        if not outcome.skipped:
            outcome = evaluate(name, module, small, **(getattr(module, "FULL", {}) if full else {}))
            if figures:
                from .plotting import data_uri

                outcome.picture = data_uri(module.figure(outcome.results))
    except Exception as error:
        outcome.error = f"{type(error).__name__}: {error}"
    outcome.seconds = time.perf_counter() - begin
    outcome.measured_at = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
    return outcome


def describe(name: str, module: ModuleType) -> Outcome:
    """An outcome that holds what is known before the study runs."""
    question, explanation = _docstring(module)
    missing = [package for word, package in getattr(module, "NEEDS", {}).items() if find_spec(word) is None]
    return Outcome(
        name,
        question,
        explanation,
        getattr(module, "SOURCE", ""),
        getattr(module, "METHOD", ""),
        getattr(module, "SEED", None),
        alternative=getattr(module, "ALT", question),
        skipped=f'needs {" and ".join(missing)}: python -m pip install "ssm-numerics[data]"' if missing else "",
    )


def evaluate(name: str, module: ModuleType, small: bool = False, **options: Any) -> Outcome:
    """The numbers and claims of a loaded study; options go to its `compute`."""
    import scipy.linalg  # noqa: F401  (SciPy has a BLAS library of its own, which must be loaded to be limited)

    outcome = describe(name, module)
    with serial_blas():
        outcome.results = plain(module.compute(small=small, **options))
        outcome.claims = module.claims(outcome.results)
    return outcome


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
