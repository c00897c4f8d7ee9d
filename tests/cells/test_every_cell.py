"""What the rest of the house relies on, for every cell in lstm_bench.cells and every choice of its settings."""

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from itertools import product
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest
import torch
from torch import Generator, Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from lstm_bench import cells
from lstm_bench.cells.contract import State, state_parts
from lstm_bench.cells.gated_delta import GatedDeltaCell
from lstm_bench.cells.gru import GRUCell
from lstm_bench.cells.lru import LRUCell
from lstm_bench.cells.lstm import LSTMCell
from lstm_bench.cells.min_gru import MinGRUCell
from lstm_bench.cells.min_lstm import MinLSTMCell
from lstm_bench.cells.orthogonal_rnn import OrthogonalRNNCell
from lstm_bench.cells.registry import facts_of, stock_layer
from lstm_bench.cells.rnn import RNNCell
from lstm_bench.cells.zoo import ZooCell
from lstm_bench.engine.conformance.suite import ALL, TIMED, findings

D, H, B = 3, 5, 4
ELSEWHERE = ("widths", "members")  # tests/check/ builds the kernels of every yaml file: half a second each
CHECKS = tuple(check for check in ALL if check not in TIMED and check.name not in ELSEWHERE)
NOT_COUNTED = {
    ZooCell,
    LRUCell,
    MinGRUCell,
    MinLSTMCell,
    GatedDeltaCell,
    OrthogonalRNNCell,
}  # cells whose least work a step nobody has written down


def cell_types() -> Iterator[type]:
    for info in pkgutil.iter_modules(cells.__path__, "lstm_bench.cells."):
        module = importlib.import_module(info.name)
        for _, member in inspect.getmembers(module, inspect.isclass):
            at_home = member.__module__ == module.__name__ and not getattr(member, "_is_protocol", False)
            if at_home and hasattr(member, "initial_state") and hasattr(member, "step"):
                yield member


def choices(cell_type: type) -> Iterator[dict[str, Any]]:
    """Return every combination of the settings that are chosen from a list."""
    hints = get_type_hints(cell_type.__init__)
    listed = {name: get_args(hint) for name, hint in hints.items() if get_origin(hint) is Literal}
    for values in product(*listed.values()):
        yield dict(zip(listed, values, strict=True))


CASES = [
    pytest.param(cell_type, settings, id="-".join([cell_type.__name__, *settings.values()]))
    for cell_type in cell_types()
    for settings in choices(cell_type)
]
pytestmark = pytest.mark.parametrize(("cell_type", "settings"), CASES)


def make(cell_type: type, settings: dict[str, Any], seed: int = 0) -> Any:
    return cell_type(D, H, **settings, generator=Generator().manual_seed(seed))


def inputs(steps: int = 3, batch: int = B, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.randn(steps, batch, D, generator=Generator().manual_seed(1)).to(dtype)


def run(cell: Any, x: Tensor) -> tuple[Tensor, State]:
    state, outputs = cell.initial_state(x.shape[1]), []
    for x_t in x:
        output, state = cell.step(x_t, state)
        outputs.append(output)
    return torch.stack(outputs), state


def layout(state: State) -> tuple[type, dict[str, tuple[torch.Size, torch.dtype]]]:
    return type(state), {name: (part.shape, part.dtype) for name, part in state_parts(state).items()}


def test_sizes_are_as_asked(cell_type: type, settings: dict[str, Any]) -> None:
    cell = make(cell_type, settings)
    assert (cell.input_size, cell.hidden_size) == (D, H)


def test_a_step_returns_one_output_a_sequence_and_a_state_of_the_same_structure(
    cell_type: type, settings: dict[str, Any]
) -> None:
    cell = make(cell_type, settings)
    state = cell.initial_state(B)
    output, following = cell.step(inputs()[0], state)
    assert output.shape == (B, H)
    assert layout(following) == layout(state)
    assert all(len(part) == B for part in state_parts(state).values())


def test_every_parameter_is_used(cell_type: type, settings: dict[str, Any]) -> None:
    cell: nn.Module = make(cell_type, settings)
    run(cell, inputs())[0].square().sum().backward()
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in cell.parameters())


def test_the_state_carries_the_past(cell_type: type, settings: dict[str, Any]) -> None:
    cell, x = make(cell_type, settings), inputs()
    changed = x.clone()
    changed[0] += 1
    assert not torch.equal(run(cell, x)[0][-1], run(cell, changed)[0][-1])


def test_the_conformance_suite_finds_nothing(cell_type: type, settings: dict[str, Any]) -> None:
    def of_seed(generator: Generator) -> Any:
        return cell_type(D, H, **settings, generator=generator)

    told = dict(findings(of_seed, torch.device("cpu"), checks=CHECKS))
    assert {name: finding.text for name, finding in told.items() if finding.verdict in ("warning", "fault")} == {}


class CountedNonlinearities(TorchDispatchMode):
    """Counts the elements that go through a sigmoid, tanh or relu."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if str(func) in {"aten.sigmoid.default", "aten.tanh.default", "aten.relu.default"}:
            self.count += args[0].numel()
        return func(*args, **(kwargs or {}))


def test_the_registry_counts_the_nonlinearities_of_its_step(cell_type: type, settings: dict[str, Any]) -> None:
    cell = make(cell_type, settings)
    facts = facts_of(cell)
    assert (facts is None) is (cell_type in NOT_COUNTED), "declare the cell in lstm_bench/cells/registry.py"
    if facts is None:
        return
    with torch.no_grad(), CountedNonlinearities() as nonlinearities:
        cell.step(inputs(batch=1)[0], cell.initial_state(1))
    assert nonlinearities.count > 0
    assert facts.nonlinearities(cell) == nonlinearities.count


def test_the_stock_layer_computes_what_the_cell_does(cell_type: type, settings: dict[str, Any]) -> None:
    """With the weights of the cell, which the layer names with its number behind."""
    cell, x = make(cell_type, settings), inputs()
    layer = stock_layer(cell)
    assert (layer is not None) is (cell_type in (RNNCell, GRUCell, LSTMCell))
    if layer is None:
        return
    layer.load_state_dict({f"{name}_l0": parameter for name, parameter in cell.named_parameters()})
    torch.testing.assert_close(layer(x)[0], run(cell, x)[0], rtol=1e-5, atol=1e-6)


def test_of_a_subclass_nothing_is_known(cell_type: type, settings: dict[str, Any]) -> None:
    subclass = type("Subclass", (cell_type,), {})
    assert facts_of(make(subclass, settings)) is None
    assert stock_layer(make(subclass, settings)) is None
