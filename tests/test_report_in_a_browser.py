"""The report in a headless Chromium: no error on its console, every figure visible, every link leads somewhere."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from ssm_numerics import report
from tests import browser as browsers
from tests.browser import Browser

STUDIES = ["gating_is_backward_euler", "zoh_vs_bilinear"]

pytestmark = browsers.needed


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    running = Browser(tmp_path_factory.mktemp("profile"))
    yield running
    running.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("report")
    report.write(out, STUDIES, small=True, progress=False)
    return out


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_page_is_whole(scheme: str, width: int, folder: Path, browser: Browser) -> None:
    browser.open(folder / "index.html", scheme, width)
    figures = browser.value(
        "[...document.images].map(i => { i.scrollIntoView(); const b = i.getBoundingClientRect();"
        " return [i.complete, i.naturalWidth, b.width, b.height, b.bottom > 0 && b.top < innerHeight] })"
    )
    assert len(figures) == browser.value("document.querySelectorAll('section').length") > 0
    for complete, natural, wide, high, seen in figures:
        assert complete and seen and natural > 100 and wide > 200 and high > 50
    assert browser.value("document.documentElement.scrollWidth") <= width  # nothing sticks out at the side
    assert browser.value(CONTRAST) >= 4.5  # level AA of the Web Content Accessibility Guidelines
    assert browser.value("getComputedStyle(document.body).backgroundColor") == GROUND[scheme]
    for link in set(browser.value("[...document.links].map(a => a.getAttribute('href'))")):
        if link.startswith("#"):
            browser.value(f"document.querySelector('a[href={json.dumps(link)}]').click()")
            place = browser.value(f"document.getElementById({link[1:]!r}).getBoundingClientRect().top")
            assert -1 <= place < 900, link
        else:
            assert (folder / link).is_file()
    assert browser.said == []


def test_keyboard_reaches_every_link_and_table_in_order(folder: Path, browser: Browser) -> None:
    browser.open(folder / "index.html")
    reached = []
    wanted = browser.value("[...document.querySelectorAll('a, [tabindex]')].map(e => e.outerHTML.slice(0, 200))")
    for _ in wanted:
        for kind in ("rawKeyDown", "keyUp"):
            browser.send("Input.dispatchKeyEvent", type=kind, key="Tab", code="Tab", windowsVirtualKeyCode=9)
        reached.append(browser.value("document.activeElement.outerHTML.slice(0, 200)"))
    assert reached == wanted
    assert reached[0].startswith('<a class="skip"')
    assert browser.said == []


def test_a_screen_reader_finds_headings_tables_and_words_for_pictures(folder: Path, browser: Browser) -> None:
    browser.open(folder / "index.html")
    nodes = browser.send("Accessibility.getFullAXTree")["nodes"]
    names: dict[str, list[str]] = {}
    for node in nodes:
        if not node["ignored"]:
            names.setdefault(node["role"]["value"], []).append(node.get("name", {}).get("value", ""))
    assert len(names["heading"]) == 1 + len(STUDIES) + 1
    assert names["main"] and names["navigation"] == ["Contents"]
    assert len(names["image"]) == len(STUDIES) and all(len(words) > 40 for words in names["image"])
    assert len(names["table"]) == 1 + len(STUDIES)
    assert names["columnheader"][:2] == ["Study", "Claims that hold"]
    assert len(names["rowheader"]) > 2 * len(STUDIES)


def test_it_prints(folder: Path, browser: Browser) -> None:
    browser.open(folder / "index.html", "dark")
    assert base64.b64decode(browser.send("Page.printToPDF")["data"]).startswith(b"%PDF")
    browser.send("Emulation.setEmulatedMedia", media="print", features=[DARK])
    assert browser.value("getComputedStyle(document.body).backgroundColor") == GROUND["light"]
    assert browser.said == []


DARK = {"name": "prefers-color-scheme", "value": "dark"}
GROUND = {"light": "rgb(255, 255, 255)", "dark": "rgb(20, 24, 31)"}
CONTRAST = """
(() => {
  const light = c => { const [r, g, b] = c.match(/[\\d.]+/g).map(Number).map(v => v / 255)
                         .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
                       return 0.2126 * r + 0.7152 * g + 0.0722 * b };
  const ground = e => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor;
                        if (!c.startsWith('rgba(0, 0, 0, 0')) return c } return 'rgb(255, 255, 255)' };
  const all = document.querySelectorAll('p, a:not(.skip), th, td, dt, dd, code, h1, h2, figcaption, .v');
  return Math.min(...[...all].map(e => {
    const [a, b] = [light(getComputedStyle(e).color), light(ground(e))];
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05) }));
})()
"""
