"""The built documentation in a headless Chromium: every formula is drawn, every picture has words, nothing is fetched.

`nox -s docs` builds the pages and runs this; skipped where docs/_build/html is not there.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import browser as browsers
from tests.browser import Browser

HTML = Path(__file__).resolve().parents[1] / "docs" / "_build" / "html"
PAGES = sorted(path.relative_to(HTML).as_posix() for path in HTML.rglob("*.html") if "_static" not in path.parts)

pytestmark = [browsers.needed, pytest.mark.skipif(not PAGES, reason="the pages have not been built: nox -s docs")]


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    running = Browser(tmp_path_factory.mktemp("profile"))
    yield running
    running.close()


@pytest.mark.parametrize("page", PAGES or [""])
def test_page_is_whole_without_a_network(page: str, browser: Browser) -> None:
    browser.open(HTML / page, width=1280)
    drawn, written, failed = browser.value(FORMULAS)
    assert drawn == written and failed == 0
    assert browser.value("[...document.images].filter(i => !i.complete || !i.naturalWidth).map(i => i.src)") == []
    assert browser.value(WORDLESS) == []
    assert browser.value("document.documentElement.scrollWidth") <= 1280  # nothing sticks out at the side
    assert browser.said == []


FORMULAS = """(async () => {
  const formulas = document.querySelectorAll('span.math, div.math');
  if (formulas.length) await MathJax.startup.promise;
  const count = selector => document.querySelectorAll(selector).length;
  return [count('.math > mjx-container'), formulas.length, count('[data-mml-node=merror]')] })()"""

WORDLESS = """[...document.images].filter(i => (i.alt || '').length < 20 && !i.closest('.sphx-glr-thumbcontainer'))
  .map(i => i.src)"""
"""Thumbnails stand beside the title that they link to, which a reader would hear twice."""
