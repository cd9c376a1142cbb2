"""Saved streams: every bit comes back, every truncation and alteration is found, and nothing in a file is executed."""

from __future__ import annotations

import io
import json
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ssm_numerics as ssm
from ssm_numerics import _stream_files, testing

from .systems import DPLR, TWO_STATES

DATA = Path(__file__).parent / "data"
RULES = ("euler", "backward_euler", "bilinear", "zoh", "foh")
SYSTEMS = TWO_STATES | {
    "diagonal": ssm.Diagonal(DPLR.Lambda, DPLR.B, np.stack([DPLR.C, 2 * DPLR.C]), [0.25, 1.0], DPLR.conjugate_pairs),
    "single": ssm.StateSpace(np.float32([[-1]]), np.float32([1]), np.float32([2])),
    "hippo": ssm.hippo("glagt", 5, alpha=0.5, beta=0.1).structured_state_space(np.ones(5)),
    "discrete": ssm.DiscreteDiagonal([0.5], [1.0], [1.0], 0.0, 1.0, B_bar_previous=[2.0]),
}
U = np.cos(np.arange(7.0))


def stream_of(kind, rule="bilinear", **kwargs):
    system = SYSTEMS[kind]
    return ssm.Stream(system, **kwargs) if kind == "discrete" else ssm.Stream(system, 0.1, rule, **kwargs)


def refused(path):
    with pytest.raises(
        ValueError, match=r"^`path` must be a whole and unaltered state file of a stream, but .*\.$"
    ) as e:
        ssm.Stream.load(path)
    return str(e.value)


@pytest.fixture
def saved(tmp_path):
    stream = stream_of("dplr", "foh")
    stream.push(U)
    stream.save(tmp_path / "stream.npz")
    return tmp_path / "stream.npz"


@pytest.mark.filterwarnings("ignore::ssm_numerics.UnstableDiscretizationWarning")
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("kind", SYSTEMS)
def test_a_loaded_stream_goes_on(kind, rule, tmp_path):
    """Fresh, after a block, and irregular: the same outputs, states, dtype, bit for bit; the file is the same twice."""
    streams = [stream_of(kind, rule), stream_of(kind, rule)]
    streams[1].push(U)
    options = [{}, {}]
    if kind != "discrete":
        streams.append(ssm.Stream(SYSTEMS[kind], discretization=rule))
        options.append({"dt": np.linspace(0.1, 0.3, 7)})
        streams[2].push(U, **options[2])
    for stream, option in zip(streams, options, strict=True):
        stream.save(tmp_path / "a")
        copy = ssm.Stream.load(tmp_path / "a")
        copy.save(tmp_path / "b")
        assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
        y, z = stream.push(U, **option), copy.push(U, **option)
        np.testing.assert_array_equal(z, y, strict=True)
        np.testing.assert_array_equal(copy.state, stream.state, strict=True)
        np.testing.assert_array_equal(copy.u_before, stream.u_before, strict=True)


@settings(max_examples=40)
@given(testing.systems(dtypes=testing.DTYPES), testing.rules(), testing.step_sizes(), testing.signals())
def test_any_system_comes_back(tmp_path_factory, system, rule, dt, u):
    path = tmp_path_factory.mktemp("streams") / "state"
    stream = ssm.Stream(system, dt, **rule, method="auto")
    y = stream.push(u)
    stream.save(path)
    np.testing.assert_array_equal(ssm.Stream.load(path).push(y.real), stream.push(y.real), strict=True)


def found(data):
    """Whether altered bytes are refused for their checksum."""
    try:
        _stream_files.unpacked(bytes(data))
    except ValueError as error:
        return "its checksum is not that of its contents" in str(error)
    return False


def test_every_truncation_is_found(saved):
    data = saved.read_bytes()
    assert all(found(data[:length]) for length in range(len(data)))
    assert found(data + b"\0") and not found(data)
    saved.write_bytes(data[:-1])
    assert "checksum" in refused(saved)


def test_every_altered_byte_is_found(saved):
    data = saved.read_bytes()
    for place, flip in enumerate(np.random.default_rng(0).integers(1, 256, len(data)).tolist()):
        assert found(data[:place] + bytes([data[place] ^ flip]) + data[place + 1 :])


def test_ten_thousand_random_corruptions_are_found(saved):
    """Bytes replaced, runs of them erased, moved, doubled or taken out."""
    data, rng = saved.read_bytes(), np.random.default_rng(0)
    for _ in range(10_000):
        begin, end = np.sort(rng.integers(0, len(data), 2))
        piece = data[begin:end]
        kind = rng.integers(5)
        changed = (rng.bytes(len(piece)), bytes(len(piece)), piece[::-1], piece + piece, b"")[kind]
        altered = data[:begin] + changed + data[end:]
        assert altered == data or found(altered)


