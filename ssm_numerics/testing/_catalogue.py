"""The list of all faults that checks know by name."""

from __future__ import annotations

from .. import _arrays
from . import _faults, _form_faults, _looks, _sums
from ._causes import Fault, Look

_SYSTEMS = (*_faults.ARRAYS, *_faults.STEP, *_faults.other_rules("gbt", 0.5), *_faults.SAMPLES)

_KNOWN: dict[str, tuple[Fault | Look, ...]] = {
    "check_kernel": (*_SYSTEMS, *_looks.LOOKS),
    "check_recurrence": (*_SYSTEMS, *_faults.DIRECT, *_looks.LOOKS),
    "check_discretization": (*_SYSTEMS, *_looks.LOOKS),
    "check_vandermonde": (*_sums.VANDERMONDE, *_sums.SUMS, _looks.SINGLE),
    "check_cauchy": (*_sums.CAUCHY, *_sums.SUMS, _looks.SINGLE),
    "check_nplr": (*_form_faults.NPLR_FAULTS, *_form_faults.NPLR_LOOKS),
    "check_hippo": _form_faults.HIPPO_FAULTS,
}


def faults(check: str = "check_kernel") -> dict[str, str]:
    """The faults that a check can name, and what its report then says.

    Parameters
    ----------
    check : {"check_kernel", "check_recurrence", "check_discretization", "check_vandermonde", "check_cauchy", \
"check_nplr", "check_hippo"}

    Returns
    -------
    dict of str to str
        Names, as in `Report.causes`, and sentences. A fault that does not show in the outputs of a check is never named
        by it.

    Examples
    --------
    >>> from ssm_numerics import testing
    >>> testing.faults()["conjugated_C"]
    'C is conjugated (or conj(C) is what the implementation calls C).'
    """
    return {fault.name: fault.sentence for fault in _KNOWN[_arrays.choice("check", check, _KNOWN)]}
