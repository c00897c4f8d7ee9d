"""Text on every machine: output that never fails on a letter, and arguments and paths in UTF-8."""

import io
import os
import sys


def allow_all_letters() -> None:
    """Write letters that the encoding of stdout or stderr lacks as escapes, in place of raising an error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def restart_in_utf8() -> None:
    """Start this command again in Python's UTF-8 mode where the locale knows ASCII alone.

    Such a process can open no file whose name has other letters. Call it where Python runs a module as a program.
    """
    if sys.getfilesystemencoding() == "ascii" and not sys.flags.utf8_mode:
        os.environ["PYTHONUTF8"] = "1"  # for the processes that it starts
        os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])


def is_text(argument: str) -> bool:
    """Tell whether an argument was UTF-8: Python puts surrogates in place of bytes that it cannot decode."""
    return not any("\ud800" <= letter <= "\udfff" for letter in argument)
