"""State and gates of cells whose gates are set by hand."""

import math

import pytest
import torch
from known_cells import CountingCell, LinearCell, PlugIn, by_key, generator, lstm_with, model_of, run, silent
from torch import Tensor

from lstm_bench.cells.gru import GRUCell
from lstm_bench.cells.lstm import LSTMCell
from lstm_bench.cells.lstm_ablated import AblatedLSTMCell
from lstm_bench.cells.rnn import RNNCell
from lstm_bench.probes.contract import ProbeError
from lstm_bench.probes.state_and_gates import StateAndGates, state_and_gates
from lstm_bench.tasks.adding import AddingTask
from lstm_bench.tasks.marked_pairs import MarkedPairsTask

TASK = AddingTask(6)


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def measure(cell, seed: int = 0, **settings) -> StateAndGates:
    return state_and_gates(model_of(cell), TASK, generator(seed), **settings)


def with_gates(i: float, f: list[float], o: float) -> LSTMCell:
    """Return an LSTM whose gates depend on nothing but these biases."""
    cell = silent(LSTMCell(2, len(f)))
    cell.bias_ih.data.copy_(torch.tensor([*[i] * len(f), *f, *[0.5] * len(f), *[o] * len(f)]))
    return cell


def test_gates_that_are_set_are_seen_as_they_are():
    gates_and_states = measure(with_gates(i=-4.0, f=[4.0, 4.0, 0.0, -4.0], o=1.0))
    i, f, o = (gates_and_states.gates[name] for name in "ifo")
    assert list(gates_and_states.gates) == ["i", "f", "o"]
    assert (i.mean, f.mean, o.mean) == pytest.approx((sigmoid(-4), (1 + sigmoid(4) + 0.5) / 4, sigmoid(1)), rel=1e-12)
    assert (i.shut, i.open) == (1.0, 0.0)
    assert (f.shut, f.open) == (0.25, 0.5)
    assert (o.shut, o.open) == (0.0, 0.0)
    assert f.trace == pytest.approx([f.mean] * 6, rel=1e-12)
    assert (i.distribution[0], f.distribution[0], f.distribution[10], f.distribution[19]) == (1.0, 0.25, 0.25, 0.5)
    assert all(sum(gate.distribution) == pytest.approx(1.0, rel=1e-12) for gate in gates_and_states.gates.values())


def test_time_constants_are_those_of_the_forget_gate_unit_by_unit():
    gates_and_states = measure(lstm_with([3.0, -1.0, 0.0]))
    assert gates_and_states.time_constants == pytest.approx(
        [-1 / math.log(sigmoid(bias)) for bias in (-1.0, 0.0, 3.0)], rel=1e-12
    )
    metrics = by_key(gates_and_states)
    assert metrics["gates/time_constant_shortest"] == gates_and_states.time_constants[0]
    assert metrics["gates/time_constant_median"] == gates_and_states.time_constants[1]
    assert metrics["gates/time_constant_longest"] == gates_and_states.time_constants[2]
    even = measure(lstm_with([3.0, -1.0, 0.0, 1.0]))
    assert by_key(even)["gates/time_constant_median"] == pytest.approx(sum(even.time_constants[1:3]) / 2)


def test_a_forget_gate_of_exactly_one_keeps_for_ever_and_is_left_out_of_the_metrics():
    gates_and_states = measure(lstm_with([100.0, 0.0, 100.0]))
    assert gates_and_states.time_constants == [pytest.approx(1 / math.log(2)), math.inf, math.inf]
    assert {name for name in by_key(gates_and_states) if "time" in name} == {"gates/time_constant_shortest"}
    assert gates_and_states.gates["f"].distribution[19] == pytest.approx(2 / 3)


def test_a_forget_gate_of_exactly_zero_keeps_nothing():
    assert measure(lstm_with([-1000.0])).time_constants == [0.0]


def test_a_time_constant_is_that_of_the_mean_gate_not_the_mean_of_time_constants():
    cell = LSTMCell(2, 3, generator=generator()).double()
    x = TASK.sample(32, generator(5)).inputs.double()
    seen = []
    for t in range(6):
        before = run(cell, x[:t])[1] if t else cell.initial_state(32)
        rows = torch.cat([x[t], before.h], dim=1) @ torch.cat([cell.weight_ih, cell.weight_hh], dim=1)[3:6].T
        seen.append(torch.sigmoid(rows + (cell.bias_ih + cell.bias_hh)[3:6]))
    f = torch.stack(seen).detach()
    gates_and_states = measure(cell, seed=5)
    assert gates_and_states.time_constants == pytest.approx(sorted((-1 / f.mean(dim=(0, 1)).log()).tolist()), rel=1e-12)
    assert gates_and_states.gates["f"].trace == pytest.approx(f.mean(dim=(1, 2)).tolist(), rel=1e-12)


def test_the_size_of_a_state_is_its_root_mean_square_after_each_step():
    cell = LSTMCell(2, 3, generator=generator()).double()
    x = TASK.sample(8, generator(5)).inputs.double()
    gates_and_states = measure(cell, seed=5, examples=8)
    for name in "hc":
        sizes = [getattr(run(cell, x[:t])[1], name).square().mean().sqrt() for t in range(1, 7)]
        expected = torch.stack(sizes).tolist()
        assert gates_and_states.state_traces[name] == pytest.approx(expected, rel=1e-12)
        assert by_key(gates_and_states)[f"gates/state_{name}_rms"] == gates_and_states.state_traces[name][-1]


