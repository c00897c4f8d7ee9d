"""What each gate does at a cue, at a blank, at a recall and at a reset, and what is lost where it is held constant."""

from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from lstm_bench.engine.double_precision import wide_cell
from lstm_bench.engine.model import Model
from lstm_bench.metrics import SHARE, Metric
from lstm_bench.probes.contract import Curve, need_finite
from lstm_bench.probes.gated_run import GATES, gated_run, sequences_with_roles
from lstm_bench.tasks.contract import Batch, Task
from lstm_bench.tasks.roles import ROLES

PROBE = "gate_roles"
AT_ROLE = {role: Metric(f"gates/{{path}}_at_{role}") for role in ROLES}
CLAMP_FALL = Metric("gates/{path}_clamp_fall", SHARE)
LEARNED = 0.5  # of the way from the memoryless score to a perfect one


@dataclass(frozen=True)
class GateRoles:
    """Gates by the role of the step, and what is lost where a gate is clamped.

    by_unit: the mean of each unit's gate over all steps of a role, by gate and role; roles without a step are left out.
    falls: by gate, the share of the score above the memoryless one that is lost where each unit's gate is held at its
    mean over all steps and sequences. 0 is nothing, 1 is all; below 0 where the score rises. Empty for a model that is
    less than half of the way from the memoryless score to a perfect one: it has too little to lose.
    """

    by_unit: dict[str, dict[str, list[float]]]
    falls: dict[str, float]

    def metrics(self) -> dict[Metric, float]:
        """Return the mean of each gate over units and steps of each role, and the fall of each clamp."""
        means = {
            AT_ROLE[role].of(gate): sum(units) / len(units)
            for gate, roles in self.by_unit.items()
            for role, units in roles.items()
        }
        return means | {CLAMP_FALL.of(gate): fall for gate, fall in self.falls.items()}

    def curves(self) -> dict[str, Curve]:
        """Return each gate's mean at the steps of each role against the number of the unit, from 1: "i at cue"."""
        return {
            f"{gate} at {role}": Curve(range(1, len(units) + 1), units)
            for gate, roles in self.by_unit.items()
            for role, units in roles.items()
        }


def gate_roles(model: Model, task: Task, generator: Generator, examples: int = 32) -> GateRoles | None:
    """Watch the gates of an LSTM on fresh sequences, by role, then clamp one gate after another and score again.

    None for a cell without `step_with_gates`, and for a task without roles. A clamp holds a gate at every step of every
    sequence at its own mean, unit by unit: it removes all that the gate does at one step and not at another, and keeps
    how open it is on average. Costs one unroll, and three more for a model that has learned its task: about 40 ms each
    at T = 54, H = 64, one thread of a machine in use.

    Raises: ProbeError for no example, or weights or gates that are not finite.
    """
    sequences = sequences_with_roles(PROBE, model, task, generator, examples)
    if sequences is None:
        return None
    batch, roles = sequences
    cell, inputs = wide_cell(model), batch.inputs.double()
    run = gated_run(cell, inputs)
    need_finite(PROBE, **{f"gate {name}": values for name, values in run.gates.items()})
    by_unit = {gate: _by_role(run.gates[gate], roles) for gate in GATES}
    score, chance = _score(model, task, run.outputs, batch), task.baselines[task.score]
    if score - chance < LEARNED * (1 - chance):
        return GateRoles(by_unit, {})
    is_read = torch.arange(len(inputs)).unsqueeze(1) < batch.lengths
    falls = dict[str, float]()
    for gate in GATES:
        clamped = gated_run(cell, inputs, {gate: run.gates[gate][is_read].mean(dim=0)})
        falls[gate] = (score - _score(model, task, clamped.outputs, batch)) / (score - chance)
    return GateRoles(by_unit, falls)


def _by_role(values: Tensor, roles: dict[str, Tensor]) -> dict[str, list[float]]:
    """Return the mean of values [T, B, H] over the steps of each role that has any, [H]."""
    return {role: values[steps].mean(dim=0).tolist() for role, steps in roles.items() if steps.any()}


@torch.no_grad()
def _score(model: Model, task: Task, outputs: Tensor, batch: Batch) -> float:
    predictions = model.readout(outputs[-task.predicted_steps :].to(model.readout.weight.dtype))
    return float(task.metrics(predictions, batch.targets)[task.score])
