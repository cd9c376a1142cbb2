"""Systems in ball arithmetic: one head at a time, discretized and expanded into its convolution kernel.

A system becomes either `Modes` (diagonal) or `Matrices` (dense, and diagonal plus low rank). Conjugate pairs turn into
real matrices in the coordinates Re x, Im x, in which every entry is an exact float; the basis of `to_dense` differs by
a factor sqrt(2) on these coordinates.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from . import _balls, _pairs


@dataclass(frozen=True)
class Modes:
    """Diagonal system: poles, inputs, earlier input taps (FOH) and outputs, weights included; lists of balls."""

    poles: list
    B: list
    C: list
    real_output: bool
    previous: list | None = None


@dataclass(frozen=True)
class Matrices:
    """Dense system: A (N, N), B (N, 1), C (1, N), FOH's earlier tap; `to_dense` scales some coordinates by sqrt(2)."""

    A: Any
    B: Any
    C: Any
    scaled: np.ndarray
    previous: Any = None


def heads(system: Any, dt: Any) -> Iterator[tuple[dict[str, np.ndarray], float]]:
    """The arrays and the step of every head, in C order of the common batch shape."""
    shape = batch_shape(system, dt)
    stored = {name: len(letters) for name, letters in system._SPEC.items() if getattr(system, name) is not None}
    arrays = {name: getattr(system, name) for name in stored}
    full = {
        name: np.broadcast_to(array, shape + array.shape[array.ndim - stored[name] :]) for name, array in arrays.items()
    }
    step = np.broadcast_to(1.0 if dt is None else dt, shape)
    for index in np.ndindex(*shape):
        yield {name: array[index] for name, array in full.items()}, float(step[index])


def batch_shape(system: Any, dt: Any) -> tuple[int, ...]:
    """The common shape of the heads of a system and its steps."""
    return np.broadcast_shapes(system.batch_shape, np.shape(1.0 if dt is None else dt))


def from_head(head: dict[str, np.ndarray], pairs: np.ndarray | None) -> Modes | Matrices:
    """The exact ball form of one head of any system, continuous or discrete."""
    names = {name.removesuffix("_bar"): array for name, array in head.items()}
    B, C, previous = names["B"], names["C"], names.get("B_bar_previous")
    if "P" in names:
        return _low_rank(names, pairs)
    if "Lambda" not in names:
        column = None if previous is None else _balls.matrix(previous[:, None])
        plain = np.zeros(C.size, dtype=bool)
        return Matrices(_balls.matrix(names["A"]), _balls.matrix(B[:, None]), _balls.matrix(C[None, :]), plain, column)
    weighted = C * _pairs.weights(pairs, C.size)
    earlier = None if previous is None else _balls.scalars(previous)
    return Modes(
        _balls.scalars(names["Lambda"]), _balls.scalars(B), _balls.scalars(weighted), pairs is not None, earlier
    )


def _low_rank(names: dict[str, np.ndarray], pairs: np.ndarray | None) -> Matrices:
    """diag(Lambda) - P Q*, real in the coordinates (Re paired, Im paired, alone) of conjugate pairs."""
    Lambda, P, Q, B, C = (names[name] for name in ("Lambda", "P", "Q", "B", "C"))
    if pairs is None:
        diagonal, row, output, scaled = np.diag(Lambda), Q.conj().T, C, np.zeros(C.size, dtype=bool)
    else:
        diagonal = _pairs.real_blocks(Lambda, pairs)
        row, output = _functional(Q.conj(), pairs).T, _functional(C, pairs)
        P, B = _coordinates(P, pairs), _coordinates(B, pairs)
        scaled = np.arange(len(B)) < 2 * pairs.sum()
    A = _balls.matrix(diagonal) - _balls.matrix(P) * _balls.matrix(row)
    return Matrices(A, _balls.matrix(B[:, None]), _balls.matrix(output[None, :]), scaled)


