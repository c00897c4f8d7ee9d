"""Where cells start: the initialisation is a reported factor, so every setting must do exactly what its name says."""

import math
from collections.abc import Callable

import pytest
import torch
from scipy import stats
from torch import Generator, Tensor, nn

from lstm_bench.cells.gru import GRUCell
from lstm_bench.cells.initialisation import chrono_bias
from lstm_bench.cells.lstm import LSTMCell
from lstm_bench.cells.rnn import RNNCell

D, H = 3, 16
CELLS = pytest.mark.parametrize("cell_type", [RNNCell, LSTMCell, GRUCell])


def seeded(seed: int = 0) -> Generator:
    return Generator().manual_seed(seed)


def gate_blocks(cell: nn.Module) -> list[Tensor]:
    return list(cell.weight_hh.detach().split(cell.hidden_size))


def effective_bias(cell: LSTMCell) -> dict[str, Tensor]:
    rows = (cell.bias_ih + cell.bias_hh).detach().chunk(4)
    return dict(zip("ifgo", rows, strict=True))


@CELLS
def test_pytorch_start_is_uniform_within_one_over_root_hidden_size(cell_type: type) -> None:
    cell = cell_type(8, 64, generator=seeded())
    for parameter in cell.parameters():
        scaled = parameter.detach().flatten().numpy() * math.sqrt(64)
        assert abs(scaled).max() <= 1 + 1e-6
        assert stats.kstest(scaled, "uniform", args=(-1, 2)).pvalue > 0.001


@CELLS
def test_orthogonal_blocks_are_orthogonal_gate_by_gate(cell_type: type) -> None:
    for block in gate_blocks(cell_type(D, H, init="orthogonal", generator=seeded())):
        torch.testing.assert_close(block.T @ block, torch.eye(H), rtol=0, atol=1e-5)


def test_orthogonal_gates_differ_from_each_other() -> None:
    first, *others = gate_blocks(LSTMCell(D, H, init="orthogonal", generator=seeded()))
    assert len(others) == 3
    assert all((first - other).abs().max() > 0.1 for other in others)


@CELLS
def test_identity_blocks_are_the_identity(cell_type: type) -> None:
    for block in gate_blocks(cell_type(D, H, init="identity", generator=seeded())):
        assert torch.equal(block, torch.eye(H))


@pytest.mark.parametrize("init", ["orthogonal", "identity"])
def test_rnn_biases_are_zero_beside_a_chosen_recurrent_start(init: str) -> None:
    cell = RNNCell(D, H, init=init, generator=seeded())
    assert not cell.bias_ih.any() and not cell.bias_hh.any()


@CELLS
@pytest.mark.parametrize("init", ["orthogonal", "identity"])
def test_recurrent_start_leaves_the_input_weights_as_in_pytorch(cell_type: type, init: str) -> None:
    chosen, default = (cell_type(D, H, init=name, generator=seeded()) for name in (init, "pytorch"))
    assert torch.equal(chosen.weight_ih, default.weight_ih)


@pytest.mark.parametrize("forget_bias", [0.0, 1.0, 2.0, -1.5, 0.1])
def test_forget_bias_is_the_effective_bias_and_touches_nothing_else(forget_bias: float) -> None:
    cell = LSTMCell(D, H, forget_bias=forget_bias, generator=seeded())
    untouched = LSTMCell(D, H, generator=seeded())
    assert torch.equal(effective_bias(cell)["f"], torch.full((H,), forget_bias))
    for gate in "igo":
        assert torch.equal(effective_bias(cell)[gate], effective_bias(untouched)[gate])
    assert torch.equal(cell.weight_ih, untouched.weight_ih)
    assert torch.equal(cell.weight_hh, untouched.weight_hh)


def test_no_forget_bias_leaves_two_random_vectors() -> None:
    bias = effective_bias(LSTMCell(D, H, generator=seeded()))["f"]
    assert bias.unique().numel() == H


@pytest.mark.parametrize("forget_bias", [0.0, 1.0, 4.0])
def test_forget_gate_opens_as_far_as_its_bias_says(forget_bias: float) -> None:
    """With x = h = 0 and c = 1 the share of c that survives a step is f = s(bias), plus what the input gate adds."""
    cell = LSTMCell(D, H, forget_bias=forget_bias, generator=seeded()).double()
    start, zeros, ones = cell.initial_state(1), torch.zeros(1, D).double(), torch.ones(1, H).double()
    with_c = cell.step(zeros, start._replace(c=ones))[1].c
    without_c = cell.step(zeros, start)[1].c
    torch.testing.assert_close(with_c - without_c, ones / (1 + math.exp(-forget_bias)), rtol=1e-12, atol=0)


@pytest.mark.parametrize("longest", [2, 3, 50, 1000])
def test_chrono_sets_f_within_its_range_and_i_to_minus_f(longest: int) -> None:
    bias = effective_bias(LSTMCell(D, H, chrono=longest, generator=seeded()))
    assert bias["f"].min() >= 0
    assert bias["f"].max() <= math.log(longest - 1) + 1e-6
    assert torch.equal(bias["i"], -bias["f"])


def test_chrono_touches_no_other_gate_and_no_weight() -> None:
    cell, untouched = LSTMCell(D, H, chrono=50, generator=seeded()), LSTMCell(D, H, generator=seeded())
    for gate in "go":
        assert torch.equal(effective_bias(cell)[gate], effective_bias(untouched)[gate])
    assert torch.equal(cell.weight_ih, untouched.weight_ih)
    assert torch.equal(cell.weight_hh, untouched.weight_hh)


def test_chrono_forgetting_times_are_uniform() -> None:
    times = chrono_bias(5000, longest=101, generator=seeded()).exp().numpy()
    assert stats.kstest(times, "uniform", args=(1, 99)).pvalue > 0.001


def test_chrono_start_is_seeded() -> None:
    first, again, other = (LSTMCell(D, H, chrono=50, generator=seeded(seed)) for seed in (1, 1, 2))
    assert torch.equal(first.bias_ih, again.bias_ih)
    assert not torch.equal(first.bias_ih[H : 2 * H], other.bias_ih[H : 2 * H])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: RNNCell(0, 4), "input_size=0: .*at least 1"),
        (lambda: RNNCell(3, -2), "hidden_size=-2: .*at least 1"),
        (lambda: RNNCell(3, 4, nonlinearity="sigmoid"), "nonlinearity=sigmoid: allowed: tanh, relu"),
        (lambda: RNNCell(3, 4, init="zeros"), "init=zeros: allowed: pytorch, orthogonal, identity"),
        (lambda: LSTMCell(0, 4), "input_size=0: .*at least 1"),
        (lambda: LSTMCell(3, 0), "hidden_size=0: .*at least 1"),
        (lambda: LSTMCell(3, 4, init="Identity"), "init=Identity: allowed: pytorch, orthogonal, identity"),
        (lambda: LSTMCell(3, 4, chrono=1), "chrono=1: .*at least 2"),
        (lambda: LSTMCell(3, 4, forget_bias=1.0, chrono=10), "forget_bias=1.0 with chrono=10: allowed: one of the two"),
        (lambda: LSTMCell(3, 4, forget_bias=0.0, chrono=10), "forget_bias=0.0 with chrono=10: allowed: one of the two"),
    ],
)
def test_a_wrong_setting_is_named_with_its_value(make: Callable[[], nn.Module], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()
