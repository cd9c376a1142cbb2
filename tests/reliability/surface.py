"""Every public callable with one small good call, for the tests that ask the same of all of them.

`calls()` maps a name, as a user writes it after `ssm.`, to a call; `public()` finds the names. A public callable that
is missing here fails `test_bad_input.py`.
"""

from __future__ import annotations

import atexit
import inspect
import shutil
import tempfile
from collections.abc import Callable, Iterator
from functools import cache, partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

import ssm_numerics as ssm

STRATEGIES = (
    *("batches", "diagonal_inits", "discrete_systems", "general_dplr", "hippo_operators", "hippo_systems", "lengths"),
    *("rules", "signals", "step_sizes", "stiff_systems", "systems"),
)
OPTIONAL = tuple(name for name in ("control", "pymor", "sklearn", "xarray") if find_spec(name) is None)
"""Other libraries that are not installed here; `nox -s interop` has them all."""
NOT_CALLED = {
    **{f"testing.{name}": "a Hypothesis strategy: what it draws is tested where it is used" for name in STRATEGIES},
    **{f"testing.{name}": "a table or a result" for name in ("REGIMES", "SYSTEMS", "Convention", "Report", "faults")},
    **{
        f"conventions.{name}": "a table or a result"
        for name in ("CONVENTIONS", "Convention", "Field", "Layer", "Truncation")
    },
    **{f"interop.{name}": "needs a package of the extra `interop`" for name in OPTIONAL},
    "interop.numba.run": "compiled code, which checks nothing",
    "certified.Certified": "a pair of arrays",
    "certified.CertifiedDiscretization": "three of them",
    "ConditioningWarning": "a warning",
    "UnstableDiscretizationWarning": "a warning",
    "show_versions": "takes no argument and prints",
    "cuda_info": "takes no argument",
}
NO_INPUT = ("plot", "to_dict", "of_checked", "with_checked")
"""Methods of results, which take no numbers, and the constructor of systems that the package has checked itself."""

N, T, DT = 3, 6, 0.125
A = np.array([[-1.0, 0.5, 0.0], [-0.5, -2.0, 0.25], [0.125, 0.0, -3.0]])
B, C, D = np.array([1.0, 0.5, 0.25]), np.array([1.0, -1.0, 2.0]), 0.5
MODES = np.array([-0.5 + 3.0j, -0.25 + 1.0j, -1.0 + 0.5j])
ROOTS = 0.5 * np.exp(1j * np.array([0.5, 1.5, 2.5]))
P = np.array([[0.5], [1.0], [0.25]])
U = np.array([1.0, 0.5, -0.25, 2.0, 0.0, 1.0])
TIMES = np.array([0.5, 1.0, 2.0, 2.5, 4.0, 5.0])
KERNEL = np.array([1.0, 0.75, 0.25, -0.25, -0.5, -0.375, -0.125, 0.125])


SCIPY = {"A": A, "B": B[:, None], "C": C[None], "D": np.array([[D]]), "dt": DT}


@cache
def systems() -> dict[str, Any]:
    """One system of every structure."""
    dense, diagonal = ssm.StateSpace(A, B, C, D), ssm.Diagonal(MODES, B, C, D, conjugate_pairs=True)
    dplr = ssm.DPLR(MODES, P, P, B, C, D)
    continuous = {"dense": dense, "diagonal": diagonal, "dplr": dplr}
    continuous["structured"] = ssm.hippo("legs", N).structured_state_space(C, D)
    discrete = {f"discrete {name}": ssm.discretize(system, DT) for name, system in continuous.items()}
    return continuous | discrete


