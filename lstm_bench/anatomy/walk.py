"""`anatomy walk`: a walk through a few words, printed, audited and made a page."""

import shlex
from collections.abc import Sequence
from pathlib import Path

from lstm_bench.analysis.yaml_input import YamlError
from lstm_bench.anatomy.options import Parser, writable
from lstm_bench.config.errors import ConfigError
from lstm_bench.config.search_path import conf_dir

DEFAULT = "seven_words.yaml"


def run(arguments: Sequence[str]) -> None:
    """Print the walk's tables and its audit, and write walk.html.

    Raises: ConfigError for a walk that cannot be used, or a sentence with no known word; nothing is written then.
    """
    options = _parser().read(arguments)
    source = options.walk or conf_dir() / "walk" / DEFAULT

    from lstm_bench.analysis.worked_example import choose, load_walk
    from lstm_bench.records.atomic import write_text
    from lstm_bench.report.anatomy_page import make_anatomy_page
    from lstm_bench.report.html import render_anatomy_html
    from lstm_bench.report.walk_text import walk_text

    unknown = list[str]()
    try:
        walk = load_walk(source)
        if options.sentence is not None:
            walk, unknown = choose(walk, options.sentence)
    except YamlError as error:
        raise ConfigError(str(error)) from error
    output = writable(options.output)
    command = shlex.join(["python", "-m", "lstm_bench.anatomy", "walk", *arguments])
    write_text(output / "walk.html", render_anatomy_html(make_anatomy_page(walk, command, source, unknown)))
    print(walk_text(walk, unknown))
    print(output / "walk.html")


def _parser() -> Parser:
    parser = Parser("walk", "Recompute a walk through a few words, audit its printed numbers, and make it a page.")
    parser.add_argument("--walk", type=Path, metavar="FILE", help=f"yaml (default: conf/walk/{DEFAULT})")
    parser.add_argument("--sentence", metavar="WORDS", help="walk through these words of it alone, in order")
    return parser
