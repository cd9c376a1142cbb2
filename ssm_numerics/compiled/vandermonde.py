"""Tables of powers for the two-level split of a Vandermonde product: K[qM + r] = sum_n (c_n z_n^(qM)) z_n^r.

A table is itself split in two: row aR + b is an anchor c z^(aR) times a small power z^b. Anchors and small powers come
from chains of double-word products, so no entry has more than a few roundings, however high its power. Double-words are
stored by parts, (4, N) for re, im and their low parts, so that the loops over modes vectorize.
"""

from __future__ import annotations

from typing import Any

from ._jit import jit, jit_part
from .double_word import times


@jit
def _advance(power: Any, step: Any) -> None:
    """power *= step, in double-words."""
    for n in range(power.shape[1]):
        a = (power[0, n], power[1, n], power[2, n], power[3, n])
        b = (step[0, n], step[1, n], step[2, n], step[3, n])
        power[0, n], power[1, n], power[2, n], power[3, n] = times(a, b)


@jit_part
def _row(anchor: Any, small: Any, row: Any) -> None:
    """One row of a table, anchor * small."""
    for n in range(row.shape[0]):
        re = anchor[0, n] * small[0, n] - anchor[1, n] * small[1, n]
        im = anchor[0, n] * small[1, n] + anchor[1, n] * small[0, n]
        row[n] = complex(re, im)


@jit_part
def _table(power: Any, step: Any, giant: Any, small: Any, radix: int, table: Any) -> None:
    """table[r] = power step^r for every row; `power` ends as power step^(first multiple of radix past the table)."""
    for n in range(giant.shape[1]):
        giant[0, n], giant[1, n], giant[2, n], giant[3, n] = 1.0, 0.0, 0.0, 0.0
    for b in range(radix):
        for n in range(giant.shape[1]):
            small[b, 0, n], small[b, 1, n] = giant[0, n], giant[1, n]
        _advance(giant, step)
    for first in range(0, table.shape[0], radix):
        for b in range(min(radix, table.shape[0] - first)):
            _row(power, small[b], table[first + b])
        _advance(power, giant)


@jit
def power_tables_loop(
    given: Any, sign: float, radix: Any, work: Any, small: Any, fine: Any, coarse: Any, begin: int, end: int
) -> None:
    """For rows begin to end of given = c, z, z_low (3, H, N): fine[i, r] = z^r, coarse[i, q] = c z^(qM), i = h - begin.

    Where sign = -1 the coarse table is conjugated. `radix` splits the fine table, whose M rows it divides, and the
    coarse table. Work space: `work` (3, 4, N) and `small` (the larger radix, 2, N).
    """
    step, giant, power = work[0], work[1], work[2]
    for h in range(begin, end):
        for n in range(step.shape[1]):
            step[0, n], step[1, n] = given[1, h, n].real, given[1, h, n].imag
            step[2, n], step[3, n] = given[2, h, n].real, given[2, h, n].imag
            power[0, n], power[1, n], power[2, n], power[3, n] = 1.0, 0.0, 0.0, 0.0
        for k in range(2):
            _table(power, step, giant, small, radix[k], coarse[h - begin] if k else fine[h - begin])
            for n in range(step.shape[1]):
                step[0, n], step[1, n] = power[0, n], sign * power[1, n]
                step[2, n], step[3, n] = power[2, n], sign * power[3, n]
                power[0, n], power[1, n] = given[0, h, n].real, sign * given[0, h, n].imag
                power[2, n], power[3, n] = 0.0, 0.0