def calls() -> dict[str, tuple[Callable[..., Any], dict[str, Any]]]:
    """Name, or name and variant in brackets, to the callable and all its arguments."""
    s = systems()
    op, form, region = ssm.hippo("legs", N), ssm.nplr("legs", N), ssm.stability_region("euler")
    feed = {"D": D, "dt": DT}
    rules = {"dt": DT, "discretization": "gbt", "alpha": 0.5}
    rule = {"dt": DT, "method": "gbt", "alpha": 0.5, "backend": "cpu"}
    kernel = {"L": T, **rules, "method": "auto", "return_info": True, "rtol": 1e-10, "max_memory": 1e9}
    simulation = {"u": U, "dt": DT, "discretization": "foh", "u_before": 0.5, "return_state": True}
    simulation |= {"method": "auto", "axis": -1}
    modes = {"family": "legt", "N": N, "theta": 2.0, "accuracy_bits": 60, "modes": [0, 2]}
    response = {"u": U, "t": TIMES, "hold": "foh", "t0": 0.0, "u_before": 0.5, "rtol": 1e-8}
    fitted = {"system": s["dense"], **rules, "x0": B, "direct": True, "method": "qr"}
    named: dict[str, Any] = {"convention": "s4", "L": T, "discretization": "bilinear"}
    pairs = ssm.DPLR(MODES, P, P, B, C, D, conjugate_pairs=True)
    layer = ssm.conventions.to_parameters(pairs, DT, **named)
    x0 = {"dense": B, "diagonal": MODES, "dplr": MODES, "structured": B}
    found: dict[str, Any] = {
        "StateSpace": (ssm.StateSpace, {"A": A, "B": B, "C": C, "D": D}),
        "Diagonal": (ssm.Diagonal, {"Lambda": MODES, "B": B, "C": C, "D": D, "conjugate_pairs": True}),
        "DPLR": (ssm.DPLR, {"Lambda": MODES, "P": P, "Q": P, "B": B, "C": C, "D": D, "conjugate_pairs": False}),
        "DiscreteStateSpace": (
            ssm.DiscreteStateSpace,
            {"A_bar": A / 4, "B_bar": B, "C": C, **feed, "B_bar_previous": B, "increment": A / 4 - np.eye(N)},
        ),
        "DiscreteDiagonal": (
            ssm.DiscreteDiagonal,
            {"Lambda_bar": ROOTS, "B_bar": B, "C": C, **feed, "B_bar_previous": B, "increment": ROOTS - 1},
        ),
        "DiscreteDPLR": (
            ssm.DiscreteDPLR,
            {"Lambda_bar": ROOTS, "P_bar": P, "Q_bar": P, "B_bar": B, "C": C, **feed, "increment": ROOTS - 1},
        ),
        "Stream": (ssm.Stream, {"system": s["dense"], **rules, "x0": B, "u_before": 0.5}),
        "Stream[set]": (_set_and_push, {"state": B, "u_before": 0.5, "block": U}),
        "Stream.push": (
            lambda block, axis, missing, fill: _stream().push(block, axis, missing=missing, fill=fill),
            {"block": U, "axis": -1, "missing": U == 0, "fill": "hold"},
        ),
        "Stream.push[irregular]": (
            lambda block, dt: ssm.Stream(s["dense"]).push(block, dt=dt),
            {"block": U, "dt": T * [DT]},
        ),
        "Stream.save": (lambda path: _stream().save(_inside(path)), {"path": "saved.npz"}),
        "Stream.load": (lambda path: ssm.Stream.load(_inside(path)), {"path": _saved()}),
        "balanced_truncation": (ssm.balanced_truncation, {"system": s["dense"], "order": 2}),
        "cauchy_condition": (ssm.cauchy_condition, {"z": TIMES[:N], "poles": ROOTS}),
        "cauchy_product": (
            ssm.cauchy_product,
            {"v": B, "z": TIMES, "poles": ROOTS, "method": "direct", "backend": "cpu"},
        ),
        "compress[steps]": (
            ssm.compress,
            {"op": op, "u": U, **rules, "scaled": False, "return_history": True, "axis": 0, "backend": "cpu"},
        ),
        "compress[scaled]": (ssm.compress, {"op": op, "u": U, "scaled": True}),
        "condition_report": (
            ssm.condition_report,
            {"system": s["dplr"], "dt": DT, "L": T, "discretization": "gbt", "alpha": 0.5, "rtol": 1e-5},
        ),
        "convolve": (ssm.convolve, {"K": C, "u": U, "D": D, "axis": 0}),
        "diagonal_init": (ssm.diagonal_init, {"name": "s4d-legs", "N": 4}),
        "diagonalize": (ssm.diagonalize, {"system": s["dense"]}),
        "eigenvector_condition": (ssm.eigenvector_condition, {"A": A, "arithmetic": "float64"}),
        "error_amplification": (
            ssm.error_amplification,
            {"system": s["dplr"], "dt": DT, "L": T, "discretization": "gbt", "alpha": 0.5, "measure": False},
        ),
        "gramians": (ssm.gramians, {"system": s["dense"]}),
        "h2_norm": (ssm.h2_norm, {"system": s["discrete dense"]}),
        "hankel_singular_values": (ssm.hankel_singular_values, {"system": s["dense"]}),
        "henrici_departure": (ssm.henrici_departure, {"A": A}),
        "hippo[legt]": (ssm.hippo, {"family": "legt", "N": N, "theta": 2.0}),
        "hippo[glagt]": (ssm.hippo, {"family": "glagt", "N": N, "alpha": 0.25, "beta": 2.0}),
        "kreiss_constant": (ssm.kreiss_constant, {"A": A, "discrete": False, "rtol": 0.1}),
        "krylov_condition": (
            ssm.krylov_condition,
            {"system": s["dense"], "L": T, "dt": DT, "discretization": "bilinear"},
        ),
        "largest_stable_step": (ssm.largest_stable_step, {"source": "legt", "N": N, "method": "gbt", "alpha": 0.25}),
        "node_pole_distance": (
            ssm.node_pole_distance,
            {"system": s["dplr"], "dt": DT, "L": T, "radius": 1.0, "discretization": "gbt", "alpha": 0.5},
        ),
        "nplr[family]": (ssm.nplr, {"source": "legt", "N": N, "theta": 2.0, "method": "auto"}),
        "nplr[matrix]": (ssm.nplr, {"source": op.A, "N": op.B, "P": op.B / 2**0.5}),
        "nplr[weights]": (ssm.nplr, {"p": B, "shift": 0.5, "method": "closed_form"}),
        "numerical_abscissa": (ssm.numerical_abscissa, {"A": A}),
        "numerical_range": (ssm.numerical_range, {"A": A, "n": 8}),
        "pseudospectral_abscissa": (ssm.pseudospectral_abscissa, {"A": A, "epsilon": 0.1}),
        "pseudospectral_radius": (ssm.pseudospectral_radius, {"A": A, "epsilon": 0.1}),
        "pseudospectrum": (
            ssm.pseudospectrum,
            {
                "A": A,
                "region": (-4.0, 1.0, -2.0, 2.0),
                "n": 6,
                "levels": [0.125, 0.5],
                "method": "auto",
                "max_memory": 1e9,
            },
        ),
        "respond[function]": (
            ssm.respond,
            {"system": s["dense"], "u": np.cos, "t": TIMES, "x0": B, "t0": 0.0, "rtol": 1e-6},
        ),
        "spectral_abscissa": (ssm.spectral_abscissa, {"A": A}),
        "spectrum[name]": (ssm.spectrum, {"source": "legs", "N": N}),
        "spectrum[matrix]": (ssm.spectrum, {"source": A}),
        "stability_region": (ssm.stability_region, {"method": "gbt", "alpha": 0.25}),
        "fit_kernel": (
            ssm.fit_kernel,
            {
                "K": KERNEL,
                "order": 2,
                "dt": DT,
                "start": ssm.Diagonal([-1.0 + 2.0j], [1.0], [1.0], conjugate_pairs=True),
                "free": "Lambda",
                "discretization": "zoh",
                "initial": "era",
                "max_iterations": 20,
            },
        ),
        "fit_readout": (ssm.fit_readout, fitted | {"u": U, "y": U[::-1], "ridge": 0.25, "where": U != 0}),
        "ReadoutFitter": (ssm.ReadoutFitter, fitted),
        "ReadoutFitter.restart": (lambda x0, u, y: _refitted(u, y, x0=x0), {"x0": B, "u": U, "y": U[::-1]}),
        "ReadoutFitter.update": (
            lambda u, y, where: _refitted(u=u, y=y, where=where),
            {"u": U, "y": U[::-1], "where": U != 0},
        ),
        "ReadoutFitter.solve": (lambda ridge: _refitted(ridge=ridge), {"ridge": 0.25}),
        "kernel_order": (ssm.kernel_order, {"K": KERNEL, "largest": 2, "criterion": "bic", "initial": "era"}),
        "realize_kernel": (ssm.realize_kernel, {"K": KERNEL, "order": 2, "dt": DT, "method": "era", "rows": 4}),
        "selective_scan": (
            ssm.selective_scan,
            {
                "u": U,
                "dt": TIMES / 8,
                "Lambda": MODES,
                "B": np.outer(U, B),
                "C": np.outer(TIMES, C),
                "D": D,
                "rule": "zoh",
                "x0": B,
                "return_state": True,
                "method": "auto",
            },
        ),
        "ConditionReport.rows": (lambda: ssm.condition_report(s["dplr"], DT, T).rows(), {}),
        "StabilityRegion.amplification": (region.amplification, {"z": MODES}),
        "StabilityRegion.contains": (region.contains, {"z": MODES}),
        "transient_growth": (
            ssm.transient_growth,
            {"A": A, "times": TIMES, "discrete": False, "with_kreiss": False},
        ),
        "truncation_condition": (
            ssm.truncation_condition,
            {"system": s["dplr"], "dt": DT, "L": T, "factors": [0.5, 0.25], "discretization": "gbt", "alpha": 0.5},
        ),
        "vandermonde_condition": (ssm.vandermonde_condition, {"z": ROOTS, "L": T}),
        "vandermonde_product": (
            ssm.vandermonde_product,
            {"c": B, "z": ROOTS, "L": T, "method": "auto", "backend": "cpu"},
        ),
        "HiPPO.matvec": (op.matvec, {"x": B}),
        "HiPPO.solve": (op.solve, {"h": 0.5, "b": B}),
        "HiPPO.state_space": (op.state_space, {"C": C, "D": D}),
        "HiPPO.structured_state_space": (op.structured_state_space, {"C": C, "D": D}),
        "HiPPO.measure": (op.measure, {"t": TIMES}),
        "HiPPO.basis": (op.basis, {"n": np.arange(N), "t": TIMES}),
        "HiPPO.reconstruct": (op.reconstruct, {"c": B, "t": TIMES / 8, "scaled": True}),
        "NPLR.k11": (form.k11, {"s": TIMES}),
        "NPLR.to_dplr": (form.to_dplr, {"C": C, "basis": "original", "D": D}),
        "NPLR.residual": (form.residual, {}),
        "NPLR.unitarity": (form.unitarity, {}),
        "certified.cauchy_product": (
            ssm.certified.cauchy_product,
            {"v": B, "z": TIMES, "poles": ROOTS, "accuracy_bits": 60},
        ),
        "certified.convolution_kernel": (
            ssm.certified.convolution_kernel,
            {
                "system": s["dplr"],
                "L": T,
                "dt": DT,
                "discretization": "gbt",
                "alpha": 0.5,
                "accuracy_bits": 60,
            },
        ),
        "certified.discretize": (
            ssm.certified.discretize,
            {"system": s["dplr"], "dt": DT, "method": "gbt", "alpha": 0.5, "accuracy_bits": 60},
        ),
        "certified.hippo_eigenvalues": (
            ssm.certified.hippo_eigenvalues,
            {"family": "legt", "N": N, "theta": 2.0, "accuracy_bits": 60},
        ),
        "certified.nplr_eigenvalues": (ssm.certified.nplr_eigenvalues, modes),
        "certified.nplr_weights": (ssm.certified.nplr_weights, modes),
        "certified.vandermonde_product": (
            ssm.certified.vandermonde_product,
            {"c": B, "z": ROOTS, "L": T, "accuracy_bits": 60},
        ),
        "conventions.truncate": (ssm.conventions.truncate, {"system": s["dplr"], "dt": DT, "L": T}),
        "conventions.restore": (ssm.conventions.restore, {"system": s["dplr"], "dt": DT, "L": T}),
        "conventions.to_parameters": (
            ssm.conventions.to_parameters,
            {"system": pairs, "dt": DT, "convention": "s4", "L": T, "discretization": "bilinear"},
        ),
        "conventions.from_parameters": (ssm.conventions.from_parameters, {"parameters": layer, **named}),
        "conventions.convert": (
            ssm.conventions.convert,
            {"parameters": layer, "source": "s4", "target": "s4", "L": T, "discretization": "bilinear"},
        ),
        "Layer.convolution_kernel": (ssm.conventions.from_parameters(layer, **named).convolution_kernel, {"L": T}),
        "interop.numba.compiled_step": (
            _compiled_step,
            {"system": s["dense"], "dt": DT, "discretization": "foh", "x0": B, "u_before": 0.5, "dtype": float},
        ),
        "interop.scipy.to_arrays": (ssm.interop.scipy.to_arrays, {"system": s["discrete dense"]}),
        "interop.scipy.to_scipy": (ssm.interop.scipy.to_scipy, {"system": s["discrete dense"]}),
        "interop.scipy.from_scipy": (
            ssm.interop.scipy.from_scipy,
            {"system": ssm.interop.scipy.to_scipy(s["discrete dense"]), "form": "one_tap"},
        ),
        "interop.scipy.from_scipy[arrays]": (
            lambda A, B, C, D, dt: ssm.interop.scipy.from_scipy((A, B, C, D, dt)),
            SCIPY,
        ),
        "lemma.hippo_matrix": (ssm.lemma.hippo_matrix, {"N": N}),
        "lemma.hippo_eigenvectors": (ssm.lemma.hippo_eigenvectors, {"N": N}),
        "lemma.inverse_eigenvectors": (ssm.lemma.inverse_eigenvectors, {"N": N}),
        "lemma.verify": (ssm.lemma.verify, {"N": N}),
        "lemma.growth": (ssm.lemma.growth, {"N_max": 8}),
    }
    draw = {"cases": 1, "seed": 0, "convert": np.asarray}
    ours = {"system": "diagonal", "discretization": "gbt", "alpha": 0.5, "regimes": ["stable"], **draw}
    found |= {
        f"testing.{name}": (getattr(ssm.testing, name), given)
        for name, given in {
            "check_cauchy": {"fn": _cauchy_sum, "pairs": False, **draw},
            "check_discretization": {"fn": _rule, "output": False, **ours},
            "check_equivalence": {"kernel": _kernel, "step": _step, **ours},
            "check_hippo": {"fn": _matrices, "families": ("legs",), "largest": 2},
            "check_kernel": {"fn": _kernel, **ours},
            "check_nplr": {"fn": _form, "families": ("legs",), "largest": 2},
            "check_recurrence": {"fn": _response, **ours},
            "check_vandermonde": {"fn": _vandermonde_sum, "pairs": False, **draw},
            "identify_convention": {"fn": _matrices, "kind": "hippo", "system": "dense", "seed": 0, "convert": None},
        }.items()
    }
    found |= _with_other_libraries()
    found["Report.raise_if_failed"] = (ssm.testing.check_hippo(_matrices, ("legs",), largest=1).raise_if_failed, {})
    for name, parameters in {"s4": layer, "scipy": SCIPY}.items():
        found[f"conventions.from_parameters[{name}]"] = (_by_field(name), parameters)
    for name in x0:
        system = {"system": s[name]}
        found[f"discretize[{name}]"] = (ssm.discretize, system | rule)
        found[f"convolution_kernel[{name}]"] = (ssm.convolution_kernel, system | kernel)
        found[f"simulate[{name}]"] = (ssm.simulate, system | simulation | {"x0": x0[name]})
        found[f"respond[{name}]"] = (ssm.respond, system | response | {"x0": x0[name]})
        found[f"impulse_response[{name}]"] = (ssm.impulse_response, system | {"t": TIMES})
    for name in (*x0, *(f"discrete {word}" for word in x0)):
        system, kind = s[name], type(s[name]).__name__
        points = {"s": TIMES} if name in x0 else {"z": TIMES}
        found[f"{kind}.transfer_function"] = (system.transfer_function, points)
        for method in ("to_dense", "poles", "full", "factors"):
            if hasattr(system, method):
                found[f"{kind}.{method}"] = (getattr(system, method), {})
        if hasattr(system, "conjugate"):
            found[f"{kind}.conjugate"] = (system.conjugate, {"T": np.eye(system.n_states) + 0.5})
    return found


