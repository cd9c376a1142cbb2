"""First calls: a fresh process for every public function, and what its first call compiles.

Times are processor times, which on an idle machine are what a user waits and on a busy one are what he would.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import _arrays


def _dense(ssm: Any) -> Any:
    return ssm.hippo("legs", 8).state_space(np.ones(8))


def _dplr(ssm: Any) -> Any:
    return ssm.nplr("legs", 8).to_dplr(np.ones(8))


def _diagonal(ssm: Any) -> Any:
    return ssm.diagonal_init("s4d-lin", 8)


def _kernel(system: Callable[[Any], Any], method: str = "auto", rule: str = "bilinear") -> Callable[[Any], Any]:
    return lambda ssm: ssm.convolution_kernel(system(ssm), 64, 0.1, rule, method=method)


def _run(system: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda ssm: ssm.simulate(system(ssm), np.ones(64), 0.1)


CALLS: dict[str, Callable[[Any], Any]] = {
    "convolution_kernel: diagonal": _kernel(_diagonal),
    "convolution_kernel: diagonal, zoh": _kernel(_diagonal, rule="zoh"),
    "convolution_kernel: dense, krylov": _kernel(_dense, "krylov"),
    "convolution_kernel: dense, krylov_blocked": _kernel(_dense, "krylov_blocked"),
    "convolution_kernel: DPLR": _kernel(_dplr),
    "convolution_kernel: DPLR, cauchy": _kernel(_dplr, "cauchy"),
    "convolution_kernel: DPLR, contour": _kernel(_dplr, "contour"),
    "vandermonde_product": lambda ssm: ssm.vandermonde_product([1.0], [0.5], 8),
    "vandermonde_product: nufft": lambda ssm: ssm.vandermonde_product([1.0], [0.5], 8, method="nufft"),
    "cauchy_product": lambda ssm: ssm.cauchy_product([1.0], [2.0], [0.5]),
    "simulate: dense": _run(_dense),
    "simulate: diagonal": _run(_diagonal),
    "simulate: DPLR": _run(_dplr),
    "convolve": lambda ssm: ssm.convolve([1.0], [1.0]),
    "discretize": lambda ssm: ssm.discretize(_dense(ssm), 0.1),
    "nplr: legs": lambda ssm: ssm.nplr("legs", 8).Lambda,
    "nplr: legt": lambda ssm: ssm.nplr("legt", 8).Lambda,
    "compress": lambda ssm: ssm.compress(ssm.hippo("legs", 8), np.ones(8), 0.1),
    "compress: scaled": lambda ssm: ssm.compress(ssm.hippo("legs", 8), np.ones(8), scaled=True),
    "impulse_response": lambda ssm: ssm.impulse_response(_dplr(ssm), np.array([0.0, 1.0])),
    "respond": lambda ssm: ssm.respond(_diagonal(ssm), np.ones(3), np.array([0.0, 0.5, 2.0])),
    "spectrum": lambda ssm: ssm.spectrum(ssm.hippo("legs", 8)),
    "condition_report": lambda ssm: ssm.condition_report(_dplr(ssm), 0.1, 64),
}


def measure(name: str) -> dict[str, Any]:
    """Import time, time of the first and the second call, and what was compiled, from a fresh process."""
    code = f"from ssm_numerics.benchmarks.cold import child; child({name!r}, importing)"
    clock = "import time; begin = time.process_time(); import ssm_numerics; importing = time.process_time() - begin; "
    done = subprocess.run([sys.executable, "-c", clock + code], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"The first call of {name} failed: {done.stderr.strip().splitlines()[-1]}")
    record: dict[str, Any] = json.loads(done.stdout)
    return record


def child(name: str, importing: float) -> None:
    """What the fresh process does."""
    import ssm_numerics

    loaded = sorted({module.partition(".")[0] for module in sys.modules} & {"numba", "scipy", "matplotlib", "flint"})
    call = CALLS[name]
    begin = time.process_time()
    call(ssm_numerics)
    first = time.process_time() - begin
    begin = time.process_time()
    call(ssm_numerics)
    second = time.process_time() - begin
    seconds = {"import": importing, "first": first, "second": second}
    facts = {"loaded": loaded, "numba": "numba" in sys.modules, "compiled": compiled_functions()}
    print(json.dumps(seconds | facts))


def compiled_functions() -> dict[str, dict[str, Any]]:
    """Every compiled function of this process: its specializations and the seconds they took, callees included."""
    found = {}
    for module_name, module in list(sys.modules.items()):
        if not module_name.startswith("ssm_numerics.compiled."):
            continue
        for name, function in vars(module).items():
            signatures = [] if isinstance(function, type) else getattr(function, "signatures", [])
            if signatures and function.__module__ == module_name:
                timers = [function.get_metadata(signature)["timers"]["compiler_lock"] for signature in signatures]
                key = f"{module_name.rpartition('.')[2]}.{name}"
                found[key] = {"specializations": len(timers), "seconds": sum(timers)}
    return dict(sorted(found.items(), key=lambda item: -item[1]["seconds"]))


def run(
    pattern: str | None = None, progress: Callable[[str, int, int], None] = lambda name, done, total: None
) -> dict[str, dict[str, Any]]:
    """Every call whose name contains the pattern."""
    names = [name for name in CALLS if pattern is None or pattern in name]
    if not names:
        _arrays.choice("only", pattern, CALLS)
    records = {}
    for done, name in enumerate(names):
        progress(name, done, len(names))
        records[name] = measure(name)
    return records
