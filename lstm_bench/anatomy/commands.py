"""The commands `anatomy step` and `anatomy walk`: their options, their printed text and their files."""

import argparse
import shlex
from collections.abc import Sequence
from pathlib import Path

from lstm_bench.anatomy.options import Parser, integer, writable
from lstm_bench.config.errors import ConfigError, not_allowed

SIZES = {"input_size": 3, "hidden_size": 4}
LARGEST_SIZE, LARGEST_SEED = 1024, 2**63 - 1


def run_step(arguments: Sequence[str]) -> None:
    """Print the step's numbers, and write step.svg and step.png.

    Raises: ConfigError for options or numbers that make no step; nothing is written then.
    """
    options = _step_parser().read(arguments)
    sizes = {name: integer(_flag(name), getattr(options, name), size, 1, LARGEST_SIZE) for name, size in SIZES.items()}
    seed = integer("--seed", options.seed, 0, 0, LARGEST_SEED)
    if options.numbers:
        _refuse_sizes_with_numbers(options)

    from lstm_bench.anatomy.diagram import draw_cell
    from lstm_bench.anatomy.step import random_step, step_of_file, step_text, wires
    from lstm_bench.report.style import save

    step = step_of_file(options.numbers) if options.numbers else random_step(**sizes, seed=seed)
    output = writable(options.output)
    save(draw_cell(wires(step)), output, "step")
    print(step_text(step))
    print(f"{output / 'step.svg'}\n{output / 'step.png'}")


def run_walk(arguments: Sequence[str]) -> None:
    """Print the walk's tables and its audit, and write walk.html.

    Raises: ConfigError for a walk that cannot be used, or a sentence without a word of it; nothing is written then.
    """
    options = _walk_parser().read(arguments)

    from lstm_bench.anatomy.page import walk_page
    from lstm_bench.anatomy.tables import walk_text
    from lstm_bench.anatomy.walk import choose, load_walk, seven_words
    from lstm_bench.anatomy.yaml_input import YamlError
    from lstm_bench.records.atomic import write_text
    from lstm_bench.report.html import render_html

    source = options.walk or seven_words()
    unknown = list[str]()
    try:
        walk = load_walk(source)
        if options.sentence is not None:
            walk, unknown = choose(walk, options.sentence)
    except YamlError as error:
        raise ConfigError(str(error)) from error
    output = writable(options.output)
    command = shlex.join(["python", "-m", "lstm_bench.anatomy", "walk", *arguments])
    write_text(output / "walk.html", render_html(walk_page(walk, command, source, unknown)))
    print(walk_text(walk, unknown))
    print(output / "walk.html")


def _step_parser() -> Parser:
    parser = Parser("step", "Take one LSTM time step apart: every number as a table, and the cell diagram.")
    for name, size in SIZES.items():
        parser.add_argument(_flag(name), metavar="N", help=f"1 to {LARGEST_SIZE} (default: {size})")
    parser.add_argument("--seed", metavar="N", help="of weights, x, h and c (default: 0)")
    parser.add_argument("--numbers", type=Path, metavar="FILE", help="yaml: x, h, c, W_f ... over [h, x], b_f ...")
    return parser


def _walk_parser() -> Parser:
    parser = Parser("walk", "Recompute a walk through a few words, audit its printed numbers, and make it a page.")
    parser.add_argument("--walk", type=Path, metavar="FILE", help="yaml (default: conf/walk/seven_words.yaml)")
    parser.add_argument("--sentence", metavar="WORDS", help="walk through only these of its words, in order")
    return parser


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _refuse_sizes_with_numbers(options: argparse.Namespace) -> None:
    for name in (*SIZES, "seed"):
        if getattr(options, name) is not None:
            raise not_allowed(_flag(name), getattr(options, name), "no size and no seed with --numbers")
