"""Limits of the reliability tests."""

from __future__ import annotations

import pytest

from ssm_numerics import continuous


@pytest.fixture(autouse=True)
def short_integrations(monkeypatch: pytest.MonkeyPatch) -> None:
    """The ODE solver gives up early, so that refusing what it cannot reach takes no time."""
    monkeypatch.setattr(continuous, "MOST_EVALUATIONS", 2000)
