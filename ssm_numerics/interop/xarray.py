"""Filters and features along a named dimension of xarray's arrays, also of dask arrays that are cut in time.

Arrays in memory go to `simulate` and `compress`, dask arrays to `_block_scan`, which carries the state over the cuts.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray

from .. import _arrays
from .._stepping import as_discrete
from ..hippo import HiPPO
from ..online_compression import compress
from ..recurrence import simulate


def filter(
    x: xarray.DataArray,
    system: Any,
    dt: Any = None,
    dim: str = "time",
    discretization: str | None = None,
    *,
    alpha: float | None = None,
    heads: tuple[str, ...] = (),
    x0: Any = None,
) -> xarray.DataArray:
    """The response of a system to signals along a named dimension; lazy for dask arrays, however they are cut.

    Parameters
    ----------
    x : xarray.DataArray
        Signals along `dim`; every other dimension is a batch of them. In memory, or a dask array in chunks.
    system, dt, discretization, alpha
        As in `simulate`. The step is not read from the coordinate of `dim`.
    dim : str
        The dimension of time.
    heads : tuple of str
        The names of the system's leading axes: dimensions of `x`, whose signals then have a head each, or new ones.
    x0 : array_like, shape (N,) or heads + (N,), default 0
        The state before the first sample, as in `simulate`.

    Returns
    -------
    xarray.DataArray
        The dimensions, coordinates, attributes and chunks of `x`, and new dimensions of heads before `dim`.

    Raises
    ------
    ValueError, TypeError
        If `dim` is missing, `heads` does not name all leading axes, or as `simulate` (for a dask array, when computed).

    Notes
    -----
    A dask array that is one chunk along `dim` is filtered chunk by chunk. One that is cut in time takes two passes
    (:doc:`interop`): every block but the last is run twice, in any order but for a chain of N numbers per channel and
    block. Each pass reads the signal for itself: it need not fit in memory. Dimensions named in `heads` are one chunk.

    *Accuracy*: as `simulate`, however the signal is cut: |error| <= 64 T (N + 4) u ||C|| (||B_bar|| sum |u| + ||x0||)
    where ||A_bar||_2 <= 1.
    *Cost*: `simulate`, twice where cut in time; then log2 L_j products of matrices for every length L_j of a block too
    (of vectors for diagonal systems). DPLR systems and those of HiPPO operators need their dense A_bar for it.

    Examples
    --------
    >>> import numpy as np, ssm_numerics as ssm, xarray as xr
    >>> x = xr.DataArray(np.ones((2, 3)), dims=("time", "channel"), coords={"time": [0.0, 0.5]})
    >>> y = ssm.interop.xarray.filter(x, ssm.Diagonal([-1.0], [1.0], [1.0]), 0.5, "time", "backward_euler")
    >>> y.dims, y.sel(channel=0).values.round(4)
    (('time', 'channel'), array([0.3333, 0.5556]))
    """
    discrete = as_discrete(system, dt, discretization, alpha)
    _check(x, dim)
    if not isinstance(heads, (tuple, list)):
        _arrays.fail("heads", "be a tuple of names", f"it is {_arrays.shown(heads)}", TypeError)
    for name in heads:
        _check_name("heads", name)
    if x0 is not None and _arrays.numeric("x0", x0).ndim > 1 + len(heads):
        _arrays.fail("x0", "have no axes but `heads` and that of the states", f"its shape is {np.shape(x0)}")
    if len(heads) != len(discrete.batch_shape):
        rule = f"name the leading axes of the system, of shape {discrete.batch_shape}"
        _arrays.fail("heads", rule, f"it is {heads!r}")
    new = tuple(name for name in heads if name not in x.dims)

    def run(u: Any) -> Any:
        axes = [heads.index(name) - len(heads) - 1 for name in new]
        if not _is_lazy(x):
            return simulate(system, np.expand_dims(u, axes), dt, discretization, alpha=alpha, x0=x0)
        from ._block_scan import responses, stored_state

        return responses(*stored_state(system, discrete, x0), u, axes)

    inside = [name for name in heads if name not in new]
    y = xarray.apply_ufunc(
        run, x, input_core_dims=[[*inside, dim]], output_core_dims=[[*heads, dim]], dask="allowed", keep_attrs=True
    )
    return y.transpose(*(name for own in x.dims for name in ((*new, own) if own == dim else (own,))))


def features(
    x: xarray.DataArray,
    op: HiPPO,
    dt: Any = None,
    dim: str = "time",
    discretization: str = "bilinear",
    *,
    alpha: float | None = None,
    scaled: bool = False,
    coefficient: str = "coefficient",
) -> xarray.DataArray:
    """The coefficients that a HiPPO operator keeps of signals along a named dimension; lazy for dask arrays.

    Parameters
    ----------
    x : xarray.DataArray
        Signals along `dim`; every other dimension is a batch of them. In memory, or a dask array in chunks.
    op, dt, discretization, alpha, scaled
        As in `compress`.
    dim : str
        The dimension of time.
    coefficient : str
        The name of the new dimension, of length N, in the place of `dim`.

    Returns
    -------
    xarray.DataArray
        The dimensions, coordinates and attributes of `x`, with `coefficient` for `dim`.

    Raises
    ------
    ValueError, TypeError
        If `dim` is missing, the time-varying operator (`scaled`) meets a dask array that is cut in time, or as
        `compress`.

    Notes
    -----
    Coefficients of a dask array that is cut in time are combined as the states of `filter` are; one pass is enough.

    *Accuracy*: as `compress`, however the signal is cut.
    *Cost*: as `compress`; for a dask array also log2 L_j products of matrices (N, N) for every length L_j of a block.

    Examples
    --------
    >>> import numpy as np, ssm_numerics as ssm, xarray as xr
    >>> x = xr.DataArray(np.ones((2, 1000)), dims=("channel", "time"), coords={"channel": ["a", "b"]})
    >>> c = ssm.interop.xarray.features(x, ssm.hippo("legs", 4), scaled=True)
    >>> c.dims, c.sel(channel="b").values.round(6) + 0.0
    (('channel', 'coefficient'), array([1., 0., 0., 0.]))
    """
    _check(x, dim)
    if not isinstance(op, HiPPO):
        _arrays.fail("op", "be a HiPPO operator, as `hippo` returns it", f"it is {type(op).__name__}", TypeError)
    _check_name("coefficient", coefficient)
    if _arrays.flag("scaled", scaled) and _is_lazy(x) and len(x.chunksizes[dim]) > 1:
        found = f"it has {len(x.chunksizes[dim])} (x.chunk({{{dim!r}: -1}}) joins them)"
        _arrays.fail("x", f"be one chunk along {dim!r} where `scaled` is True", found)

    def run(u: Any) -> Any:
        if not _is_lazy(x):
            return compress(op, u, dt, discretization, alpha, scaled=scaled)
        from ._block_scan import coefficients, coefficients_of_all

        if scaled:
            return coefficients_of_all(op, u, discretization, alpha)
        return coefficients(op, as_discrete(op.structured_state_space(np.zeros(op.N)), dt, discretization, alpha), u)

    c = xarray.apply_ufunc(
        run, x, input_core_dims=[[dim]], output_core_dims=[[coefficient]], dask="allowed", keep_attrs=True
    )
    return c.transpose(*(coefficient if own == dim else own for own in x.dims))


def _check(x: Any, dim: str) -> None:
    if not isinstance(x, xarray.DataArray):
        found = f"it is {type(x).__name__}"
        _arrays.fail("x", "be an xarray.DataArray (a Dataset's .map applies a function to each)", found, TypeError)
    _check_name("dim", dim)
    if dim not in x.dims:
        _arrays.fail("dim", f"be a dimension of `x`, one of {', '.join(map(str, x.dims))}", f"it is {dim!r}")


def _check_name(argument: str, name: Any) -> None:
    """xarray's names are anything that is hashable."""
    try:
        hash(name)
    except TypeError:
        _arrays.fail(argument, "name dimensions", f"it is {_arrays.shown(name)}", TypeError)


def _is_lazy(x: xarray.DataArray) -> bool:
    """Whether the array is a dask array."""
    return x.chunks is not None
