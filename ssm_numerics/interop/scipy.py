"""To and from `scipy.signal`: `StateSpace`, `dlti`, and the tuples of arrays that its functions take."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.signal

from .. import _arrays
from ..state_space import DiscreteStateSpace, StateSpace
from ._realization import matrices, system_of


def to_arrays(system: Any) -> tuple[Any, ...]:
    """The tuple (A, B, C, D), or (A, B, C, D, dt) of a discrete system, that functions of `scipy.signal` take.

    Parameters
    ----------
    system : StateSpace, Diagonal, DPLR, the system of a HiPPO operator, or one of their discrete twins
        Without heads, or with heads (p, m), the matrix of transfer functions: C (p, 1, N), B (m, N), D (p, m), and A
        without heads. SciPy's output i is the sum over j of our head (i, j).

    Returns
    -------
    A, B, C, D : ndarray, shapes (N, N), (N, m), (p, N), (p, m)
        Real, in the dtype of the system.
    dt : float
        Only of a discrete system.

    Raises
    ------
    ValueError
        For any other heads, or several steps.
    TypeError
        For a system that is not real: one whose stored modes are not all exactly real or in exact conjugate pairs, or
        with a complex matrix. Nothing is cast.

    Notes
    -----
    Modes in conjugate pairs become real blocks [[Re, -Im], [Im, Re]] in the basis of `to_dense`. A continuous system
    is otherwise copied. A discrete one changes its output convention: SciPy reads the output before the state moves,

    * (A_bar, B_bar, C A_bar, C B_bar + D), SciPy's x_0 = our x0;
    * under FOH (A_bar, A_bar B_bar + B_bar_previous, C, C B_bar + D), x_0 = A_bar x0 + B_bar_previous u_before.

    Merely copying (A_bar, B_bar, C, D) would delay the response by one sample.

    *Accuracy*: N u ||C|| ||A_bar|| and N u ||C|| ||B_bar|| in the products; A_bar itself is rounded once where the
    system holds A_bar - I. So responses of T samples differ by rounding: with ||A_bar|| <= 1, by at most
    64 T (N + 4) u (||C|| (||B_bar|| sum |u| + ||x0||) + max |D u|).
    *Cost*: that of `to_dense`.

    Examples
    --------
    >>> import ssm_numerics as ssm
    >>> discrete = ssm.DiscreteStateSpace([[0.5]], [1.0], [4.0], 0.0, 1.0)
    >>> ssm.interop.scipy.to_arrays(discrete)
    (array([[0.5]]), array([[1.]]), array([[2.]]), array([[4.]]), 1.0)
    """
    A, B, C, D, *dt = (np.array(part) for part in matrices(system))
    return A, B, C, D, *(float(step) for step in dt)


def to_scipy(system: Any) -> Any:
    """The same system as a `scipy.signal.StateSpace`: an `lti` of a continuous one, a `dlti` of a discrete one.

    Parameters
    ----------
    system
        As in `to_arrays`, whose notes say what becomes of the output convention, of complex modes and of heads.

    Returns
    -------
    scipy.signal.StateSpace

    Raises
    ------
    ValueError, TypeError
        As `to_arrays`.

    Examples
    --------
    >>> import scipy.signal
    >>> import ssm_numerics as ssm
    >>> discrete = ssm.DiscreteStateSpace([[0.5]], [1.0], [4.0], 0.0, 1.0)
    >>> (h,) = scipy.signal.dimpulse(ssm.interop.scipy.to_scipy(discrete), n=4)[1]
    >>> h[:, 0], ssm.convolution_kernel(discrete, 4)
    (array([4. , 2. , 1. , 0.5]), array([4. , 2. , 1. , 0.5]))
    """
    A, B, C, D, *dt = to_arrays(system)
    return scipy.signal.StateSpace(A, B, C, D, **({"dt": dt[0]} if dt else {}))


def from_scipy(system: Any, *, form: str = "two_tap") -> StateSpace | DiscreteStateSpace:
    """Our system of one of `scipy.signal`.

    Parameters
    ----------
    system : scipy.signal.StateSpace, or tuple of arrays
        (A, B, C, D) for a continuous, (A, B, C, D, dt) for a discrete system. An unspecified step, SciPy's dt=True,
        becomes 1.
    form : {"two_tap", "one_tap"}
        How a discrete system with x_{k+1} = F x_k + G u_k, y_k = H x_k + J u_k, which reads its output before the
        state moves, is written in our convention. "two_tap": x_k = F x_{k-1} + G u_{k-1}, with H and J as they are.
        "one_tap": x_k = F x_{k-1} + G u_k with C = H F^-1 and D = J - C G, which needs an invertible F.

    Returns
    -------
    StateSpace or DiscreteStateSpace
        With several inputs or outputs the heads are (p, m), the matrix of transfer functions: output i is the sum over
        j of the responses of heads (i, j) to input j.

    Raises
    ------
    ValueError
        If a shape does not match, or F is singular to working precision and one tap is asked for.
    TypeError
        For a `TransferFunction` or `ZerosPolesGain`: a realization of it is for the caller to choose.

    Notes
    -----
    *Accuracy*: continuous systems and two taps are copied, so `to_scipy(from_scipy(s))` is s, bit for bit.
    `from_scipy(to_scipy(s))` is s for a real dense continuous system; a discrete one comes back with two taps and the
    same response. One tap inverts `to_scipy` with an error of c N u cond(F) ||C||, c small: with F of condition
    10^k, k digits are lost.
    *Cost*: copies; O(N^3) for one tap.

    Examples
    --------
    >>> import ssm_numerics as ssm
    >>> system = ssm.interop.scipy.from_scipy(([[0.5]], [[1.0]], [[2.0]], [[4.0]], 1.0), form="one_tap")
    >>> system.C, system.D
    (array([4.]), array(0.))
    """
    if isinstance(system, scipy.signal.StateSpace):
        dt = system.dt  # None for lti
        return system_of(system.A, system.B, system.C, system.D, 1.0 if dt is True else dt, form)
    if not isinstance(system, tuple) or len(system) not in (4, 5):
        rule = "be a scipy.signal.StateSpace or a tuple (A, B, C, D) or (A, B, C, D, dt)"
        found = f"it is {type(system).__name__}" + (f" of {len(system)} parts" if isinstance(system, tuple) else "")
        if isinstance(system, (scipy.signal.lti, scipy.signal.dlti)):
            found += " (its to_ss() chooses a companion form, which is ill-conditioned for more than a few states)"
        _arrays.fail("system", rule, found, TypeError)
    A, B, C, D, *dt = system
    return system_of(A, B, C, D, (1.0 if dt[0] is True else dt[0]) if dt else None, form)