def _with_other_libraries() -> dict[str, tuple[Callable[..., Any], dict[str, Any]]]:
    """Calls of `interop` for the libraries that are installed; scikit-learn itself checks X."""
    found: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {}
    discrete, rule = systems()["discrete dense"], {"dt": DT, "discretization": "gbt", "alpha": 0.5}
    if "control" not in OPTIONAL:
        control = ssm.interop.control
        found["interop.control.to_control"] = (control.to_control, {"system": discrete})
        given = {"system": control.to_control(discrete), "form": "two_tap"}
        found["interop.control.from_control"] = (control.from_control, given)
    if "pymor" not in OPTIONAL:
        found["interop.pymor.to_pymor"] = (ssm.interop.pymor.to_pymor, {"system": discrete})
    if "sklearn" not in OPTIONAL:
        learn = ssm.interop.sklearn
        of_family = {"family": "legt", "N": N, "parameters": {"theta": 2.0}, "scaled": False}
        found["interop.sklearn.HippoFeatures"] = (
            _then(learn.HippoFeatures, lambda features: features.fit_transform(U[None])),
            of_family | rule,
        )
        found["interop.sklearn.SSMFilter"] = (
            _then(learn.SSMFilter, lambda filtering: filtering.fit_transform(U[None])),
            {"system": systems()["dense"]} | rule,
        )
    if "xarray" not in OPTIONAL:
        import xarray

        x = {"x": xarray.DataArray(U, dims="time"), "dim": "time"}
        found["interop.xarray.filter"] = (
            _then(ssm.interop.xarray.filter, lambda y: y.values),
            x | rule | {"system": ssm.StateSpace(A, B, C[None], D), "heads": ("head",), "x0": B},
        )
        found["interop.xarray.features"] = (
            _then(ssm.interop.xarray.features, lambda y: y.values),
            x | rule | {"op": ssm.hippo("legs", N), "scaled": False, "coefficient": "n"},
        )
    return found