def test_a_state_that_stands_still_has_its_own_size():
    gates_and_states = measure(LinearCell(torch.eye(2), torch.zeros(2, 2), start=-0.75))
    assert gates_and_states.state_traces == {"h": [0.75] * 6}


@pytest.mark.parametrize("cell", [RNNCell(2, 3, generator=generator()), CountingCell(2, 3)])
def test_a_cell_without_gates_shows_its_state_alone(cell):
    gates_and_states = measure(cell)
    assert (gates_and_states.gates, gates_and_states.time_constants) == ({}, [])
    assert set(by_key(gates_and_states)) == {f"gates/state_{part}_rms" for part in gates_and_states.state_traces}
    assert list(gates_and_states.curves()) == [f"{part} rms" for part in gates_and_states.state_traces]


@pytest.mark.parametrize(
    ("cell", "gates", "keeps"),
    [
        (GRUCell(2, 3, generator=generator()), ["r", "z"], True),
        (AblatedLSTMCell(2, 3, "forget_gate", generator=generator()), ["i", "o"], False),
        (AblatedLSTMCell(2, 3, "independent_gates", generator=generator()), ["i", "f", "o"], True),
    ],
)
def test_the_gates_are_those_that_the_cell_names(cell, gates, keeps):
    gates_and_states = measure(cell)
    assert list(gates_and_states.gates) == gates
    assert len(gates_and_states.time_constants) == (3 if keeps else 0)


def test_curves_stand_against_steps_bins_and_ranks():
    curves = measure(lstm_with([3.0, -1.0])).curves()
    assert list(curves) == [
        *("h rms", "c rms", "i mean", "f mean", "o mean"),
        *("i distribution", "f distribution", "o distribution", "time constant"),
    ]
    assert list(curves["h rms"].at) == list(curves["f mean"].at) == [0, 1, 2, 3, 4, 5]
    assert list(curves["f distribution"].at) == pytest.approx([0.025 + 0.05 * place for place in range(20)])
    assert list(curves["time constant"].at) == [1, 2]


class OverflowingCell(PlugIn):
    """A gate that is none."""

    def __init__(self, value: float) -> None:
        super().__init__(2, 3)
        self.value = value

    def gates(self, x: Tensor, state: Tensor) -> dict[str, Tensor]:
        return {"fine": state + 0.5, "wide": state + self.value}

    def step(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        return state, state


@pytest.mark.parametrize("value", [1.5, -0.25, math.nan])
def test_a_gate_outside_zero_and_one_is_named_with_its_values(value):
    met = f"gate wide between {value:g} and {value:g}"
    with pytest.raises(ProbeError) as refused:
        measure(OverflowingCell(value))
    assert str(refused.value) == f"state_and_gates: {met}: allowed: numbers between 0 and 1"


def test_a_gate_of_exactly_zero_or_one_is_one():
    assert measure(OverflowingCell(1.0)).gates["wide"].open == 1.0
    assert measure(OverflowingCell(0.0)).gates["wide"].shut == 1.0


class ShowingCell(PlugIn):
    """A cell whose state and gate are the first number it reads."""

    retention = "seen"

    def __init__(self) -> None:
        super().__init__(2, 1)

    def gates(self, x: Tensor, state: Tensor) -> dict[str, Tensor]:
        return {"seen": x[:, :1]}

    def step(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        return x[:, :1], x[:, :1]


def test_steps_behind_the_end_of_a_sequence_are_not_watched():
    """The filling reads 0; this gate shows what was read, and no 0 must be among it where all values are above 0."""
    task, cell = MarkedPairsTask(20, "product"), ShowingCell()
    batch = task.sample(32, generator(4))
    assert len(set(batch.lengths.tolist())) > 1
    gates_and_states = state_and_gates(model_of(cell), task, generator(4))
    values = [batch.inputs[:end, b, 0].double() for b, end in enumerate(batch.lengths.tolist())]
    everything = torch.cat(values)
    gate = gates_and_states.gates["seen"]
    assert gate.mean == pytest.approx(float(everything.mean()), rel=1e-9)
    assert gate.distribution == pytest.approx((torch.histc(everything, 20, 0, 1) / len(everything)).tolist(), abs=1e-9)
    assert len(gate.trace) == int(batch.lengths.max())
    for t in (0, 39, len(gate.trace) - 1):
        assert gate.trace[t] == pytest.approx(float(torch.stack([v[t] for v in values if len(v) > t]).mean()), rel=1e-9)
    assert gates_and_states.time_constants == pytest.approx([-1 / math.log(float(everything.mean()))], rel=1e-9)
    h = [math.sqrt(float(torch.stack([v[t] for v in values if len(v) > t]).square().mean())) for t in (0, 42)]
    assert [gates_and_states.state_traces["h"][t] for t in (0, 42)] == pytest.approx(h, rel=1e-9)


class GatesInALayer(PlugIn):
    """Calls a layer of its own `gates`, which is not the method that returns them."""

    def __init__(self) -> None:
        super().__init__(2, 3)
        self.gates = torch.nn.Linear(5, 3)

    def step(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        h = torch.tanh(self.gates(torch.cat((x, state), dim=1)))
        return h, h


def test_a_layer_with_the_name_of_a_method_is_not_called():
    measured = measure(GatesInALayer())
    assert (list(measured.state_traces), measured.gates) == (["h"], {})