def _coordinates(modes: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    return np.concatenate([modes[pairs].real, modes[pairs].imag, modes[~pairs].real])


def _functional(modes: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """The coefficients of Re sum weight * mode * x in the coordinates of x."""
    return np.concatenate([2 * modes[pairs].real, -2 * modes[pairs].imag, modes[~pairs].real])


def discretized(system: Modes | Matrices, dt: float, method: str, alpha: float | None) -> Modes | Matrices:
    """One step of length dt by GBT (alpha a number), ZOH or FOH."""
    h = _balls.library().arb(dt)
    if isinstance(system, Matrices):
        return _gbt_matrices(system, h, alpha) if alpha is not None else _hold_matrices(system, h, method)
    if alpha is not None:
        a = _balls.library().arb(alpha)
        poles = [(1 + (1 - a) * h * x) / (1 - a * h * x) for x in system.poles]
        return replace(
            system, poles=poles, B=[h * b / (1 - a * h * x) for x, b in zip(system.poles, system.B, strict=True)]
        )
    scaled = [h * x for x in system.poles]
    poles, forced = [x.exp() for x in scaled], [h * b for b in system.B]
    first = [_phi(1, x) * b for x, b in zip(scaled, forced, strict=True)]
    if method == "zoh":
        return replace(system, poles=poles, B=first)
    second = [_phi(2, x) * b for x, b in zip(scaled, forced, strict=True)]
    return replace(system, poles=poles, B=second, previous=[p - q for p, q in zip(first, second, strict=True)])


def _phi(order: int, x: Any) -> Any:
    """phi_k(x) = 1F1(1; k+1; x)/k!: (e^x - 1)/x for k = 1 and (e^x - 1 - x)/x^2 for k = 2, finite at 0."""
    if abs(x) > 1:
        return x.expm1() / x if order == 1 else (x.expm1() - x) / (x * x)
    return x.hypgeom_1f1(1, order + 1) / order


def _gbt_matrices(system: Matrices, h: Any, alpha: float) -> Matrices:
    step = system.A * h
    eye = _balls.identity(step)
    right = eye + step * (1 - _balls.library().arb(alpha))
    if alpha == 0:
        return replace(system, A=right, B=system.B * h)
    sides = [[*row, *b] for row, b in zip(right.tolist(), (system.B * h).tolist(), strict=True)]
    solved = (eye - step * _balls.library().arb(alpha)).solve(_balls.from_rows(sides)).tolist()
    A, B = ([row[part] for row in solved] for part in (slice(-1), slice(-1, None)))
    return replace(system, A=_balls.from_rows(A), B=_balls.from_rows(B))


def _hold_matrices(system: Matrices, h: Any, method: str) -> Matrices:
    """The exponential of [[hA, hB, 0], [0, 0, 1], [0, 0, 0]]; its last columns are h phi_1(hA) B and h phi_2(hA) B."""
    n, extra = system.A.nrows(), 1 if method == "zoh" else 2
    rows = [[*a, *b, *[0] * (extra - 1)] for a, b in zip((system.A * h).tolist(), (system.B * h).tolist(), strict=True)]
    rows += [[0] * (n + extra) for _ in range(extra)]
    if extra == 2:
        rows[n][n + 1] = 1
    top = _balls.from_rows(rows).exp().tolist()[:n]
    A, first = _balls.from_rows([row[:n] for row in top]), _balls.from_rows([row[n : n + 1] for row in top])
    if extra == 1:
        return replace(system, A=A, B=first)
    second = _balls.from_rows([row[n + 1 :] for row in top])
    return replace(system, A=A, B=second, previous=first - second)


def kernel(system: Modes | Matrices, length: int) -> list:
    """K_0, ..., K_{L-1} of a discrete system; FOH's earlier tap joins from K_1 on."""
    if system.previous is None:
        return _powers(system, system.B, length)
    if isinstance(system, Modes):
        later = [x * b + p for x, b, p in zip(system.poles, system.B, system.previous, strict=True)]
    else:
        later = system.A * system.B + system.previous
    return _powers(system, system.B, 1) + (_powers(system, later, length - 1) if length > 1 else [])


def _powers(system: Modes | Matrices, b: Any, length: int) -> list:
    """C A^l b for l < length, from two Krylov blocks: K[qM + r] = (C A^{qM}) (A^r b).

    Blocks are built by doubling with A, A^2, A^4, ..., so no radius passes through more than log2(L) products.
    """
    block = 1 << max((length - 1).bit_length() // 2, 0)
    chunks = -(-length // block)
    if isinstance(system, Modes):
        vectors = [b] + [[x**r * b_n for x, b_n in zip(system.poles, b, strict=True)] for r in range(1, block)]
        covectors = [[c * x ** (block * q) for x, c in zip(system.poles, system.C, strict=True)] for q in range(chunks)]
        product = (_balls.from_rows(covectors) * _balls.from_rows(vectors).transpose()).entries()[:length]
        return [k.real for k in product] if system.real_output and hasattr(product[0], "imag") else product
    power = system.A
    vectors = b.transpose()
    while vectors.nrows() < block:
        vectors = _stack(vectors, vectors * power.transpose())
        power = power * power if vectors.nrows() < block or chunks > 1 else power
    covectors = system.C
    while covectors.nrows() < chunks:
        covectors = _stack(covectors, covectors * power)
        power = power * power if covectors.nrows() < chunks else power
    return (covectors * vectors.transpose()).entries()[:length]


def _stack(upper: Any, lower: Any) -> Any:
    return _balls.from_rows(upper.tolist() + lower.tolist())


def entries(system: Modes | Matrices) -> list[list]:
    """The entries of A, B and the earlier tap, if any; matrices in the basis of `to_dense`."""
    if isinstance(system, Modes):
        return [group for group in (system.poles, system.B, system.previous) if group is not None]
    root = _balls.library().arb(2).sqrt()
    factors = [root if scaled else 1 for scaled in system.scaled]
    rows = zip(factors, system.A.tolist(), strict=True)
    A = [f * a / g for f, row in rows for g, a in zip(factors, row, strict=True)]
    columns = [column.entries() for column in (system.B, system.previous) if column is not None]
    return [A, *([f * b for f, b in zip(factors, column, strict=True)] for column in columns)]
