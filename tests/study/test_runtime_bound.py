"""How long a study may take at most: the steps that are counted, and how a duration is told."""

from dataclasses import replace
from pathlib import Path

import pytest

from lstm_bench.config.composing import Invocation, compose_study
from lstm_bench.engine.generic import GenericKernel
from lstm_bench.study import runtime_bound
from lstm_bench.study.planning import plan_study
from lstm_bench.study.running import StudyRunner
from lstm_bench.study.runtime_bound import in_words, longest_first, most_seconds
from lstm_bench.study.stopping import Stop

SETTINGS = (
    "cell=rnn,lstm", "task.lag=2", "cell.hidden_size=4", "trainer.steps=1000", "trainer.eval_every=100",
    "trainer.eval_size=96", "trainer.batch_size=32", "trainer.seeds=3", "trainer.tuning_seeds=2",
    "trainer.learning_rates=[0.01,0.02]", "trainer.tuning_share=0.5", "trainer.halving=false",
)  # fmt: skip


def pairs(*overrides: str):
    config = compose_study(Invocation((*SETTINGS, *overrides)))
    return list(zip(config.jobs, plan_study(config, []).jobs, strict=True))


@pytest.mark.parametrize(("cores", "until"), [(1, 0.01 + 0.03), (2, 0.03), (8, 0.03)])
def test_every_step_of_every_member_and_every_evaluation_is_counted(monkeypatch, cores, until):
    """3 members of 1000 steps, 4 trials of 500, and of these 5000 one evaluation in 100: three forward batches each."""
    monkeypatch.setattr(runtime_bound, "_step_seconds", lambda job, _: {"rnn": 0.01, "lstm": 0.03}[job.cell_name])
    assert most_seconds(pairs(), cores) == pytest.approx(until * (5000 + 50 * 96 / 3 / 32))


def test_a_dropped_rate_counts_half_and_one_beyond_the_grid_is_counted(monkeypatch):
    """3 rates, of which 2 go on: 2.5 budgets, and one of a rate beyond the grid, each of 2 seeds and 500 steps."""
    monkeypatch.setattr(runtime_bound, "_step_seconds", lambda *_: 1.0)
    three = pairs("trainer.learning_rates=[0.01,0.02,0.03]", "trainer.halving=true", "cell=rnn")
    assert most_seconds(three, 1) == pytest.approx(3000 + 3500 + 65 * 96 / 3 / 32)


def test_without_tuning_there_are_no_trials(monkeypatch):
    monkeypatch.setattr(runtime_bound, "_step_seconds", lambda *_: 1.0)
    assert most_seconds(pairs("trainer.learning_rates=0.01", "cell=rnn"), 1) == pytest.approx(3000 + 30 * 96 / 3 / 32)


@pytest.mark.parametrize(
    ("times", "at_once", "until"),
    [([], 2, 0), ([3, 1, 1, 1], 2, 3), ([1, 1, 3], 2, 4), ([2, 2, 2], 2, 4), ([2, 2, 2], 3, 2), ([5, 1, 1, 4], 2, 6)],
)
def test_jobs_are_taken_up_in_turn_by_whoever_is_free(times, at_once, until):
    assert runtime_bound._until_all_end(times, at_once) == until


def order(*overrides: str) -> list[str]:
    """Return the cells of jobs, with their lags, in the order in which they are launched."""
    planned = pairs(*overrides)
    return [
        f"{job.cell_name} {plan.lag}"
        for job, plan in (planned[number] for number in longest_first(planned, range(len(planned))))
    ]


def test_the_longest_jobs_are_launched_first():
    """Four gates make an lstm of lag 4 longer than an rnn of lag 16, whose sequences are half as long again."""
    assert order("task.lag=4,16") == ["lstm 16", "lstm 4", "rnn 16", "rnn 4"]


def test_jobs_of_equal_length_keep_their_order():
    assert order("cell=lstm_forget_2,lstm,lstm_forget_5") == ["lstm_forget_2 2", "lstm 2", "lstm_forget_5 2"]


def test_a_job_that_autograd_trains_is_longer_than_the_same_with_a_kernel():
    (first, by_autograd) = pairs("cell=lstm,lstm_pytorch")
    planned = [first, (by_autograd[0], replace(by_autograd[1], kernel=GenericKernel.name))]
    assert longest_first(planned, [0, 1]) == [1, 0]


def test_more_members_make_a_job_longer_and_only_asked_for_jobs_are_ordered():
    planned = [*pairs("cell=rnn", "trainer.seeds=2"), *pairs("cell=rnn", "trainer.seeds=9"), *pairs("cell=lstm")]
    assert longest_first(planned, [0, 1]) == [1, 0]


def test_launched_by_length_two_cores_end_within_a_twentieth_of_each_other():
    planned = pairs("task.lag=2,3,4,6,8,16,32,48")
    work = [runtime_bound._work(*pair) for pair in planned]
    ended = runtime_bound._until_all_end([work[number] for number in longest_first(planned, range(len(work)))], 2)
    assert ended < 1.025 * sum(work) / 2  # so the other has ended after 95% of that
    assert runtime_bound._until_all_end(work, 2) > 1.1 * sum(work) / 2  # in the order of the plan


def test_a_study_launches_its_longest_jobs_first(tmp_path, monkeypatch):
    monkeypatch.setattr(StudyRunner, "_write_report", lambda _: Path("report.html"))
    overrides = (*SETTINGS, "task.lag=2,16", "tracking=off", f"output={tmp_path}")
    config, launched = compose_study(Invocation(overrides)), []
    StudyRunner(config, plan_study(config, overrides)).run(lambda _, numbers: launched.append(numbers) or 0, Stop())
    assert [[(config.jobs[number].cell_name, config.jobs[number].task["lag"]) for number in launched[0]]] == [
        [("lstm", 16), ("lstm", 2), ("rnn", 16), ("rnn", 2)]
    ]


@pytest.mark.parametrize(("seeds", "together"), [(1, 1), (3, 3), (9, 4)])
def test_a_step_is_timed_of_some_members_together_and_shared_among_them(monkeypatch, seeds, together):
    """A second a call: one member among `together` takes 1/together of it."""
    seen = []
    monkeypatch.setattr(runtime_bound, "_seconds_of", lambda training: seen.append(len(training.active)) or 1.0)
    ((job, plan),) = pairs("cell=lstm", f"trainer.seeds={seeds}")
    assert runtime_bound._step_seconds(job, plan) == pytest.approx(1 / together)
    assert seen == [together] * runtime_bound.STEPS_TIMED


def test_members_that_diverge_at_once_are_timed_until_then(monkeypatch):
    seen = []
    monkeypatch.setattr(runtime_bound, "_seconds_of", lambda training: seen.append(training.advance()) or 1.0)
    assert most_seconds(pairs("cell=lstm", "task=adding", "trainer.learning_rates=1e30"), 1) > 0
    assert [run.status for ended in seen for run in ended] == ["diverged"] * 3
    assert len(seen) < runtime_bound.STEPS_TIMED


def test_a_step_is_really_timed():
    assert most_seconds(pairs("trainer.steps=100"), 1) > 0


@pytest.mark.parametrize(
    ("seconds", "words"), [(40.4, "40 seconds"), (1500, "25 minutes"), (5400, "1.5 hours"), (360_000, "100.0 hours")]
)
def test_a_duration_in_words(seconds, words):
    assert in_words(seconds) == words
