"""Every study in its small form: its claims hold, its numbers survive JSON, its figure can be drawn from them."""

from __future__ import annotations

import ast
import inspect
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
    if study.describe(name, module).skipped:
        pytest.skip(study.describe(name, module).skipped)
    outcome = study.evaluate(name, module, small=True)
    assert outcome.question.endswith("?")
    assert outcome.explanation
    assert outcome.claims
    again = json.loads(study.to_json(outcome.results))
    assert len(module.claims(again)) == len(outcome.claims)
    if not study.on_request(name):  # a study of times alone runs here beside other work
        assert [(claim.statement, claim.measured, claim.bound) for claim in outcome.claims if not claim.passed] == []
        assert all(claim.passed for claim in module.claims(again))
    with plotting.style():
        figure = module.figure(again)
    assert plotting.data_uri(figure).startswith("data:image/svg+xml;base64,")
    for ax in figure.axes:
        lines = [line for line in ax.get_lines() if not str(line.get_label()).startswith("_")]
        looks = [
            (line.get_marker(), str(line._dash_pattern), line.get_markerfacecolor(), line.get_linewidth())
            for line in lines
        ]
        assert len(set(map(str, looks))) == len(looks), f"{ax.get_title()}: series that only colour tells apart"


@pytest.mark.parametrize("name", NAMES)
def test_what_a_study_says_of_itself(name: str) -> None:
    module = study.load(name)
    assert len(module.ALT) > 40
    assert len(module.SOURCE) > 5 and len(module.METHOD) > 20
    assert isinstance(getattr(module, "FULL", {}), dict)
    assert set(getattr(module, "FULL", {})) <= set(inspect.signature(module.compute).parameters)


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
