"""One step as plain text for the terminal."""

from collections.abc import Sequence

from lstm_bench.probes.anatomy import GATES, StepAnatomy
from lstm_bench.report.numerals import fixed
from lstm_bench.report.text_table import text_table

PLACES = 4


def step_text(step: StepAnatomy) -> str:
    """Return what goes in, and a table with a row a unit. Same numbers, same bytes."""
    columns = [
        ("unit", [str(unit) for unit in range(1, len(step.h) + 1)]),
        *((f"pre {gate}", _texts(step.pre[gate])) for gate in GATES),
        *((gate, _texts(step.gates[gate])) for gate in GATES),
        ("keep", _texts(step.keep)),
        ("write", _texts(step.written)),
        ("c", _texts(step.c)),
        ("tanh c", _texts(step.tanh_c)),
        ("h", _texts(step.h)),
    ]
    lines = [
        f"x         {_listed(step.x)}",
        f"h before  {_listed(step.h_before)}",
        f"c before  {_listed(step.c_before)}",
        f"[h, x]    {_listed(step.concatenated)}",
        "",
        "pre = W [h, x] + b; f, i, o = sigmoid(pre); g = tanh(pre); keep = f c before; write = i g; c = keep + write; "
        "h = o tanh(c)",
        "",
        text_table(columns),
    ]
    return "\n".join(lines) + "\n"


def _texts(values: Sequence[float]) -> list[str]:
    return [fixed(value, PLACES) for value in values]


def _listed(values: Sequence[float]) -> str:
    return "  ".join(_texts(values))
