"""What fuzzing has found, one case of each kind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ssm_numerics as ssm
from ssm_numerics import _stream_files
from tests.reliability import surface
from tests.reliability.test_bad_input import SENTENCE


def refused(call: Any, *arguments: Any, **named: Any) -> None:
    with pytest.raises((ValueError, TypeError)) as refusal:
        call(*arguments, **named)
    assert SENTENCE.match(str(refusal.value)), refusal.value


def test_heads_are_refused_by_a_convention_without_them() -> None:
    system = ssm.DPLR(surface.MODES, surface.P, surface.P, surface.B, surface.C[None], conjugate_pairs=True)
    layer = ssm.conventions.to_parameters(system, 0.1, "s4", 8)
    refused(ssm.conventions.convert, layer, "s4", "scipy", 8, "bilinear")


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("structured", {"alpha": []}),
        ("structured", {"alpha": {}}),
        ("structured", {"C": np.ones(2)}),
        ("dplr", {"pairs": np.ones(3)}),
        ("dplr", {"pairs": np.ones(2, dtype=bool)}),
        ("dplr", {"stored": 6}),
        ("dense", {"pairs": np.ones(3, dtype=bool)}),
    ],
)
def test_state_files_that_are_signed_but_senseless_are_refused(
    tmp_path: Path, name: str, changed: dict[str, Any]
) -> None:
    """Files whose checksum is right are read as what they say, which need not fit together."""
    path = tmp_path / "stream"
    stream = ssm.Stream(surface.systems()[name], 0.1, "bilinear" if name == "structured" else "zoh")
    stream.save(path)
    header, arrays = _stream_files.unpacked(path.read_bytes())
    for key, value in changed.items():
        if isinstance(value, np.ndarray):
            arrays[f"system.{key}" if key == "C" else key] = value
        else:
            (header if key in header else header["system"])[key] = value
    path.write_bytes(_stream_files._packed(header, arrays))
    refused(ssm.Stream.load, path)


def test_a_tolerance_below_rounding_is_no_division_by_zero() -> None:
    almost_contracting = surface.A * [[1e-10, 1, 1], [1, 1, 1], [1, 1, 1]]
    assert ssm.kreiss_constant(almost_contracting, rtol=1e-117).value >= 1


def test_heads_and_states_that_do_not_broadcast_are_refused_where_steps_vary() -> None:
    system = ssm.StateSpace(surface.A, surface.B, surface.C, np.ones(5))
    stream = ssm.Stream(system, x0=np.ones((2, 3)))
    refused(stream.push, surface.U, dt=surface.TIMES)


def test_overflows_inside_are_no_warnings() -> None:
    largest = np.diag(np.full(3, np.finfo(float).max))
    system = ssm.DiscreteStateSpace(largest, surface.B, surface.C, 0.0, 1.0, increment=largest)
    refused(ssm.simulate, system, surface.U)
    fitter = ssm.ReadoutFitter(surface.systems()["dense"], surface.DT)
    fitter.update(np.full(6, 5e-324), surface.U)
    refused(fitter.solve)


def test_an_output_vector_that_overflows_is_refused() -> None:
    system = ssm.Diagonal(-1.0 + 1j * np.arange(4), np.ones(4), np.ones(4), 0.0, True)
    refused(ssm.conventions.restore, system, 5e-324, 7)


def test_numbers_beyond_single_precision_are_refused_in_systems_of_it() -> None:
    A, vector = -np.eye(3, dtype=np.float32), np.ones(3, dtype=np.float32)
    refused(ssm.StateSpace, A, vector, vector, 1e120)


def test_pairs_that_overflow_in_real_form_are_refused() -> None:
    largest = np.full(2, np.finfo(float).max)
    system = ssm.Diagonal([-1 + 1j, -2 + 1j], np.ones(2), largest, 0.0, True)
    refused(system.to_dense)


def test_largest_and_least_numbers_make_no_warning() -> None:
    largest = np.full(6, np.finfo(float).max)
    refused(ssm.Stream(ssm.StateSpace(surface.A, surface.B, surface.C, 0.5)).push, largest, dt=surface.TIMES)
    refused(ssm.nplr("legs", 3).to_dplr, largest[:3])
    refused(ssm.cauchy_condition, [0.5, 5e-324], [0.0, 1.0])
    report = ssm.truncation_condition(surface.systems()["dplr"], surface.DT, 4, [5e-324])
    assert np.isinf(report.magnification)


def test_nodes_that_overflow_are_no_kernel() -> None:
    system = ssm.Diagonal([-1e300 + 3e300j], [1.0], [1.0], conjugate_pairs=True)
    refused(ssm.convolution_kernel, system, 6, 0.125)


def test_a_value_of_many_lines_is_shown_on_one() -> None:
    refused(ssm.nplr, "fout", 3, theta=np.eye(3))
