import pytest

from lstm_bench.config.composing import Invocation, compose_study
from lstm_bench.study.identity import job_identity, member_identity
from lstm_bench.study.planning import cell_names, plan_study


def jobs(*overrides: str):
    return compose_study(Invocation(overrides)).jobs


def identity(*overrides: str) -> str:
    (job,) = jobs(*overrides)
    return job_identity(job)


@pytest.mark.parametrize(
    "change",
    ["task.lag=11", "task.dialect=bai", "cell.forget_bias=1.0", "cell=rnn", "trainer.batch_size=8", "trainer.clip=0"],
)
def test_what_changes_a_result_changes_the_identity(change):
    assert identity(change) != identity()


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


def test_a_swept_setting_of_one_cell_names_the_contenders():
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
