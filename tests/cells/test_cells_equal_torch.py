"""The RNN, LSTM and GRU cells are torch.nn's, step by step: same outputs, same states, same gradients."""

import math

import pytest
import torch
from torch import Generator, Tensor, nn

from lstm_bench.cells.gru import GRUCell
from lstm_bench.cells.lstm import LSTMCell, LSTMState
from lstm_bench.cells.rnn import RNNCell

SIZES = [(1, 1, 1, 1), (7, 1, 3, 1), (1, 3, 2, 4), (5, 4, 1, 6), (12, 2, 10, 8)]  # T, B, D, H
NAMES = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
KINDS = ("tanh", "relu", "lstm", "gru")


def pair(kind: str, input_size: int, hidden_size: int) -> tuple[nn.Module, nn.Module]:
    """Return our cell and torch's layer with the same weights, in float64."""
    generator = Generator().manual_seed(11)
    if kind == "lstm":
        cell = LSTMCell(input_size, hidden_size, generator=generator).double()
        layer: nn.Module = nn.LSTM(input_size, hidden_size, dtype=torch.float64)
    elif kind == "gru":
        cell = GRUCell(input_size, hidden_size, generator=generator).double()
        layer = nn.GRU(input_size, hidden_size, dtype=torch.float64)
    else:
        cell = RNNCell(input_size, hidden_size, kind, generator=generator).double()
        layer = nn.RNN(input_size, hidden_size, nonlinearity=kind, dtype=torch.float64)
    layer.load_state_dict({f"{name}_l0": tensor for name, tensor in cell.state_dict().items()})
    return cell, layer


def unroll(cell: nn.Module, x: Tensor) -> tuple[Tensor, list[Tensor]]:
    state, outputs = cell.initial_state(x.shape[1]), []
    for x_t in x:
        output, state = cell.step(x_t, state)
        outputs.append(output)
    return torch.stack(outputs), [state] if isinstance(state, Tensor) else list(state)


def run_layer(layer: nn.Module, x: Tensor) -> tuple[Tensor, list[Tensor]]:
    outputs, state = layer(x)
    return outputs, [part[0] for part in (state if isinstance(state, tuple) else (state,))]


def weighted_sum(tensors: list[Tensor]) -> Tensor:
    """Return a loss that weighs every entry of every tensor differently."""
    generator = Generator().manual_seed(3)
    weights = [torch.randn(tensor.shape, generator=generator, dtype=tensor.dtype) for tensor in tensors]
    return sum((tensor * weight).sum() for tensor, weight in zip(tensors, weights, strict=True))


def same(by_cell: Tensor, by_layer: Tensor) -> None:
    torch.testing.assert_close(by_cell, by_layer, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("steps", "batch", "input_size", "hidden_size"), SIZES)
def test_outputs_and_final_states(kind: str, steps: int, batch: int, input_size: int, hidden_size: int) -> None:
    cell, layer = pair(kind, input_size, hidden_size)
    x = torch.randn(steps, batch, input_size, generator=Generator().manual_seed(5), dtype=torch.float64)
    by_cell, by_layer = unroll(cell, x), run_layer(layer, x)
    same(by_cell[0], by_layer[0])
    for our_part, their_part in zip(by_cell[1], by_layer[1], strict=True):
        same(our_part, their_part)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("steps", "batch", "input_size", "hidden_size"), SIZES)
def test_every_gradient(kind: str, steps: int, batch: int, input_size: int, hidden_size: int) -> None:
    cell, layer = pair(kind, input_size, hidden_size)
    x = torch.randn(steps, batch, input_size, generator=Generator().manual_seed(5), dtype=torch.float64)
    gradients = []
    for model, run, suffix in ((cell, unroll, ""), (layer, run_layer, "_l0")):
        fed = x.clone().requires_grad_()
        outputs, states = run(model, fed)
        inputs_and_weights = [fed, *(getattr(model, name + suffix) for name in NAMES)]
        gradients.append(torch.autograd.grad(weighted_sum([outputs, *states]), inputs_and_weights))
    for by_cell, by_layer in zip(*gradients, strict=True):
        same(by_cell, by_layer)


@pytest.mark.parametrize(("input_size", "hidden_size"), [(1, 1), (10, 64), (3, 7)])
@pytest.mark.parametrize(("cell_type", "gates"), [(RNNCell, 1), (LSTMCell, 4), (GRUCell, 3)])
def test_parameter_count(cell_type: type, gates: int, input_size: int, hidden_size: int) -> None:
    cell = cell_type(input_size, hidden_size, generator=Generator().manual_seed(0))
    counted = sum(parameter.numel() for parameter in cell.parameters())
    assert counted == gates * (hidden_size**2 + hidden_size * input_size + 2 * hidden_size)


def test_the_lstm_has_exactly_four_times_the_parameters_of_the_rnn() -> None:
    rnn, lstm = (sum(p.numel() for p in cell_type(10, 64).parameters()) for cell_type in (RNNCell, LSTMCell))
    assert (rnn, lstm) == (4864, 19456)


def test_an_lstm_step_worked_by_hand() -> None:
    """H = 1, weights 0: the biases give i = 0.8, f = 0.9, g = 0.6, o = 0.25; with c = 3, c' = 2.7 + 0.48."""
    cell = LSTMCell(1, 1).double()
    biases = [math.log(4), math.log(9), math.atanh(0.6), -math.log(3)]
    with torch.no_grad():
        for parameter in cell.parameters():
            parameter.zero_()
        cell.bias_hh.copy_(torch.tensor(biases, dtype=torch.float64))
    unit_input = torch.ones(1, 1, dtype=torch.float64)
    output, state = cell.step(unit_input, LSTMState(h=unit_input, c=3 * unit_input))
    assert state.c.item() == pytest.approx(3.18, abs=1e-14)
    assert output.item() == pytest.approx(0.25 * math.tanh(3.18), abs=1e-14)
