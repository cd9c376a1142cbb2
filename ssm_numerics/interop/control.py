"""To and from python-control's `StateSpace`."""

from __future__ import annotations

from typing import Any

import control

from .. import _arrays
from ..state_space import DiscreteStateSpace, StateSpace
from ._realization import matrices, system_of


def to_control(system: Any) -> Any:
    """The same system as a `control.StateSpace`, with dt=0 for a continuous one.

    Parameters
    ----------
    system
        As in `interop.scipy.to_arrays`: python-control has SciPy's output convention.

    Returns
    -------
    control.StateSpace

    Raises
    ------
    ValueError, TypeError
        As `interop.scipy.to_arrays`.

    Notes
    -----
    python-control's `impulse_response` of a discrete system is that to 1/dt, not to 1.

    *Accuracy*, *Cost*: as `interop.scipy.to_arrays`.

    Examples
    --------
    >>> import ssm_numerics as ssm
    >>> ssm.interop.control.to_control(ssm.StateSpace([[-1.0]], [1.0], [2.0])).dcgain()
    np.float64(2.0)
    """
    A, B, C, D, *dt = matrices(system)
    return control.ss(A, B, C, D, float(dt[0]) if dt else 0)


def from_control(system: Any, *, form: str = "two_tap") -> StateSpace | DiscreteStateSpace:
    """Our system of a `control.StateSpace`.

    Parameters
    ----------
    system : control.StateSpace
        With dt=0 continuous; an unspecified discrete step, dt=True, becomes 1.
    form : {"two_tap", "one_tap"}
        As in `interop.scipy.from_scipy`.

    Returns
    -------
    StateSpace or DiscreteStateSpace
        With several inputs or outputs the heads are (p, m), as in `interop.scipy.from_scipy`.

    Raises
    ------
    ValueError
        For dt=None, which leaves open whether the system is continuous, and as `interop.scipy.from_scipy`.
    TypeError
        For anything but a `control.StateSpace`.

    Notes
    -----
    *Accuracy*, *Cost*: as `interop.scipy.from_scipy`.

    Examples
    --------
    >>> import control
    >>> import ssm_numerics as ssm
    >>> ssm.interop.control.from_control(control.ss([[-1.0]], [[1.0]], [[2.0]], [[0.0]], 0))
    StateSpace(N=1, float64)
    """
    if not isinstance(system, control.StateSpace):
        _arrays.fail("system", "be a control.StateSpace", f"it is {type(system).__name__}", TypeError)
    if system.dt is None:
        _arrays.fail("system", "be continuous (dt=0) or discrete (dt=True or a step)", "its dt is None")
    dt = None if system.dt == 0 else float(system.dt)
    return system_of(system.A, system.B, system.C, system.D, dt, form)
