"""Several sweeps in one study, and budgets that run less of it."""

from dataclasses import replace

import pytest

from lstm_bench.config.budgets import sweeps
from lstm_bench.config.composing import Invocation, compose_study
from lstm_bench.config.errors import ConfigError
from lstm_bench.config.schema import BudgetChoice, RootConfig, StudyConfig

EXPERIMENT = """# @package _global_
# Two tasks at lags of their own (seconds)
study: two
sweeps:
  - {task: copy, task.lag: "3,2", cell: "lstm,rnn"}
  - {task: adding, task.lag: 9, cell: lstm, cell.hidden_size: "4,8"}
budget: small
budgets:
  small:
    cut: adding is left out
    set: {trainer.steps: 400}
    sweeps:
      - {task: copy, task.lag: 3, cell: "lstm,rnn"}
  whole:
    set: {trainer.seeds: 2}
  heads:
    sweeps:
      - {task: copy, task.n_symbols: 5, task.lag: 3, cell: gated_delta, cell.heads: 2, cell.hidden_size: 16}
"""


ROOT = RootConfig(
    study="two", output=".", measure="training", studies={}, comparison="hidden", parameters=None, task=None, cell=None,
    trainer=None, probe=None, tracking=None, speed=None, report=None, resume=True, safety=None, sweeps=[],
    budget="small", budgets={}, published=None,
)  # fmt: skip


@pytest.fixture
def compose(tmp_path):
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "two.yaml").write_text(EXPERIMENT)
    return lambda *overrides: compose_study(Invocation(("+experiment=two", *overrides), tmp_path))


def jobs(study: StudyConfig) -> list[tuple[str, int, str, int]]:
    return [(j.task_name, j.task["lag"], j.cell_name, j.cell["hidden_size"]) for j in study.jobs]


def test_a_study_has_the_jobs_of_all_its_sweeps_in_their_order(compose):
    study = compose("budget=whole")
    assert jobs(study) == [
        ("copy", 3, "lstm", 64), ("copy", 3, "rnn", 64), ("copy", 2, "lstm", 64), ("copy", 2, "rnn", 64),
        ("adding", 9, "lstm", 4), ("adding", 9, "lstm", 8),
    ]  # fmt: skip
    assert {job.trainer.seeds for job in study.jobs} == {2}
    assert study.budget == BudgetChoice("whole", "")


def test_a_budget_sets_and_sweeps_in_place_of_the_experiment(compose):
    study = compose()
    assert jobs(study) == [("copy", 3, "lstm", 64), ("copy", 3, "rnn", 64)]
    assert {job.trainer.steps for job in study.jobs} == {400}
    assert study.budget == BudgetChoice("small", "adding is left out")


def test_the_command_line_wins_over_budget_and_sweeps_and_no_job_is_there_twice(compose):
    study = compose("budget=whole", "cell.hidden_size=5", "cell=lstm", "task.lag=7", "trainer.seeds=3")
    assert jobs(study) == [("copy", 7, "lstm", 5), ("adding", 7, "lstm", 5)]
    assert {job.trainer.seeds for job in study.jobs} == {3}
    assert jobs(compose("budget=whole", "task=copy", "cell.hidden_size=5", "cell=lstm", "task.lag=7")) == [
        ("copy", 7, "lstm", 5)
    ]


def test_another_task_or_cell_leaves_out_what_a_sweep_sets_of_its_own(compose):
    (of_sweep,) = compose("budget=heads").jobs
    assert (of_sweep.task["n_symbols"], of_sweep.cell["heads"], of_sweep.cell["hidden_size"]) == (5, 2, 16)
    (other_cell,) = compose("budget=heads", "cell=gru").jobs
    assert (other_cell.cell_name, other_cell.task["n_symbols"], other_cell.cell["hidden_size"]) == ("gru", 5, 16)
    (other_task,) = compose("budget=heads", "task=adding").jobs
    assert (other_task.task_name, other_task.task["lag"], other_task.cell["heads"]) == ("adding", 3, 2)


def test_a_study_without_budgets_has_none():
    assert compose_study(Invocation(())).budget is None


@pytest.mark.parametrize("chosen", ["huge", ""])
def test_an_unknown_budget_is_refused_with_those_that_there_are(compose, chosen):
    with pytest.raises(ConfigError) as refused:
        compose(f"budget={chosen}")
    assert str(refused.value) == f"budget={chosen}: allowed: small, whole, heads"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"budgets": [1]}, "budgets=[1]: allowed: by name, each with some of the keys cut, set, sweeps"),
        ({"budgets": {"small": {"time": 3}}}, "budgets={'small': {'time': 3}}: allowed: by name, each with "),
        ({"budgets": {"small": {"cut": 3}}}, "budgets={'small': {'cut': 3}}: allowed: by name, each with "),
        ({"sweeps": [3], "budget": None}, "sweeps=[3]: allowed: a list of what each sweep sets, as in "),
        ({"sweeps": {"task.lag": 3}, "budget": None}, "sweeps={'task.lag': 3}: allowed: a list of what each sweep "),
    ],
)
def test_what_has_another_form_is_refused(settings, message):
    with pytest.raises(ConfigError) as refused:
        sweeps(replace(ROOT, **settings))
    assert str(refused.value).startswith(message)


def test_an_experiment_without_budgets_says_so():
    with pytest.raises(ConfigError) as refused:
        compose_study(Invocation(("budget=full",)))
    assert str(refused.value) == "budget=full: allowed: null, as this experiment has no budgets"


def test_a_value_twice_in_one_sweep_is_still_refused(compose):
    with pytest.raises(ConfigError, match=r"^task\.lag=2,2: a value twice: allowed: each job once$"):
        compose("task.lag=2,2")
