"""An LSTM without a part is the LSTM with that gate forced, or its own formula, and has the parameters it needs."""

import math
from collections.abc import Callable
from typing import Any, get_args

import pytest
import torch
from torch import Generator, Tensor, nn

from lstm_bench.cells.lstm import LSTMCell, LSTMState
from lstm_bench.cells.lstm_ablated import AblatedLSTMCell, Part

D, H, B, T = 3, 5, 4, 9
FORCED = 1000.0  # a bias whose logistic function is 1 in float64
NAMES = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
BLOCKS = {
    "forget_gate": "igo",
    "input_gate": "fgo",
    "output_gate": "ifg",
    "candidate_tanh": "ifgo",
    "independent_gates": "fgo",
}
PARTS = pytest.mark.parametrize("without", get_args(Part))
FIXED_GATES = pytest.mark.parametrize(
    ("without", "gate"), [("forget_gate", "f"), ("input_gate", "i"), ("output_gate", "o")]
)


def seeded(seed: int = 0) -> Generator:
    return Generator().manual_seed(seed)


def ablated(without: str, **settings: Any) -> AblatedLSTMCell:
    return AblatedLSTMCell(D, H, without, generator=seeded(), **settings).double()


def blocks_of(cell: AblatedLSTMCell, name: str) -> dict[str, Tensor]:
    """Return the rows of one parameter by gate."""
    return dict(zip(BLOCKS[cell.without], cell.get_parameter(name).split(H), strict=True))


def random(*shape: int, seed: int = 5) -> Tensor:
    return torch.randn(shape, generator=seeded(seed), dtype=torch.float64)


def start() -> LSTMState:
    return LSTMState(h=random(B, H, seed=6), c=random(B, H, seed=7))


def loss_of(outputs: list[Tensor], state: LSTMState) -> Tensor:
    """Return a loss that weighs every number of the outputs and the last state differently."""
    numbers = torch.stack([*outputs, *state])
    return (numbers * random(*numbers.shape, seed=8)).sum()


def run(cell: nn.Module) -> tuple[Tensor, LSTMState, Tensor]:
    """Return outputs [T, B, H], the last state and the loss from a random state over random inputs."""
    state, outputs = start(), []
    for x in random(T, B, D):
        output, state = cell.step(x, state)
        outputs.append(output)
    return torch.stack(outputs), state, loss_of(outputs, state)


def same(generator: Tensor, lstm_generator: Tensor) -> None:
    torch.testing.assert_close(generator, lstm_generator, rtol=1e-12, atol=1e-12)


# --- equal to an independent truth ---


def forced(cell: AblatedLSTMCell, gate: str) -> LSTMCell:
    """Return the LSTM with the weights of an ablated one, and with a gate that nothing can close."""
    whole = LSTMCell(D, H).double()
    for name in NAMES:
        blocks = blocks_of(cell, name)
        filler = torch.full_like(blocks["g"], FORCED if name == "bias_ih" else 0.0)
        with torch.no_grad():
            whole.get_parameter(name).copy_(torch.cat([blocks.get(block, filler) for block in "ifgo"]))
    return whole


@FIXED_GATES
def test_a_missing_gate_is_a_gate_forced_open(without: str, gate: str) -> None:
    cell = ablated(without)
    whole = forced(cell, gate)
    (outputs, state, loss), (expected, expected_state, expected_loss) = run(cell), run(whole)
    same(outputs, expected)
    same(state.h, expected_state.h)
    same(state.c, expected_state.c)
    loss.backward()
    expected_loss.backward()
    for name in NAMES:
        gradients = dict(zip("ifgo", whole.get_parameter(name).grad.split(H), strict=True))
        assert not gradients.pop(gate).any(), "the forced gate still moves"
        same(cell.get_parameter(name).grad, torch.cat(list(gradients.values())))


def sigmoid(x: Tensor) -> Tensor:
    return 1 / (1 + torch.exp(-x))


def pre_activation(cell: AblatedLSTMCell, block: str, x: Tensor, h: Tensor) -> Tensor:
    w, u, b, also_b = (blocks_of(cell, name)[block] for name in NAMES)
    return torch.einsum("hd,bd->bh", w, x) + torch.einsum("hk,bk->bh", u, h) + b + also_b