def _then(function: Callable[..., Any], read: Callable[[Any], Any]) -> Callable[..., Any]:
    """A function, and what it returns read off; with its signature, and `u`, as what it calls names the signal."""

    def call(**given: Any) -> Any:
        return read(function(**given))

    given = inspect.signature(function).parameters.values()
    call.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [*given, inspect.Parameter("u", inspect.Parameter.KEYWORD_ONLY)]
    )
    return call


def _stream() -> ssm.Stream:
    return ssm.Stream(systems()["dense"], DT)


def _set_and_push(state: Any, u_before: Any, block: Any) -> np.ndarray:
    stream = ssm.Stream(systems()["dense"], DT, "foh")
    stream.state, stream.u_before = state, u_before
    return stream.push(block)


def _refitted(u: Any = U, y: Any = U[::-1], where: Any = None, x0: Any = None, ridge: Any = 0.0) -> Any:
    fitter = ssm.ReadoutFitter(systems()["dense"], DT)
    fitter.restart(x0)
    fitter.update(u, y, where)
    return fitter.solve(ridge)


def _compiled_step(system: Any, dt: Any, discretization: Any, x0: Any, u_before: Any, dtype: Any) -> Any:
    """The output of a step and the state after it, without the rest of `memory`: its working space holds anything."""
    options = {"x0": x0, "u_before": u_before, "dtype": dtype}
    step, memory, state = ssm.interop.numba.compiled_step(system, dt, discretization, **options)
    return step(0.5, memory), state


