"""scikit-learn transformers: its own checks, pipelines, names, precision, and what they compute."""

import numpy as np
import pytest

import ssm_numerics as ssm

sklearn = pytest.importorskip("sklearn")

from sklearn.base import clone  # noqa: E402
from sklearn.linear_model import Ridge  # noqa: E402
from sklearn.model_selection import GridSearchCV  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.utils.estimator_checks import parametrize_with_checks  # noqa: E402

from ssm_numerics.interop.sklearn import HippoFeatures, SSMFilter  # noqa: E402

U = 2.0**-53
HEADS = ssm.Diagonal(
    [[-1.0 + 2j, -2.0], [-3.0 + 1j, -0.5]], [1.0, 1.0], [1.0, 2.0], conjugate_pairs=np.array([True, False])
)


CHECKS = parametrize_with_checks(
    [HippoFeatures(N=4), HippoFeatures("legs", 3, scaled=True), SSMFilter(), SSMFilter(HEADS)]
)


@pytest.mark.parametrize(CHECKS.args[0], list(CHECKS.args[1]), **CHECKS.kwargs)
def test_scikit_learns_checks(estimator, check):
    check(estimator)


def signals(dtype=np.float64):
    """Slow and fast oscillations with random phases, and which is which."""
    rng = np.random.default_rng(0)
    kind = np.arange(40) % 2
    X = np.sin(np.outer(np.where(kind, 3.0, 20.0), np.linspace(0, 3, 200)) + rng.uniform(0, 6, (40, 1)))
    return X.astype(dtype), kind


def test_what_they_compute():
    """Columns are samples: one row is `compress` or `simulate` of that row."""
    X, _ = signals()
    features = HippoFeatures("legt", 8, parameters={"theta": 2.0}, dt=0.01).fit(X)
    np.testing.assert_array_equal(features.transform(X), ssm.compress(ssm.hippo("legt", 8, theta=2.0), X, 0.01))
    assert HippoFeatures().fit(X).dt_ == 1 / 200
    system = ssm.hippo("legs", 4).state_space(np.ones(4))
    np.testing.assert_array_equal(SSMFilter(system, dt=0.1).fit_transform(X), ssm.simulate(system, X, 0.1))
    discrete = ssm.discretize(system, 0.1, "zoh")
    np.testing.assert_array_equal(SSMFilter(discrete).fit_transform(X), ssm.simulate(discrete, X))
    banked = SSMFilter(HEADS, dt=0.1).fit_transform(X)
    np.testing.assert_array_equal(banked.reshape(40, 2, 200), ssm.simulate(HEADS, X[:, None], 0.1))


@pytest.mark.parametrize("features", [HippoFeatures("legs", 24, scaled=True), HippoFeatures("legt", 24)])
def test_signals_come_back(features):
    """Slow oscillations: what comes back is nearer to the signal than to its mirror image, by far."""
    X = signals()[0][1::2]
    back = features.fit(X).inverse_transform(features.transform(X))
    assert 10 * np.linalg.norm(back - X) <= np.linalg.norm(back - X[:, ::-1])


@pytest.mark.parametrize("estimator", [HippoFeatures(N=4), SSMFilter(), SSMFilter(HEADS)])
def test_single_precision_stays_single(estimator):
    X, _ = signals(np.float32)
    assert clone(estimator).fit_transform(X).dtype == np.float32
    assert clone(estimator).fit(X.astype(float)).transform(X).dtype == np.float32


def test_names_and_frames():
    pandas = pytest.importorskip("pandas")
    X = pandas.DataFrame(signals()[0][:, :3], columns=["a", "b", "c"])
    assert list(HippoFeatures(N=2).fit(X).get_feature_names_out()) == ["hippofeatures0", "hippofeatures1"]
    assert list(SSMFilter().fit(X).get_feature_names_out()) == ["a", "b", "c"]
    assert list(SSMFilter(HEADS).fit(X).get_feature_names_out())[2:4] == ["head0_c", "head1_a"]
    for estimator in (HippoFeatures(N=2), SSMFilter(HEADS)):
        frame = clone(estimator).set_output(transform="pandas").fit_transform(X)
        assert list(frame.columns) == list(estimator.fit(X).get_feature_names_out())
        np.testing.assert_array_equal(frame.to_numpy(), estimator.transform(X))


def test_inside_a_searched_pipeline():
    X, kind = signals()
    pipeline = make_pipeline(SSMFilter(), HippoFeatures(), Ridge(alpha=1e-3))
    grid = {"ssmfilter__system": [None, HEADS], "ssmfilter__dt": [0.01], "hippofeatures__N": [2, 12]}
    search = GridSearchCV(pipeline, grid, cv=2).fit(X, np.abs(X).mean(axis=1))
    assert search.best_params_["hippofeatures__N"] in (2, 12)
    copy = clone(search.best_estimator_).fit(X, kind)
    np.testing.assert_array_equal(copy.predict(X), copy.predict(X))


def test_parameters_are_checked_by_fit():
    X, _ = signals()
    for estimator, error, words in (
        (HippoFeatures("fourier"), ValueError, "`family` must be one of"),
        (HippoFeatures(N=0), ValueError, "`N` must be at least 1"),
        (HippoFeatures(dt=-1.0), ValueError, "`dt` must be greater than 0"),
        (HippoFeatures(scaled=True), ValueError, "`scaled` must be False"),
        (HippoFeatures(discretization="rk4"), ValueError, "`discretization` must be one of"),
        (SSMFilter("low-pass"), TypeError, "`system` must be a continuous or discrete"),
        (SSMFilter(ssm.Diagonal([1j], [1.0], [1.0])), TypeError, "`system` must have a real response"),
        (SSMFilter(ssm.discretize(HEADS, 1.0), dt=0.1), ValueError, "`dt` must be omitted"),
    ):
        with pytest.raises(error, match=words):
            estimator.fit(X)
