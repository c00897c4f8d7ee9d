"""A toy cell: units that take a cue at step 0 and then only forget, each with a constant forget gate.

f = sigmoid(b),   c_t = f^t c_0 with c_0 = 1,   half-life = ln(1/2) / ln f

There are no weights, blanks write nothing, and i g of the cue is 1. The page computes the same while its sliders are
moved (`report/templates/toy.js`).
"""

import math

from lstm_bench.anatomy.numerals import fixed, minus, short
from lstm_bench.report.document import Block, Entry, Paragraph, Section, Table
from lstm_bench.report.interactive import Slider, ToyCell

PLACES = 4  # of f, which is close to 1
BIASES, STEPS = (0.0, 1.0, 2.0, 4.0, 6.0), (10, 100)
SLIDERS = (
    Slider("bias", "forget bias b", -2.0, 7.0, 0.1, 1.0),
    Slider("units", "units n", 1, 8, 1, 1),
    Slider("lag", "lag T", 1, 500, 1, 50),
)
EQUATIONS = (
    "A cue at step 0 writes c₀ = 1; the blanks that follow write nothing; at step T the cue is recalled. With a "
    "constant forget gate f = σ(b), cₜ = fᵗ c₀ is left after t steps, and half of c₀ after ln ½ / ln f steps."
)
SPREAD = (
    "Several units share the largest bias b as chrono initialisation spreads it, ln U(1, L − 1) for a longest lag L "
    "(Tallec & Ollivier 2018), here with L = eᵇ + 1 and evenly instead of at random: unit k of n has the bias "
    "bₖ = ln(1 + (k / n) (eᵇ − 1))."
)


def unit_biases(bias: float, n_units: int) -> list[float]:
    """Return ln(1 + (k / n)(e^bias - 1)), k = 1 to n: logarithms of the right ends of n equal parts of U(1, e^bias).

    Source: Tallec & Ollivier 2018, "Can recurrent neural networks warp time?", equation 16, with T_max = e^bias + 1.
    """
    return [math.log(1 + k / n_units * (math.exp(bias) - 1)) for k in range(1, n_units + 1)]


def forget_gate(bias: float) -> float:
    """Return sigmoid(bias)."""
    return 1 / (1 + math.exp(-bias))


def half_life(f: float) -> float:
    """Return the number of steps in which a forget gate of 0 < f < 1 halves a memory: ln(1/2) / ln f."""
    return math.log(0.5) / math.log(f)


def toy_section() -> Section:
    """Return the section on the toy cell: its equations, its sliders, and a table that needs no script."""
    headings = [("Forget bias", ""), ("f", ""), ("Half-life", "steps"), *((f"Left at T = {t}", "") for t in STEPS)]
    table = Table(headings, [_row(bias) for bias in BIASES], "What a forget bias holds")
    blocks: list[Block] = [Paragraph(EQUATIONS), ToyCell(SLIDERS), Paragraph(SPREAD, "note"), table]
    return Section("What if the forget gate is constant?", blocks, "toy", "Toy cell")


def _row(bias: float) -> list[Entry]:
    f = forget_gate(bias)
    texts = [fixed(f, PLACES), fixed(half_life(f), 1), *(short(f**t) for t in STEPS)]
    values = [f, half_life(f), *(f**t for t in STEPS)]
    cells = [Entry(minus(text), sort=value) for text, value in zip(texts, values, strict=True)]
    return [Entry(minus(short(bias)), sort=bias), *cells]
