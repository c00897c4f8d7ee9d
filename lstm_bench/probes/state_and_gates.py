"""State and gates while a cell reads its task: their size, their distribution and their time scales."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from lstm_bench.cells.contract import Cell, State, optional_method, state_parts
from lstm_bench.cells.reals import widened
from lstm_bench.engine.double_precision import wide_cell
from lstm_bench.engine.model import Model
from lstm_bench.metrics import SHARE, STEPS, Metric
from lstm_bench.probes.contract import Curve, need, need_finite, need_finite_weights
from lstm_bench.tasks.contract import Task

PROBE = "state_and_gates"
SHUT, OPEN = 0.05, 0.95
BINS = 20
GATE_MEAN = Metric("gates/{path}_mean")
SHUT_SHARE, OPEN_SHARE = Metric("gates/{path}_shut_share", SHARE), Metric("gates/{path}_open_share", SHARE)
STATE_RMS = Metric("gates/state_{path}_rms")
TIME_CONSTANT = Metric("gates/time_constant_{path}", STEPS)
GatesOf = Callable[[Tensor, State], Mapping[str, Tensor]]


@dataclass(frozen=True)
class Gate:
    """One gate over all units, sequences and their steps.

    `trace` is the mean by time step, `distribution` the share of values in each of 20 bins of [0, 1]. `shut` and `open`
    are the shares of values below 0.05 and above 0.95.
    """

    mean: float
    shut: float
    open: float
    trace: list[float]
    distribution: list[float]


@dataclass(frozen=True)
class StateAndGates:
    """Root mean square of each part of the state by time step; gates by name; the time constant of each unit.

    The root mean square of a complex part is that of |z|.
    `time_constants` are -1 / ln(mean of the gate that keeps the state), in steps, ascending; empty where a cell has no
    such gate.
    """

    state_traces: dict[str, list[float]]
    gates: dict[str, Gate]
    time_constants: list[float]

    def metrics(self) -> dict[Metric, float]:
        """Return mean and saturation of each gate, and median, shortest and longest time constant."""
        by_gate = {
            metric.of(name): value
            for name, gate in self.gates.items()
            for metric, value in ((GATE_MEAN, gate.mean), (SHUT_SHARE, gate.shut), (OPEN_SHARE, gate.open))
        }
        ends = {STATE_RMS.of(name): trace[-1] for name, trace in self.state_traces.items()}
        constants = self.time_constants
        if not constants:
            return ends | by_gate
        middle = (constants[(len(constants) - 1) // 2] + constants[len(constants) // 2]) / 2
        by_rank = {"median": middle, "shortest": constants[0], "longest": constants[-1]}
        return ends | by_gate | {TIME_CONSTANT.of(k): v for k, v in by_rank.items() if math.isfinite(v)}

    def curves(self) -> dict[str, Curve]:
        """Return traces against the time step, distributions against the middle of a bin, time constants by rank."""
        middles = [(place + 0.5) / BINS for place in range(BINS)]
        states = {f"{name} rms": Curve(range(len(trace)), trace) for name, trace in self.state_traces.items()}
        traces = {f"{name} mean": Curve(range(len(gate.trace)), gate.trace) for name, gate in self.gates.items()}
        shares = {f"{name} distribution": Curve(middles, gate.distribution) for name, gate in self.gates.items()}
        scales = Curve(range(1, len(self.time_constants) + 1), self.time_constants)
        return states | traces | shares | ({"time constant": scales} if self.time_constants else {})


def state_and_gates(model: Model, task: Task, generator: Generator, examples: int = 32) -> StateAndGates:
    """Watch a cell read fresh sequences of its task.

    Any cell has a state. Gates are those that a cell names in a method `gates(x, state) -> {name: values [B, H]}`, each
    in [0, 1]; its attribute `retention` is the name of the one whose value is the share of the state kept over a
    step, with time constant -1 / ln(mean over sequences and steps), unit by unit.

    Costs one unroll without gradients: 16 ms for an LSTM at T = 54, H = 64, one thread of an AMD EPYC.

    Raises: ProbeError for no example, weights, a state or a gate that are not finite, or a gate outside [0, 1].
    Source: Gers, Schmidhuber & Cummins 2000; Tallec & Ollivier 2018 for the time constant.
    """
    need(examples >= 1, PROBE, f"examples={examples}", "at least 1")
    need_finite_weights(PROBE, model)
    cell = wide_cell(model)
    batch = task.sample(examples, generator)
    is_read = torch.arange(int(batch.lengths.max())).unsqueeze(1) < batch.lengths
    states, gates = _watch(cell, batch.inputs[: len(is_read)].double())
    need_finite(PROBE, **{f"part {name} of the state": values for name, values in states.items()})
    for name, values in gates.items():
        met = f"gate {name} between {float(values.min()):g} and {float(values.max()):g}"
        need(bool(((values >= 0) & (values <= 1)).all()), PROBE, met, "numbers between 0 and 1")
    traces = {name: _trace(values.abs().square(), is_read).sqrt().tolist() for name, values in states.items()}
    kept = gates.get(str(getattr(cell, "retention", None)))
    by_name = {name: _gate(values, is_read) for name, values in gates.items()}
    return StateAndGates(traces, by_name, _time_constants(kept, is_read))


@torch.no_grad()
def _watch(cell: Cell, inputs: Tensor) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Return each part of the state after each step, and each gate during it, [T, B, ...]."""
    state: State = cell.initial_state(inputs.shape[1])
    gates_of: GatesOf = optional_method(cell, "gates") or (lambda _x, _state: {})
    states, gates = list[Mapping[str, Tensor]](), list[Mapping[str, Tensor]]()
    for x in inputs:
        gates.append(gates_of(x, state))
        _, state = cell.step(x, state)
        states.append(state_parts(state))
    return _stacked(states), _stacked(gates)


def _stacked(by_step: list[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    return {name: torch.stack([widened(parts[name]) for parts in by_step]) for name in by_step[0]}


def _trace(values: Tensor, is_read: Tensor) -> Tensor:
    """Return the mean at each step [T] of values [T, B, ...], over the sequences that have not ended."""
    means = values.flatten(2).mean(dim=2)
    return torch.where(is_read, means, 0.0).sum(dim=1) / is_read.sum(dim=1)


def _gate(values: Tensor, is_read: Tensor) -> Gate:
    read_values = values[is_read]
    counts = torch.histc(read_values, BINS, 0.0, 1.0) / read_values.numel()
    shut, opened = (float(share.double().mean()) for share in (read_values < SHUT, read_values > OPEN))
    return Gate(float(read_values.mean()), shut, opened, _trace(values, is_read).tolist(), counts.tolist())


def _time_constants(kept: Tensor | None, is_read: Tensor) -> list[float]:
    """Return -1 / ln(mean f) of each unit, ascending; a gate that is always 1 keeps for ever: inf."""
    if kept is None:
        return []
    means = kept[is_read].mean(dim=0).tolist()
    return sorted(-1 / math.log(mean) if 0 < mean < 1 else (math.inf if mean >= 1 else 0.0) for mean in means)
