"""An LSTM run step by step with some of its gates held at other values, and all its internal values recorded."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Generator, Tensor

from lstm_bench.cells.contract import Cell, optional_method
from lstm_bench.engine.model import Model
from lstm_bench.probes.contract import need, need_finite_weights
from lstm_bench.tasks.contract import Batch, Task
from lstm_bench.tasks.roles import roles_of

GATES = ("i", "f", "o")


@dataclass(frozen=True, eq=False)
class GatedRun:
    """The values of an LSTM at each step: outputs, the gates as used, the candidate g, and c before and after.

    Shapes: [T, B, H] each; `gates` by name.
    """

    outputs: Tensor
    gates: dict[str, Tensor]
    candidates: Tensor
    c_before: Tensor
    c: Tensor


def has_held_gates(cell: Cell) -> bool:
    """Return whether a cell can be run with its gates held: it has `step_with_gates`, as an LSTM has."""
    return optional_method(cell, "step_with_gates") is not None


def sequences_with_roles(
    probe: str, model: Model, task: Task, generator: Generator, examples: int
) -> tuple[Batch, dict[str, Tensor]] | None:
    """Return fresh sequences and the roles of their steps; None where no gate can be held, or the task has no roles.

    Raises: ProbeError for no example, or weights that are not finite.
    """
    need(examples >= 1, probe, f"examples={examples}", "at least 1")
    need_finite_weights(probe, model)
    batch = task.sample(examples, generator)
    roles = roles_of(task, batch)
    return (batch, roles) if roles and has_held_gates(model.cell) else None


@torch.no_grad()
def gated_run(cell: Any, inputs: Tensor, held: Mapping[str, Tensor] | None = None) -> GatedRun:
    """Run a cell over inputs [T, B, D], with the gates in `held`, of i, f and o, at these values [H] at every step."""
    values = {} if held is None else held
    state = cell.initial_state(inputs.shape[1])
    steps: list[tuple[Tensor, dict[str, Tensor], Tensor, Tensor, Tensor]] = []
    for x in inputs:
        gates = {name: values.get(name, gate).expand_as(gate) for name, gate in cell.gates(x, state).items()}
        candidate, before = cell.candidate(x, state), state.c
        output, state = cell.step_with_gates(x, state, values)
        steps.append((output, gates, candidate, before, state.c))
    outputs, gates_by_step, candidates, c_before, c = zip(*steps, strict=True)
    by_name = {name: torch.stack([gates[name] for gates in gates_by_step]) for name in GATES}
    return GatedRun(torch.stack(outputs), by_name, torch.stack(candidates), torch.stack(c_before), torch.stack(c))
