"""What a supervisor makes of its worker's messages, its silence and its end."""

import io
import os
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from lstm_bench.config.composing import Invocation, compose_study
from lstm_bench.records.locking import held, job_lock
from lstm_bench.records.schema import DONE, JobOutcome
from lstm_bench.records.store import StudyRecords
from lstm_bench.study import supervising, worker
from lstm_bench.study.heartbeat import PipeHeartbeat
from lstm_bench.study.planning import plan_study
from lstm_bench.study.stopping import REQUESTS

TIMEOUT_S = 60.0


class FakeWorker:
    """In place of a process: sends messages, each after some seconds on a clock that tests move."""

    def __init__(self, *messages: tuple[float, Any]) -> None:
        self.messages, self.now, self.has_ended = iter(messages), 0.0, False

    def receive(self, _: float) -> Any:
        seconds, message = next(self.messages, (0.2, None))
        self.now += seconds
        return message

    def send(self, _: object) -> None:
        pass

    def end(self) -> int:
        self.has_ended = True
        return 0


def outcome(monkeypatch: pytest.MonkeyPatch, fake: FakeWorker, is_to_stop: bool = False) -> JobOutcome:
    monkeypatch.setattr(time, "monotonic", lambda: fake.now)
    return supervising._await_outcome(fake, TIMEOUT_S, lambda: is_to_stop)


def test_a_worker_that_is_silent_for_longer_than_the_timeout_hangs(monkeypatch):
    fake = FakeWorker((0.2, "alive"))
    assert outcome(monkeypatch, fake).reason == "hung: no sign of life for 60 s (safety.job_timeout_s)"
    assert fake.has_ended
    assert fake.now == pytest.approx(TIMEOUT_S, abs=1)


@pytest.mark.parametrize("is_to_stop", [False, True])
def test_time_in_which_the_supervisor_was_stopped_too_does_not_count(monkeypatch, is_to_stop):
    """Ctrl-Z, a laptop that sleeps: the worker answers soon after."""
    fake = FakeWorker((0.2, "alive"), (8 * 3600, None), (0.2, None), (0.2, ["done", ""]))
    assert outcome(monkeypatch, fake, is_to_stop) == DONE
    assert not fake.has_ended


@pytest.mark.parametrize("signum", [signal.SIGKILL, *REQUESTS])
def test_a_worker_that_a_cluster_ends_is_interrupted(signum):
    got = supervising._death(-signum)
    assert (got.status, signal.Signals(signum).name in got.reason) == ("interrupted", True)


def test_a_worker_that_crashes_has_failed():
    assert supervising._death(-signal.SIGSEGV) == JobOutcome("failed", "its process died of SIGSEGV")


@contextmanager
def handled_as(handler: Any) -> Iterator[None]:
    before = {signum: signal.signal(signum, handler) for signum in REQUESTS}
    try:
        yield
    finally:
        for signum, previous in before.items():
            signal.signal(signum, previous)


@pytest.mark.parametrize("signum", REQUESTS)
def test_a_signal_to_the_supervisor_is_a_request_unless_it_is_ignored(signum):
    for handler, is_requested in ((signal.SIG_DFL, True), (signal.SIG_IGN, False)):
        with handled_as(handler):
            with supervising._signals_as_request() as stop_event:
                os.kill(os.getpid(), signum)
                assert stop_event.wait(10 if is_requested else 0.01) == is_requested
            assert signal.getsignal(signum) == handler


@pytest.mark.parametrize("signum", REQUESTS)
def test_a_signal_to_the_worker_is_a_request_unless_it_is_ignored(signum):
    for handler, is_requested in ((signal.SIG_DFL, True), (signal.SIG_IGN, False)):
        heartbeat = PipeHeartbeat(io.StringIO())
        with handled_as(handler):
            worker._request_stop_at_signals(heartbeat)
            os.kill(os.getpid(), signum)
            time.sleep(0.01)
        assert heartbeat.stop_requested() == is_requested


class Answers(PipeHeartbeat):
    """A heartbeat that does something at its second beat."""

    def __init__(self, at_second: Any) -> None:
        super().__init__(io.StringIO())
        self.beats, self.at_second = 0, at_second

    def beat(self) -> None:
        self.beats += 1
        if self.beats == 2:
            self.at_second(self)


@pytest.mark.parametrize("is_stopped", [False, True])
def test_a_worker_waits_for_a_process_of_an_earlier_invocation_that_runs_its_job(
    is_stopped: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = ("cell=rnn", "task.lag=1", "cell.hidden_size=4", "trainer.seeds=1", "trainer.learning_rates=0.1")
    tiny = (*settings, "trainer.steps=2", "trainer.eval_every=1", "trainer.eval_size=2", "trainer.confirm_size=2")
    records = StudyRecords(tmp_path / "runs" / "s")
    (job,) = plan_study(compose_study(Invocation((*tiny, "probe=off"))), tiny).jobs
    monkeypatch.setattr(worker, "BETWEEN_BEATS_S", 0.05)
    with ExitStack() as other:
        other.enter_context(held(job_lock(records.folder, job.job), "an earlier invocation"))
        heartbeat = Answers(lambda beat: beat.request_stop() if is_stopped else other.close())
        outcome = worker._run(str(records.folder), asdict(job), job.job, "", 30.0, heartbeat)
    assert outcome.status == ("interrupted" if is_stopped else "done")
    assert len(records.identities()) == (0 if is_stopped else 1)
