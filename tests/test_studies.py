"""Every study in its small form: its claims hold, its numbers survive JSON, its figure can be drawn from them."""

from __future__ import annotations

import ast
import json
import runpy
from pathlib import Path

import pytest

from ssm_numerics import plotting, study

NAMES = study.names()


def test_the_report_tells_the_whole_story() -> None:
    assert set(study.ORDER) <= set(NAMES)
    assert NAMES[: len(study.ORDER)] == list(study.ORDER)


@pytest.mark.parametrize("name", NAMES)
def test_small_form_holds_and_can_be_drawn_from_json(name: str) -> None:
    module = study.load(name)
    outcome = study.evaluate(name, module, small=True)
    assert outcome.question.endswith("?")
    assert outcome.explanation
    failed = [(claim.statement, claim.measured, claim.bound) for claim in outcome.claims if not claim.passed]
    assert outcome.claims
    assert not failed
    again = json.loads(study.to_json(outcome.results))
    assert [claim.passed for claim in module.claims(again)] == [True] * len(outcome.claims)
    assert plotting.data_uri(module.figure(again)).startswith("data:image/svg+xml;base64,")
    assert len(module.ALT) > 40


@pytest.mark.parametrize("name", NAMES)
def test_form_of_the_file(name: str) -> None:
    """Nothing of its own beyond NumPy and the package at the top; the last line runs it."""
    path = study.folder() / f"study_{name}.py"
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imported = {alias.name for node in tree.body if isinstance(node, ast.Import) for alias in node.names}
    assert imported <= {"numpy", "ssm_numerics", "warnings"}
    assert ast.unparse(tree.body[-1]).splitlines()[-1].strip().startswith("run_as_script(__file__")


def test_a_study_runs_as_a_script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(study.folder() / "study_gating_is_backward_euler.py"), run_name="__main__")
    record = json.loads((tmp_path / "results" / "gating_is_backward_euler.json").read_text(encoding="utf-8"))
    assert record["verdict"] == "PASS"
    assert (tmp_path / "results" / "gating_is_backward_euler.png").read_bytes().startswith(b"\x89PNG")


def test_a_claim_that_fails_stops_the_script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = study.load("gating_is_backward_euler")
    monkeypatch.setattr(study, "load", lambda name: module)
    monkeypatch.setattr(module, "claims", lambda results: [study.Claim("One is two", 1, "=", 2)])
    monkeypatch.chdir(tmp_path)
    with pytest.raises(AssertionError, match="One is two"):
        study.run_as_script("study_gating_is_backward_euler.py", small=True)


def test_unknown_study_lists_the_known() -> None:
    with pytest.raises(ValueError, match=r"study.*lemma_3_2_blowup.*nonsense"):
        study.load("nonsense")
