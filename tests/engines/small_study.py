"""A small study by the command line on any engine, what its results are, and what its jobs cost beside training."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from processes import wait_until

from lstm_bench.analysis.frames import load_study
from lstm_bench.records.store import StudyRecords

REPOSITORY = Path(__file__).parents[2]
SMALL = [  # two jobs
    "+experiment=smoke", "task.lag=3", "trainer.steps=60", "trainer.eval_every=20", "trainer.eval_size=60",
    "trainer.confirm_size=60", "tracking=off", "speed=off", "report=off",
]  # fmt: skip
LONG = [  # one job of some ten seconds, whose checkpoints only a signal writes
    "study=long", "cell=rnn", "task.lag=2", "task.n_symbols=1", "cell.hidden_size=16", "trainer.steps=9000",
    "trainer.eval_every=500", "trainer.eval_size=50", "trainer.confirm_size=50", "trainer.seeds=2",
    "trainer.learning_rates=0.000001", "tracking=off", "probe=off", "speed=off", "report=off",
    "safety.checkpoint_s=600",
]  # fmt: skip
OF_TIME_OR_MEMORY = ("s", "bytes", "MB", "MiB")
STUDY_S = 300.0


@dataclass
class Study:
    """A study that runs or has run; `said` is its screen."""

    output: Path
    process: subprocess.Popen[bytes]
    screen: Path

    @property
    def said(self) -> str:
        return self.screen.read_text(errors="replace")

    @property
    def records(self) -> Path:
        (folder,) = (path for path in (self.output / "runs").iterdir() if (path / "study.json").exists())
        return folder

    def wait(self) -> int:
        """Return the exit code."""
        return self.process.wait(STUDY_S)

    def kill(self) -> None:
        """End its process and no other, in a way that it cannot handle."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def events(self, kind: str) -> list[dict[str, Any]]:
        """Return lines of the journal."""
        with suppress(ValueError, OSError):
            return [line for line in StudyRecords(self.records).journal.read()[0] if line["event"] == kind]
        return []

    def wait_for_step(self, step: int) -> None:
        """Wait until a job has come to a step of its training."""
        wait_until(lambda: self._step() >= step, f"step {step}; the study says {self.said}")

    def _step(self) -> int:
        steps = [0]
        for path in self.output.glob("runs/*/progress/*"):
            with suppress(ValueError, OSError):
                steps.append(json.loads(path.read_text()).get("step", 0))
        return max(steps)


def begin(
    output: Path, *arguments: str, environment: Mapping[str, str] | None = None, prefix: Sequence[str] = ()
) -> Study:
    """Begin a study whose files are in a folder; `prefix` stands before the command."""
    output.mkdir(parents=True, exist_ok=True)
    screen = output / "screen.txt"
    path = os.pathsep.join([str(REPOSITORY), os.environ.get("PYTHONPATH", "")])
    with screen.open("ab") as written:
        process = subprocess.Popen(
            [*prefix, sys.executable, "-m", "lstm_bench", *arguments, f"output={output}"],
            stdin=subprocess.DEVNULL, stdout=written, stderr=written, cwd=output, start_new_session=True,
            env={**(environment or os.environ), "PYTHONPATH": path},
        )  # fmt: skip
    return Study(output, process, screen)


@contextmanager
def studying(
    output: Path, *arguments: str, environment: Mapping[str, str] | None = None, prefix: Sequence[str] = ()
) -> Iterator[Study]:
    """Begin a study, and end what is left of its session."""
    study = begin(output, *arguments, environment=environment, prefix=prefix)
    try:
        yield study
    finally:
        with suppress(ProcessLookupError):
            os.killpg(study.process.pid, signal.SIGKILL)
        study.process.wait()


def results_hash(records: Path) -> str:
    """Return the SHA-256 of the rows of results.csv, without times and memory."""
    rows = load_study(records).results
    kept = rows[~rows["unit"].isin(OF_TIME_OR_MEMORY)]
    assert len(kept) > 10
    return hashlib.sha256(kept.to_csv(index=False).encode()).hexdigest()


def overhead_s(study: Study, at_a_time: int) -> float:
    """Return the seconds of a place for a job, of which there are `at_a_time`, in which a job did not train: the mean.

    From the beginning of the study to the end of its last job: processes start, import torch, wait in a queue.
    """
    ended, trained = study.events("job_ended"), sum(line["wall_s"] for line in study.events("job_ran"))
    wall = _seconds(ended[-1]["at"]) - _seconds(study.events("study_began")[0]["at"])
    return (wall * min(at_a_time, len(ended)) - trained) / len(ended)


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def timed(study: Study) -> tuple[int, float]:
    """Wait for the end of a study; return its exit code, and the seconds that it took from here."""
    begun = time.monotonic()
    return study.wait(), time.monotonic() - begun
