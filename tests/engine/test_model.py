"""A model: what it predicts against a plain loop over its cell, and its weights by name."""

from typing import Any

import pytest
import torch
from torch import Generator, Tensor, nn

from lstm_bench.cells.gru import GRUCell
from lstm_bench.cells.lstm import LSTMCell
from lstm_bench.cells.lstm_ablated import AblatedLSTMCell
from lstm_bench.cells.rnn import RNNCell
from lstm_bench.engine.model import PIECE, Model, load_weights, make_model, model_tensors, predict
from lstm_bench.tasks.copy import CopyTask

TASK = CopyTask(lag=20, n_symbols=2)
D, H, C = 10, 6, 9


class OwnCell(nn.Module):
    """A plug-in with a state of two, a frozen parameter and a buffer."""

    def __init__(self, input_size: int, hidden_size: int, *, generator: Generator) -> None:
        super().__init__()
        self.input_size, self.hidden_size = input_size, hidden_size
        self.inward = nn.Parameter(torch.randn(hidden_size, input_size, generator=generator), requires_grad=False)
        self.recurrent = nn.Parameter(torch.randn(hidden_size, hidden_size, generator=generator) / 3)
        self.register_buffer("mask", torch.rand(hidden_size, generator=generator).round())

    def initial_state(self, batch_size: int) -> tuple[Tensor, Tensor]:
        zeros = self.recurrent.new_zeros(batch_size, self.hidden_size)
        return zeros, zeros

    def step(self, x: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        fast, slow = state
        fast = torch.tanh(x @ self.inward.T + fast @ self.recurrent.T + slow)
        slow = 0.9 * slow + 0.1 * self.mask * fast
        return fast + slow, (fast, slow)


CELLS = pytest.mark.parametrize("cell_type", [RNNCell, GRUCell, LSTMCell, AblatedLSTMCell, OwnCell])


def model_of(cell_type: Any, seed: int = 0) -> Model:
    return make_model(TASK, lambda g: cell_type(D, H, generator=g), Generator().manual_seed(seed))


@torch.no_grad()
def stepped_by_hand(model: Model, inputs: Tensor) -> Tensor:
    state, said = model.cell.initial_state(inputs.shape[1]), []
    for x in inputs:
        output, state = model.cell.step(x, state)
        said.append(output @ model.readout.weight.T + model.readout.bias)
    return torch.stack(said)


@CELLS
@pytest.mark.parametrize("kernel", ["auto", "torch"])
@pytest.mark.parametrize("predicted_steps", [1, 2, 17, 24])
def test_predictions_are_those_of_the_cells_own_steps(cell_type: Any, kernel: Any, predicted_steps: int) -> None:
    model, inputs = model_of(cell_type), TASK.sample(7, Generator().manual_seed(1)).inputs
    predictions = predict(model, inputs, predicted_steps, kernel)
    assert predictions.shape == (predicted_steps, 7, C)
    expected = stepped_by_hand(model, inputs)[-predicted_steps:]
    torch.testing.assert_close(predictions, expected, rtol=1e-5, atol=1e-6)


@CELLS
@pytest.mark.parametrize("sequences", [1, PIECE, PIECE + 1, 2 * PIECE + 3])
def test_as_many_sequences_as_there_are_come_back_in_order(cell_type: Any, sequences: int) -> None:
    model, inputs = model_of(cell_type), CopyTask(1, 1).sample(sequences, Generator().manual_seed(1)).inputs
    predictions = predict(model, inputs, 2)
    torch.testing.assert_close(predictions, stepped_by_hand(model, inputs)[-2:], rtol=1e-5, atol=1e-6)


@CELLS
def test_predicting_keeps_no_graph_and_changes_nothing(cell_type: Any) -> None:
    model, inputs = model_of(cell_type), TASK.sample(7, Generator().manual_seed(1)).inputs
    before = {name: tensor.clone() for name, tensor in model_tensors(model).items()}
    required = {name: tensor.requires_grad for name, tensor in model_tensors(model).items()}
    first, again = predict(model, inputs, 5), predict(model, inputs, 5)
    assert not first.requires_grad
    assert torch.equal(first, again)
    for name, tensor in model_tensors(model).items():
        assert torch.equal(tensor, before[name])
        assert (tensor.requires_grad, tensor.grad) == (required[name], None)


@CELLS
def test_a_model_in_float64_predicts_in_float64(cell_type: Any) -> None:
    model, inputs = model_of(cell_type), TASK.sample(7, Generator().manual_seed(1)).inputs.double()
    model.cell.double()  # type: ignore[attr-defined]
    model.readout.double()
    expected = stepped_by_hand(model, inputs)
    torch.testing.assert_close(predict(model, inputs, TASK.length), expected, rtol=1e-12, atol=1e-12)


@CELLS
def test_loaded_weights_make_one_model_the_other(cell_type: Any) -> None:
    model, other = model_of(cell_type, seed=0), model_of(cell_type, seed=1)
    inputs = TASK.sample(3, Generator().manual_seed(1)).inputs
    assert not torch.equal(predict(model, inputs, 4), predict(other, inputs, 4))
    load_weights(model, model_tensors(other))
    expected = predict(other, inputs, 4)
    assert torch.equal(predict(model, inputs, 4), expected)
    for tensor in model_tensors(other).values():
        tensor.detach().zero_()
    assert not predict(other, inputs, 4).any()
    assert torch.equal(predict(model, inputs, 4), expected), "weights are copied, not shared"


def test_all_tensors_of_a_model_have_names() -> None:
    read_out = {"readout.weight", "readout.bias"}
    assert set(model_tensors(model_of(OwnCell))) == {"cell.inward", "cell.recurrent", "cell.mask"} | read_out
    weights = {f"cell.{kind}_{side}" for kind in ("weight", "bias") for side in ("ih", "hh")}
    assert set(model_tensors(model_of(LSTMCell))) == weights | read_out


def test_a_model_is_a_function_of_its_generator() -> None:
    first, again, other = (model_tensors(model_of(LSTMCell, seed)) for seed in (3, 3, 4))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not any(torch.equal(first[name], other[name]) for name in first)
    assert first["readout.weight"].abs().max() <= H**-0.5
    assert first["readout.weight"].shape == (C, H)
