"""The report: one page that works alone, honest verdicts, and clear words when something is missing."""

from __future__ import annotations

import json
import math
import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from ssm_numerics import _study_runs, report, study
from ssm_numerics.study import Claim, Outcome

FAST = "gating_is_backward_euler"


class Page(HTMLParser):
    """Which addresses a page refers to, and what its pictures say in words."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.alternatives: list[str] = []
        self.open: list[str] = []
        self.ids: list[str] = []
        self.headings: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self.addresses += [str(named[key]) for key in ("src", "href") if key in named]
        self.ids += [str(named["id"])] if "id" in named else []
        self.headings += [tag] if tag in ("h1", "h2") else []
        if tag == "img":
            self.alternatives.append(named.get("alt") or "")
        if tag not in ("meta", "img", "link"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def fake(monkeypatch: pytest.MonkeyPatch, **functions: Any) -> ModuleType:
    """Put one made-up study in the place of all others."""
    module = ModuleType("study_made_up")
    module.__doc__ = "Does it <work>?\n===============\n\nA first & last paragraph."
    defaults = {
        "compute": lambda small, **options: {"x": 1.0, **options},
        "claims": lambda results: [Claim("It works", 1, "<=", 2)],
        "figure": empty_figure,
    }
    for name, function in (defaults | functions).items():
        setattr(module, name, function)
    monkeypatch.setattr(study, "names", lambda: ["made_up"])
    monkeypatch.setattr(study, "load", lambda name: module)
    monkeypatch.setattr(_study_runs, "key", lambda name, request: "the same")
    return module


def empty_figure(results: dict[str, Any]) -> Any:
    from ssm_numerics import plotting

    return plotting.new_figure()[0]


def test_the_page_is_whole_and_refers_to_nothing_outside(tmp_path: Path) -> None:
    assert report.write(tmp_path, [FAST], small=True, progress=False)
    text = (tmp_path / "index.html").read_text(encoding="utf-8")
    page = Page(text)
    assert page.open == []
    assert page.alternatives
    assert all(len(words) > 40 for words in page.alternatives)
    assert all(address.startswith(("#", "results.json", "data:image/svg+xml;base64,")) for address in page.addresses)
    assert not re.search(r"url\(|@import|<script", text)
    assert text.count('v PASS"') == 1 + 1 + 4  # the whole, the contents, four claims
    assert (tmp_path / "results.json").is_file()


def test_links_inside_the_page_lead_somewhere_once(tmp_path: Path) -> None:
    report.write(tmp_path, [FAST], small=True, progress=False)
    page = Page((tmp_path / "index.html").read_text(encoding="utf-8"))
    assert len(page.ids) == len(set(page.ids))
    assert {address[1:] for address in page.addresses if address.startswith("#")} <= set(page.ids)
    assert [level for level in page.headings if level == "h1"] == ["h1"]


def test_every_study_says_where_its_claim_comes_from_and_how_it_is_measured(tmp_path: Path) -> None:
    report.write(tmp_path, [FAST], small=True, progress=False)
    text = (tmp_path / "index.html").read_text(encoding="utf-8")
    for word in ("Source", "Method", "Seed", "Measured", "Again"):
        assert f"<dt>{word}</dt>" in text


def test_the_numbers_of_two_reports_are_the_same(tmp_path: Path) -> None:
    """Every seed is fixed: only times and dates differ."""
    names, records = [FAST, "zoh_vs_bilinear"], []
    for folder in (tmp_path / "one", tmp_path / "other"):
        report.write(folder, names, small=True, progress=False, fresh=True)
        records.append(json.loads((folder / "results.json").read_text(encoding="utf-8"))["studies"])
    for name in names:
        one, other = (record[name] for record in records)
        assert (one["results"], one["claims"]) == (other["results"], other["claims"])
        assert {key for key in one if one[key] != other[key]} <= {"seconds", "measured_at"}


def test_results_are_strict_json_with_every_claim(tmp_path: Path) -> None:
    report.write(tmp_path, [FAST], small=True, progress=False)
    record = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"), parse_constant=pytest.fail)
    assert record["passed"] is True
    assert record["claims"] == record["claims_that_hold"] == 4
    claim = record["studies"][FAST]["claims"][0]
    assert set(claim) == {"statement", "measured", "relation", "bound", "unit", "verdict"}
    assert record["environment"]["packages"]["numba"]


def test_a_claim_that_fails_fails_the_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake(monkeypatch, claims=lambda results: [Claim("It is small", 3.0, "<=", 2.0)], figure=empty_figure)
    assert not report.write(tmp_path, progress=False)
    text = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert 'v FAIL"' in text
    assert "Does it &lt;work&gt;?" in text
    assert json.loads((tmp_path / "results.json").read_text())["studies"]["made_up"]["verdict"] == "FAIL"


def test_a_study_that_stops_is_named_and_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(small: bool, **options: Any) -> dict[str, Any]:
        raise FloatingPointError("overflow in the third step")

    fake(monkeypatch, compute=broken)
    assert not report.write(tmp_path, progress=False)
    assert "overflow in the third step" in (tmp_path / "index.html").read_text(encoding="utf-8")


def test_a_figure_that_cannot_be_drawn_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake(monkeypatch, figure=lambda results: results["no such key"])
    assert not report.write(tmp_path, progress=False)


def test_a_study_without_claims_proves_nothing() -> None:
    assert not Outcome("empty", "?", "").passed
    assert not report.summary([])["passed"]


def test_nan_never_passes() -> None:
    assert not any(Claim("?", math.nan, relation, 0.0).passed for relation in ("<=", ">=", "="))


def test_progress_is_plain_and_on_stderr_without_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fake(monkeypatch)
    report.run()
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("PASS  made_up")
    assert "\x1b" not in printed.err


def test_progress_names_the_claims_that_fail(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fake(monkeypatch, claims=lambda results: [Claim("It is small", 3.0, "<=", 2.0, "u"), Claim("It is", 1, "=", 1)])
    report.run()
    assert capsys.readouterr().err.split("\n")[1:] == ["      FAIL  It is small  [3 u <= 2 u]", ""]


def test_a_missing_package_is_named_with_its_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(ImportError, match=r"needs jinja2.*pip install .ssm-numerics\[report\]"):
        report.write(tmp_path / "out", progress=False)
    assert not (tmp_path / "out").exists()


def test_missing_matplotlib_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    from ssm_numerics import plotting

    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"ssm-numerics\[report\]"):
        plotting.new_figure()


def test_json_form_has_no_words_that_json_lacks() -> None:
    import numpy as np

    value = {"a": np.array([1.0, np.nan]), 2: (np.float64(np.inf), np.int64(3)), "c": [True, None, "x"]}
    assert json.loads(study.to_json(value)) == {"a": [1.0, None], "2": [None, 3], "c": [True, None, "x"]}


def test_the_readme_runs_and_its_links_lead_somewhere() -> None:
    root = Path(__file__).parent.parent
    text = (root / "README.md").read_text(encoding="utf-8")
    for code in re.findall(r"```python\n(.*?)```", text, re.S):
        exec(code, {})
    for target in re.findall(r"\]\(([^)]+)\)", text):
        assert (root / target).exists(), target
    for name in re.findall(r"ssm-numerics verify (\w+)", text):
        assert name in study.names()


def test_powers_and_indices_are_typeset_and_the_rest_escaped() -> None:
    assert report.typeset("K_l = φ^(2N) e^-t <b>") == "K<sub>l</sub> = φ<sup>2N</sup> e<sup>-t</sup> &lt;b&gt;"
    assert report.typeset("krylov_blocked") == "krylov_blocked"
