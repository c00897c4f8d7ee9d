"""Run `python -m lstm_bench.anatomy step`, `walk` or `gates`."""

import os
import sys
from collections.abc import Callable, Mapping, Sequence

from lstm_bench.anatomy import commands
from lstm_bench.anatomy.gates.command import run_gates
from lstm_bench.config.errors import ConfigError, not_allowed
from lstm_bench.matplotlib_start import prepare_matplotlib
from lstm_bench.text_encoding import allow_all_letters, restart_in_utf8

BAD_INPUT = 2
COMMANDS: Mapping[str, Callable[[Sequence[str]], None]] = {
    "step": commands.run_step,
    "walk": commands.run_walk,
    "gates": run_gates,
}
USAGE = """\
python -m lstm_bench.anatomy step [--help]     one time step, taken apart and drawn
python -m lstm_bench.anatomy walk [--help]     a walk through a few words: tables, audit, page
python -m lstm_bench.anatomy gates [--help]    gates and gradients of any trained LSTM, GRU or RNN"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code: 0, or 2 for bad input, with one line on stderr."""
    prepare_matplotlib()
    allow_all_letters()
    command, *options = [*(sys.argv[1:] if arguments is None else arguments), ""]
    if command in {"", "-h", "--help"}:
        print(USAGE)
        return 0
    try:
        if command not in COMMANDS:
            raise not_allowed("anatomy", command, ", ".join(COMMANDS))
        COMMANDS[command](options[:-1])
    except ConfigError as error:
        print(" ".join(str(error).split()), file=sys.stderr)
        return BAD_INPUT
    except BrokenPipeError:  # a reader such as head closes early; the files are written by then
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


if __name__ == "__main__":
    restart_in_utf8()
    sys.exit(main())
