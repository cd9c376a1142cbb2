"""Golden vectors: certified kernels in files that any language can test against (docs/golden.md describes them).

Every group of systems becomes two files with the same numbers: JSON with numbers as C99 hexadecimal floats, and npz.
Inputs are the exact numbers of their floats, kernels come from ball arithmetic with a radius that holds for each entry.
A manifest lists the files with their SHA-256.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from . import _arrays, certified
from .diagonal_init import diagonal_init
from .hippo import hippo
from .state_space import DPLR, Diagonal, StateSpace

FORMAT, VERSION = "ssm-numerics golden kernels", 1
RULES: tuple[tuple[str, float | None], ...] = (
    ("euler", None),
    ("backward_euler", None),
    ("bilinear", None),
    ("gbt", 0.75),
    ("zoh", None),
    ("foh", None),
)
FAMILIES = ("legs", "legt", "lmu", "lagt", "glagt", "fout", "foud")
STRUCTURES = {StateSpace: "dense", Diagonal: "diagonal", DPLR: "dplr"}

Advance = Callable[[str, int, int], None]


class Size(NamedTuple):
    """Orders, steps and the length of the kernels."""

    orders: tuple[int, ...]
    steps: tuple[float, ...]
    length: int


FULL = Size((1, 2, 5, 8, 16), (0.01, 0.5), 256)
SMALL = Size((1, 2, 5), (0.01,), 32)


def dense(family: str, N: int) -> StateSpace:
    """A HiPPO family with C_n = (-1)^n/(n + 1) and D = 0."""
    n = np.arange(N)
    return hippo(family, N).state_space((-1.0) ** n / (n + 1))


def diagonal(name: str, N: int) -> Diagonal | None:
    """An S4D initialization with B = 1, C_n = 1/(n + 1) + i/(n + 2), real for s4d-real; None if N must be even."""
    if N % 2 and name in ("s4d-lin", "s4d-inv"):
        return None
    system = diagonal_init(name, N) if name != "s4d-legs" else _legs_modes(N)
    C = _complex_output(system.Lambda.size)
    return Diagonal(
        system.Lambda, system.B, C if np.iscomplexobj(system.Lambda) else C.real, 0.0, system.conjugate_pairs
    )


def low_rank(family: str, N: int) -> DPLR:
    """The unitary form of legs or lagt, one mode of each pair: Q = P = sqrt(weights) > 0, B = sqrt(2) P."""
    Lambda, weights, pairs = _modes(family, N)
    P = np.sqrt(weights)[:, None]
    return DPLR(Lambda, P, P, np.sqrt(2 * weights), _complex_output(Lambda.size), 0.0, pairs)


def unequal(N: int) -> DPLR:
    """Lambda - P Q* with Q != P of rank one, every mode stored, complex output: Q_n = P_n (1/2 + (-1)^n i/4)."""
    Lambda, weights, pairs = _modes("legs", N)
    Lambda = np.concatenate([Lambda, Lambda[pairs][::-1].conj()])
    P = np.sqrt(np.concatenate([weights, weights[pairs][::-1]]))[:, None]
    Q = P * (0.5 + 0.25j * (-1.0) ** np.arange(N))[:, None]
    return DPLR(Lambda, P, Q, np.ones(N), _complex_output(N))


def unequal_pairs(N: int) -> DPLR:
    """Lambda - P Q* with Q != P of rank two in pair storage."""
    Lambda, weights, pairs = _modes("lagt", N)
    n = np.arange(Lambda.size)
    P = np.stack([np.sqrt(weights), (-0.5) ** n], axis=1)
    Q = P * np.array([0.75, 0.5]) + np.where(pairs, 0.125j, 0)[:, None]
    return DPLR(Lambda - 0.25, P, Q, np.ones(n.size), _complex_output(n.size), 0.0, pairs)


def _modes(family: str, N: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Certified eigenvalues of the normal part, one of each pair, |v* P|^2, and which have a partner."""
    stored = (N + 1) // 2
    Lambda = certified.nplr_eigenvalues(family, N).mid[:stored]
    return Lambda, np.ravel(certified.nplr_weights(family, N).mid)[:stored], Lambda.imag > 0


def _legs_modes(N: int) -> Diagonal:
    Lambda, _, pairs = _modes("legs", N)
    ones = np.ones(Lambda.size)
    return Diagonal(Lambda[::-1], ones, ones, 0.0, pairs[::-1])


def _complex_output(n: int) -> np.ndarray:
    index = np.arange(n)
    return 1 / (index + 1) + 1j / (index + 2)


GROUPS: dict[str, Callable[[int], Any]] = {
    **{family: partial(dense, family) for family in FAMILIES},
    **{name: partial(diagonal, name) for name in ("s4d-lin", "s4d-inv", "s4d-legs", "s4d-real")},
    "dplr-legs": partial(low_rank, "legs"),
    "dplr-lagt": partial(low_rank, "lagt"),
    "dplr-unequal": unequal,
    "dplr-unequal-pairs": unequal_pairs,
}
"""What is written, by name: systems of order N, or None where there is none."""


