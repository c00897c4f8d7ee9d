"""One small job in a forked child, on real records, whose stage can be read from outside while it runs."""

from __future__ import annotations

import functools
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from faults import expect
from fingerprints import Fingerprint, expect_equal, fingerprint
from nursery import Ended, nursery

from lstm_bench.config.composing import Invocation, compose_study
from lstm_bench.config.schema import JobConfig
from lstm_bench.records.journal import Journal
from lstm_bench.records.schema import JobOutcome
from lstm_bench.records.store import StudyRecords
from lstm_bench.study import job_run, member_recording
from lstm_bench.study.checkpointing import Checkpointer
from lstm_bench.study.identity import job_identity
from lstm_bench.study.job_run import run_job

HERE = Path(__file__).parent
CHECKPOINT_S = 0.02
PATIENCE_S = 300.0
TINY = [
    "task.lag=3", "task.n_symbols=1", "cell.hidden_size=8", "trainer.seeds=3", "trainer.steps=150",
    "trainer.eval_every=30", "trainer.eval_size=50", "trainer.confirm_size=100", "trainer.learning_rates=[0.01,0.03]",
    "trainer.tuning_seeds=1", "tracking=off", "probe=quick",
]  # fmt: skip
CELLS = ("rnn", "noisy")  # a compiled kernel, and a plug-in with noise of its own
Prepare = Callable[[], None]


def composed(*overrides: str) -> list[JobConfig]:
    """Return the jobs of a study with the cells of this folder."""
    if str(HERE) not in sys.path:
        sys.path.insert(0, str(HERE))
    return compose_study(Invocation((*TINY, *overrides), HERE / "conf")).jobs


@functools.cache
def tiny_job(cell: str) -> JobConfig:
    """Return a job of two tuning members and three to report."""
    return composed(f"cell={cell}")[0]


class Seen(NamedTuple):
    """Where a job is: how often it gave a sign of life, and at what it is."""

    signs: int
    stage: str


class Board:
    """The heartbeat of a job (`lstm_bench.study.heartbeat.Heartbeat`), written where others can read them."""

    def __init__(self, folder: Path, at_sign: Callable[[int], None] = lambda _: None) -> None:
        self._file = os.open(folder / "board", os.O_RDWR | os.O_CREAT)
        self._signs, self._stage, self._at_sign = 0, "starting", at_sign

    def beat(self) -> None:
        self._signs += 1
        self._show()
        self._at_sign(self._signs)

    def stop_requested(self) -> bool:
        return False

    @contextmanager
    def at(self, stage: str) -> Iterator[None]:
        before, self._stage = self._stage, stage
        self._show()
        yield
        self._stage = before
        self._show()

    def _show(self) -> None:
        with suppress(OSError):  # a full disk
            os.pwrite(self._file, f"{self._signs:>10} {self._stage:<12}".encode(), 0)


def seen(folder: Path) -> Seen:
    """Return where the job of a folder is."""
    with suppress(OSError, ValueError):
        signs, stage = (folder / "board").read_text().split()
        return Seen(int(signs), stage)
    return Seen(0, "starting")


def _show_stages(board: Board) -> None:
    def shown(function: Any, stage: Callable[..., str]) -> Any:
        def call(*arguments: Any, **named: Any) -> Any:
            with board.at(stage(*arguments)):
                return function(*arguments, **named)

        return call

    def role(_: object, __: object, training: Any, ___: object) -> str:
        return "tuning" if training.active[0].member.role == "tuning" else "training"

    job_run._train = shown(job_run._train, role)
    job_run.record_run = shown(job_run.record_run, lambda *_: "recording")
    member_recording._probe = shown(member_recording._probe, lambda *_: "probing")
    Checkpointer.write = shown(Checkpointer.write, lambda *_: "checkpoint")  # type: ignore[method-assign]


def run_here(job: JobConfig, folder: Path, prepare: Prepare, at_sign: Callable[[int], None]) -> JobOutcome:
    """In a child: run a job on the records of a folder."""
    os.chdir(folder)
    prepare()
    board = Board(folder, at_sign)
    _show_stages(board)
    return run_job(job, StudyRecords(folder / "records"), CHECKPOINT_S, board)


