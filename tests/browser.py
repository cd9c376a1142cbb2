"""A headless Chromium, driven through its debugging pipe (JSON messages that end with a zero byte on the descriptors 3
and 4), so that nothing beyond the standard library is needed. Tests that use it are skipped where none is installed.
"""

from __future__ import annotations

import json
import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
PATH = next(filter(None, map(shutil.which, BROWSERS)), None)
FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run")
COMPLAINTS = ("Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded", "Network.loadingFailed")

needed = pytest.mark.skipif(PATH is None, reason=f"no browser found: {', '.join(BROWSERS)}")


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
        self.home: tuple[str, ...] = ("data:",)

    def open(self, page: Path | str, scheme: str = "light", width: int = 1280) -> None:
        """Show a file or an address in a tab of its own, and wait until its pictures are there."""
        self.session, self.said = "", []
        address = page if isinstance(page, str) else page.as_uri()
        self.home = ("file:", "data:") if isinstance(page, Path) else (address, "data:", "blob:")
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(f"{domain}.enable")
        self.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.send("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        self.send("Page.navigate", url=address)
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
        if message.get("method") in COMPLAINTS or not url.startswith(self.home):
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
