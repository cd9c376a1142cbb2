"""Conventions of other packages as data: what each array is called, how its axes lie, and how its numbers are written.

Every entry says in `source` where its facts stand. Nothing here computes; `codes` and `forms` hold the few functions
that the words of this table name.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..state_space import DPLR, Diagonal, DiscreteStateSpace, StateSpace


@dataclass(frozen=True)
class Field:
    """One array of a package: its name, the quantity of ours that it holds, its axes there, and how it is written.

    Axes are letters: h heads, n states or stored modes, m states again, r rank, i inputs, o outputs, 1 an axis of
    length one. `code` is a key of `codes.CODES`.
    """

    name: str
    quantity: str
    axes: str
    code: str = "plain"


@dataclass(frozen=True)
class Convention:
    """How a package stores a system.

    `system` is our type. `half` is the sign of Im Lambda of the stored modes (0: either). `weight` is how often the
    package counts the real part of the sum over stored modes, None where it stores every mode. `form` is a key of
    `forms.FORMS`: what C (or B) stands for. `length` names the array that holds the length L of C~, if one does.
    """

    source: str
    system: type
    fields: tuple[Field, ...]
    discretizations: tuple[str, ...]
    half: int = 0
    weight: float | None = None
    form: str = "plain"
    heads: str = "h"
    length: str = ""
    notes: str = ""


_S4 = "state-spaces/s4, models/s4/s4.py"
_S4_FIELDS = (
    Field("A_real", "Lambda.real", "hn", "log of negative"),
    Field("A_imag", "Lambda.imag", "hn", "negated"),
    Field("B", "B", "1hn", "re im"),
    Field("C", "C", "1hn", "re im"),
    Field("inv_dt", "dt", "h1", "log"),
    Field("D", "D", "1h"),
)
_DSS_FIELDS = (
    Field("Lambda_log_neg_re", "Lambda.real", "n", "log of negative"),
    Field("Lambda_im", "Lambda.imag", "n"),
    Field("W", "C", "1hn", "re im"),
    Field("log_dt", "dt", "h", "log"),
    Field("D", "D", "h"),
)
_FOUR_MATRICES = (
    Field("A", "A_bar", "nm"),
    Field("B", "B_bar", "n1"),
    Field("C", "C", "1n"),
    Field("D", "D", "11"),
    Field("dt", "dt", ""),
)
_GBT_AND_HOLDS = ("bilinear", "zoh", "euler", "backward_euler", "gbt", "foh")

CONVENTIONS: dict[str, Convention] = {
    "s4": Convention(
        source=f"{_S4}, SSMKernelDPLR and FFTConv",
        system=DPLR,
        fields=(*_S4_FIELDS, Field("P", "P", "rhn", "re im")),
        discretizations=("bilinear",),
        half=-1,
        weight=2,
        form="truncated where a length is kept",
        length="l_kernel",
        notes="A = diag(Lambda) - P P*. C becomes C~ for the length l_kernel in the first forward pass; 0 before it. "
        "The initialization clips Im B at +-2 and -Re, -Im Lambda below at 1e-4. Copies tied by n_ssm must be repeated "
        "first.",
    ),
    "s4-diag": Convention(
        source=f"{_S4}, SSMKernelDiag and FFTConv",
        system=Diagonal,
        fields=_S4_FIELDS,
        discretizations=("zoh", "bilinear"),
        half=-1,
        weight=2,
        notes="The initialization clips -Re and -Im Lambda below at 1e-4.",
    ),
    "s4d": Convention(
        source="state-spaces/s4, models/s4/s4d.py, S4DKernel and S4D",
        system=Diagonal,
        fields=(
            Field("log_A_real", "Lambda.real", "hn", "log of negative"),
            Field("A_imag", "Lambda.imag", "hn"),
            Field("C", "C", "hn", "re im"),
            Field("log_dt", "dt", "h", "log"),
            Field("D", "D", "h"),
        ),
        discretizations=("zoh",),
        half=1,
        weight=2,
        form="input in the output",
        notes="There is no B: C stands for C B.",
    ),
    "dss": Convention(
        source="DSSKernel, version 'exp', in copies of the standalone DSS file; ag1988/dss itself was not at hand",
        system=Diagonal,
        fields=_DSS_FIELDS,
        discretizations=("zoh",),
        half=1,
        weight=1,
        form="input in the output",
        notes="W stands for C B, and the real part counts once, so W is twice C B. Heads share Lambda. D is outside.",
    ),
    "dss-softmax": Convention(
        source="DSSKernel, version 'softmax', as 'dss'; its Lambda is one array of real and imaginary parts",
        system=Diagonal,
        fields=(Field("Lambda", "Lambda", "n", "re im"), *_DSS_FIELDS[2:]),
        discretizations=("zoh",),
        half=1,
        weight=1,
        form="softmax",
        notes="W stands for C B (e^(L dt Lambda) - 1). The package replaces 1/x by conj(x)/(|x|^2 + 1e-7).",
    ),
    "annotated-s4": Convention(
        source="srush/annotated-s4, s4/s4.py, S4Layer (the form with Lambda_re, Lambda_im: in copies of that file)",
        system=DPLR,
        fields=(
            Field("Lambda_re", "Lambda.real", "nh"),
            Field("Lambda_im", "Lambda.imag", "nh"),
            Field("P", "P", "nh"),
            Field("B", "B", "nh"),
            Field("C", "C", "nh", "re im of conjugate"),
            Field("log_step", "dt", "1h", "log"),
            Field("D", "D", "1h"),
        ),
        discretizations=("bilinear",),
        form="truncated",
        notes="Every mode is stored. C stands for the conjugate of C~. Re Lambda is clipped above at -1e-4 in use.",
    ),
    "annotated-s4d": Convention(
        source="srush/annotated-s4, s4/s4d.py, S4DLayer",
        system=Diagonal,
        fields=(
            Field("A_re", "Lambda.real", "nh"),
            Field("A_im", "Lambda.imag", "nh"),
            Field("C", "C", "nh", "re im"),
            Field("log_step", "dt", "1h", "log"),
            Field("D", "D", "1h"),
        ),
        discretizations=("zoh",),
        weight=1,
        form="input in the output",
        notes="B_re and B_im exist, but the kernel takes B = 1. The real part of the sum over stored modes counts "
        "once. Re Lambda is clipped above at -1e-4 in use.",
    ),
    "s5": Convention(
        source="lindermanlab/S5, s5/ssm.py, S5SSM with conj_sym=True, and s5/train.py",
        system=Diagonal,
        fields=(
            Field("Lambda_re", "Lambda.real", "n"),
            Field("Lambda_im", "Lambda.imag", "n"),
            Field("B", "B", "ni", "re im"),
            Field("C", "C", "on", "re im"),
            Field("log_step", "steps", "n1", "log"),
            Field("D", "D", "oi", "diagonal"),
        ),
        discretizations=("zoh", "bilinear"),
        half=-1,
        weight=2,
        heads="oi",
        notes="One state for all inputs and outputs: system.batch_shape is (outputs, inputs), and outputs add up over "
        "inputs. Every mode has its step; where they differ, Lambda and B take them up and dt is 1.",
    ),
    "mamba": Convention(
        source="state-spaces/mamba, mamba_ssm/ops/selective_scan_interface.py, selective_scan_ref, and "
        "mamba_ssm/modules/mamba_simple.py",
        system=Diagonal,
        fields=(
            Field("A_log", "Lambda.real", "hn", "log of negative"),
            Field("B", "B", "hn"),
            Field("C", "C", "hn"),
            Field("delta_bias", "dt", "h", "softplus"),
            Field("D", "D", "h"),
        ),
        discretizations=("zoh",),
        form="input by Euler",
        notes="B, C and the step held constant (delta = 0): in Mamba they depend on the input. B_bar = dt B.",
    ),
    "keras-lmu": Convention(
        source="nengo/keras-lmu, keras_lmu/layers.py, LMUCell",
        system=DiscreteStateSpace,
        fields=(Field("A", "A_bar", "mn"), Field("B", "B_bar", "1n"), Field("C", "C", "n"), Field("dt", "dt", "")),
        discretizations=("zoh", "euler"),
        heads="",
        notes="Matrices are transposed, as they act on rows. Time counts in samples (dt = 1), theta too. C is not the "
        "cell's but what reads the memory.",
    ),
    "hippo-code": Convention(
        source="HazyResearch/hippo-code, model/op.py, transition",
        system=StateSpace,
        fields=(Field("A", "A", "nm"), Field("B", "B", "n1"), Field("C", "C", "n")),
        discretizations=_GBT_AND_HOLDS,
        heads="",
        notes="legt there is hippo('legt', N, theta=1), in state-spaces/s4 theta=2; tlagt has A of glagt(0, beta). "
        "C is what reads the memory.",
    ),
    "scipy": Convention(
        source="scipy.signal.dlti and dlsim: x[k+1] = A x[k] + B u[k], y[k] = C x[k] + D u[k]",
        system=DiscreteStateSpace,
        fields=_FOUR_MATRICES,
        discretizations=_GBT_AND_HOLDS,
        form="output before the step",
        heads="",
        notes="cont2discrete by gbt, bilinear, backward_diff changes C and D on its own; do not discretize twice.",
    ),
    "control": Convention(
        source="python-control 0.10.2, control/statesp.py, StateSpace with dt",
        system=DiscreteStateSpace,
        fields=_FOUR_MATRICES,
        discretizations=_GBT_AND_HOLDS,
        form="output before the step",
        heads="",
        notes="sample() calls SciPy's cont2discrete, see scipy.",
    ),
}