def nothing(*_: object) -> None:
    """Do nothing."""


def log(folder: Path) -> Path:
    """Return the file in which a job's screen is kept: beside its folder, which may be full."""
    return folder.with_name(f"{folder.name}.screen.txt")


def start(job: JobConfig, folder: Path, prepare: Prepare = nothing, at_sign: Callable[[int], None] = nothing) -> int:
    """Start a child that runs a job, and return its pid."""
    (folder / "board").unlink(missing_ok=True)
    return nursery().start(log(folder), run_here, job, folder, prepare, at_sign)


def ended() -> Ended:
    """Wait for the child that was started."""
    return nursery().end()


def run(job: JobConfig, folder: Path, prepare: Prepare = nothing, at_sign: Callable[[int], None] = nothing) -> Ended:
    """Run a job in a child until that ends."""
    start(job, folder, prepare, at_sign)
    return ended()


class Undisturbed(NamedTuple):
    """What a job is when nothing happens to it."""

    members: Fingerprint
    signs: int


_undisturbed: dict[tuple[str, str], Undisturbed] = {}  # by the job's identity, in which its seeds are not, and these


def undisturbed(cell: str) -> Undisturbed:
    """Return what a tiny job is when nothing happens to it."""
    return undisturbed_job(tiny_job(cell))


def undisturbed_job(job: JobConfig) -> Undisturbed:
    """Return what a job is when nothing happens to it, all cells in a good mood; each job runs once."""
    key = job_identity(job), str(job.trainer.seeds)
    if key not in _undisturbed:
        _undisturbed[key] = _run_undisturbed(job)
    return _undisturbed[key]


def _run_undisturbed(job: JobConfig) -> Undisturbed:
    with tempfile.TemporaryDirectory(prefix="undisturbed-") as name:
        folder = Path(name) / "job"
        folder.mkdir()
        (folder / "cured").touch()
        end = run(job, folder)
        expect(end == (0, ("done", "")), f"undisturbed: {end}")
        return Undisturbed(fingerprint(folder / "records"), seen(folder).signs)


def kill_at_random(random: Random, job: JobConfig, folder: Path, signs: int) -> str | None:
    """Start a job, kill it at a random moment of its work, and return its stage then; None where it was done before."""
    moment, rest_s = random.randrange(signs), random.uniform(0, 0.05)
    pid = start(job, folder)
    kill_when(pid, folder, lambda: seen(folder).signs >= moment, rest_s)
    return None if ended().exit_code == 0 else seen(folder).stage


def kill_when(pid: int, folder: Path, holds: Callable[[], bool], rest_s: float = 0.0) -> None:
    """Kill a process some time after something holds."""
    wait_until(lambda: holds() or not lives(pid))
    time.sleep(rest_s)
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def lives(pid: int) -> bool:
    """Tell whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def wait_until(holds: Callable[[], object], patience_s: float = PATIENCE_S, poll_s: float = 0.001) -> None:
    """Wait until something holds; look so often.

    Raises: TimeoutError.
    """
    until = time.monotonic() + patience_s
    while not holds():
        if time.monotonic() > until:
            raise TimeoutError("what was waited for did not happen")
        time.sleep(poll_s)


def events(folder: Path, event: str) -> list[dict[str, Any]]:
    """Return what the journal of a folder's records says of one kind of event."""
    return [line for line in Journal(folder / "records" / "journal.jsonl").read()[0] if line["event"] == event]


def finish(cell: str, folder: Path) -> None:
    """Run a tiny job to its end, and hold it against one that nothing happened to.

    Raises: Lost.
    """
    end = run(tiny_job(cell), folder)
    expect(end == (0, ("done", "")), f"the next run ended with {end}: {log(folder).read_text()[-2000:]}")
    expect_whole(cell, folder)


def expect_whole(cell: str, folder: Path) -> None:
    """Raise Lost unless the records are those of an undisturbed job."""
    expect_equal(fingerprint(folder / "records"), undisturbed(cell).members)
