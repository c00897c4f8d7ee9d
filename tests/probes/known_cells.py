"""Cells whose memory is known in closed form, and every cell of the package."""

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from itertools import product
from typing import Any, Literal, get_args, get_origin, get_type_hints

import torch
from torch import Generator, Tensor, nn

from lstm_bench import cells
from lstm_bench.cells.contract import State
from lstm_bench.cells.lstm import LSTMCell
from lstm_bench.cells.rnn import RNNCell
from lstm_bench.cells.zoo import ZooCell
from lstm_bench.cells.zoo_catalogue import CATALOGUE
from lstm_bench.engine.model import Model
from lstm_bench.probes.contract import Reading

ONE_OF_EACH_STATE = {cell.state: name for name, cell in reversed(CATALOGUE.items())}.values()


def by_key(reading: Reading) -> dict[str, float]:
    """Return the numbers of a reading by their keys, without a moment."""
    return {metric.key: value for metric, value in reading.metrics().items()}


def generator(seed: int = 0) -> Generator:
    return Generator().manual_seed(seed)


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, dtype=torch.float64, generator=generator(seed))


def orthogonal(size: int, seed: int = 0) -> Tensor:
    return torch.linalg.qr(normal(size, size, seed=seed)).Q


def model_of(cell: Any, outputs: int = 1, seed: int = 9) -> Model:
    """Return a cell with a read-out of its own draws."""
    readout = nn.Linear(cell.hidden_size, outputs)
    with torch.no_grad():
        for parameter in readout.parameters():
            parameter.uniform_(-0.5, 0.5, generator=generator(seed))
    return Model(cell, readout)


class PlugIn(nn.Module):
    """What all of these share: two sizes and a tensor in whose dtype a state starts."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.input_size, self.hidden_size = input_size, hidden_size
        self.weight = nn.Parameter(torch.zeros(1))  # called as that of the read-out is

    def zeros(self, batch_size: int, width: int | None = None) -> Tensor:
        return self.weight.new_zeros(batch_size, self.hidden_size if width is None else width)

    def initial_state(self, batch_size: int) -> Any:
        return self.zeros(batch_size)


class LinearCell(PlugIn):
    """h' = W h + U x, from h = `start`."""

    def __init__(self, W: Tensor, U: Tensor, start: float = 0.0) -> None:
        super().__init__(U.shape[1], len(W))
        self.recurrent, self.inward, self.start = nn.Parameter(W.double()), nn.Parameter(U.double()), start

    def initial_state(self, batch_size: int) -> Tensor:
        return self.recurrent.new_full((batch_size, self.hidden_size), self.start)

    def step(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        h = state @ self.recurrent.T + x @ self.inward.T
        return h, h


def shift_register(units: int) -> LinearCell:
    """Return a cell that holds its last inputs, one a unit."""
    return LinearCell(torch.diag(torch.ones(units - 1), -1), torch.eye(units, 1))


def echo(size: int = 2) -> LinearCell:
    """Return a cell whose state is its input."""
    return LinearCell(torch.zeros(size, size), torch.eye(size))


class PairCell(PlugIn):
    """A state of two in a plain tuple; the output is neither of them."""

    def __init__(self, input_size: int, hidden_size: int, *, generator: Generator | None = None) -> None:
        super().__init__(input_size, hidden_size)
        shapes = {"inward": (hidden_size, input_size), "fast": (hidden_size, hidden_size), "mixed": (hidden_size,)}
        for name, shape in shapes.items():
            self.register_parameter(name, nn.Parameter(torch.empty(shape).uniform_(-0.7, 0.7, generator=generator)))

    def initial_state(self, batch_size: int) -> tuple[Tensor, Tensor]:
        return self.zeros(batch_size), self.zeros(batch_size)

    def step(self, x: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        fast, slow = state
        following = torch.tanh(fast @ self.fast.T + x @ self.inward.T + self.mixed * slow)
        slow = 0.9 * slow + 0.1 * following * fast
        return following + slow.square(), (following, slow)


class CountingCell(PlugIn):
    """An echo that counts its steps, in whole numbers."""

    def initial_state(self, batch_size: int) -> tuple[Tensor, Tensor]:
        return self.zeros(batch_size), torch.zeros(batch_size, 1, dtype=torch.long)

    def step(self, x: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        h, count = state
        h = 0.5 * h + x.sum(dim=1, keepdim=True)
        return h, (h, count + 1)


@torch.no_grad()
def silent(cell: Any) -> Any:
    """Return a cell in float64 with every parameter 0."""
    for parameter in cell.parameters():
        parameter.zero_()
    return cell.double()


def tanh_at_rest(W: Tensor, input_size: int = 2) -> RNNCell:
    """Return a tanh network that stays at h = 0, where its Jacobian is W."""
    cell = silent(RNNCell(input_size, len(W)))
    cell.weight_hh.data.copy_(W)
    return cell


@torch.no_grad()
def lstm_with(forget_bias: list[float], input_size: int = 2) -> LSTMCell:
    """Return a float64 LSTM without recurrent weights, whose f depends on nothing but its bias."""
    H = len(forget_bias)
    cell = LSTMCell(input_size, H, generator=generator(4)).double()
    cell.weight_hh.zero_()
    cell.weight_ih[H : 2 * H] = 0
    cell.bias_hh[H : 2 * H] = 0
    cell.bias_ih[H : 2 * H] = torch.tensor(forget_bias, dtype=torch.float64)
    return cell


def cell_types() -> Iterator[type]:
    for info in pkgutil.iter_modules(cells.__path__, "lstm_bench.cells."):
        module = importlib.import_module(info.name)
        for _, cell_type in inspect.getmembers(module, inspect.isclass):
            at_home = cell_type.__module__ == module.__name__ and not getattr(cell_type, "_is_protocol", False)
            if at_home and hasattr(cell_type, "initial_state") and hasattr(cell_type, "step"):
                yield cell_type


def every_cell(but: str = "") -> dict[str, Callable[..., Any]]:
    """Return a maker for every class and every choice of its settings from a list, by name.

    Of the cells of one adapter, which probes read alike, there is one of each form of state.

    Args:
        but: a setting that stays as it is.
    """
    makers: dict[str, Callable[..., Any]] = {}
    for cell_type in cell_types():
        hints: Mapping[str, Any] = get_type_hints(cell_type.__init__)
        listed = {n: get_args(hint) for n, hint in hints.items() if get_origin(hint) is Literal and n != but}
        for values in product(*listed.values()):
            settings = dict(zip(listed, values, strict=True))
            if cell_type is ZooCell and settings["name"] not in ONE_OF_EACH_STATE:
                continue
            makers["-".join([cell_type.__name__, *values])] = _maker(cell_type, settings)
    return makers


def _maker(cell_type: type, settings: dict[str, Any]) -> Callable[..., Any]:
    return lambda *sizes, generator: cell_type(*sizes, **settings, generator=generator)


def parts_of(state: State) -> list[Tensor]:
    return [state] if isinstance(state, Tensor) else list(state)


def run(cell: Any, inputs: Tensor, state: State | None = None) -> tuple[Tensor, State]:
    """Return the outputs of every step and the last state, by a plain loop."""
    state, outputs = cell.initial_state(inputs.shape[1]) if state is None else state, []
    for x in inputs:
        output, state = cell.step(x, state)
        outputs.append(output)
    return torch.stack(outputs), state
