"""Streams in files: an npz archive of plain arrays, a JSON header among them, and a checksum in the archive's comment.

The comment, the last bytes of the file, is the SHA-256 of every byte before it, so any truncation and any altered byte
is found before anything is read. Members are NumPy's npy format, uncompressed; `numpy.load` opens the file, too.
Versions of the format are entries of `_READERS`: each turns the contents of one version into those of the latest.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import secrets
import zipfile
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from . import _arrays, _pairs
from ._steppers import Stepper, VaryingStepper
from ._stepping import CONTINUOUS, DISCRETE
from .hippo import hippo

FORMAT = "ssm-numerics stream"
VERSION = 1
_LABEL = b"sha256 "
_COMMENT = len(_LABEL) + 64

Contents = tuple[dict[str, Any], dict[str, np.ndarray]]
"""The header, and the arrays by name."""

_READERS: dict[int, Callable[[Contents], Contents]] = {1: lambda contents: contents}

_KINDS = {kind.__name__: kind for kind in (*CONTINUOUS, *DISCRETE)}


def save(path: Any, stepper: Any, carried: tuple[np.ndarray | None, np.ndarray], method: str) -> None:
    """Write a stream: what steps it, what it carries, and by which method."""
    state, u_before = carried
    arrays = {"u_before": u_before} | ({} if state is None else {"state": state})
    header: dict[str, Any] = {"format": FORMAT, "version": VERSION, "method": method}
    if isinstance(stepper, VaryingStepper):
        system, header["rule"], header["alpha"] = stepper.system, stepper.method, stepper.alpha
    else:
        system, header["stored"] = stepper.discrete, stepper.stored
        arrays |= {} if stepper.pairs is None else {"pairs": stepper.pairs}
    header["system"] = {"kind": type(system).__name__}
    for field in fields(system):
        value = getattr(system, field.name)
        if isinstance(value, np.ndarray):
            arrays[f"system.{field.name}"] = value
        elif field.name == "operator":
            header["system"]["operator"] = {"family": value.family, "N": value.N, "parameters": value.parameters}
        elif value is not None:
            header["system"][field.name] = value
    _write(_arrays.path("path", path), _packed(header, arrays))


def load(path: Any) -> tuple[Any, tuple[np.ndarray | None, np.ndarray], str]:
    """What `save` was given."""
    file = _arrays.path("path", path)
    _arrays.memory("path", os.path.getsize(file))
    header, arrays = unpacked(file.read_bytes())
    try:
        return _stream(header, arrays)
    except Exception as error:  # whatever is wrong with them: the contents are not to be trusted
        _refuse(f"what it holds is no stream ({error})")


def _stream(header: dict[str, Any], arrays: dict[str, np.ndarray]) -> tuple[Any, Any, str]:
    stepper: Any
    system = _system(header["system"], arrays)
    if isinstance(system, CONTINUOUS):
        stepper = VaryingStepper(system, header["rule"], header["alpha"])
    else:
        stepper = Stepper(system, *_stored(header["stored"], arrays.get("pairs"), system))
    state = None if "state" not in arrays else stepper.check_state(arrays["state"]).copy()
    method = _arrays.choice("method", header["method"], ("recurrence", "auto", "chunked"))
    return stepper, (state, _arrays.numeric("u_before", arrays["u_before"]).copy()), method


def _stored(count: Any, pairs: np.ndarray | None, system: Any) -> tuple[int, np.ndarray | None]:
    """The length of stored states, and which of them had a partner before the system became dense."""
    stored = _arrays.count("stored", count)
    if pairs is not None:
        _arrays.trailing("pairs", pairs, (stored,), "the stored states")
        pairs = _pairs.mask(pairs, stored)
    states = stored if pairs is None else stored + int(pairs.sum())
    _arrays.trailing("C", system.C, (states,), "the stored states")
    return stored, pairs


def _system(described: dict[str, Any], arrays: dict[str, np.ndarray]) -> Any:
    """The system from its class's name, its plain fields, and its arrays."""
    plain = dict(described)
    kind: Any = _KINDS[_arrays.choice("kind", plain.pop("kind"), _KINDS)]
    given = {name.removeprefix("system."): array for name, array in arrays.items() if name.startswith("system.")}
    if "operator" in plain:
        operator = plain.pop("operator")
        _arrays.trailing("C", given["C"], (operator["N"],), "the operator's states")
        plain["operator"] = hippo(operator["family"], operator["N"], **operator["parameters"])
    return kind(**plain, **given)


def _packed(header: dict[str, Any], arrays: dict[str, np.ndarray]) -> bytes:
    """The bytes of a file."""
    words = np.frombuffer(json.dumps(header, sort_keys=True).encode(), dtype=np.uint8)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, array in ({"header": words} | arrays).items():
            member = io.BytesIO()
            np.lib.format.write_array(member, np.array(array, order="C"), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), member.getvalue())
        archive.comment = bytes(_COMMENT)
    body = buffer.getvalue()[:-_COMMENT]
    return body + _checksum(body)


def unpacked(data: bytes) -> Contents:
    """The header and the arrays of a file, in the latest version, once its checksum is right."""
    body, comment = data[:-_COMMENT], data[-_COMMENT:]
    if not comment.startswith(_LABEL) or comment != _checksum(body):
        _refuse("its checksum is not that of its contents: it was cut short or altered, or is something else")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            arrays = {info.filename.removesuffix(".npy"): _array(archive, info) for info in archive.infolist()}
        header = json.loads(arrays.pop("header").tobytes())
        is_ours, version = header["format"] == FORMAT, header["version"]
    except Exception as error:
        _refuse(f"it cannot be read ({error})")
    if not is_ours or version not in list(_READERS):
        _refuse(f"it is {header['format']!r} of version {version!r}, and versions {list(_READERS)} are known")
    return _READERS[version]((header, arrays))


def _array(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> np.ndarray:
    """One member; its size is that of its bytes, whatever its header says, and pickles are not numbers."""
    if info.compress_type != zipfile.ZIP_STORED:
        raise ValueError("a member is compressed")
    member = io.BytesIO(archive.read(info))
    version = np.lib.format.read_magic(member)
    read_header = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}[version]
    shape, fortran, dtype = read_header(member)
    if dtype.hasobject or fortran:
        raise ValueError("a member holds objects or columns")
    return np.frombuffer(member.read(), dtype=dtype).reshape(shape)


def _write(path: Path, data: bytes) -> None:
    """Write a new file beside the old one and put it in its place, so that a reader finds one of the two, whole."""
    beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with beside.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def _checksum(body: bytes) -> bytes:
    return _LABEL + hashlib.sha256(body).hexdigest().encode()


def _refuse(found: str) -> NoReturn:
    _arrays.fail("path", "be a whole and unaltered state file of a stream", found)
