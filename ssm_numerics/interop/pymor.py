"""To pyMOR's `LTIModel`, for its model reduction."""

from __future__ import annotations

from typing import Any

from pymor.models.iosys import LTIModel

from ._realization import matrices


def to_pymor(system: Any) -> Any:
    """The same system as a `pymor.models.iosys.LTIModel`, with `sampling_time` 0 for a continuous one.

    Parameters
    ----------
    system
        As in `interop.scipy.to_arrays`: pyMOR has SciPy's output convention.

    Returns
    -------
    pymor.models.iosys.LTIModel

    Raises
    ------
    ValueError, TypeError
        As `interop.scipy.to_arrays`.

    Notes
    -----
    *Accuracy*, *Cost*: as `interop.scipy.to_arrays`.

    Examples
    --------
    >>> import ssm_numerics as ssm
    >>> model = ssm.interop.pymor.to_pymor(ssm.StateSpace([[-1.0]], [1.0], [2.0]))
    >>> model.order, model.sampling_time == 0
    (1, True)
    """
    A, B, C, D, *dt = matrices(system)
    return LTIModel.from_matrices(A, B, C, D, sampling_time=float(dt[0]) if dt else 0)
