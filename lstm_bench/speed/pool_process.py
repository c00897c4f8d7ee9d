"""A process of a pool: python -m lstm_bench.speed.pool_process THREADS PREPARED.

It reads pickled calls, (function, arguments), and writes what each returned or raised, until its input ends. What a
plug-in prints goes to stderr, since stdout carries the answers.
"""

import os
import pickle
import signal
import sys
from collections.abc import Callable
from typing import Any

from lstm_bench.text_encoding import allow_all_letters


def serve(threads: int, prepared: bool) -> None:
    """Answer calls until the input ends; Ctrl-C is left to the parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    allow_all_letters()  # in what a plug-in prints
    if prepared:
        from lstm_bench.engine.process_setup import prepare_process

        prepare_process()
    import torch

    torch.set_num_threads(threads if prepared else min(threads, torch.get_num_threads()))
    while True:
        try:
            function, arguments = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        answers.write(_answer(function, arguments))
        answers.flush()


def _answer(function: Callable[..., Any], arguments: tuple[Any, ...]) -> bytes:
    """Return, pickled, what a function returns, or the exception that it raised."""
    try:
        return pickle.dumps(function(*arguments))
    except Exception as error:
        try:
            return pickle.dumps(error)
        except Exception:  # an exception that holds what cannot be pickled
            return pickle.dumps(RuntimeError(f"{type(error).__name__}: {error}"))


if __name__ == "__main__":
    serve(int(sys.argv[1]), sys.argv[2] == "True")
