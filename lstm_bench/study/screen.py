"""What a study prints to: a terminal with a display that moves, or anything else with plain lines."""

import os
import sys

from rich.console import Console

IN_NOTEBOOK = "JPY_PARENT_PID"  # Jupyter sets it for its kernels and thus for what a cell starts


def screen() -> Console:
    """Return the console of standard output, a terminal only where a person watches one.

    A notebook keeps what a cell prints, so that bars that move would stand there as many times as they were drawn. Its
    kernel sets FORCE_COLOR, by which rich takes any output for a terminal, and a command after "!" writes to a
    pseudo-terminal.
    """
    return Console(force_terminal=sys.stdout.isatty() and IN_NOTEBOOK not in os.environ)