def _kernel(Lambda: Any, B: Any, C: Any, dt: float, L: int) -> np.ndarray:
    z, B_bar = _rule(Lambda, B, dt)
    return np.sum(C * B_bar * z ** np.arange(L)[:, None], axis=1)


def _rule(Lambda: Any, B: Any, dt: float) -> tuple[np.ndarray, np.ndarray]:
    return (1 + dt * Lambda / 2) / (1 - dt * Lambda / 2), dt * B / (1 - dt * Lambda / 2)


def _step(Lambda: Any, B: Any, C: Any, dt: float, x: Any, u: float) -> tuple[np.ndarray, np.ndarray]:
    z, B_bar = _rule(Lambda, B, dt)
    return z * x + B_bar * u, np.sum(C * (z * x + B_bar * u))


def _response(Lambda: Any, B: Any, C: Any, D: float, dt: float, u: Any) -> np.ndarray:
    return np.convolve(_kernel(Lambda, B, C, dt, u.size), u)[: u.size] + D * u


def _cauchy_sum(v: Any, z: Any, poles: Any) -> np.ndarray:
    return np.sum(v / (z[:, None] - poles), axis=1)


def _vandermonde_sum(c: Any, z: Any, L: int) -> np.ndarray:
    return np.sum(c * z ** np.arange(L)[:, None], axis=1)


