"""Recall against distance: of models that remember a known number of steps, and the half-life by hand."""

import math

import pytest
import torch
from known_cells import PlugIn, by_key, generator, model_of, run
from torch import Tensor

from lstm_bench.cells.gru import GRUCell
from lstm_bench.engine.model import Model
from lstm_bench.probes.forgetting import Forgetting, forgetting, half_life
from lstm_bench.tasks.adding import AddingTask
from lstm_bench.tasks.copy import CopyTask


class WindowCell(PlugIn):
    """The product of value and marker at each of the last steps, one a unit."""

    def step(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        window = torch.cat([x[:, :1] * x[:, 1:2], state[:, :-1]], dim=1)
        return window, window


@torch.no_grad()
def adding_within(window: int) -> Model:
    """Return a model that says the sum of what was marked in the last so many steps, exactly."""
    model = model_of(WindowCell(2, window))
    model.readout.weight.fill_(1.0)
    model.readout.bias.zero_()
    return model


def test_a_model_that_sees_the_last_eight_steps_recalls_a_marked_value_there_and_nowhere_else():
    """In `half` the other marker is never in sight with the cue at 1 to 16 of 32; so nothing else is said there."""
    task = AddingTask(lag=32)
    recalled = forgetting(adding_within(8), task, generator(), sequences=400)
    assert recalled.distances == [1, 2, 3, 5, 7, 10, 15, 22, 32]
    assert recalled.mean_recall[:5] == pytest.approx([1.0] * 5, abs=1e-9)
    assert recalled.mean_recall[5:7] == [0.0, 0.0]  # it says 0 every time
    assert max(recalled.mean_recall[7:]) < 10 / 400  # chance: 1/(n-2) in the mean, here with the other in sight
    assert recalled.half_life == pytest.approx(math.sqrt(7 * 10))  # half way from 1 at 7 to 0 at 10, in the logarithm
    assert by_key(recalled) == {"memory/half_life": recalled.half_life, "memory/half_life_open": 0.0}


def test_a_model_that_sees_everything_has_no_half_life_within_the_sequence():
    recalled = forgetting(adding_within(32), AddingTask(lag=32), generator())
    assert recalled.mean_recall == pytest.approx([1.0] * 9, abs=1e-9)
    assert by_key(recalled) == {"memory/half_life": 32.0, "memory/half_life_open": 1.0}


def test_a_model_that_says_one_number_recalls_nothing():
    recalled = forgetting(adding_within(1), AddingTask(lag=8, cue_distance=5), generator())
    assert recalled.recalls[recalled.distances.index(8)] == [pytest.approx(0.0, abs=10 / 300)]
    constant = adding_within(4)
    constant.readout.weight.data.zero_()
    assert forgetting(constant, AddingTask(lag=8), generator()).mean_recall == [0.0] * 7
    assert forgetting(constant, AddingTask(lag=8), generator()).half_life == 0.0


@pytest.mark.parametrize("task", [CopyTask(lag=4, n_symbols=2), CopyTask(lag=4, n_symbols=2, dialect="s4")])
def test_recall_is_that_of_the_cells_own_steps_on_the_same_draws(task):
    model, stream = model_of(GRUCell(10, 6, generator=generator()), task.output_size), generator(3)
    expected = []
    for distance in task.cue_distances:
        at_distance = task.at_distance(distance)
        batch = at_distance.sample(40, stream)
        said = model.readout(run(model.cell, batch.inputs)[0][-at_distance.predicted_steps :])
        right = said[-2:].argmax(dim=-1) == batch.targets[-2:]
        expected.append([(float(share) - 1 / 8) / (7 / 8) for share in right.double().mean(dim=1)])
    recalled = forgetting(model, task, generator(3), sequences=40)
    assert recalled.distances == [3, 4, 5, 6, 8, 10, 14, 18]  # lags 1, 2, 3, 4, 6, 8, 12, 16
    assert recalled.recalls == [pytest.approx(cues) for cues in expected]


@pytest.mark.parametrize(
    ("distances", "recalls", "expected"),
    [
        ([1, 4, 16], [1.0, 0.75, 0.25], 8.0),  # half way between 4 and 16 in the logarithm
        ([1, 10, 100], [1.0, 0.9, 0.1], 10 * 10**0.5),
        ([2, 8], [1.0, 0.0], 4.0),
        ([3, 6, 12], [0.9, 0.6, 0.5], math.inf),  # one half itself is still half
        ([3, 6, 12], [1.0, 1.0, 1.0], math.inf),
        ([3, 6, 12], [0.4, 0.3, 0.0], 0.0),
        ([1, 2, 8, 32], [0.1, 0.2, 0.9, 0.1], 16.0),  # rising first: from where it is highest
        ([1, 2, 8, 32], [1.0, 0.0, 0.9, 0.1], math.exp(math.log(2) / 2)),  # the first time that it falls
        ([1, 2, 4], [0.0, 0.0, 1.0], math.inf),
        ([4], [1.0], math.inf),
        ([4], [0.2], 0.0),
    ],
)
def test_half_life_worked_by_hand(distances, recalls, expected):
    assert half_life(distances, recalls) == pytest.approx(expected)


def test_several_cues_have_a_curve_each_and_one_has_none_of_its_own():
    two = Forgetting([3, 9], [[1.0, 0.5], [0.25, 0.0]])
    assert two.mean_recall == [0.75, 0.125]
    assert {name: list(curve.values) for name, curve in two.curves().items()} == {
        "recall": [0.75, 0.125],
        "recall of cue 1": [1.0, 0.25],
        "recall of cue 2": [0.5, 0.0],
    }
    assert two.half_life == pytest.approx(math.exp(math.log(3) + math.log(3) * 0.25 / 0.625))
    assert list(Forgetting([3, 9], [[1.0], [0.25]]).curves()) == ["recall"]
