"""Doctests of `interop` need the library each file serves: files whose library is missing are left out."""

from importlib.util import find_spec

NEEDS = {"control": "control", "pymor": "pymor", "sklearn": "sklearn", "xarray": "xarray", "_block_scan": "dask"}
collect_ignore = [f"ssm_numerics/interop/{name}.py" for name, library in NEEDS.items() if find_spec(library) is None]
