"""The pages of docs/: their formulas as printed, their code, and the names they mention."""

from __future__ import annotations

import doctest
import importlib.util
import json
import math
import re
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import scipy.signal

import ssm_numerics as ssm

U = 2.0**-53
ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
RULES = [("bilinear", None), ("backward_euler", None), ("gbt", 0.7), ("zoh", None)]

pytestmark = pytest.mark.skipif(not DOCS.is_dir(), reason="the pages are part of the repository, not of the package")


def page(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


# What the pages mention


PAGES = sorted(path.name for path in DOCS.glob("*.md"))
ELSEWHERE = ("simulation.md", "interop.md")  # the first takes times; the second needs the packages of nox -s interop


@pytest.mark.parametrize("name", [name for name in PAGES if name not in ELSEWHERE and "```python" in page(name)])
def test_code_runs(name):
    names = {"np": np, "ssm": ssm}
    exec("\n".join(re.findall(r"```python\n(.*?)```", page(name), re.DOTALL)), names)


@pytest.mark.parametrize("name", [name for name in PAGES if "```pycon" in page(name)])
def test_examples_print_what_they_say(name, monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "agg")
    text = "\n".join(re.findall(r"```pycon\n(.*?)```", page(name), re.DOTALL))
    example = doctest.DocTestParser().get_doctest(text, {}, name, name, 0)
    said: list[str] = []
    doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(example, out=said.append)
    assert said == []


@pytest.mark.parametrize("name", PAGES)
def test_every_picture_has_words(name):
    text = re.sub(r"```.*?```", "", page(name), flags=re.DOTALL)
    assert "<img" not in text and "```{image}" not in page(name) and "```{figure}" not in page(name)
    for words, place in re.findall(r"!\[(.*?)\]\((.*?)\)", text, re.DOTALL):
        assert len(words) > 40, place
        assert place.startswith("_build/figures/") or (DOCS / place).is_file(), place


def test_drawn_figures_are_those_of_the_pages():
    drawn = re.findall(r'^    "(\w+)": \w+,$', page("_ext/drawn_figures.py"), re.MULTILINE)
    shown = re.findall(r"_build/figures/(\w+)\.svg", "".join(map(page, PAGES)))
    assert sorted(drawn) == sorted(shown)


def test_every_citation_is_in_the_list():
    keys = set(re.findall(r"^@\w+\{([\w-]+),", page("references.bib"), re.MULTILINE))
    cited = {key for name in PAGES for each in re.findall(r"\{cite\}`([^`]*)`", page(name)) for key in each.split(",")}
    assert cited <= keys


def test_every_page_is_in_the_index():
    listed = "".join(re.findall(r"```\{toctree\}\n(.*?)```", page("index.md"), re.DOTALL)).split()
    assert {name.removesuffix(".md") for name in PAGES} <= {*listed, "index"}


def test_flowchart():
    """Its advice is at most twice as slow as the best of what was measured, and the table is that of the data."""
    spec = importlib.util.spec_from_file_location("crossover_table", DOCS / "crossover_table.py")
    table = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(table)
    record = json.loads(page("_data/crossover.json"))
    assert max(map(table.loss, record["results"]["cases"])) <= 2
    assert table.text(record) == page("_data/crossover_table.md")


def test_citation_file_names_this_version():
    assert f"version: {ssm.__version__}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")


def test_every_test_that_is_named_exists():
    file = ""
    for cell in re.findall(r"`((?:[\w/]+\.py)?::\w+)`", page("accuracy.md")):
        path, _, test = cell.partition("::")
        file = path or file
        assert f"def {test}(" in (ROOT / "tests" / file).read_text(encoding="utf-8"), cell


def test_every_module_has_its_place():
    text = page("architecture.md")
    modules = [path.name for path in (ROOT / "ssm_numerics").rglob("*.py") if path.name != "__init__.py"]
    assert [name for name in modules if f"`{name}`" not in text] == []


def test_labels_are_unique_and_known():
    texts = [path.read_text(encoding="utf-8") for path in DOCS.glob("*.md")]
    labels = [label for text in texts for label in re.findall(r":label: ([\w-]+)", text)]
    assert len(labels) == len(set(labels))
    assert {label for text in texts for label in re.findall(r"\{eq\}`([\w-]+)`", text)} <= set(labels)


# conventions.md


@pytest.mark.parametrize(("rule", "alpha"), RULES)
def test_translation_to_scipy(rule, alpha):
    rng = np.random.default_rng(0)
    op, C, x0, u = ssm.hippo("legt", 6), rng.normal(size=6), rng.normal(size=6), rng.normal(size=40)
    d = ssm.discretize(op.state_space(C, 0.7), 0.05, rule, alpha)
    y = ssm.simulate(d, u, x0=x0)
    theirs = (d.A_bar, d.B_bar[:, None], (C @ d.A_bar)[None], [[C @ d.B_bar + d.D]], 0.05)
    _, expected, _ = scipy.signal.dlsim(theirs, u, x0=x0)
    size = np.linalg.norm(C) * (np.linalg.norm(x0) + np.linalg.norm(d.B_bar) * np.abs(u).sum()) + np.abs(u).max()
    assert np.abs(expected[:, 0] - y).max() <= 32 * 40 * 6 * U * size  # 40 steps of 6 states, ||A_bar|| <= 1


