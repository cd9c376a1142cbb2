"""Serves the explorer to this machine and no other."""

from __future__ import annotations

from collections.abc import Callable

HOST = "127.0.0.1"


def serve(port: int = 0, browser: bool = True, ready: Callable[[str], None] = print) -> None:
    """Serve the page on the loopback interface until interrupted; 0 takes any free port.

    Raises
    ------
    ImportError
        Without Bokeh.
    OSError
        If the port is taken.
    """
    try:
        from bokeh.server.server import Server
    except ImportError:
        raise ImportError('The explorer needs Bokeh: python -m pip install "ssm-numerics[explore]".') from None
    from .page import Page

    server = Server({"/": lambda document: Page(document) and None}, address=HOST, port=port)
    server.start()
    if browser:
        server.io_loop.add_callback(server.show, "/")
    ready(f"http://localhost:{server.port}/")
    try:
        server.io_loop.start()
    except KeyboardInterrupt:
        server.stop()
