"""The speed benchmark: its implementations, and rounds that are what they say."""

import math
from dataclasses import replace

import pytest
import torch
from torch import nn

from lstm_bench.cells.gru import GRUCell
from lstm_bench.cells.lstm import LSTMCell
from lstm_bench.cells.lstm_1997 import OriginalLSTMCell
from lstm_bench.cells.rnn import RNNCell
from lstm_bench.config.composing import Invocation, compose_study
from lstm_bench.config.errors import ConfigError
from lstm_bench.config.schema import SpeedConfig
from lstm_bench.records.speed import OURS, PLAIN_LOOP, STOCK_THREADS, STOCK_WORKERS, MachineLimit
from lstm_bench.speed import benchmark
from lstm_bench.speed.benchmark import implementations_of, run_benchmark
from lstm_bench.speed.implementation import engine_step, plain_step, stock_step
from lstm_bench.speed.machine_limit import core_rates
from lstm_bench.speed.operations import training_work
from lstm_bench.speed.timing import InterleavedTimer, Timing
from lstm_bench.study.planning import plan_study

SMALL = ("task=adding", "task.lag=6", "cell.hidden_size=3", "trainer.batch_size=2", "trainer.seeds=2")


def pairs(*overrides):
    config = compose_study(Invocation((*SMALL, *overrides)))
    return list(zip(config.jobs, plan_study(config, []).jobs, strict=True))


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_all_four_take_part_where_torch_has_the_layer(cell):
    ((job, plan),) = pairs(f"cell={cell}")
    by_name = {one.name: one for one in implementations_of(job, plan)}
    assert list(by_name) == [OURS, STOCK_WORKERS, STOCK_THREADS, PLAIN_LOOP]
    assert by_name[OURS].members == 2
    assert {c.kernel for name, c in by_name.items() if name != OURS} == {f"torch.nn.{cell.upper()}"}
    assert [by_name[name].prepared for name in by_name] == [True, True, True, False]
    assert by_name[STOCK_WORKERS].processes == by_name[STOCK_THREADS].threads


@pytest.mark.parametrize("cores", [1, 3])
def test_implementations_take_the_usable_cores_and_no_others(monkeypatch, cores):
    monkeypatch.setattr(benchmark, "usable_cores", lambda: cores)
    ((job, plan),) = pairs("cell=rnn")
    taken = {one.name: (one.processes, one.threads) for one in implementations_of(job, plan)}
    assert taken == {OURS: (cores, 1), STOCK_WORKERS: (cores, 1), STOCK_THREADS: (1, cores), PLAIN_LOOP: (1, cores)}


@pytest.mark.parametrize("task", [("task=adding", "task.dialect=anywhere"), ("task=copy",)])
def test_the_plain_loop_knows_adding_with_a_marker_in_each_half_alone(task):
    config = compose_study(Invocation((*task, "task.lag=6", "cell.hidden_size=3")))
    (plan,) = plan_study(config, []).jobs
    assert PLAIN_LOOP not in {c.name for c in implementations_of(config.jobs[0], plan)}


@pytest.mark.parametrize("make", [engine_step, stock_step, plain_step])
def test_every_implementation_trains(make):
    """The last layer of PyTorch and ours both move: a step that changes nothing would be the fastest."""
    ((job, _),) = pairs("cell=lstm", "trainer.learning_rates=0.01")
    step = make(job, 1)
    step()
    held = [step.__self__.model] if make is plain_step else [c.cell_contents for c in step.__closure__]
    model = next(thing for thing in held if weights_of(thing))
    before = [w.clone() for w in weights_of(model)]
    step()
    assert all((a != b).any() for a, b in zip(before, weights_of(model), strict=True))


def weights_of(thing):
    if isinstance(thing, nn.Module):
        return [p.detach() for p in thing.parameters()]
    return [thing.weights] if hasattr(thing, "weights") else []


@pytest.fixture(scope="module")
def measured():
    """The benchmark of a cell that torch has, too, and of a plug-in, on one core: limit, rows and the jobs done."""
    ((job, plan),) = pairs("cell=rnn")
    plug_in = replace(job, cell_name="plain", cell={"_target_": "plain_cell.Plain", "hidden_size": 3})
    jobs, done = [(job, plan), (plug_in, replace(plan, cell="plain"))], []
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOKY_MAX_CPU_COUNT", "1")
        patch.setattr(benchmark, "measure_limit", lambda: MachineLimit(1e11, 1e9, "a guess"))
        limit, rows = run_benchmark(jobs, SpeedConfig(rounds=3, turn_s=0.01), done.append)
    assert done == [1, 2]
    return limit, rows


