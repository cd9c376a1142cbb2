"""The explorer: every combination of controls gives numbers or sentences, and the page works in a browser."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ssm_numerics.explorer.view import DISCRETIZATIONS, KERNEL_METHODS, SOURCES, Settings, look
from tests import browser as browsers
from tests.browser import Browser

U = 2.0**-53

pytest.importorskip("flint", reason="the reference is ball arithmetic")


@settings(max_examples=8)
@given(
    st.builds(
        Settings,
        st.sampled_from(SOURCES),
        N=st.integers(1, 5),
        dt=st.floats(-5, 2).map(lambda e: 10.0**e),
        L=st.sampled_from([1, 16]),
        discretization=st.sampled_from(DISCRETIZATIONS),
        alpha=st.floats(0, 1),
        method=st.sampled_from(KERNEL_METHODS),
    )
)
def test_every_combination_gives_numbers_or_sentences(chosen: Settings) -> None:
    view = look(chosen)
    for sentence in view.messages:
        assert sentence.endswith(".") and "\n" not in sentence and "Traceback" not in sentence
    assert (view.K is None) <= bool(view.messages)
    if view.error is not None:
        assert view.resolution is not None and view.resolution <= 2 * U  # the midpoint's rounding and the ball's radius
        assert view.error.shape == view.K.shape and np.isfinite(view.error).all()


def test_errors_are_those_of_the_kernel_shown() -> None:
    view = look(Settings("legs", N=8, L=64, method="krylov_blocked"))
    assert view.info is not None and view.info.method == "krylov_blocked"
    assert view.report is not None and view.report.predicted_error is not None
    assert 0 < view.error.max() <= 1000 * U  # what the method promises
    assert view.poles == pytest.approx((1 - 0.005 * np.arange(1, 9)) / (1 + 0.005 * np.arange(1, 9)), rel=8 * U)


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    pytest.importorskip("bokeh", reason="the page is drawn with Bokeh, the extra `explore`")
    command = [sys.executable, "-m", "ssm_numerics", "explore", "--no-browser"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        yield server.stdout.readline().strip()
        server.terminate()


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="listening sockets are listed by Linux only")
def test_it_listens_to_this_machine_only(address: str) -> None:
    port = f":{int(address.rstrip('/').rpartition(':')[2]):04X}"
    tables = [Path("/proc/net/tcp"), Path("/proc/net/tcp6")]
    rows = [row.split() for table in tables if table.exists() for row in table.read_text().splitlines()[1:]]
    assert {row[1] for row in rows if row[1].endswith(port) and row[3] == "0A"} == {f"0100007F{port}"}


@browsers.needed
def test_every_control_moves_the_page(address: str, tmp_path: Path) -> None:
    browser = Browser(tmp_path)
    try:
        browser.open(address, width=1350)
        state = settle(browser, {})
        assert len(browser.value(f"{DEEP}('canvas')")) >= 5 and state["messages"] == ""
        for press, words in [
            (choose("method", "krylov_blocked"), "Kernel K by krylov_blocked"),
            (choose("L", "64"), "L = 64"),
            (choose("source", "lagt"), "lagt"),
            ("N", "N=33"),
            ("dt", "dt = 0.0112"),
            (choose("discretization", "gbt"), "gbt (alpha = 0.7)"),
            ("alpha", "gbt (alpha = 0.75)"),
        ]:
            if press in ("N", "dt", "alpha"):
                push(browser, press)
            else:
                browser.value(press)
            state = settle(browser, state)
            assert words == "lagt" or words in json.dumps(state), state
            assert state["errors"] == 64 or (words.startswith("Kernel") and state["errors"] == 512)
            assert state["messages"] == ""
        browser.value(choose("method", "vandermonde"))  # not for such a system: the package's sentence
        state = settle(browser, state)
        assert "<code>method</code> must be krylov or krylov_blocked" in state["messages"]
        assert state["errors"] == 0 and "Traceback" not in json.dumps(state)
        picture = browser.send("Page.captureScreenshot")["data"]
        assert len(picture) > 20_000  # an empty page of this size has a tenth of it
        assert [said for said in browser.said if '"type":"log"' not in said and '"type":"info"' not in said] == []
    finally:
        browser.close()


DEEP = """((selector, root = document) => { const found = [], walk = node => {
  found.push(...node.querySelectorAll(selector));
  node.querySelectorAll('*').forEach(e => e.shadowRoot && walk(e.shadowRoot)) }; walk(root); return found })"""
"""All elements that match, inside of shadow roots too, where Bokeh keeps its widgets."""

STATE = """(() => { const page = window.Bokeh?.documents[0], text = name => page?.get_model_by_name(name)?.text ?? '';
  const errors = page?.get_model_by_name('errors');
  return {status: text('status'), messages: text('messages'), report: text('report'),
          title: page?.get_model_by_name('kernel')?.title.text, errors: errors?.renderers[0].data_source.length} })()"""


def settle(browser: Browser, before: dict[str, Any], seconds: float = 60) -> dict[str, Any]:
    """What the page says when it has computed something new and is quiet: its parts arrive one by one."""
    end, last = time.monotonic() + seconds, before
    while time.monotonic() < end:
        state: dict[str, Any] = browser.value(STATE)
        if state == last != before and state["status"].startswith("Δ"):
            return state
        last = state
        time.sleep(0.5)
    raise AssertionError(f"nothing new within {seconds} s: {state}")


def widget(name: str) -> str:
    """JavaScript: the element that shows a control."""
    return f"Bokeh.index.find_one_by_id(Bokeh.documents[0].get_model_by_name({name!r}).id).el"


def choose(name: str, option: str) -> str:
    """JavaScript: take an entry of a list, as a hand does."""
    return (
        f"(() => {{ const list = {DEEP}('select', {widget(name)}.shadowRoot)[0]; list.value = {option!r};"
        " list.dispatchEvent(new Event('change')) })()"
    )


def push(browser: Browser, name: str) -> None:
    """Move a slider one step to the right by the keyboard."""
    browser.value(f"{DEEP}('.noUi-handle', {widget(name)}.shadowRoot)[0].focus()")
    for kind in ("rawKeyDown", "keyUp"):
        browser.send("Input.dispatchKeyEvent", type=kind, key="ArrowRight", code="ArrowRight", windowsVirtualKeyCode=39)
