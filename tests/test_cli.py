"""The command line: what it prints, its exit status, and that it teaches."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

from ssm_numerics import __main__ as cli

FAST = "gating_is_backward_euler"


@pytest.mark.parametrize("command", [[], ["report"], ["verify"], ["spectrum"], ["bench"], ["golden"], ["info"]])
def test_help_shows_examples(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        cli.main([*command, "--help"])
    printed = capsys.readouterr().out
    assert stop.value.code == 0
    assert "examples:" in printed
    assert f"ssm-numerics {command[0] if command else 'report'}" in printed


def test_info_as_json_names_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["info", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["packages"]["numpy"] == np.__version__


def test_info_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["info"]) == 0
    assert f"numpy          {np.__version__}" in capsys.readouterr().out


def test_verify_prints_every_claim(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["verify", "--small", FAST]) == 0
    printed = capsys.readouterr()
    assert printed.out.count("PASS") == 4
    assert "4 of 4 claims hold" in printed.out
    assert FAST in printed.err


def test_verify_as_json_prints_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["verify", "--small", "--json", FAST]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["passed"] is True
    assert list(record["studies"]) == [FAST]


def test_spectrum_of_a_triangular_family(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["spectrum", "legs", "-n", "5"]) == 0
    values = [tuple(map(float, line.split())) for line in capsys.readouterr().out.splitlines()]
    assert sorted(values) == [(-5, 0), (-4, 0), (-3, 0), (-2, 0), (-1, 0)]


def test_spectrum_of_the_normal_part_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["spectrum", "lagt", "-n", "2", "--normal", "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    # S = [[0, 1/2], [-1/2, 0]] has the eigenvalues ±i/2; the two entries are formed without rounding.
    assert record["imag"] == pytest.approx([0.5, -0.5], rel=4 * 2.0**-53)
    assert record["N"] == 2


@pytest.mark.parametrize("ending", ["npy", "txt", "csv"])
def test_spectrum_of_a_file(ending: str, tmp_path, capsys: pytest.CaptureFixture[str]) -> None:
    path, matrix = tmp_path / f"matrix.{ending}", np.array([[-1.0, 0.0], [1.0, -3.0]])
    if ending == "npy":
        np.save(path, matrix)
    else:
        np.savetxt(path, matrix, delimiter="," if ending == "csv" else " ")
    assert cli.main(["spectrum", str(path)]) == 0
    assert sorted(capsys.readouterr().out.splitlines()) == ["-1 0", "-3 0"]


def test_spectrum_draws_a_picture(tmp_path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "spectrum.png"
    assert cli.main(["spectrum", "s4d-lin", "-n", "8", "--plot", str(path)]) == 0
    assert path.read_bytes().startswith(b"\x89PNG")
    assert len(capsys.readouterr().out.splitlines()) == 8


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["spectrum", "nonsense"], ["family", "legs", "nonsense"]),
        (["spectrum", "legs", "-n", "0"], ["`N`", "at least 1"]),
        (["spectrum", "legs", "--theta", "2"], ["theta"]),
        (["spectrum", "s4d-lin", "--normal"], ["normal", "s4d-lin"]),
        (["spectrum", "no-such-file.npy"], ["no-such-file.npy"]),
        (["verify", "nonsense"], ["study", FAST, "nonsense"]),
        (["verify", "--only", "nonsense"], ["study", FAST, "nonsense"]),
        (["verify", "--jobs", "0"], ["`jobs`", "at least 1"]),
        (["verify", "--small", "--full"], ["`full`", "small"]),
    ],
)
def test_bad_input_is_one_sentence_and_status_2(
    arguments: list[str], words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(arguments) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("ssm-numerics: ")
    assert printed.err.count("\n") == 1
    assert all(word in printed.err for word in words)


def test_unknown_command_is_status_2() -> None:
    with pytest.raises(SystemExit) as stop:
        cli.main(["nonsense"])
    assert stop.value.code == 2


def test_it_runs_as_a_module_without_a_terminal() -> None:
    command = [sys.executable, "-m", "ssm_numerics", "info", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL)
    assert json.loads(done.stdout)["python"]
    assert "\x1b" not in done.stdout + done.stderr