def test_a_benchmark_gives_a_row_an_implementation_with_all_its_rounds(measured):
    limit, rows = measured
    of_rnn = [row for row in rows if row.cell == "rnn"]
    assert [row.implementation for row in of_rnn] == [OURS, STOCK_WORKERS, STOCK_THREADS, PLAIN_LOOP]
    for row in of_rnn:
        assert len(row.rounds_s) == 3
        assert min(row.rounds_s) > 0
        assert row.steps % row.members == 0
        assert (row.lag, row.hidden_size, row.batch_size) == (6, 3, 2)
        assert row.limit_s == pytest.approx(
            (6 * 9 + 4 * 6) * 12 / limit.flops_per_s + 3 * 12 / limit.nonlinearities_per_s
        )


def test_each_row_tells_the_threads_that_its_processes_have(measured):
    """Of one usable core, one process of one thread, with the settings of the engine's workers or without."""
    assert {(row.processes, row.threads) for row in measured[1]} == {(1, 1)}


def test_a_plug_in_has_no_limit_and_no_rival(measured):
    _, rows = measured
    assert [(row.implementation, row.limit_s) for row in rows if row.cell == "plain"] == [(OURS, None)]


def test_the_steps_of_a_row_are_those_of_all_members_in_all_processes(monkeypatch):
    class FiveStepsARound(InterleavedTimer):
        def peak_memory(self, implementation, counts_making=False):
            return None

        def threads(self, implementation):
            return implementation.threads

        def time(self, implementations, rounds, round_s):
            return [Timing(5, [1.0] * rounds) for _ in implementations]

    monkeypatch.setattr(benchmark, "measure_limit", lambda: MachineLimit(1e11, 1e9, "a guess"))
    monkeypatch.setattr(benchmark, "usable_cores", lambda: 3)
    monkeypatch.setattr(benchmark, "InterleavedTimer", FiveStepsARound)
    _, rows = run_benchmark(pairs("cell=rnn"), SpeedConfig(rounds=2, turn_s=1.0), lambda _: None)
    assert [row.members for row in rows] == [2, 1, 1, 1]
    assert [row.steps for row in rows] == [5 * 3 * 2, 5 * 3, 5, 5]
    assert [(row.processes, row.threads) for row in rows] == [(3, 1), (3, 1), (1, 3), (1, 3)]


@pytest.mark.parametrize(("cell_type", "gates", "nonlinearities"), [(RNNCell, 1, 1), (GRUCell, 3, 3), (LSTMCell, 4, 5)])
def test_the_work_of_a_step_follows_the_formula(cell_type, gates, nonlinearities):
    """H = 5, D = 2, B = 3, T = 7: six operations for an entry of W_hh, four for one of W_ih."""
    operations, evaluations = training_work(cell_type(2, 5), 3, 7)
    assert operations == 21 * gates * (6 * 25 + 4 * 10)
    assert evaluations == 21 * nonlinearities * 5


def test_the_work_of_the_first_lstm_is_of_its_units_and_its_blocks():
    """Three cells in two blocks, D = 2: 3 + 4 rows; a nonlinearity a candidate, inner state and gate."""
    operations, evaluations = training_work(OriginalLSTMCell(2, 3, block_size=2), 3, 7)
    assert operations == 21 * (6 * 49 + 4 * 14)
    assert evaluations == 21 * (3 + 3 + 4)


def test_the_work_of_a_cell_that_is_not_registered_is_not_known():
    class Other(LSTMCell):
        pass

    assert training_work(Other(2, 5), 3, 7) is None


def test_the_rates_of_a_core_are_of_this_world():
    operations, nonlinearities = core_rates()
    assert 1e8 < nonlinearities < operations < 1e13
    assert math.isfinite(operations)


@pytest.mark.parametrize("override", ["speed.rounds=0", "speed.turn_s=0.0", "measure=nothing"])
def test_a_wrong_setting_of_a_speed_study_is_named(override):
    with pytest.raises(ConfigError, match=override):
        compose_study(Invocation((override,)))


def test_the_plain_loop_draws_the_adding_problem():
    ((job, _),) = pairs("cell=gru")
    training = plain_step(job, 1).__self__
    x, y = type(training).step.__globals__["adding_batch"](8, 100)
    assert x.shape == (8, 100, 2)
    assert torch.equal(x[:4, :, 1].sum(0), torch.ones(100))
    assert torch.equal(x[4:, :, 1].sum(0), torch.ones(100))
    torch.testing.assert_close((x[..., 0] * x[..., 1]).sum(0), y)
