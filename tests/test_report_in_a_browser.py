"""The report in a headless Chromium: no error on its console, every figure visible, every link leads somewhere.

Skipped where no Chromium is installed. The browser is driven through its debugging pipe (JSON messages that end with a
zero byte on the descriptors 3 and 4), so that nothing beyond the standard library is needed.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from ssm_numerics import report

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
PATH = next(filter(None, map(shutil.which, BROWSERS)), None)
STUDIES = ["gating_is_backward_euler", "discretization_accuracy"]

pytestmark = pytest.mark.skipif(PATH is None, reason=f"no browser found: {', '.join(BROWSERS)}")


class Browser:
    """Sends commands to one page of a browser and remembers what its console said."""

    def __init__(self, incoming: Any, outgoing: Any) -> None:
        self.incoming, self.outgoing = incoming, outgoing
        self.count, self.session, self.said = 0, None, []
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(f"{domain}.enable")

    def send(self, method: str, **params: Any) -> dict[str, Any]:
        """The result of one command; events that arrive before it are kept if they complain."""
        self.count += 1
        message = {"id": self.count, "method": method, "params": params}
        self.outgoing.write(
            json.dumps(message | ({"sessionId": self.session} if self.session else {})).encode() + b"\0"
        )
        self.outgoing.flush()
        while True:
            answer = self.receive()
            if answer.get("id") == self.count:
                assert "error" not in answer, answer
                return answer["result"]

    def receive(self) -> dict[str, Any]:
        text = b""
        while not text.endswith(b"\0"):
            byte = self.incoming.read(1)
            if not byte:
                pytest.skip("the browser cannot run here")
            text += byte
        message = json.loads(text[:-1])
        method, params = message.get("method"), message.get("params", {})
        if method in ("Runtime.exceptionThrown", "Log.entryAdded", "Runtime.consoleAPICalled", "Network.loadingFailed"):
            self.said.append(json.dumps(params))
        if method == "Network.requestWillBeSent":
            self.said += [u for u in [params["request"]["url"]] if not u.startswith(("file:", "data:"))]
        return message

    def go(self, page: Path) -> None:
        """Open a page and wait until it and its pictures are there."""
        self.send("Page.navigate", url=page.as_uri())
        while self.receive().get("method") != "Page.loadEventFired":
            pass

    def value(self, expression: str) -> Any:
        """What JavaScript says."""
        result = self.send("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")


@contextmanager
def browser(profile: Path) -> Iterator[Browser]:
    """A headless browser with an empty profile, ended afterwards."""
    (to_read, to_write), (from_read, from_write) = os.pipe(), os.pipe()
    flags = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run")
    arguments = [str(PATH), *flags, "--disable-background-networking", "--remote-debugging-pipe"]
    # The numbers 3 and 4 may be in use here: move the ends out of the way first.
    ends = [os.dup(to_read), os.dup(from_write)]
    null = os.open(os.devnull, os.O_RDWR)
    actions = [(os.POSIX_SPAWN_DUP2, end, number) for end, number in zip([*ends, null], (3, 4, 2), strict=True)]
    environment = os.environ | {"HOME": str(profile)}
    process = os.posix_spawn(PATH, [*arguments, f"--user-data-dir={profile}"], environment, file_actions=actions)
    for descriptor in (to_read, from_write, *ends, null):
        os.close(descriptor)
    with os.fdopen(from_read, "rb") as incoming, os.fdopen(to_write, "wb") as outgoing:
        try:
            page = Browser(incoming, outgoing)
            yield page
            page.session = None
            with suppress(BrokenPipeError):
                page.send("Browser.close")
        finally:
            os.waitpid(process, 0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("report")
    report.write(out, STUDIES, small=True, progress=False)
    return out


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_page_is_whole(scheme: str, width: int, folder: Path, tmp_path: Path) -> None:
    with browser(tmp_path) as page:
        page.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        page.send("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        page.go(folder / "index.html")
        figures = page.value(
            "[...document.images].map(i => { i.scrollIntoView(); const b = i.getBoundingClientRect();"
            " return [i.complete, i.naturalWidth, b.width, b.height, b.bottom > 0 && b.top < innerHeight] })"
        )
        assert len(figures) == len(STUDIES)
        for complete, natural, wide, high, seen in figures:
            assert complete and seen and natural > 100 and wide > 200 and high > 50
        # No part sticks out at the side, and text stands out from its ground.
        assert page.value("document.documentElement.scrollWidth") <= width
        assert page.value(CONTRAST) >= 4.5  # level AA of the Web Content Accessibility Guidelines
        links = page.value("[...document.links].map(a => a.getAttribute('href'))")
        for link in set(links):
            if link.startswith("#"):
                page.value(f"document.querySelector('a[href={json.dumps(link)}]').click()")
                place = page.value(f"document.getElementById({link[1:]!r}).getBoundingClientRect().top")
                assert -1 <= place < 900, link
            else:
                assert (folder / link).is_file()
        page.value("scrollTo(0, 0), document.activeElement.blur()")
        assert page.said == []


def test_keyboard_reaches_every_link_and_table(folder: Path, tmp_path: Path) -> None:
    with browser(tmp_path) as page:
        page.go(folder / "index.html")
        reached = []
        for _ in range(page.value("document.querySelectorAll('a, [tabindex]').length")):
            for kind in ("rawKeyDown", "keyUp"):
                page.send("Input.dispatchKeyEvent", type=kind, key="Tab", code="Tab", windowsVirtualKeyCode=9)
            reached.append(page.value("document.activeElement.outerHTML.slice(0, 200)"))
        assert len(set(reached)) >= 4
        assert reached[0].startswith('<a class="skip"')
        assert reached == [
            text[:200] for text in page.value("[...document.querySelectorAll('a, [tabindex]')].map(e => e.outerHTML)")
        ]
        assert page.said == []


def test_it_prints(folder: Path, tmp_path: Path) -> None:
    import base64

    with browser(tmp_path) as page:
        page.go(folder / "index.html")
        printed = base64.b64decode(page.send("Page.printToPDF")["data"])
        assert printed.startswith(b"%PDF")
        assert page.said == []


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
