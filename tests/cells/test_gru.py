"""The GRU's own equations and settings; what it shares with the other cells is tested beside them."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Generator, Tensor, nn

from lstm_bench.cells.gru import GRUCell

D, H = 3, 16


def seeded(seed: int = 0) -> Generator:
    return Generator().manual_seed(seed)


def effective_bias(cell: GRUCell) -> dict[str, Tensor]:
    rows = (cell.bias_ih + cell.bias_hh).detach().chunk(3)
    return dict(zip("rzn", rows, strict=True))


@pytest.mark.parametrize("init", ["orthogonal", "identity"])
def test_a_chosen_start_runs_as_torch_does_from_any_state(init: str) -> None:
    cell = GRUCell(D, H, init=init, update_bias=3.0, generator=seeded()).double()
    layer = nn.GRU(D, H, dtype=torch.float64)
    layer.load_state_dict({f"{name}_l0": tensor for name, tensor in cell.state_dict().items()})
    x, state = torch.randn(9, 4, D, generator=seeded(5)).double(), torch.randn(4, H, generator=seeded(6)).double()
    expected, _ = layer(x, state.unsqueeze(0))
    for x_t, expected_t in zip(x, expected, strict=True):
        output, state = cell.step(x_t, state)
        torch.testing.assert_close(output, expected_t, rtol=1e-12, atol=1e-12)


def test_a_step_worked_by_hand() -> None:
    """H = 1, weights 0: r = 0.8, z = 0.9 and n = tanh(0.2 + 0.8 * 0.5) = tanh(0.6); with h = 2, h' = 0.1 n + 1.8."""
    cell = GRUCell(1, 1).double()
    with torch.no_grad():
        for parameter in cell.parameters():
            parameter.zero_()
        cell.bias_ih.copy_(torch.tensor([math.log(4), 0.0, 0.2], dtype=torch.float64))
        cell.bias_hh.copy_(torch.tensor([0.0, math.log(9), 0.5], dtype=torch.float64))
    unit_input = torch.ones(1, 1, dtype=torch.float64)
    output, state = cell.step(unit_input, 2 * unit_input)
    assert output.item() == pytest.approx(0.1 * math.tanh(0.6) + 1.8, abs=1e-14)
    assert torch.equal(state, output)


def test_the_gru_has_three_quarters_of_the_parameters_of_the_lstm() -> None:
    assert sum(parameter.numel() for parameter in GRUCell(10, 64).parameters()) == 14592


def test_orthogonal_gates_differ_from_each_other() -> None:
    first, *others = GRUCell(D, H, init="orthogonal", generator=seeded()).weight_hh.detach().split(H)
    assert len(others) == 2
    assert all((first - other).abs().max() > 0.1 for other in others)


@pytest.mark.parametrize("update_bias", [0.0, 1.0, 3.0, -1.5, 0.1])
def test_update_bias_is_the_effective_bias_and_touches_nothing_else(update_bias: float) -> None:
    cell, untouched = GRUCell(D, H, update_bias=update_bias, generator=seeded()), GRUCell(D, H, generator=seeded())
    assert torch.equal(effective_bias(cell)["z"], torch.full((H,), update_bias))
    for rows in (slice(0, H), slice(2 * H, None)):
        assert torch.equal(cell.bias_ih[rows], untouched.bias_ih[rows])
        assert torch.equal(cell.bias_hh[rows], untouched.bias_hh[rows])
    assert torch.equal(cell.weight_ih, untouched.weight_ih)
    assert torch.equal(cell.weight_hh, untouched.weight_hh)


def test_no_update_bias_leaves_two_random_vectors() -> None:
    cell = GRUCell(D, H, generator=seeded())
    assert effective_bias(cell)["z"].unique().numel() == H
    assert cell.bias_hh[H : 2 * H].all()


@pytest.mark.parametrize("update_bias", [0.0, 1.0, 4.0])
def test_the_update_gate_keeps_as_much_as_its_bias_says(update_bias: float) -> None:
    """With all weights and the biases of n 0, n = 0, and a step leaves z = s(bias) of the state."""
    cell = GRUCell(D, H, update_bias=update_bias, generator=seeded()).double()
    with torch.no_grad():
        for weight in (cell.weight_ih, cell.weight_hh):
            weight.zero_()
        for bias in (cell.bias_ih, cell.bias_hh):
            bias[2 * H :] = 0
    ones = torch.ones(1, H).double()
    output, _ = cell.step(torch.ones(1, D).double(), ones)
    torch.testing.assert_close(output, ones / (1 + math.exp(-update_bias)), rtol=1e-12, atol=0)


def test_the_start_is_seeded() -> None:
    first, again, other = (GRUCell(D, H, "orthogonal", 3.0, generator=seeded(seed)) for seed in (1, 1, 2))
    for name, parameter in first.named_parameters():
        assert torch.equal(parameter, again.get_parameter(name))
        assert not torch.equal(parameter, other.get_parameter(name))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: GRUCell(0, 4), "input_size=0: .*at least 1"),
        (lambda: GRUCell(3, 0), "hidden_size=0: .*at least 1"),
        (lambda: GRUCell(3, -2), "hidden_size=-2: .*at least 1"),
        (lambda: GRUCell(3, 4, init="zeros"), "init=zeros: allowed: pytorch, orthogonal, identity"),
    ],
)
def test_a_wrong_setting_is_named_with_its_value(make: Callable[[], nn.Module], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()