@pytest.mark.parametrize("alpha", [0.25, 0.5, 1.0])
@pytest.mark.filterwarnings("ignore::ssm_numerics.UnstableDiscretizationWarning")
def test_impulse_response_of_scipys_bilinear(alpha):
    op, C, D, L = ssm.hippo("legs", 5), np.arange(1.0, 6), 0.7, 30
    arrays = (op.A, op.B[:, None], C[None], [[D]])
    A, B, H, J, _ = scipy.signal.cont2discrete(arrays, 0.05, "gbt", alpha)
    theirs = [J[0, 0], *((H @ np.linalg.matrix_power(A, k) @ B)[0, 0] for k in range(L - 1))]
    K = ssm.convolution_kernel(op.state_space(C), L, 0.05, "gbt", alpha)
    expected = alpha * K + (1 - alpha) * np.append(0, K[:-1]) + D * (np.arange(L) == 0)
    assert np.abs(expected - theirs).max() <= 32 * L * 5 * U * np.linalg.norm(C) * np.linalg.norm(op.B)


# hippo.md


def test_lu_factors_of_semiseparable_matrices():
    for family in ("legs", "legt", "lmu", "lagt", "glagt"):
        op, h, N = ssm.hippo(family, 9), 0.3, 9
        d, left, r, v, w = op._structure.generators
        d, left, v, g = 1 + h * d, h * left, h * v, 0.0
        delta, mu, rho = np.zeros((3, N))
        for i in range(N):
            delta[i], mu[i] = d[i] - left[i] * g * w[i], v[i] - left[i] * g
            rho[i] = (r[i] - g * w[i]) / delta[i]
            g += rho[i] * mu[i]
        product = (np.eye(N) + np.tril(np.outer(left, rho), -1)) @ (np.diag(delta) + np.triu(np.outer(mu, w), 1))
        implicit = np.eye(N) - h * op.A
        assert np.abs(product - implicit).max() <= 32 * N * U * np.abs(implicit).max()


def test_dissipation_identities():
    N = 16
    p, even = np.sqrt(2.0 * np.arange(N) + 1), np.arange(N) % 2 == 0
    for family, expected in {
        "legs": lambda B: -np.eye(N) - np.outer(B, B),
        "lagt": lambda B: -np.outer(B, B),
        "fout": lambda B: -2 * np.outer(B, B),
        "legt": lambda B: -2 * np.outer(p * even, p * even) - 2 * np.outer(p * ~even, p * ~even),
    }.items():
        op = ssm.hippo(family, N)
        assert np.abs(op.A + op.A.T - expected(op.B)).max() <= 8 * U * np.abs(op.A).max()


# discretization.md and kernels.md


@pytest.mark.parametrize("alpha", [0.0, 0.3, 0.5, 1.0])
@pytest.mark.parametrize("family", ["legs", "legt"])
@pytest.mark.filterwarnings("ignore::ssm_numerics.UnstableDiscretizationWarning")
def test_low_rank_structure_and_pole_form(family, alpha):
    dt, N, omega = 0.1, 7, 0.9 * np.exp(1.1j)
    s = ssm.nplr(family, N).to_dplr(np.cos(np.arange(N))).full()
    z, eye = dt * s.Lambda, np.eye(N)
    d, Q_star = 1 / (1 - alpha * z), s.Q.conj().T
    S = np.eye(s.P.shape[1]) + alpha * dt * Q_star @ (d[:, None] * s.P)
    P_bar, Q_bar = dt * d[:, None] * s.P @ np.linalg.inv(S), d.conj()[:, None] * s.Q
    A_bar = np.diag((1 + (1 - alpha) * z) * d) - P_bar @ Q_bar.conj().T
    B_bar = dt * d * s.B - alpha * dt * P_bar @ (Q_star @ (d * s.B))
    A = np.diag(s.Lambda) - s.P @ Q_star
    implicit = eye - alpha * dt * A
    size = (1 + dt * np.linalg.norm(A)) ** 2
    assert np.abs(implicit @ A_bar - (eye + (1 - alpha) * dt * A)).max() <= 64 * N * U * size
    assert np.abs(implicit @ B_bar - dt * s.B).max() <= 64 * N * U * size * dt * np.linalg.norm(s.B)
    discrete = ssm.discretize(s, dt, "gbt", alpha)
    for got, expected in ((discrete.P_bar, P_bar), (discrete.Q_bar, Q_bar), (discrete.B_bar, B_bar)):
        assert np.abs(got - expected).max() <= 64 * N * U * size * np.linalg.norm(expected)
    step = dt * (alpha + (1 - alpha) * omega)
    k = 1 / ((1 - omega) - step * s.Lambda)
    k00, k01 = np.sum(s.C * s.B * k), (s.C * k) @ s.P
    k10, k11 = Q_star @ (k * s.B), Q_star @ (k[:, None] * s.P)
    K_hat = dt * (k00 - step * k01 @ np.linalg.solve(np.eye(k10.size) + step * k11, k10))
    poles = (1 + (1 - alpha) * z) * d  # and the two forms for transforms, term by term
    assert np.abs(d / (1 - omega * poles) / k - 1).max() <= 64 * U * size
    assert (
        np.abs(dt * (alpha * d + omega * d**2 / (1 - omega * poles)) - step * k).max()
        <= 64 * U * size * np.abs(k).max()
    )
    resolvent = np.linalg.inv(eye - omega * A_bar)
    condition = np.linalg.norm(resolvent) ** 2 * size * (1 + np.linalg.norm(A_bar))
    bound = 64 * N * U * condition * np.linalg.norm(s.C) * np.linalg.norm(B_bar)
    assert abs(K_hat - s.C @ resolvent @ B_bar) <= bound
    if family == "legs":
        assert abs(K_hat - dt * np.sqrt(2) * k01[0] / (1 + step * k11[0, 0])) <= bound  # B = sqrt(2) P


