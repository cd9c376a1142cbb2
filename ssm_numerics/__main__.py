"""The command line: `ssm-numerics report|verify|spectrum|explore|bench|golden|info`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

EXAMPLES = """\
examples:
  ssm-numerics report                        run every study, write ssm-report/index.html and results.json
  ssm-numerics report --only precision       only one study
  ssm-numerics verify --small                check the claims quickly, without pictures
  ssm-numerics spectrum legs -n 64           eigenvalues of a HiPPO matrix
  ssm-numerics spectrum legt -n 32 --normal  eigenvalues of its normal part, the modes that S4 starts from
  ssm-numerics explore                       turn a system over by hand, on a page in the browser
  ssm-numerics bench --only simulate         time simulations against what else there is
  ssm-numerics golden --out golden           certified kernels in files, for tests in any language
  ssm-numerics info --json                   versions and devices, for a bug report

exit status: 0 if all is well, 1 if a claim fails, 2 if the request makes no sense or a package is missing.
"""
DIAGONAL_INITS = ("s4d-lin", "s4d-inv", "s4d-legs", "s4d-real")
FILES = (".npy", ".txt", ".csv")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    parser = build_parser()
    arguments = parser.parse_args(argv)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal without Greek letters prints ? instead of stopping
    try:
        return int(arguments.command(arguments))
    except (ValueError, TypeError, ImportError, OSError) as error:
        print(f"ssm-numerics: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def build_parser() -> argparse.ArgumentParser:
    """The parser of all commands; every `--help` shows examples."""
    parser = _parser(
        argparse.ArgumentParser,
        prog="ssm-numerics",
        description="Numerical analysis of structured state space models: claims, measured and checked.",
        epilog=EXAMPLES,
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    report = _command(
        commands,
        "report",
        run_report,
        "run the studies and write one self-contained page",
        "Writes index.html (works offline, pictures inside) and results.json into a folder. Takes one to two minutes; "
        "studies that an earlier run into the same folder finished are run again only if something has changed.",
        "examples:\n  ssm-numerics report\n  ssm-numerics report --small --output /tmp/quick\n"
        "  ssm-numerics report --only kernel_equivalence precision\n  ssm-numerics report --full --jobs 1\n",
    )
    _study_arguments(report)
    report.add_argument("--fresh", action="store_true", help="run finished studies again, too")
    report.add_argument("-o", "--output", default="ssm-report", metavar="FOLDER", help="where to write [%(default)s]")

    verify = _command(
        commands,
        "verify",
        run_verify,
        "check the claims, without pictures",
        "Runs the studies and prints every claim with its measured number and its bound.",
        "examples:\n  ssm-numerics verify\n  ssm-numerics verify --small --json | jq .passed\n",
    )
    _study_arguments(verify)

    spectrum = _command(
        commands,
        "spectrum",
        run_spectrum,
        "eigenvalues of a family, an initialization or your own matrix",
        "Prints one eigenvalue a line (real part, imaginary part) by descending imaginary part.",
        "examples:\n  ssm-numerics spectrum legs -n 64\n  ssm-numerics spectrum s4d-inv -n 64 --plot spectrum.png\n"
        "  ssm-numerics spectrum legt -n 32 --normal --json\n  ssm-numerics spectrum my_matrix.npy\n",
    )
    spectrum.add_argument(
        "source",
        metavar="SOURCE",
        help="legs, legt, lmu, lagt, glagt, fout or foud; s4d-lin, s4d-inv, s4d-legs or s4d-real; "
        "or a square matrix in a .npy, .txt or .csv file",
    )
    spectrum.add_argument("-n", type=int, default=64, metavar="N", help="number of states [%(default)s]")
    spectrum.add_argument("--normal", action="store_true", help="the normal part of the NPLR form instead of A itself")
    for name, text in (("theta", "window of legt and lmu"), ("alpha", "shape of glagt"), ("beta", "decay of glagt")):
        spectrum.add_argument(f"--{name}", type=float, metavar=name.upper(), help=text)
    spectrum.add_argument("--plot", metavar="FILE", help="also draw it, as .png, .svg or .pdf")

    explore = _command(
        commands,
        "explore",
        run_explore,
        "turn a system over by hand, on a page in the browser",
        "Serves one page to this machine and no other, until interrupted: family, size, step, discretization and "
        "kernel method, and what follows from them: spectrum, stability, kernel, error, condition report.",
        "examples:\n  ssm-numerics explore\n  ssm-numerics explore --port 5006 --no-browser\n",
        json=False,
    )
    explore.add_argument("--port", type=int, default=0, metavar="PORT", help="where to listen [any that is free]")
    explore.add_argument("--no-browser", action="store_true", help="only print the address")

    bench = _command(
        commands,
        "bench",
        run_bench,
        "time the package against what a user would pick instead",
        "Checks and times every implementation that is installed, side by side in one process. Takes about three "
        "minutes. Errors are in units of rounding; slow peers are run in part and scaled, which the table says.",
        "examples:\n  ssm-numerics bench\n  ssm-numerics bench --only s4-kernel --threads 1\n"
        "  ssm-numerics bench --json bench.json\n  ssm-numerics bench --cold   # import and first calls\n",
        json=False,
    )
    bench.add_argument("--json", nargs="?", const="-", metavar="FILE", help="also write JSON; without FILE, only JSON")
    bench.add_argument("--only", metavar="PATTERN", help="cases whose name contains PATTERN")
    bench.add_argument("--threads", type=int, metavar="K", help="processors to use, BLAS included [all]")
    bench.add_argument("--repeat", type=int, default=9, metavar="R", help="most runs of each [%(default)s]")
    bench.add_argument("--small", action="store_true", help="small sizes: whether everything works, not how fast")
    bench.add_argument("--cold", action="store_true", help="first calls in fresh processes instead")

    golden = _command(
        commands,
        "golden",
        run_golden,
        "certified kernels in files, for tests in any language",
        "Writes certified kernels of HiPPO, diagonal and low-rank systems under every discretization, as JSON with "
        "hexadecimal floats and as npz, and a manifest with checksums. Takes seconds. docs/golden.md describes it.",
        "examples:\n  ssm-numerics golden --out golden\n  ssm-numerics golden --out /tmp/golden --small\n",
    )
    golden.add_argument("-o", "--out", default="golden", metavar="DIR", help="where to write [%(default)s]")
    golden.add_argument("--small", action="store_true", help="few orders, one step, short kernels")

    _command(
        commands,
        "info",
        run_info,
        "versions and the machine",
        "Prints what the numbers depend on.",
        "examples:\n  ssm-numerics info\n  ssm-numerics info --json\n",
    )
    return parser


def run_report(arguments: argparse.Namespace) -> int:
    """Write the page; 1 if a claim fails."""
    from . import report

    output = Path(arguments.output)
    passed = report.write(output, **_studies(arguments), fresh=arguments.fresh)
    if arguments.json:
        print((output / "results.json").read_text(encoding="utf-8"), end="")
    else:
        print(f"{'All claims hold' if passed else 'Some claims do not hold'}; see {output / 'index.html'}")
    return 0 if passed else 1


def run_verify(arguments: argparse.Namespace) -> int:
    """Print the claims; 1 if one fails."""
    from . import report, study

    report.require({"flint": "python-flint"})
    outcomes = report.run(**_studies(arguments))
    facts = report.summary(outcomes)
    if arguments.json:
        record = facts | {"studies": {outcome.name: outcome.to_dict() for outcome in outcomes}}
        print(study.to_json(record), end="")
        return 0 if facts["passed"] else 1
    for outcome in outcomes:
        print(outcome.question)
        for claim in outcome.claims:
            print(f"  {claim}")
        if outcome.error or outcome.skipped:
            print(f"  {outcome.verdict}  {outcome.skipped or f'stopped with {outcome.error}'}")
    print(f"{facts['claims_that_hold']} of {facts['claims']} claims hold.")
    return 0 if facts["passed"] else 1


def run_spectrum(arguments: argparse.Namespace) -> int:
    """Print eigenvalues, one a line, and on standard error how far they can be trusted."""
    import numpy as np

    from . import study
    from .conditioning import spectrum

    result = spectrum(_source(arguments))
    if arguments.plot:
        from . import plotting

        with plotting.style():
            figure, grid = plotting.new_figure(width=5.0, height=4.2)
            plotting.spectrum(result, grid[0, 0])
            plotting.save(figure, arguments.plot)
    values = np.ravel(result.eigenvalues).astype(complex) + 0.0
    if arguments.json:
        facts = {"trusted": result.trusted, "statement": result.statement}
        record = {"source": arguments.source, "N": values.size, "real": values.real, "imag": values.imag} | facts
        print(study.to_json(record), end="")
    else:
        print(result.statement, file=sys.stderr)
        for value in values:
            print(f"{value.real:.17g} {value.imag:.17g}")
    return 0


def run_explore(arguments: argparse.Namespace) -> int:
    """Serve the explorer until it is interrupted."""
    from .explorer import server

    server.serve(arguments.port, not arguments.no_browser, lambda address: print(address, flush=True))
    return 0


def run_bench(arguments: argparse.Namespace) -> int:
    """Print times and ratios; 1 if an implementation of ours is less accurate than it may be."""
    from . import report, study
    from .benchmarks import cold, run, table

    report.require({"rich": "rich"})
    with table.progress() as progress:
        if arguments.cold:
            record: dict[str, Any] = cold.run(arguments.only, progress)
        else:
            record = run.run(arguments.only, arguments.small, arguments.repeat, arguments.threads, progress)
    if arguments.json == "-":
        print(study.to_json(record), end="")
    else:
        (table.show_cold if arguments.cold else table.show)(record)
        if arguments.json:
            Path(arguments.json).write_text(study.to_json(record), encoding="utf-8")
    return 0 if arguments.cold or run.accurate(record) else 1


def run_golden(arguments: argparse.Namespace) -> int:
    """Write golden vectors."""
    from . import golden, report, study
    from .benchmarks import table

    report.require({"flint": "python-flint", "rich": "rich"})
    with table.progress() as progress:
        manifest = golden.write(arguments.out, arguments.small, progress)
    if arguments.json:
        print(study.to_json(manifest), end="")
    else:
        print(f"{manifest['kernels']} kernels in {Path(arguments.out) / 'manifest.json'} and beside it")
    return 0


def run_info(arguments: argparse.Namespace) -> int:
    """Print versions and the machine."""
    from . import study, versions

    if arguments.json:
        print(study.to_json(versions.environment()), end="")
    else:
        versions.show_versions()
    return 0


def _source(arguments: argparse.Namespace) -> Any:
    """What `spectrum` is asked about: an operator, a diagonal system, or a matrix."""
    import numpy as np

    from . import _arrays

    source = arguments.source
    parameters = {name: getattr(arguments, name) for name in ("theta", "alpha", "beta")}
    parameters = {name: value for name, value in parameters.items() if value is not None}
    is_file = Path(source).suffix in FILES
    if is_file or source in DIAGONAL_INITS:
        if parameters or arguments.normal:
            word = "normal" if arguments.normal else next(iter(parameters))
            _arrays.fail(word, "come with a HiPPO family", f"the source is {source}")
        if not is_file:
            from .diagonal_init import diagonal_init

            return diagonal_init(source, arguments.n)
        try:
            return np.load(source) if source.endswith(".npy") else np.loadtxt(source, delimiter=_delimiter(source))
        except OSError:
            raise
        except Exception as error:  # a damaged header fails in many ways
            found = f"{source} does not ({' '.join(str(error).split())})"
        _arrays.fail("source", "hold a matrix of numbers", found)
    from .hippo import hippo

    op = hippo(source, arguments.n, **parameters)
    if not arguments.normal:
        return op
    from .nplr import nplr
    from .state_space import Diagonal

    form = nplr(op)
    return Diagonal(form.Lambda, form.B, np.ones(op.N))


def _delimiter(path: str) -> str | None:
    return "," if path.endswith(".csv") else None


def _parser(make: Any, *args: Any, **kwargs: Any) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = make(*args, formatter_class=argparse.RawDescriptionHelpFormatter, **kwargs)
    return parser


def _command(
    commands: Any, name: str, run: Any, short: str, text: str, epilog: str, json: bool = True
) -> argparse.ArgumentParser:
    parser = _parser(commands.add_parser, name, help=short, description=text, epilog=epilog)
    parser.set_defaults(command=run)
    if json:
        parser.add_argument("--json", action="store_true", help="print JSON on standard output")
    return parser


def _study_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("studies", nargs="*", metavar="STUDY", help="which studies to run [all but those on request]")
    parser.add_argument("--only", nargs="+", default=[], metavar="STUDY", help="the same")
    parser.add_argument("--small", action="store_true", help="the quick form of every study")
    parser.add_argument("--full", action="store_true", help="large sizes, and the studies on request, too")
    parser.add_argument("-j", "--jobs", type=int, metavar="N", help="processes [the cores of this machine, 4 at most]")


def _studies(arguments: argparse.Namespace) -> dict[str, Any]:
    """What `report` and `verify` both pass on."""
    from . import _parallel

    return {
        "names": arguments.studies + arguments.only or None,
        "small": arguments.small,
        "full": arguments.full,
        "jobs": min(4, _parallel.cores()) if arguments.jobs is None else arguments.jobs,
    }


if __name__ == "__main__":
    sys.exit(main())
