"""How long a study may take at most: the steps that are counted, and how a duration is told."""

import pytest

from lstm_bench.config.composing import Invocation, compose_study
from lstm_bench.study import runtime_bound
from lstm_bench.study.planning import plan_study
from lstm_bench.study.runtime_bound import in_words, most_seconds

SETTINGS = (
    "cell=rnn,lstm", "task.lag=2", "cell.hidden_size=4", "trainer.steps=1000", "trainer.eval_every=100",
    "trainer.eval_size=96", "trainer.batch_size=32", "trainer.seeds=3", "trainer.tuning_seeds=2",
    "trainer.learning_rates=[0.01,0.02]", "trainer.tuning_share=0.5",
)  # fmt: skip


def pairs(*overrides: str):
    config = compose_study(Invocation((*SETTINGS, *overrides)))
    return list(zip(config.jobs, plan_study(config, []).jobs, strict=True))


@pytest.mark.parametrize(("cores", "until"), [(1, 0.01 + 0.03), (2, 0.03), (8, 0.03)])
def test_every_step_of_every_member_and_every_evaluation_is_counted(monkeypatch, cores, until):
    """3 members of 1000 steps, 4 trials of 500, and of these 5000 one evaluation in 100: three forward batches each."""
    monkeypatch.setattr(runtime_bound, "_step_seconds", lambda job, _: {"rnn": 0.01, "lstm": 0.03}[job.cell_name])
    assert most_seconds(pairs(), cores) == pytest.approx(until * (5000 + 50 * 96 / 3 / 32))


def test_without_tuning_there_are_no_trials(monkeypatch):
    monkeypatch.setattr(runtime_bound, "_step_seconds", lambda *_: 1.0)
    assert most_seconds(pairs("trainer.learning_rates=0.01", "cell=rnn"), 1) == pytest.approx(3000 + 30 * 96 / 3 / 32)


@pytest.mark.parametrize(
    ("times", "at_once", "until"),
    [([], 2, 0), ([3, 1, 1, 1], 2, 3), ([1, 1, 3], 2, 4), ([2, 2, 2], 2, 4), ([2, 2, 2], 3, 2), ([5, 1, 1, 4], 2, 6)],
)
def test_jobs_are_taken_up_in_turn_by_whoever_is_free(times, at_once, until):
    assert runtime_bound._until_all_end(times, at_once) == until


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
