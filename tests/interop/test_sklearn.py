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


@parametrize_with_checks([HippoFeatures(N=4), HippoFeatures("legs", 3, scaled=True), SSMFilter(), SSMFilter(HEADS)])
def test_scikit_learns_checks(estimator, check):
    check(estimator)
