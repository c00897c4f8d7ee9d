"""The trial of a plug-in cell in a separate process, so that a cell that crashes or hangs does no harm."""

import os
import pickle
import select
import signal
import sys
from typing import BinaryIO, Literal

import torch

from lstm_bench.awake_clock import AwakeClock
from lstm_bench.cells.contract import CellError, cell_error
from lstm_bench.engine.conformance.suite import check_cell
from lstm_bench.engine.model import MakeCell

TIMEOUT_S, BETWEEN_LOOKS_S = 60.0, 0.1
Answer = tuple[Literal["warnings", "refusal"], list[str]]


def try_cell(make_cell: MakeCell, device: torch.device, cell_type: type) -> list[str]:
    """Return the warnings of `check_cell`, one sentence each.

    The check runs in a forked process on Linux and a CPU, and in this process elsewhere. Where the forked process dies
    or hangs, the only warning says so: a job that crashes is reported and does not affect other jobs.

    Raises: CellError as `check_cell` does, and for a step that calls sys.exit.
    """
    if device.type != "cpu" or not sys.platform.startswith("linux"):
        return check_cell(make_cell, device)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        _answer(make_cell, device, cell_type, writer)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        in_time = _is_in_time(pipe)
        content = pipe.read() if in_time else b""
    if not in_time:
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if not content:
        outcome = _end(status) if in_time else f"did not end within {TIMEOUT_S:g} s"
        return [f"{cell_error(cell_type, f'its trial {outcome}')}, so its numbers were not checked"]
    kind, sentences = pickle.loads(content)
    if kind == "refusal":
        raise CellError(sentences[0])
    return list(sentences)


def _is_in_time(pipe: BinaryIO) -> bool:
    """Wait for the answer, and return whether it comes in time."""
    clock = AwakeClock(2 * BETWEEN_LOOKS_S)
    while clock.seconds() < TIMEOUT_S:
        if select.select([pipe], [], [], BETWEEN_LOOKS_S)[0]:
            return True
    return False


def _answer(make_cell: MakeCell, device: torch.device, cell_type: type, writer: int) -> None:
    """In the child: check the cell, write the answer, and leave without the parent's clean-up."""
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        for signum in signal.valid_signals() - {signal.SIGINT}:  # the parent's handlers are not for the child
            if callable(signal.getsignal(signum)):
                signal.signal(signum, signal.SIG_DFL)
        torch.set_num_threads(1)  # threads of the parent do not survive the fork
        answer: Answer
        try:
            answer = "warnings", check_cell(make_cell, device)
        except CellError as error:
            answer = "refusal", [str(error)]
        except (Exception, SystemExit) as error:
            answer = "refusal", [str(cell_error(cell_type, f"step raised {type(error).__name__}: {error}"))]
        os.write(writer, pickle.dumps(answer))
    finally:
        os._exit(0)


def _end(status: int) -> str:
    """Return, in words, how a child without an answer ended."""
    code = os.waitstatus_to_exitcode(status)
    return f"died of {signal.Signals(-code).name}" if code < 0 else f"ended its process with exit code {code}"
