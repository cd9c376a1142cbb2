"""The package opens no connection: every public call, and a study, with sockets that refuse."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from ssm_numerics import __main__ as cli
from tests.reliability import surface


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("a connection was asked for")

    for name in ("connect", "connect_ex", "sendto", "bind"):
        monkeypatch.setattr(socket.socket, name, refuse)
    for name in ("create_connection", "getaddrinfo", "gethostbyname"):
        monkeypatch.setattr(socket, name, refuse)


@pytest.mark.usefixtures("no_network")
def test_no_call_connects(capsys: pytest.CaptureFixture[str]) -> None:
    for function, arguments in surface.calls().values():
        function(**arguments)
    assert cli.main(["verify", "--small", "--jobs", "1", "gating_is_backward_euler"]) == 0
    assert cli.main(["info"]) == 0
    assert capsys.readouterr().err.count("a connection was asked for") == 0
