"""Linear memory capacity of networks for which theory gives it."""

import math
import statistics

import pytest
import torch
from known_cells import (
    CountingCell,
    LinearCell,
    PlugIn,
    by_key,
    echo,
    generator,
    model_of,
    normal,
    orthogonal,
    shift_register,
)

from lstm_bench.cells.lstm import LSTMCell
from lstm_bench.probes.memory_capacity import MemoryCapacity, memory_capacity
from lstm_bench.tasks.adding import AddingTask

TASK = AddingTask(5)  # not drawn from


def measure(cell, seed: int = 0, **settings) -> MemoryCapacity:
    return memory_capacity(model_of(cell), TASK, generator(seed), **settings)


class StirringCell(PlugIn):
    """A state that looks random and is the same whatever the input: chaos from a start of its own."""

    def initial_state(self, batch_size: int) -> torch.Tensor:
        return self.zeros(batch_size) + torch.linspace(0.1, 0.9, batch_size * self.hidden_size).view(batch_size, -1)

    def step(self, x, state):
        h = 3.99 * state * (1 - state)
        return h, h


@pytest.mark.parametrize("units", [5, 20])
@pytest.mark.parametrize("seed", range(3))
def test_a_shift_register_remembers_as_many_inputs_as_it_has_units(units, seed):
    capacities = measure(shift_register(units), seed)
    assert capacities.squared_correlations[:units] == pytest.approx(
        [1.0] * units, abs=1e-4
    )  # the penalty takes a little
    assert max(map(abs, capacities.squared_correlations[units:])) < 0.05
    assert capacities.capacity == pytest.approx(units, abs=0.1)
    assert (capacities.span, capacities.units, capacities.is_cut_off) == (units, units, False)


@pytest.mark.parametrize("seed", range(3))
def test_a_cell_whose_state_is_its_input_remembers_one(seed):
    capacities = measure(echo(), seed)
    assert capacities.capacity == pytest.approx(1.0, abs=0.1)
    assert capacities.squared_correlations[0] == pytest.approx(1.0, abs=1e-4)
    assert capacities.span == 1


@pytest.mark.parametrize("value", [0.0, 0.1, 1 / 3, -0.7])
def test_a_constant_state_remembers_nothing_and_is_not_charged_for_chance(value):
    capacities = measure(LinearCell(torch.eye(3), torch.zeros(3, 2), start=value))
    assert capacities.squared_correlations == [0.0] * 100
    assert (capacities.capacity, capacities.span) == (0.0, 0)


def test_chance_is_subtracted_from_a_state_that_knows_nothing_of_its_input():
    """Uncorrected, 100 delays of r^2 = 1/(n-1) on n = 4 * 150 pairs would be 0.167: the mean is 0 instead."""
    totals = [measure(StirringCell(2, 5), seed).capacity for seed in range(30)]
    standard_error = statistics.stdev(totals) / math.sqrt(len(totals))
    assert standard_error < 0.01
    assert statistics.fmean(totals) == pytest.approx(0.0, abs=4 * standard_error)
    assert min(totals) < 0  # nothing is cut off


def test_chance_is_subtracted_beyond_what_a_cell_remembers():
    totals = [sum(measure(echo(), seed).squared_correlations[1:]) for seed in range(30)]
    standard_error = statistics.stdev(totals) / math.sqrt(len(totals))
    assert statistics.fmean(totals) == pytest.approx(0.0, abs=4 * standard_error)


@pytest.mark.parametrize("units", [10, 30])
def test_a_linear_network_has_the_capacity_of_its_size(units):
    """Jaeger 2001: N for any linear network of N units whose states span their space and that forgets its start."""
    capacities = measure(LinearCell(0.9 * orthogonal(units), normal(units, 1, seed=1)), steps=2000)
    assert capacities.capacity == pytest.approx(units, rel=0.03)


def test_a_nonlinear_cell_remembers_less_than_the_size_of_its_state():
    capacities = measure(LSTMCell(2, 8, generator=generator()))
    assert capacities.units == 16
    assert 1 < capacities.capacity < 8


@pytest.mark.parametrize(("delays", "is_cut_off"), [(4, True), (5, True), (6, False)])
def test_a_span_as_long_as_the_delays_is_cut_off(delays, is_cut_off):
    capacities = measure(shift_register(5), delays=delays)
    assert capacities.is_cut_off == is_cut_off
    assert by_key(capacities)["memory/capacity_span_open"] == float(is_cut_off)
    assert capacities.span == min(delays, 5)


def test_a_part_of_whole_numbers_counts_as_a_state():
    assert measure(CountingCell(2, 1)).units == 2


def test_metrics_and_curve_worked_by_hand():
    capacities = MemoryCapacity([0.9, 0.4, 0.6, -0.1], units=8)
    assert by_key(capacities) == {
        "memory/capacity": pytest.approx(1.8),
        "memory/capacity_span": 3.0,
        "memory/capacity_span_open": 0.0,
        "memory/state_size": 8.0,
    }
    assert [list(column) for column in capacities.curves()["r2"]] == [[1, 2, 3, 4], [0.9, 0.4, 0.6, -0.1]]
