"""`anatomy step`: one time step of an LSTM, printed and drawn."""

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from lstm_bench.anatomy.options import Parser, whole, writable
from lstm_bench.config.errors import not_allowed

SIZES = {"input_size": 3, "hidden_size": 4}
LARGEST, LAST_SEED = 1024, 2**63 - 1


def run(arguments: Sequence[str]) -> None:
    """Print the step's numbers, and write step.svg and step.png.

    Raises: ConfigError for options or numbers that make no step; nothing is written then.
    """
    options = _parser().read(arguments)
    sizes = {name: whole(_flag(name), getattr(options, name), size, 1, LARGEST) for name, size in SIZES.items()}
    seed = whole("--seed", options.seed, 0, 0, LAST_SEED)
    if options.numbers:
        _refuse_sizes_beside_numbers(options)

    from lstm_bench.anatomy.drawn import drawn_step
    from lstm_bench.anatomy.numbers import given_step
    from lstm_bench.anatomy.step_text import step_text
    from lstm_bench.report.figures.cell_diagram import draw_cell
    from lstm_bench.report.style import save

    step = given_step(options.numbers) if options.numbers else drawn_step(**sizes, seed=seed)
    output = writable(options.output)
    wires = {"x": step.x, "h_before": step.h_before, "c_before": step.c_before, **step.gates, "keep": step.keep}
    wires |= {"written": step.written, "c": step.c, "tanh_c": step.tanh_c, "h": step.h}
    save(draw_cell(wires), output, "step")
    print(step_text(step))
    print(f"{output / 'step.svg'}\n{output / 'step.png'}")


def _parser() -> Parser:
    parser = Parser("step", "Take one LSTM time step apart: every number as a table, and the cell diagram.")
    for name, size in SIZES.items():
        parser.add_argument(_flag(name), metavar="N", help=f"1 to {LARGEST} (default: {size})")
    parser.add_argument("--seed", metavar="N", help="of weights, x, h and c (default: 0)")
    parser.add_argument("--numbers", type=Path, metavar="FILE", help="yaml: x, h, c, W_f ... over [h, x], b_f ...")
    return parser


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _refuse_sizes_beside_numbers(options: Namespace) -> None:
    for name in (*SIZES, "seed"):
        if getattr(options, name) is not None:
            raise not_allowed(_flag(name), getattr(options, name), "no size and no seed beside --numbers")
