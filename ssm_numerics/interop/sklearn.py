"""scikit-learn transformers: one row of X is one signal, its columns are samples in time."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import _check_feature_names_in, check_is_fitted, validate_data

from .. import _arrays
from .._stepping import as_discrete
from ..hippo import hippo
from ..online_compression import compress
from ..recurrence import simulate
from ..state_space import Diagonal

__all__ = ["HippoFeatures", "SSMFilter"]

PARAMETERS = {"theta", "alpha", "beta"}
"""Of all families."""


class _SignalTransformer(TransformerMixin, BaseEstimator):
    """Rows of X are finite real signals, float32 or float64, and stay in their precision."""

    def _signals(self, X: Any, reset: bool) -> np.ndarray:
        X = validate_data(self, X, dtype=(np.float64, np.float32), reset=reset)
        return np.ascontiguousarray(X)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


class HippoFeatures(ClassNamePrefixFeaturesOutMixin, _SignalTransformer):
    """The coefficients that a HiPPO operator keeps of each signal: (signals, samples) to (signals, N).

    Parameters
    ----------
    family : str, default "legt"
        As in `hippo`.
    N : int, default 16
        Number of coefficients.
    dt : float, units of time, default None
        Sampling step. None: 1/samples, so that a signal takes one unit of time, which is the default window of legt.
    discretization, alpha
        As in `discretize`.
    parameters : dict, default None
        The family's own parameters, as `hippo` takes them: `theta`, or `alpha` and `beta`.
    scaled : bool, default False
        The time-varying operator of `compress`, for family="legs": it weighs the whole signal evenly and needs no dt.

    Attributes
    ----------
    operator_ : HiPPO
    dt_ : float
        The step in use.
    n_features_in_, feature_names_in_
        As everywhere in scikit-learn.

    Notes
    -----
    Nothing is learned: `fit` checks the parameters and counts the samples of a signal. float32 signals give float32
    coefficients. `inverse_transform` reconstructs the signals from their coefficients.

    *Accuracy*, *Cost*: as `compress`.

    Examples
    --------
    >>> import numpy as np
    >>> import ssm_numerics as ssm
    >>> X = np.sin(np.outer([1.0, 2.0, 3.0], np.linspace(0, 3, 500)))
    >>> features = ssm.interop.sklearn.HippoFeatures("legs", N=8, scaled=True).fit(X)
    >>> Z = features.transform(X)
    >>> Z.shape, bool(np.abs(features.inverse_transform(Z) - X).max() < 0.1)
    ((3, 8), True)
    """

    def __init__(
        self,
        family: str = "legt",
        N: int = 16,
        *,
        dt: float | None = None,
        discretization: str = "bilinear",
        alpha: float | None = None,
        parameters: dict[str, float] | None = None,
        scaled: bool = False,
    ) -> None:
        self.family = family
        self.N = N
        self.dt = dt
        self.discretization = discretization
        self.alpha = alpha
        self.parameters = parameters
        self.scaled = scaled

    def fit(self, X: Any, y: Any = None) -> HippoFeatures:
        """Check the parameters, and count the samples."""
        X = self._signals(X, reset=True)
        self.dt_ = 1 / X.shape[1] if self.dt is None else _arrays.real_number("dt", self.dt, above=0.0)
        given = {} if self.parameters is None else self.parameters
        if not isinstance(given, dict) or not given.keys() <= PARAMETERS:
            expected = f"be a dict with some of {', '.join(sorted(PARAMETERS))}"
            _arrays.fail("parameters", expected, f"it is {_arrays.shown(given)}", TypeError)
        _arrays.flag("scaled", self.scaled)
        self.operator_ = hippo(self.family, self.N, **given)
        self._compress(X[:1])
        return self

    def transform(self, X: Any) -> np.ndarray:
        """The coefficients of each signal, shape (signals, N)."""
        check_is_fitted(self)
        return self._compress(self._signals(X, reset=False))

    def inverse_transform(self, Z: Any) -> np.ndarray:
        """The signals (signals, samples) that coefficients (signals, N) remember, as `HiPPO.reconstruct`."""
        check_is_fitted(self)
        n = self.n_features_in_
        if self.scaled:
            return self.operator_.reconstruct(Z, (np.arange(n) + 1) / n, scaled=True)
        return self.operator_.reconstruct(Z, self.dt_ * (np.arange(n)[::-1] + 0.5))

    def _compress(self, X: np.ndarray) -> np.ndarray:
        dt = None if self.scaled else self.dt_
        return compress(self.operator_, X, dt, self.discretization, self.alpha, scaled=self.scaled)

    @property
    def _n_features_out(self) -> int:
        return self.operator_.N


class SSMFilter(_SignalTransformer):
    """The response of a system to each signal: (signals, samples) to (signals, samples).

    Parameters
    ----------
    system : StateSpace, Diagonal, DPLR, or one of their discrete twins, default None
        None: the low-pass filter y' = u - y. The responses of a system with heads stand side by side, head by head.
    dt, discretization, alpha
        As in `simulate`; dt=None is 1 for a continuous system.

    Attributes
    ----------
    discrete_ : DiscreteStateSpace, DiscreteDiagonal, DiscreteDPLR or DiscreteStructuredStateSpace
    n_features_in_, feature_names_in_
        As everywhere in scikit-learn.

    Notes
    -----
    Every signal starts from rest. Nothing is learned: `fit` discretizes the system and counts the samples of a signal.

    *Accuracy*, *Cost*: as `simulate`.

    Examples
    --------
    >>> import ssm_numerics as ssm
    >>> SSMFilter = ssm.interop.sklearn.SSMFilter
    >>> SSMFilter(dt=0.5, discretization="backward_euler").fit_transform([[1.0, 1.0, 1.0]]).round(4)
    array([[0.3333, 0.5556, 0.7037]])
    """

    def __init__(
        self,
        system: Any = None,
        *,
        dt: float | None = None,
        discretization: str | None = None,
        alpha: float | None = None,
    ) -> None:
        self.system = system
        self.dt = dt
        self.discretization = discretization
        self.alpha = alpha

    def fit(self, X: Any, y: Any = None) -> SSMFilter:
        """Discretize the system, and count the samples."""
        self._signals(X, reset=True)
        system = Diagonal([-1.0], [1.0], [1.0]) if self.system is None else self.system
        dt = 1.0 if self.dt is None and not hasattr(system, "dt") else self.dt
        discrete = as_discrete(system, dt, self.discretization, self.alpha)
        if discrete.output_dtype.kind == "c":
            _arrays.fail("system", "have a real response", f"its dtype is {discrete.output_dtype}", TypeError)
        self.discrete_ = discrete
        return self

    def transform(self, X: Any) -> np.ndarray:
        """The responses, shape (signals, samples), or (signals, heads * samples)."""
        check_is_fitted(self)
        X = self._signals(X, reset=False)
        heads = (1,) * len(self.discrete_.batch_shape)
        y = simulate(self.discrete_, X.reshape(len(X), *heads, -1))
        return y.reshape(len(X), -1).astype(X.dtype, copy=False)

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """The names of the samples, behind the number of the head if there are heads: `x0`, or `head1_x0`."""
        check_is_fitted(self)
        names = _check_feature_names_in(self, input_features)
        if not self.discrete_.batch_shape:
            return names
        n_heads = int(np.prod(self.discrete_.batch_shape))
        return np.array([f"head{head}_{name}" for head in range(n_heads) for name in names], dtype=object)
