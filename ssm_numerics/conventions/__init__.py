"""Converters to and from the conventions of other packages: S4, S4D, DSS, S5, Mamba, LMU, hippo-code, SciPy, control.

`CONVENTIONS` is the table: what each package stores, and where that was read. `to_parameters` writes a system as a
dictionary of arrays with the package's names and axes, `from_parameters` reads one, `convert` does both.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .. import _arrays
from ..state_space import DPLR, Diagonal, DiscreteStateSpace, StateSpace
from ..structured import as_matrix_system
from .codes import read, write
from .forms import FORMS, Layer, as_discrete, from_stored_modes, to_stored_modes
from .table import CONVENTIONS, Convention, Field
from .truncation import Truncation, restore, truncate

__all__ = [
    "CONVENTIONS",
    "Convention",
    "Field",
    "Layer",
    "Truncation",
    "convert",
    "from_parameters",
    "restore",
    "to_parameters",
    "truncate",
]

AXES = {"Lambda": "n", "B": "n", "C": "n", "P": "nr", "A": "nm", "A_bar": "nm", "B_bar": "n", "steps": "n"}
"""Our axes of every quantity behind those of the heads; the others have none."""


def to_parameters(
    system: Any, dt: Any = None, convention: str = "s4", L: int | None = None, discretization: str | None = None
) -> dict[str, np.ndarray]:
    """A system as the arrays that another package stores, by their names there.

    Parameters
    ----------
    system : StateSpace, Diagonal, DPLR or a discrete system
        What the package stores decides: "s4" and "annotated-s4" take DPLR systems with Q = P, the other layers diagonal
        ones, SciPy, control and keras-lmu what has a dense real form. Real systems in conjugate-pair storage, of any
        half. Leading axes: none or heads (H,); (outputs, inputs) for "s5"; none for dense ones.
    dt : float or array_like, shape (...), time
        None for a discrete system.
    convention : str
        A key of `CONVENTIONS`.
    L : int, optional
        The length that C~ is for: needed by "annotated-s4" and "dss-softmax"; without it "s4" gets C and l_kernel = 0.
    discretization : str, optional
        By default the first that the package has; not stored by any.

    Returns
    -------
    dict of ndarray
        One array per field of the convention, with axes for heads even if there is one.

    Raises
    ------
    ValueError, TypeError
        If the package cannot hold the system.

    Notes
    -----
    *Accuracy*: signs, halves, axes and factors of two are exact. Logarithms cost 4 u (1 + |log x|) relative, products
    C B 4 u, Mamba's input 16 u more than its logarithms, and C~ what `truncate` and `restore` say.
    A mode without a partner becomes two equal ones where the package counts every mode twice.

    Examples
    --------
    >>> import numpy as np
    >>> import ssm_numerics as ssm
    >>> system = ssm.Diagonal([-1.0 + 3j], [1.0], [2.0 + 1j], conjugate_pairs=True)
    >>> parameters = ssm.conventions.to_parameters(system, 1.0, "s4d")
    >>> parameters["C"], parameters["A_imag"], parameters["log_dt"]
    (array([[[2., 1.]]]), array([[3.]]), array([0.]))
    >>> layer = ssm.conventions.from_parameters(parameters, "s4d")
    >>> bool(np.array_equal(layer.system.C[0], system.C))
    True
    """
    entry, rule = _entry(convention, discretization)
    L = _kept_length(L)
    system = as_matrix_system(system)
    discrete = entry.system is DiscreteStateSpace
    if discrete:
        system = as_discrete(system, dt, rule)
        dt = system.dt
    elif not isinstance(system, entry.system):
        found = f"it is {type(system).__name__}"
        _arrays.fail("system", f"be a {entry.system.__name__} system for {convention}", found, TypeError)
    steps = _arrays.steps(1.0 if dt is None else dt)
    _heads(system, steps, entry)
    layer = FORMS[entry.form].store(Layer(system, steps, rule), L)
    stored = layer.system
    if isinstance(stored, (Diagonal, DPLR)):
        stored = to_stored_modes(stored, entry)
    quantities = _quantities(stored, np.asarray(layer.dt), entry)
    parameters = {field.name: write(field, *quantities[field.quantity]) for field in entry.fields}
    return parameters | ({entry.length: np.array(L or 0)} if entry.length else {})


def from_parameters(
    parameters: Mapping[str, Any], convention: str = "s4", L: int | None = None, discretization: str | None = None
) -> Layer:
    """The system behind the arrays of another package.

    Parameters
    ----------
    parameters : mapping of str to array_like
        By the names of `CONVENTIONS[convention].fields`; D may be missing (0), other entries are ignored.
    convention : str
    L : int, optional
        The length that C~ is for; "s4" keeps it itself, in l_kernel.
    discretization : str, optional
        By default the first that the package has.

    Returns
    -------
    Layer
        `.system`, `.dt`, `.discretization` and `.condition`, with one axis of heads; `.convolution_kernel(L)`.

    Raises
    ------
    ValueError, TypeError
        If an array is missing or has another shape, or if C cannot be had from C~.

    Notes
    -----
    SciPy and control read the output before the state moves: their B becomes `B_bar_previous`, and the kernel is theirs
    from rest.

    Examples
    --------
    >>> import ssm_numerics as ssm
    >>> layer = ssm.conventions.from_parameters({"A": [[0.5]], "B": [[1.0]], "C": [[1.0]], "dt": 1.0}, "scipy")
    >>> layer.convolution_kernel(4)
    array([0.  , 1.  , 0.5 , 0.25])
    """
    entry, rule = _entry(convention, discretization)
    L = _kept_length(L)
    if not isinstance(parameters, Mapping):
        _arrays.fail("parameters", "map names to arrays", f"it is {_arrays.shown(parameters)}", TypeError)
    values: dict[str, Any] = {}
    for field in entry.fields:
        if field.name in parameters:
            values[field.quantity] = read(field, parameters[field.name], _axes(field.quantity, entry))
        elif field.quantity != "D":
            _arrays.fail(
                "parameters", f"hold {field.name} for {convention}", f"it holds {', '.join(map(str, parameters))}"
            )
    if entry.length in parameters:
        L = _arrays.count(entry.length, parameters[entry.length], least=0)
    if "Lambda.real" in values:
        real, imag = values.pop("Lambda.real"), values.pop("Lambda.imag", None)
        names = [field.name for field in entry.fields if field.quantity.startswith("Lambda.")]
        _arrays.batch(**{n: part.shape for n, part in zip(names, (real, imag), strict=False) if part is not None})
        values["Lambda"] = _complex(real, imag)
    if "P" in values:
        values["Q"] = values["P"]
    if entry.system in (Diagonal, DPLR) and "B" not in values:
        values["B"] = np.ones_like(values["C"])
    dt = values.pop("dt", None)
    if "steps" in values:
        dt, values = _one_step(values)
    if entry.system is DiscreteStateSpace:
        values = {"D": 0.0, **values, "dt": dt}
        layer = Layer(DiscreteStateSpace(**values))
    else:
        system = StateSpace(**values) if entry.system is StateSpace else from_stored_modes(values, entry)
        layer = Layer(system, dt, rule)
    return FORMS[entry.form].load(layer, L)


def convert(
    parameters: Mapping[str, Any],
    source: str,
    target: str,
    L: int | None = None,
    discretization: str | None = None,
) -> dict[str, np.ndarray]:
    """The arrays of one package from those of another.

    Parameters
    ----------
    parameters : mapping of str to array_like
    source, target : str
        Keys of `CONVENTIONS`.
    L : int, optional
        The length that C~ is for, on both sides.
    discretization : str, optional
        Of both sides; both packages must have it.

    Returns
    -------
    dict of ndarray

    Examples
    --------
    >>> from ssm_numerics import conventions
    >>> dss = {"Lambda_log_neg_re": [0.0], "Lambda_im": [3.0], "W": [[[[2.0, 0.0]]]], "log_dt": [0.0]}
    >>> conventions.convert(dss, "dss", "s4d")["C"]
    array([[[1., 0.]]])
    """
    for name, value in (("source", source), ("target", target)):
        _arrays.choice(name, value, CONVENTIONS)
    layer = from_parameters(parameters, source, L, discretization)
    rule = discretization if layer.discretization is None else layer.discretization
    return to_parameters(layer.system, layer.dt, target, L, rule)


def _entry(name: str, discretization: str | None) -> tuple[Convention, str]:
    entry = CONVENTIONS[_arrays.choice("convention", name, CONVENTIONS)]
    if discretization is None:
        return entry, entry.discretizations[0]
    return entry, _arrays.choice("discretization", discretization, entry.discretizations)


def _kept_length(L: Any) -> int | None:
    """The length that C~ is for; 0, as "s4" stores it, for C itself."""
    return None if L is None else _arrays.count("L", L, least=0)


def _axes(quantity: str, entry: Convention) -> str:
    return entry.heads + AXES.get(quantity.partition(".")[0], "")


def _quantities(system: Any, dt: np.ndarray, entry: Convention) -> dict[str, tuple[np.ndarray, str]]:
    """Every quantity that the convention has, with all axes of the heads, and its axes."""
    names = {field.quantity for field in entry.fields}
    if "P" in names and not np.array_equal(system.P, system.Q):
        _arrays.fail("Q", "equal P for a package that stores Lambda - P P*", "it differs")
    if "Lambda.imag" not in names and "Lambda.real" in names and np.any(system.Lambda.imag):
        reach = f"its imaginary part reaches {np.abs(system.Lambda.imag).max():.6g}"
        _arrays.fail("Lambda", "be real for a package that stores real modes", reach)
    heads, quantities = _heads(system, dt, entry), {}
    for name in names:
        base, _, part = name.partition(".")
        axes = _axes(name, entry)
        own = len(axes) - len(entry.heads)
        values = {"dt": dt, "steps": np.repeat(dt[..., None], system.C.shape[-1], axis=-1)}.get(base)
        values = np.asarray(getattr(system, base)) if values is None else values
        values = getattr(values, part) if part else values
        quantities[name] = np.broadcast_to(values, heads + values.shape[values.ndim - own :]), axes
    return quantities


def _heads(system: Any, dt: np.ndarray, entry: Convention) -> tuple[int, ...]:
    """The leading axes of all arrays, as many as the convention has."""
    heads = _arrays.batch(system=system.batch_shape, dt=dt.shape)
    if len(heads) > len(entry.heads):
        expected = f"have leading axes ({', '.join(entry.heads)})" if entry.heads else "have no leading axes"
        _arrays.fail("system", expected, f"its batch shape is {heads}")
    return (1,) * (len(entry.heads) - len(heads)) + heads


def _one_step(values: dict[str, Any]) -> tuple[np.ndarray, dict[str, Any]]:
    """One step for all modes; where a package gives each its own, dt = 1 and Lambda and B take them up."""
    steps, rest = values["steps"], {name: value for name, value in values.items() if name != "steps"}
    if (steps == steps[..., :1]).all():
        return steps[..., 0], rest
    return np.ones(steps.shape[:-1]), {**rest, "Lambda": rest["Lambda"] * steps, "B": rest["B"] * steps}


def _complex(real: np.ndarray, imag: np.ndarray | None) -> np.ndarray:
    """Real and imaginary parts put together without arithmetic."""
    if imag is None:
        return real
    joined = np.empty(np.broadcast_shapes(real.shape, imag.shape), dtype=_arrays.complex_dtype(real.dtype))
    joined.real, joined.imag = real, imag
    return joined