def coupled_step(cell: AblatedLSTMCell, x: Tensor, state: LSTMState) -> tuple[Tensor, LSTMState]:
    f, g, o = (pre_activation(cell, block, x, state.h) for block in "fgo")
    c = sigmoid(f) * (state.c - torch.tanh(g)) + torch.tanh(g)
    return sigmoid(o) * torch.tanh(c), LSTMState(sigmoid(o) * torch.tanh(c), c)


def linear_step(cell: AblatedLSTMCell, x: Tensor, state: LSTMState) -> tuple[Tensor, LSTMState]:
    i, f, g, o = (pre_activation(cell, block, x, state.h) for block in "ifgo")
    c = sigmoid(f) * state.c + sigmoid(i) * g
    return sigmoid(o) * torch.tanh(c), LSTMState(sigmoid(o) * torch.tanh(c), c)


@pytest.mark.parametrize(("without", "step"), [("independent_gates", coupled_step), ("candidate_tanh", linear_step)])
def test_a_step_is_its_formula(without: str, step: Callable[..., tuple[Tensor, LSTMState]]) -> None:
    cell = ablated(without)
    gates, found_state, loss = run(cell)
    parameters = list(cell.parameters())
    gradients = torch.autograd.grad(loss, parameters)
    state, outputs = start(), []
    for x in random(T, B, D):
        output, state = step(cell, x, state)
        outputs.append(output)
    same(gates, torch.stack(outputs))
    same(found_state.h, state.h)
    same(found_state.c, state.c)
    expected = torch.autograd.grad(loss_of(outputs, state), parameters)
    for gradient, expected_gradient in zip(gradients, expected, strict=True):
        same(gradient, expected_gradient)


@pytest.mark.parametrize(
    ("without", "cell_state", "shown"),
    [
        ("forget_gate", 3 + 0.8 * 0.6, 0.25),
        ("input_gate", 0.9 * 3 + 0.6, 0.25),
        ("output_gate", 0.9 * 3 + 0.8 * 0.6, 1.0),
        ("candidate_tanh", 0.9 * 3 + 0.8 * math.atanh(0.6), 0.25),
        ("independent_gates", 0.9 * 3 + 0.1 * 0.6, 0.25),
    ],
)
def test_a_step_worked_by_hand(without: str, cell_state: float, shown: float) -> None:
    """H = 1, weights 0: the biases give i = 0.8, f = 0.9, g = 0.6, o = 0.25 where they exist; c = 3."""
    cell = AblatedLSTMCell(1, 1, without).double()
    biases = {"i": math.log(4), "f": math.log(9), "g": math.atanh(0.6), "o": -math.log(3)}
    with torch.no_grad():
        for parameter in cell.parameters():
            parameter.zero_()
        cell.bias_ih.copy_(torch.tensor([biases[block] for block in BLOCKS[without]], dtype=torch.float64))
    unit_input = torch.ones(1, 1, dtype=torch.float64)
    output, state = cell.step(unit_input, LSTMState(h=unit_input, c=3 * unit_input))
    assert state.c.item() == pytest.approx(cell_state, abs=1e-14)
    assert output.item() == pytest.approx(shown * math.tanh(cell_state), abs=1e-14)


# --- gates ---


@FIXED_GATES
def test_the_gates_are_those_of_the_lstm_less_the_missing_one(without: str, gate: str) -> None:
    cell, x, state = ablated(without), random(B, D), start()
    pre = x @ cell.weight_ih.T + cell.bias_ih + state.h @ cell.weight_hh.T + cell.bias_hh
    expected = {block: sigmoid(rows) for block, rows in zip(BLOCKS[without], pre.split(H, dim=1), strict=True)}
    gates = cell.gates(x, state)
    assert list(gates) == [name for name in "ifo" if name != gate]
    for name, values in gates.items():
        same(values, expected[name])


def test_the_gates_of_a_linear_candidate_are_those_of_the_lstm() -> None:
    cell, x, state = ablated("candidate_tanh"), random(B, D), start()
    gates = cell.gates(x, state)
    assert list(gates) == ["i", "f", "o"]
    for name, values in gates.items():
        same(values, sigmoid(pre_activation(cell, name, x, state.h)))