def test_circles():
    """The truncated sum on r^L = 1/2 and the aliased one on rho^M = epsilon, from nodes without cancellation."""
    op, L, m, dt = ssm.hippo("legs", 5), 16, 3, 0.02
    d = ssm.discretize(op.state_space(np.ones(5)), dt)
    K = ssm.convolution_kernel(d, 4 * m * L)
    S = np.linalg.norm(d.C) * np.linalg.norm(d.B_bar)  # |K_l| <= S; a resolvent on these circles is below 2 L

    def generating(C, omega):
        return np.array([C @ np.linalg.solve(np.eye(5) - w * d.A_bar, d.B_bar) for w in omega])

    r, k = 0.5 ** (1 / L), np.arange(L)
    half = math.pi * k / L
    omega = r * np.exp(-2j * half)
    turn = 2j * r * np.sin(half) * np.cos(half)
    assert np.abs((1 - r) + 2 * r * np.sin(half) ** 2 + turn - (1 - omega)).max() <= 16 * U
    assert np.abs((1 - r) + 2 * r * np.cos(half) ** 2 - turn - (1 + omega)).max() <= 16 * U
    truncated = d.C - d.C @ np.linalg.matrix_power(d.A_bar, L) / 2
    got = np.fft.ifft(generating(truncated, omega)) * r ** -k.astype(float)
    assert np.abs(got - K[:L]).max() <= 64 * 5 * L * U * S
    M, epsilon = m * L, 1e-4  # large enough to see the aliases
    rho, k = epsilon ** (1 / M), np.arange(M)
    got = np.fft.ifft(generating(d.C, rho * np.exp(-2j * math.pi * k / M)))[:L] * rho ** -k[:L].astype(float)
    expected = K[:L] + epsilon * K[M : M + L] + epsilon**2 * K[2 * M : 2 * M + L]
    assert np.abs(got - expected).max() <= 64 * 5 * L * U * S * epsilon ** (-1 / m) + 2 * epsilon**3 * S


# lemma.md


def test_legendre_expansion_and_its_inverse():
    N, x = 9, Fraction(1, 3)
    V, W = ssm.lemma.hippo_eigenvectors(N).tolist(), ssm.lemma.inverse_eigenvectors(N).tolist()
    P = [Fraction(1), 2 * x - 1]
    for n in range(1, N - 1):
        P.append(((2 * n + 1) * (2 * x - 1) * P[n] - n * P[n - 1]) / (n + 1))
    for i in range(N):
        gamma = (-1) ** i * math.comb(2 * i, i)
        assert P[i] == sum((-1) ** j * math.comb(2 * j, j) * V[i][j] * x**j for j in range(N))
        assert gamma * x**i == sum(W[i][j] * P[j] for j in range(N))
        for j in range(i + 1):
            moment = Fraction(math.factorial(i) ** 2, math.factorial(i - j) * math.factorial(i + j + 1))
            assert W[i][j] == (2 * j + 1) * gamma * moment


def test_growth_function():
    def f(b):
        return (1 + b) * math.log(1 + b) - (1 - b) * math.log(1 - b) - 2 * b * math.log(b)

    assert abs(f(0.5**0.5) - 2 * math.log(1 + 2**0.5)) <= 8 * U
    assert max(f(b) for b in np.linspace(0.01, 0.99, 99)) <= f(0.5**0.5)
    N, j = 2000, 1200  # Stirling's formula: ln of each binomial is off by less than ln(N)
    rate = math.log(math.comb(N + j, 2 * j) * math.comb(2 * j, j)) / N
    assert abs(rate - f(j / N)) <= 2 * math.log(N) / N


# testing.md


def test_fault_tables_are_those_of_the_kit():
    """Every fault that a check can name has its row, with the sentence that the report says."""
    text = page("testing.md").replace("\\", "")
    for check in ("kernel", "recurrence", "discretization", "vandermonde", "cauchy", "nplr", "hippo"):
        for name, sentence in ssm.testing.faults(f"check_{check}").items():
            assert f"| `{name}` | {sentence} |" in text
