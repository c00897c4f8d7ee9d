"""Check a cell: `python -m lstm_bench.check my_pkg.MyCell key=value ...`."""

import os
import sys
from collections.abc import Sequence

from lstm_bench.config.errors import ConfigError
from lstm_bench.matplotlib_start import prepare_matplotlib
from lstm_bench.text_encoding import allow_all_letters, restart_in_utf8

ALL_WELL, WRONG, BAD_INPUT = 0, 1, 2
USAGE = """\
python -m lstm_bench.check my_pkg.MyCell [key=value ...]                     check a class or a function
python -m lstm_bench.check cell=NAME [key=value ...] [--config-dir FOLDER]   check a cell of a yaml file
python -m lstm_bench.check --all [--config-dir FOLDER]                       check every cell: a table, one row a cell

Each check prints a line: ok, a warning, or a fault with its remedy. The exit code is 0 if nothing is wrong, 1 if
something is, and 2 for bad input. Keys are the arguments of the constructor; the hidden_size of a class is 16 unless it
is given. The input size is that of a task: 10, as in copy, or that of task=NAME."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Check a cell and return the exit code: 0 where nothing is wrong, 1 where something is, 2 for bad input."""
    prepare_matplotlib()
    allow_all_letters()
    typed = list(sys.argv[1:] if arguments is None else arguments)
    if not typed or {"-h", "--help"} & set(typed):
        print(USAGE)
        return ALL_WELL
    try:
        from lstm_bench.engine.process_setup import prepare_process

        prepare_process()  # before anything else imports torch
        from lstm_bench.check.report import report
        from lstm_bench.check.table import ALL_CELLS, table

        is_well = table(typed) if ALL_CELLS in typed else report(typed)
    except ConfigError as error:
        print(" ".join(str(error).split()), file=sys.stderr)
        return BAD_INPUT
    except BrokenPipeError:  # a reader such as head closes early
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ALL_WELL
    return ALL_WELL if is_well else WRONG


if __name__ == "__main__":
    restart_in_utf8()
    sys.exit(main())