def test_coupled_gates_add_to_one() -> None:
    cell, x, state = ablated("independent_gates"), random(B, D), start()
    gates = cell.gates(x, state)
    assert list(gates) == ["i", "f", "o"]
    same(gates["i"] + gates["f"], torch.ones(B, H, dtype=torch.float64))
    for name in "fo":
        same(gates[name], sigmoid(pre_activation(cell, name, x, state.h)))


@PARTS
def test_what_the_retention_gate_keeps_is_what_reaches_the_next_cell_state(without: str) -> None:
    """dc'/dc is the gate, or 1 where there is none."""
    cell, x, state = ablated(without), random(B, D), start()
    state.c.requires_grad_()
    (kept,) = torch.autograd.grad(cell.step(x, state)[1].c.sum(), state.c)
    gates = cell.gates(x, state)
    same(kept, torch.ones_like(kept) if cell.retention is None else gates[cell.retention].detach())


# --- parameters and their start ---


@pytest.mark.parametrize(("input_size", "hidden_size"), [(1, 1), (10, 64), (3, 7)])
@pytest.mark.parametrize(
    ("without", "blocks"),
    [("forget_gate", 3), ("input_gate", 3), ("output_gate", 3), ("candidate_tanh", 4), ("independent_gates", 3)],
)
def test_parameter_count(without: str, blocks: int, input_size: int, hidden_size: int) -> None:
    counted = sum(parameter.numel() for parameter in AblatedLSTMCell(input_size, hidden_size, without).parameters())
    assert counted == blocks * (hidden_size**2 + hidden_size * input_size + 2 * hidden_size)


@PARTS
@pytest.mark.parametrize("init", ["pytorch", "orthogonal", "identity"])
def test_what_remains_starts_as_in_the_lstm_of_the_same_seed(without: str, init: str) -> None:
    forget_bias = None if without == "forget_gate" else 3.0
    cell = AblatedLSTMCell(D, H, without, init, forget_bias, generator=seeded())
    whole = LSTMCell(D, H, init, forget_bias, generator=seeded())
    assert [name for name, _ in cell.named_parameters()] == list(NAMES)
    for name in NAMES:
        expected = dict(zip("ifgo", whole.get_parameter(name).split(H), strict=True))
        assert all(torch.equal(rows, expected[block]) for block, rows in blocks_of(cell, name).items())


@PARTS
def test_as_many_numbers_are_drawn_as_for_the_lstm(without: str) -> None:
    """So whatever is drawn next from the same generator, a read-out, starts alike beside both."""
    generator, lstm_generator = seeded(), seeded()
    AblatedLSTMCell(D, H, without, "orthogonal", generator=generator)
    LSTMCell(D, H, "orthogonal", generator=lstm_generator)
    assert torch.equal(generator.get_state(), lstm_generator.get_state())


@pytest.mark.parametrize("without", [part for part in get_args(Part) if part != "forget_gate"])
@pytest.mark.parametrize("forget_bias", [0.0, 1.0, -1.5])
def test_forget_bias_is_the_effective_bias_of_f(without: str, forget_bias: float) -> None:
    cell = ablated(without, forget_bias=forget_bias)
    total = blocks_of(cell, "bias_ih")["f"] + blocks_of(cell, "bias_hh")["f"]
    assert torch.equal(total, torch.full((H,), forget_bias, dtype=torch.float64))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: AblatedLSTMCell(0, 4), "input_size=0: .*at least 1"),
        (lambda: AblatedLSTMCell(3, 0), "hidden_size=0: .*at least 1"),
        (lambda: AblatedLSTMCell(3, 4, "peepholes"), "without=peepholes: allowed: forget_gate, input_gate"),
        (lambda: AblatedLSTMCell(3, 4, init="zeros"), "init=zeros: allowed: pytorch, orthogonal, identity"),
        (
            lambda: AblatedLSTMCell(3, 4, "forget_gate", forget_bias=3.0),
            "forget_bias=3.0 with without=forget_gate: allowed: null",
        ),
        (
            lambda: AblatedLSTMCell(3, 4, "forget_gate", forget_bias=0.0),
            "forget_bias=0.0 with without=forget_gate: allowed: null",
        ),
    ],
)
def test_a_wrong_setting_is_named_with_its_value(make: Callable[[], nn.Module], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()
