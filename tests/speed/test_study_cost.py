"""The cost of a study: core-seconds by part, and the least that its training steps could take."""

from dataclasses import replace

import pytest

from lstm_bench.config.composing import Invocation, compose_study
from lstm_bench.records.schema import MemberRecord
from lstm_bench.records.speed import MachineLimit, StudyCost
from lstm_bench.speed.study_cost import study_cost
from lstm_bench.study.planning import plan_study

OVERRIDES = ("+experiment=smoke", "task.lag=4", "cell=lstm,rnn", "cell.hidden_size=8", "trainer.batch_size=16")
LIMIT = MachineLimit(1e6, 1e3, "by hand")
STEPS = 100
STUDY = compose_study(Invocation(OVERRIDES))
PAIRS = list(zip(STUDY.jobs, plan_study(STUDY, []).jobs, strict=True))
MEMBERS = {
    member.identity: MemberRecord(
        member.identity, plan.job, member.role, member.seed, 0.1, "learning", STEPS,
        train_s=5.0, evaluate_s=2.0, probe_s=0.5 if member.role == "report" else 0.0,
    )
    for _, plan in PAIRS
    for member in plan.members()
}  # fmt: skip
ENDED = [{"event": "member_ended", "identity": identity} for identity in MEMBERS]
RAN = [{"event": "job_ran", "wall_s": 100.0} for _ in PAIRS]


def cost_of(*events: dict[str, object]) -> StudyCost | None:
    return study_cost(PAIRS, MEMBERS, events, cores=2, wall_s=300.0, limit=LIMIT)


def test_every_part_is_the_sum_over_the_members_that_ended() -> None:
    cost = cost_of(*ENDED, *RAN)
    reported = sum(member.role == "report" for member in MEMBERS.values())
    assert cost is not None
    assert (cost.cores, cost.available_s, cost.jobs_s) == (2, 600.0, 200.0)
    assert cost.training_s == 3.0 * reported
    assert cost.tuning_s == 3.0 * (len(MEMBERS) - reported) > 0
    assert cost.evaluation_s == 2.0 * len(MEMBERS)
    assert cost.probes_s == 0.5 * reported


def test_the_least_time_is_that_of_all_products_and_nonlinearities() -> None:
    cost = cost_of(*ENDED)
    hidden, inputs, batch, length = 8, 10, 16, PAIRS[0][1].length
    weights = 6 * hidden * hidden + 4 * hidden * inputs  # operations a gate, step and sequence
    step_s = batch * length * (weights * (4 + 1) / 1e6 + (5 + 1) * hidden / 1e3)  # of an LSTM and of an RNN
    assert cost is not None
    assert cost.limit_s == pytest.approx(STEPS * len(MEMBERS) / 2 * step_s)


def test_members_of_an_earlier_invocation_are_not_counted() -> None:
    cost = cost_of(*ENDED[:3])
    assert cost is not None
    assert cost.evaluation_s == 6.0
    assert cost_of(*RAN) is None


def test_a_record_that_can_no_longer_be_read_is_left_out() -> None:
    readable = dict(list(MEMBERS.items())[1:])
    cost = study_cost(PAIRS, readable, ENDED, 2, 300.0, LIMIT)
    assert cost is not None
    assert cost.evaluation_s == 2.0 * len(readable)


def test_training_that_went_on_from_a_checkpoint_has_no_cost() -> None:
    assert cost_of(*ENDED, {"event": "taken_up", "job": PAIRS[0][1].job}) is None


def test_a_cell_whose_work_is_not_known_leaves_the_limit_open() -> None:
    job, plan = PAIRS[0]
    plug_in = replace(job, cell={"_target_": "plain_cell.Plain", "hidden_size": 8})
    cost = study_cost([(plug_in, plan)], MEMBERS, ENDED, 2, 300.0, LIMIT)
    assert cost is not None
    assert cost.limit_s is None
