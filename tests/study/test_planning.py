import json
from dataclasses import asdict, replace

import pytest

from lstm_bench.config.composing import Invocation, compose_study
from lstm_bench.config.objects import cell_defaults, check_job
from lstm_bench.config.schema import JobConfig, TrainerConfig
from lstm_bench.records.identity import member_identity
from lstm_bench.records.plan import JobPlan
from lstm_bench.study.identity import job_identity
from lstm_bench.study.planning import _plan_job, cell_names, distance_of, job_config, plan_study


def jobs(*overrides: str):
    return compose_study(Invocation(overrides)).jobs


def identity(*overrides: str) -> str:
    (job,) = jobs(*overrides)
    return job_identity(job)


@pytest.mark.parametrize(
    "change",
    [
        "task.lag=11",
        "task.dialect=bai",
        "cell.forget_bias=1.0",
        "cell=rnn",
        "trainer.batch_size=8",
        "trainer.clip=0",
        "trainer.stop_when_solved=false",
    ],
)
def test_what_changes_a_result_changes_the_identity(change):
    assert identity(change) != identity()


def test_seeds_that_a_float_would_round_to_one_are_two():
    large = 2**53
    assert identity(f"trainer.study_seed={large}") != identity(f"trainer.study_seed={large + 1}")
    assert member_identity("j", "report", large) != member_identity("j", "report", large + 1)


@pytest.mark.parametrize(
    "change",
    [
        "trainer.seeds=9",
        "study=other",
        "output=elsewhere",
        "tracking=off",
        "cell.forget_bias=3",
        "trainer.clip=1",
        "trainer.kernel=torch",
        "trainer.stop_when_solved=true",
    ],
)
def test_what_leaves_a_result_as_it_is_leaves_the_identity(change):
    assert identity(change) == identity()


def test_members_of_a_job_differ_by_role_seed_and_candidate_rate():
    assert (
        len(
            {
                member_identity("j", *rest)
                for rest in [("report", 0), ("report", 1), ("tuning", 0, 0.1), ("tuning", 0, 0.2)]
            }
        )
        == 4
    )


def test_a_swept_setting_of_one_cell_names_the_implementations():
    assert cell_names(jobs("cell=lstm", "cell.forget_bias=0,1", "task.lag=2,3")) == [
        "lstm forget_bias=0", "lstm forget_bias=0", "lstm forget_bias=1", "lstm forget_bias=1"
    ]  # fmt: skip


def test_a_setting_that_follows_the_lag_names_nothing():
    assert set(cell_names(jobs("cell=lstm_chrono,rnn", "task.lag=5,6"))) == {"lstm_chrono", "rnn"}


def test_a_plan_counts_parameters_and_operations_by_formula():
    config = compose_study(Invocation(("cell=rnn,lstm", "cell.hidden_size=64")))
    rnn, lstm = plan_study(config, ["cell=rnn,lstm"]).jobs
    assert rnn.n_parameters_core == 64**2 + 64 * 10 + 2 * 64
    assert lstm.n_parameters_core == 4 * rnn.n_parameters_core
    assert rnn.n_parameters == rnn.n_parameters_core + 9 * 65
    assert rnn.flops == 6 * (64 * 64 + 64 * 10) * 32 * rnn.length


def distances(*overrides: str) -> list[float | None]:
    return [job.distance for job in plan_study(compose_study(Invocation(overrides)), []).jobs]


def test_a_plan_has_the_steps_that_each_lag_holds_a_memory():
    assert distances("task.lag=5,9") == [8.0, 12.0]
    assert distances("task=adding", "task.lag=20") == [14.5]


def test_where_settings_place_the_cue_the_distance_is_unknown():
    assert distances("task=adding", "task.lag=20", "+task.cue_distance=3") == [None]


class WithoutDistance:
    """A task written for a version whose tasks had no distance, and one that calls something else by its name."""

    cue_distance = None

    def distance(self) -> None:
        """Do something else."""


@pytest.mark.parametrize("task", [object(), WithoutDistance()])
def test_a_plug_in_that_states_no_distance_has_none(task):
    assert distance_of(task) is None


def test_a_plan_of_an_earlier_version_has_no_distances():
    (plan,) = plan_study(compose_study(Invocation(("task.lag=5",))), []).jobs
    earlier = {name: value for name, value in asdict(plan).items() if name != "distance"}
    assert JobPlan(**earlier).distance is None


@pytest.mark.parametrize(
    "overrides",
    [
        ("+experiment=smoke",),
        ("+experiment=anatomy",),
        ("cell=lstm_chrono", "task.lag=7,9", "trainer.learning_rates=0.01", "trainer.seeds=[3,5]"),
    ],
)
def test_a_plan_read_back_gives_the_jobs_that_were_planned(overrides):
    config = compose_study(Invocation(overrides))
    written = [json.loads(json.dumps(asdict(plan))) for plan in plan_study(config, []).jobs]
    read = [job_config(JobPlan(**plan)) for plan in written]
    assert [job_identity(job) for job in read] == [job_identity(job) for job in config.jobs]
    assert [(job.trainer.seed_list, job.trainer.kernel) for job in read] == [
        (job.trainer.seed_list, job.trainer.kernel) for job in config.jobs
    ]


def test_records_that_exist_keep_their_identity():
    """Another digest of the same settings would orphan every record there is."""
    task = {"_target_": "lstm_bench.tasks.copy.CopyTask", "lag": 10}
    cell = {"_target_": "lstm_bench.cells.rnn.RNNCell", "hidden_size": 64}
    assert job_identity(JobConfig("copy", "rnn", task, cell, TrainerConfig())) == "595d0f0ddf59b4e0"


def test_the_plan_has_the_softer_criteria_of_a_task_that_names_some():
    (copy,) = plan_study(compose_study(Invocation(("task=copy",))), []).jobs
    (other,) = plan_study(compose_study(Invocation(("task=temporal_order",))), []).jobs
    assert copy.softer == {"recall_accuracy": [0.95, 0.9]}
    assert other.softer == {}


def test_settings_that_a_yaml_leaves_to_the_constructor_are_recorded_and_change_no_identity():
    (job,) = jobs("cell=lstm", "cell.hidden_size=4")
    assert plan_study(compose_study(Invocation(("cell=lstm",))), []).jobs[0].cell_defaults == {}
    short = replace(job, cell={"_target_": job.cell["_target_"], "hidden_size": 4})
    assert cell_defaults(short) == {"init": "pytorch", "forget_bias": None, "chrono": None}
    assert "chrono" not in job_config(_plan_job(short, "lstm", *check_job(short))).cell
