"""The script for people with a device, on the emulated one."""

from __future__ import annotations

import pytest

from .seam import SKIP

pytestmark = pytest.mark.skipif(SKIP is not None, reason=str(SKIP))


def test_it_checks_everything(monkeypatch, capsys):
    from ssm_numerics.compiled import _cuda

    from . import emulated, run_on_device

    emulated.install(monkeypatch, fused=True)
    monkeypatch.setattr(_cuda, "describe", lambda: {"name": "emulated"})
    monkeypatch.setattr(run_on_device, "REPEATS", 1)
    assert run_on_device.main(small=True)
    assert capsys.readouterr().out.endswith("PASS\n")
