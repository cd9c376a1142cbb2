"""Fuzz cases of `Stream.load`: files that were cut or altered, and files with a right checksum and any contents."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

import ssm_numerics as ssm
from ssm_numerics import _stream_files
from tests.fuzz.values import Chooser, one_of, systems, value
from tests.reliability import surface

HEADERS = (
    None,
    True,
    0,
    1,
    -1,
    2,
    1e300,
    10**30,
    "",
    "legs",
    "zoh",
    "auto",
    "StateSpace",
    "DiscreteDiagonal",
    [],
    {},
    [1],
)
"""What a header may say instead."""


@cache
def saved() -> tuple[bytes, ...]:
    """Files of streams of every kind."""
    streams = [ssm.Stream(surface.systems()["diagonal"], x0=surface.MODES), ssm.Stream(surface.systems()["dplr"])]
    for system in [*surface.systems().values(), *systems()[:8]]:
        step = {"dt": 0.25, "discretization": "bilinear"} if isinstance(system, _stream_files.CONTINUOUS) else {}
        streams.append(ssm.Stream(system, method="auto", **step))
        if len(streams) % 3:
            streams[-1].push(surface.U)
    path = _path()
    files = []
    for stream in streams:
        stream.save(path)
        files.append(path.read_bytes())
    return tuple(files)


@cache
def _path() -> Path:
    surface._saved()
    return Path(surface._inside("fuzzed.npz"))


def load(choose: Chooser) -> tuple[str, Any]:
    """A call that loads a file and goes on where the stream was, and whether the file must be refused."""
    original = one_of(choose, saved())
    make, must_be_refused = one_of(choose, ALTERATIONS)
    content = make(choose, original)
    _path().write_bytes(content)
    must_be_refused = must_be_refused and content != original
    text = f"Stream.load of {len(content)} bytes, {make.__name__}"

    def call() -> None:
        stream = ssm.Stream.load(_path())
        if must_be_refused:
            raise AssertionError("an altered file was accepted")
        dt = {"dt": surface.TIMES} if stream._is_irregular else {}
        stream.push(surface.U, **dt)
        stream.save(_path())
        ssm.Stream.load(_path())

    return text, call


def overwritten(choose: Chooser, content: bytes) -> bytes:
    """Some bytes replaced."""
    altered = bytearray(content)
    for _ in range(1 + choose.below(4)):
        altered[choose.below(len(altered))] = choose.below(256)
    return bytes(altered)


def cut(choose: Chooser, content: bytes) -> bytes:
    """The beginning or the end."""
    place = choose.below(len(content))
    return content[:place] if choose.below(4) else content[place:]


def moved(choose: Chooser, content: bytes) -> bytes:
    """A piece left out, repeated, or put in elsewhere; a piece of another file."""
    first, last = sorted((choose.below(len(content)), choose.below(len(content))))
    other = one_of(choose, (b"", content, one_of(choose, saved())))
    piece = one_of(choose, (b"", other[first:last], 2 * other[first:last]))
    return content[:first] + piece + content[last:]


def signed(choose: Chooser, content: bytes) -> bytes:
    """Altered in one of these ways, with the checksum of what it now is."""
    body = one_of(choose, (overwritten, cut, moved))(choose, content)[: -_stream_files._COMMENT]
    return body + _stream_files._checksum(body)


def rewritten(choose: Chooser, content: bytes) -> bytes:
    """A well-formed file that says something else in its header or its arrays."""
    header, arrays = _stream_files.unpacked(content)
    for _ in range(1 + choose.below(2)):
        if choose.below(2):
            place = one_of(choose, (header, *(part for part in header.values() if isinstance(part, dict))))
            place[one_of(choose, (*place, "operator", "alpha"))] = one_of(choose, HEADERS)
        else:
            name = one_of(choose, (*arrays, "system.D", "state", "pairs"))
            arrays[name] = value(choose, arrays.get(name, np.ones(3)))
            if not choose.below(4):
                del arrays[name]
    try:
        return _stream_files._packed(header, arrays)
    except (ValueError, TypeError, RuntimeError, MemoryError):  # not to be written as plain arrays
        return content


def unlike(choose: Chooser, content: bytes) -> bytes:
    """Any bytes, with and without a checksum."""
    body = choose.octets(choose.below(300))
    return body + _stream_files._checksum(body) if choose.below(2) else body


ALTERATIONS = (  # and whether what they make must be refused
    (overwritten, True),
    (cut, True),
    (moved, True),
    (unlike, True),
    (signed, False),
    (signed, False),
    (rewritten, False),
    (rewritten, False),
)