def sealed(header, arrays, compression=zipfile.ZIP_STORED):
    """The bytes of an archive with a right checksum, whatever it holds."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, value in ({"header": np.frombuffer(json.dumps(header).encode(), np.uint8)} | arrays).items():
            member = io.BytesIO()
            np.save(member, value)
            archive.writestr(f"{name}.npy", member.getvalue())
        archive.comment = bytes(_stream_files._COMMENT)
    body = buffer.getvalue()[: -_stream_files._COMMENT]
    return body + _stream_files._checksum(body)


class Trap:
    """A pickle that would raise if it were ever opened."""

    def __reduce__(self):
        return exec, ("raise AssertionError('executed')",)


def test_whatever_else_is_sealed_is_refused(saved):
    """A right checksum around wrong contents: each is refused in one sentence, and nothing is executed."""
    header, arrays = _stream_files.unpacked(saved.read_bytes())
    system = header["system"]
    cases = [
        (header | {"format": "other"}, arrays, "it is 'other' of version 1"),
        (header | {"version": 2}, arrays, r"of version 2, and versions [1] are known"),
        (header | {"version": None}, arrays, "of version None"),
        (header | {"version": [1]}, arrays, "of version [1]"),
        ([], arrays, "cannot be read"),
        ({k: v for k, v in header.items() if k != "method"}, arrays, "'method'"),
        (header | {"method": "fft"}, arrays, "must be one of"),
        (header | {"stored": 3}, arrays, "must have shape (..., 3)"),
        (header | {"stored": "2"}, arrays, "must be an integer"),
        (header | {"system": system | {"kind": "Popen"}}, arrays, "`kind` must be one of"),
        (header | {"system": system | {"shell": True}}, arrays, "shell"),
        (header | {"system": []}, arrays, "no stream"),
        (header, {k: v for k, v in arrays.items() if k != "u_before"}, "u_before"),
        (header, {k: v for k, v in arrays.items() if k != "system.C"}, "C"),
        (header, arrays | {"state": arrays["state"] * np.nan}, "finite"),
        (header, arrays | {"state": np.ones(3)}, "must have shape"),
        (header, arrays | {"system.A_bar": np.ones((2, 2))}, "must have shape"),
        (header, arrays | {"pairs": np.array([Trap()])}, "objects"),
        (header, arrays | {"system.C": np.asfortranarray(np.ones((2, 2)))}, "columns"),
    ]
    for head, content, sentence in cases:
        saved.write_bytes(sealed(head, content))
        assert sentence in refused(saved)
    saved.write_bytes(sealed(header, arrays, zipfile.ZIP_DEFLATED))
    assert "compressed" in refused(saved)
    saved.write_bytes(sealed(header, arrays))
    ssm.Stream.load(saved)


@given(st.lists(st.tuples(st.integers(0, 2**16), st.integers(0, 255)), min_size=1, max_size=8), st.data())
def test_altered_and_sealed_again(tmp_path_factory, changes, data):
    """Corruption under a right checksum: the file loads, or it is refused in the house's sentence."""
    path = tmp_path_factory.mktemp("streams") / "state"
    stream_of(data.draw(st.sampled_from(["dense", "hippo", "discrete"]))).save(path)
    body = bytearray(path.read_bytes()[: -_stream_files._COMMENT])
    for place, value in changes:
        body[place % len(body)] = value
    path.write_bytes(bytes(body) + _stream_files._checksum(bytes(body)))
    try:
        ssm.Stream.load(path)
    except ValueError:
        refused(path)


def test_a_member_cannot_claim_more_than_it_holds(saved):
    """A header that promises 2^60 numbers allocates nothing."""
    member = io.BytesIO()
    np.lib.format.write_array_header_1_0(member, {"descr": "<f8", "fortran_order": False, "shape": (2**60,)})
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("header.npy", member.getvalue())
        archive.comment = bytes(_stream_files._COMMENT)
    body = buffer.getvalue()[: -_stream_files._COMMENT]
    saved.write_bytes(body + _stream_files._checksum(body))
    assert "cannot be read" in refused(saved)


@pytest.mark.parametrize("content", [b"", b"x" * 200, pickle.dumps(Trap()), b"PK\x05\x06" + bytes(18)])
def test_other_files_are_refused(tmp_path, content):
    (tmp_path / "state").write_bytes(content)
    assert "checksum" in refused(tmp_path / "state")


def test_names_that_are_none(tmp_path):
    with pytest.raises(FileNotFoundError):
        ssm.Stream.load(tmp_path / "nothing")
    with pytest.raises(TypeError, match=r"^`path` must be the name of a file, but it is int\.$"):
        ssm.Stream.load(3)
    with pytest.raises(TypeError, match=r"^`path` must be the name of a file, but it is NoneType\.$"):
        stream_of("dense").save(None)


def test_writing_is_atomic(saved, monkeypatch):
    """A write that fails half-way leaves the old file whole and nothing beside it."""
    before = saved.read_bytes()

    def fails(descriptor):
        raise OSError("the disk is full")

    monkeypatch.setattr(_stream_files.os, "fsync", fails)
    with pytest.raises(OSError, match="the disk is full"):
        stream_of("dense").save(saved)
    assert [path.name for path in saved.parent.iterdir()] == ["stream.npz"]
    assert saved.read_bytes() == before


def test_numpy_opens_the_file(saved):
    with np.load(saved, allow_pickle=False) as archive:
        np.testing.assert_array_equal(archive["state"], ssm.Stream.load(saved).state)
        assert json.loads(archive["header"].tobytes())["format"] == "ssm-numerics stream"


@pytest.mark.parametrize("version", list(_stream_files._READERS))
@pytest.mark.parametrize("name", ["dense", "dplr", "hippo", "irregular"])
def test_old_versions_load(version, name):
    """Files written when each version was the latest, with the outputs that their streams gave next."""
    stream = ssm.Stream.load(DATA / f"stream_{name}_version_{version}.npz")
    expected = np.load(DATA / f"stream_{name}_version_{version}_next.npy")
    y = stream.push(U, **({"dt": np.linspace(0.1, 0.3, 7)} if name == "irregular" else {}))
    # another processor may order sums over the 5 states at most, and an irregular step, otherwise
    assert np.abs(y - expected).max() <= 7 * (5 + 3) * np.finfo(float).eps * 8 * np.abs(expected).max()
