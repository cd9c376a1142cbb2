"""Doctests of files that serve an optional library: where it is missing, they are left out."""

from importlib.util import find_spec

NEEDS = {
    "explorer/page": "bokeh",
    "interop/_block_scan": "dask",
    "interop/control": "control",
    "interop/pymor": "pymor",
    "interop/sklearn": "sklearn",
    "interop/xarray": "xarray",
}
collect_ignore = [f"ssm_numerics/{name}.py" for name, library in NEEDS.items() if find_spec(library) is None]