def _matrices(family: str, N: int) -> tuple[np.ndarray, np.ndarray]:
    op = ssm.hippo(family, N)
    return op.A, op.B


def _form(family: str, N: int) -> tuple[np.ndarray, ...]:
    form = ssm.nplr(family, N)
    return form.Lambda, form.P, form.Q, form.B, np.asarray(form.V)


def _by_field(convention: str) -> Callable[..., Any]:
    """`from_parameters` with one argument for each array of a convention; errors name them, or our quantities."""

    def read(**parameters: Any) -> Any:
        return ssm.conventions.from_parameters(parameters, convention, T)

    fields = ssm.conventions.CONVENTIONS[convention].fields
    names = {field.name for field in fields} | {field.quantity for field in fields if field.quantity.isidentifier()}
    parameters = [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY) for name in [*sorted(names), "l_kernel"]]
    read.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return read


@cache
def _folder() -> Path:
    folder = tempfile.mkdtemp(prefix="ssm-numerics-")
    atexit.register(partial(shutil.rmtree, folder, ignore_errors=True))
    return Path(folder)


def _inside(path: Any) -> Any:
    """The name of a file as one in a folder of its own; anything else as it is."""
    return str(_folder() / path) if isinstance(path, str) else path


@cache
def _saved() -> str:
    """The name of a file of a stream."""
    _stream().save(_inside("stream.npz"))
    return "stream.npz"


