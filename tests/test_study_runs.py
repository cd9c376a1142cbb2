"""Running many studies: processes, what is kept, what is left out, what is skipped."""

from __future__ import annotations

import json
import math
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from ssm_numerics import _study_runs, report, study, versions
from ssm_numerics.study import Claim, Outcome

MODULE = '''"""Is it so?"""
from ssm_numerics.study import Claim
{head}
def compute(small=False, largest=1):
    return {{"largest": largest}}
def claims(results):
    return [Claim("It is", {measured}, ">=", 1.0)]
def figure(results):
    from ssm_numerics import plotting
    return plotting.new_figure()[0]
'''


@pytest.fixture
def studies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A folder of studies that the test writes."""
    folder = tmp_path / "studies"
    folder.mkdir()
    monkeypatch.setattr(study, "folder", lambda: folder)

    def write(name: str, head: str = "", measured: str = "2.0") -> None:
        (folder / f"study_{name}.py").write_text(MODULE.format(head=head, measured=measured), encoding="utf-8")

    return write


def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the studies that really run from now on."""
    ran: list[str] = []
    run = study.run
    monkeypatch.setattr(study, "run", lambda name, *options: ran.append(name) or run(name, *options))
    return ran


def test_finished_studies_are_not_run_again(studies: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    studies("one")
    studies("two")
    ran, out = counted(monkeypatch), tmp_path / "out"
    assert report.write(out, progress=False) and ran == ["one", "two"]
    first = (out / "results.json").read_text(encoding="utf-8")
    assert report.write(out, progress=False) and ran == ["one", "two"]
    again = json.loads((out / "results.json").read_text(encoding="utf-8"))
    assert again["studies_reused"] == 2
    assert again["studies"]["one"] == {**json.loads(first)["studies"]["one"], "reused": True}
    assert "in an earlier run" in (out / "index.html").read_text(encoding="utf-8")
    assert report.write(out, progress=False, fresh=True) and ran == ["one", "two"] * 2


@pytest.mark.parametrize("change", ["study", "option", "version", "file cut short"])
def test_what_has_changed_is_run_again(
    change: str, studies: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    studies("one")
    ran, out = counted(monkeypatch), tmp_path / "out"
    report.write(out, progress=False)
    if change == "study":
        studies("one", head="# another line")
    elif change == "version":
        monkeypatch.setattr(versions, "environment", lambda: {"date": "", "packages": {"numpy": "0.1"}})
    elif change == "file cut short":
        kept = out / "finished" / "one.json"
        kept.write_text(kept.read_text(encoding="utf-8")[:100], encoding="utf-8")
    report.run(figures=True, progress=False, kept=out / "finished", small=change == "option")
    assert ran == ["one", "one"]


def test_a_key_looks_at_every_source_of_the_package(studies: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    studies("one")
    request, read = _study_runs.Request(), Path.read_bytes
    before = _study_runs.key("one", request)
    assert before == _study_runs.key("one", request)
    monkeypatch.setattr(Path, "read_bytes", lambda path: read(path) + b"#" * (path.name == "vandermonde.py"))
    assert before != _study_runs.key("one", request)


def test_a_study_that_fails_is_run_again(studies: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    studies("one", measured="0.0")
    ran = counted(monkeypatch)
    assert not report.write(tmp_path / "out", progress=False)
    assert not report.write(tmp_path / "out", progress=False)
    assert ran == ["one", "one"]


def test_numbers_that_json_lacks_survive_being_kept(studies: Any, tmp_path: Path) -> None:
    studies("one", measured="float('inf')")
    for _ in range(2):
        (outcome,) = report.run(progress=False, kept=tmp_path)
        assert outcome.claims == [Claim("It is", math.inf, ">=", 1.0)]
    assert outcome.reused


@pytest.mark.parametrize("word", ["ALONE", "ON_REQUEST"])
def test_what_measures_times_runs_last_and_in_one_process(
    word: str, studies: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    studies("a", head=f"{word} = True")
    studies("b")
    studies("c")
    used: list[tuple[list[str], int]] = []
    run_all = _study_runs._run_all
    monkeypatch.setattr(
        _study_runs,
        "_run_all",
        lambda names, request, jobs, advance: used.append((names, jobs)) or run_all(names, request, 1, advance),
    )
    assert [outcome.name for outcome in report.run(["a", "b", "c"], jobs=2, progress=False)] == ["a", "b", "c"]
    assert used == [(["b", "c"], 2), (["a"], 1)]


def test_studies_on_request_run_when_named_or_in_full_and_last(studies: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    studies("a_time", head="ON_REQUEST = True")
    studies("b", head="FULL = {'largest': 7}")
    ran = counted(monkeypatch)
    assert [outcome.name for outcome in report.run(progress=False)] == ["b"]
    assert [outcome.name for outcome in report.run(["a_time"], progress=False)] == ["a_time"]
    full = report.run(full=True, progress=False)
    assert [outcome.name for outcome in full] == ["a_time", "b"]
    assert full[1].results == {"largest": 7}
    assert ran == ["b", "a_time", "b", "a_time"]


def test_what_is_left_out_is_named_on_the_page(studies: Any, tmp_path: Path) -> None:
    studies("a_time", head="ON_REQUEST = True")
    studies("b")
    report.write(tmp_path / "out", progress=False)
    assert "report --only a_time" in (tmp_path / "out" / "index.html").read_text(encoding="utf-8")


def test_a_study_without_its_data_is_skipped_in_plain_sight(studies: Any, tmp_path: Path) -> None:
    studies("one", head="NEEDS = {'no_such_module': 'no-such-package'}", measured="0.0")
    studies("two")
    assert report.write(tmp_path, progress=False)
    text = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "needs no-such-package" in text and "ssm-numerics[data]" in text and 'v SKIP"' in text
    record = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    assert record["claims"] == 1
    assert record["studies"]["one"]["verdict"] == "SKIP"
    assert record["studies"]["one"]["claims"] == []
    with pytest.raises(ImportError, match=r"one needs no-such-package.*ssm-numerics\[data\]"):
        report.run(["one"], progress=False)


def test_nothing_but_skipped_studies_is_no_success() -> None:
    assert not report.summary([Outcome("one", skipped="needs more")])["passed"]


def test_processes_give_what_one_process_gives(tmp_path: Path) -> None:
    names = ["gating_is_backward_euler", "zoh_vs_bilinear"]
    alone = report.run(names, small=True, progress=False)
    together = report.run(names, small=True, jobs=2, figures=True, progress=False, kept=tmp_path)
    for one, other in zip(alone, together, strict=True):
        assert (one.name, one.claims, one.results) == (other.name, other.claims, other.results)
        assert other.picture.startswith("data:image/svg+xml;base64,")
    assert sorted(path.stem for path in tmp_path.iterdir()) == sorted(names)


def test_a_process_that_dies_is_an_error_of_its_studies(monkeypatch: pytest.MonkeyPatch) -> None:
    class Future:
        def result(self) -> Outcome:
            raise ChildProcessError("killed")

    class Pool:
        def __init__(self, *args: Any, **kwargs: Any) -> None: ...
        def submit(self, *args: Any) -> Future:
            return Future()

        def shutdown(self, **kwargs: Any) -> None: ...

    monkeypatch.setattr(_study_runs, "ProcessPoolExecutor", Pool)
    monkeypatch.setattr(_study_runs, "as_completed", list)
    outcomes = report.run(["gating_is_backward_euler", "delta_form"], jobs=2, progress=False)
    assert [outcome.error for outcome in outcomes] == ["ChildProcessError: killed"] * 2


def test_small_and_full_exclude_each_other() -> None:
    with pytest.raises(ValueError, match="`full` must be False for the small form"):
        report.run(small=True, full=True)


def test_a_study_that_cannot_be_loaded_shows_its_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(name: str) -> ModuleType:
        raise SyntaxError("no colon")

    monkeypatch.setattr(study, "load", load)
    assert not study.on_request("delta_form")
    assert report.run(["delta_form"], progress=False)[0].error == "SyntaxError: no colon"