def write(folder: Any, small: bool = False, advance: Advance | None = None) -> dict[str, Any]:
    """Write all groups and their manifest into a folder, and return the manifest.

    Parameters
    ----------
    folder : path
        Made if it does not exist.
    small : bool, default False
        Orders up to 5, one step, 32 samples.
    advance : callable, optional
        Hears (group, groups written, groups in all) before each group.

    Returns
    -------
    dict
        What manifest.json holds.

    Raises
    ------
    ImportError
        Without python-flint.
    TypeError
        For arguments of another kind.

    Notes
    -----
    *Accuracy*: |K - mid| <= radius <= 2^-53 |K| + 2^-60 max|K|, proven for the floats written. *Cost*: some seconds.
    """
    from . import __version__

    path, size = _arrays.path("folder", folder, "folder"), SMALL if _arrays.flag("small", small) else FULL
    if advance is not None:
        _arrays.function("advance", advance)
    path.mkdir(parents=True, exist_ok=True)
    files, kernels = {}, 0
    for index, name in enumerate(GROUPS):
        if advance is not None:
            advance(name, index, len(GROUPS))
        systems = dict(systems_of(name, size))
        records = [record for key, system in systems.items() for record in kernels_of(key, system, size)]
        (path / f"{name}.json").write_text(_text(name, systems, records), encoding="utf-8")
        np.savez(path / f"{name}.npz", **_arrays_of(systems, records))
        kernels += len(records)
        for ending in ("json", "npz"):
            content = (path / f"{name}.{ending}").read_bytes()
            files[f"{name}.{ending}"] = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    manifest = {"format": FORMAT, "version": VERSION, "package": __version__, "small": small, "kernels": kernels}
    manifest["files"] = files
    (path / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
    return manifest


def systems_of(group: str, size: Size) -> Iterator[tuple[str, Any]]:
    """The systems of a group and their names."""
    for N in size.orders:
        system = GROUPS[_arrays.choice("group", group, GROUPS)](N)
        if system is not None:
            yield f"{group}-{N}", system


def kernels_of(key: str, system: Any, size: Size) -> Iterator[dict[str, Any]]:
    """Every rule and step of one system, with certified kernels; Euler, which soon grows, with the first step only."""
    for rule, alpha in RULES:
        for index, dt in enumerate(size.steps[:1] if rule == "euler" else size.steps):
            K, radius = certified.convolution_kernel(system, size.length, dt, rule, alpha)
            facts = {"id": f"{key}-{rule}-{index}", "system": key, "discretization": rule, "alpha": alpha}
            yield {**facts, "dt": dt, "L": size.length, "K": K, "radius": radius}


def _fields(system: Any) -> dict[str, np.ndarray]:
    return {name: getattr(system, name) for name in system._SPEC if name != "D"}


def _text(group: str, systems: dict[str, Any], records: list[dict[str, Any]]) -> str:
    """The JSON file: one line per system and per kernel."""
    lines = []
    for key, system in systems.items():
        pairs = getattr(system, "pairs", None)
        facts = {"id": key, "structure": STRUCTURES[type(system)], "N": system.n_states}
        mask = None if pairs is None else pairs.tolist()
        lines.append({**facts, "pairs": mask, **{name: hexadecimal(a) for name, a in _fields(system).items()}})
    numbers = ("alpha", "dt", "K", "radius")
    written = [
        {k: hexadecimal(v) if k in numbers and v is not None else v for k, v in record.items()} for record in records
    ]
    head = f'"format": "{FORMAT}", "version": {VERSION}, "group": "{group}"'
    return "\n".join(["{" + head + ",", '"systems": [', _lines(lines), "],", '"kernels": [', _lines(written), "]}", ""])


def _lines(records: list[dict[str, Any]]) -> str:
    return ",\n".join(json.dumps(record) for record in records)


def hexadecimal(value: Any) -> Any:
    """A number as a hexadecimal float; an array as its shape and its numbers, in C order, real and imaginary apart."""
    if np.ndim(value) == 0:
        return float(value).hex()
    array = np.asarray(value)
    parts = {"real": array.real, "imag": array.imag} if np.iscomplexobj(array) else {"real": array}
    return {
        "shape": list(array.shape),
        **{name: [x.hex() for x in part.ravel().tolist()] for name, part in parts.items()},
    }


def _arrays_of(systems: dict[str, Any], records: list[dict[str, Any]]) -> dict[str, Any]:
    """The npz file: `system/A`, ..., `system/pairs`, `kernel/dt`, `kernel/K`, `kernel/radius`."""
    arrays = {f"{key}/{name}": a for key, system in systems.items() for name, a in _fields(system).items()}
    for key, system in systems.items():
        if getattr(system, "pairs", None) is not None:
            arrays[f"{key}/pairs"] = system.pairs
    return arrays | {f"{record['id']}/{name}": record[name] for record in records for name in ("dt", "K", "radius")}