def public(module: Any = ssm, prefix: str = "") -> Iterator[str]:
    """The names of all public callables: functions, classes and their methods, and what results can do."""
    for word in getattr(module, "__all__", None) or _defined(module):
        name = prefix + word
        if name in NOT_CALLED:
            continue
        thing = getattr(module, word)
        if inspect.ismodule(thing):
            yield from public(thing, f"{name}.")
        else:
            yield name
    if module is not ssm:
        return
    for kind in sorted(_classes(), key=lambda kind: kind.__name__):
        for word, member in inspect.getmembers(kind, inspect.isroutine):
            ours = (getattr(member, "__module__", None) or "").startswith("ssm_numerics")
            if ours and not word.startswith("_") and word not in NO_INPUT:
                yield f"{kind.__name__}.{word}"


def _defined(module: Any) -> list[str]:
    """The public functions that a module defines."""
    functions = inspect.getmembers(module, inspect.isfunction)
    return [name for name, thing in functions if not name.startswith("_") and thing.__module__ == module.__name__]


def _classes() -> set[type]:
    """The classes that are public, or that a good call returns."""
    kinds = {getattr(ssm, name) for name in ssm.__all__ if isinstance(getattr(ssm, name), type)}
    for call, arguments in calls().values():
        returned = call(**arguments)
        kinds |= {type(part) for part in (returned if isinstance(returned, tuple) else (returned,))}
    return {kind for kind in kinds if kind.__module__.startswith("ssm_numerics")}
