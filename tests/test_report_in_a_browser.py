"""The report in a headless Chromium: no error on its console, every figure visible, every link leads somewhere.

Skipped where no Chromium is installed. The browser is driven through its debugging pipe (JSON messages that end with a
zero byte on the descriptors 3 and 4), so that nothing beyond the standard library is needed.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from ssm_numerics import report

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
PATH = next(filter(None, map(shutil.which, BROWSERS)), None)
FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run")
STUDIES = ["gating_is_backward_euler", "zoh_vs_bilinear"]
COMPLAINTS = ("Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded", "Network.loadingFailed")

pytestmark = pytest.mark.skipif(PATH is None, reason=f"no browser found: {', '.join(BROWSERS)}")


class Browser:
    """A headless browser with an empty profile: sends commands and remembers what the console of a page said."""

    def __init__(self, profile: Path) -> None:
        (to_read, self.outgoing), (self.incoming, from_write) = os.pipe(), os.pipe()
        # The numbers 3 and 4 may be in use here: the ends are moved out of the way first.
        ends = [os.dup(to_read), os.dup(from_write), os.open(os.devnull, os.O_RDWR)]
        actions = [(os.POSIX_SPAWN_DUP2, end, number) for end, number in zip(ends, (3, 4, 2), strict=True)]
        arguments = [str(PATH), *FLAGS, "--remote-debugging-pipe", f"--user-data-dir={profile}"]
        environment = os.environ | {"HOME": str(profile)}
        self.process = os.posix_spawn(str(PATH), arguments, environment, file_actions=actions)
        for descriptor in (to_read, from_write, *ends):
            os.close(descriptor)
        self.count, self.session, self.buffer = 0, "", b""
        self.said: list[str] = []

    def open(self, page: Path, scheme: str = "light", width: int = 1280) -> None:
        """Show a page in a tab of its own, and wait until its pictures are there."""
        self.session, self.said = "", []
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(f"{domain}.enable")
        self.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.send("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        self.send("Page.navigate", url=page.as_uri())
        while self.receive().get("method") != "Page.loadEventFired":
            pass

    def send(self, method: str, **params: Any) -> dict[str, Any]:
        """The result of one command."""
        self.count += 1
        to = {"sessionId": self.session} if self.session else {}
        os.write(
            self.outgoing, json.dumps({"id": self.count, "method": method, "params": params, **to}).encode() + b"\0"
        )
        while True:
            answer = self.receive()
            if answer.get("id") == self.count:
                assert "error" not in answer, answer
                return answer["result"]

    def receive(self) -> dict[str, Any]:
        """The next message; complaints and requests to elsewhere are remembered."""
        while b"\0" not in self.buffer:
            part = os.read(self.incoming, 1 << 20)
            if not part:
                pytest.skip("the browser does not run here")
            self.buffer += part
        text, _, self.buffer = self.buffer.partition(b"\0")
        message = json.loads(text)
        params = message.get("params", {})
        url = params.get("request", {}).get("url", "data:")
        if message.get("method") in COMPLAINTS or not url.startswith(("file:", "data:")):
            self.said.append(text.decode())
        return message

    def value(self, expression: str) -> Any:
        """What JavaScript says."""
        result = self.send("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def close(self) -> None:
        self.session = ""
        with suppress(BrokenPipeError):
            os.write(self.outgoing, b'{"id": 0, "method": "Browser.close"}\0')
        os.waitpid(self.process, 0)
        os.close(self.outgoing)
        os.close(self.incoming)


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
