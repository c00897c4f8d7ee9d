"""What a study shows of its progress."""

import io
from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.console import Console

from lstm_bench.config.composing import Invocation, compose_study
from lstm_bench.records.snapshot import Snapshot
from lstm_bench.records.store import StudyRecords
from lstm_bench.study import watching
from lstm_bench.study.planning import plan_study
from lstm_bench.study.searches import Searches

ARGUMENTS = ("cell=rnn", "task.lag=2", "cell.hidden_size=4", "trainer.seeds=1", "trainer.learning_rates=0.1")


def test_the_time_left_of_a_study_that_goes_on_counts_what_this_invocation_did_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, screen, records = [0.0], io.StringIO(), StudyRecords(tmp_path / "s")
    monkeypatch.setattr(watching, "time", SimpleNamespace(monotonic=lambda: now[0]))
    plan = plan_study(compose_study(Invocation(ARGUMENTS)), ARGUMENTS)
    watcher = watching.Watcher(
        plan, records, Snapshot(records, plan.jobs), Console(file=screen, width=200), Searches([], plan.jobs), print
    )
    for now[0], step in ((0.0, 80), (40.0, 81), (80.0, 90), (160.0, 100)):
        progress = {"phase": "report", "step": step, "steps": 100, "active": 1, "ended": 0, "loss_share": None}
        records.write_progress(plan.jobs[0].job, progress)
        watcher._look()
    assert screen.getvalue().splitlines() == [
        "0:40  0/1 jobs done, estimating time left",
        "1:20  0/1 jobs done, at most 1:20 left",
        "2:40  0/1 jobs done, at most 0:00 left",
    ]
