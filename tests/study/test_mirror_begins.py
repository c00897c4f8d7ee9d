"""MLflow is imported and its store is made while jobs train, not while their processes start."""

from pathlib import Path

import pytest

from lstm_bench.config.composing import Invocation, compose_study
from lstm_bench.records.schema import MemberRecord
from lstm_bench.records.store import StudyRecords
from lstm_bench.study import running
from lstm_bench.study.planning import plan_study
from lstm_bench.study.running import StudyRunner
from lstm_bench.study.stopping import Stop

SWEEP = ("study=s", "cell=rnn", "task.lag=2,1", "cell.hidden_size=4", "trainer.steps=0", "trainer.seeds=1", "probe=off")


class Mirror:
    """In place of the mirror: keeps what it was given."""

    error, unwritten, seconds, experiment, n_others = None, 0, 0.0, "1", 0

    def __init__(self, *arguments):
        Mirror.may_begin = staticmethod(arguments[-1])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def follow(self, plan):
        pass

    def rest(self):
        pass

    def close(self, *_):
        pass


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run the study, and return whether the mirror might begin: before the first job, as it trains, and after it."""
    config = compose_study(Invocation((*SWEEP, f"output={tmp_path}")))
    records = StudyRecords(tmp_path / "runs" / "s")
    monkeypatch.setattr(StudyRunner, "_write_report", lambda _: Path("report.html"))
    monkeypatch.setattr(running, "BackgroundMirror", Mirror)
    seen = []

    def launch(_, numbers):
        seen.append(Mirror.may_begin())
        jobs = records.read_plan().jobs
        records.write_progress(jobs[numbers[0]].job, {"phase": "report", "step": 1, "steps": 1, "active": 1,
                                                      "ended": 0, "loss_share": None})  # fmt: skip
        seen.append(Mirror.may_begin())
        for number in numbers[:1]:
            for identity, role, seed, rate in jobs[number].members():
                records.write_member(MemberRecord(identity, jobs[number].job, role, seed, rate, "untrained"), {})
            records.write_progress(jobs[number].job, {"phase": "done"})
            records.journal.note("job_ended", job="", number=number, outcome="done", reason="")
        seen.append(Mirror.may_begin())
        return 0

    def run_once():
        seen.clear()
        StudyRunner(config, plan_study(config, SWEEP)).run(launch, Stop())
        return list(seen)

    return run_once


def test_the_mirror_waits_for_the_first_job_to_train_in_a_study_that_is_resumed_too(run):
    assert run() == [False, True, True]
    assert run() == [False, True, True]
    assert run() == []
    assert Mirror.may_begin()
