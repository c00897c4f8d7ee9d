"""How much a cell state changes in a step, and how much of it was kept rather than written, by the role of the step."""

import math
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from lstm_bench.engine.double_precision import wide_cell
from lstm_bench.engine.model import Model
from lstm_bench.metrics import SHARE, Metric
from lstm_bench.probes.contract import Curve, need_finite
from lstm_bench.probes.gated_run import GatedRun, gated_run, sequences_with_roles
from lstm_bench.tasks.contract import Task

PROBE = "conveyor_belt"
CHANGE = Metric("gates/state_change_{path}", SHARE)  # by role
KEPT = Metric("gates/state_kept_{path}", SHARE)


@dataclass(frozen=True)
class ConveyorBelt:
    """By role of the step, medians over steps and sequences.

    change: ||c_t - c_{t-1}|| / ||c_{t-1}||, over all steps but the first, before which c is 0.
    kept: sum |f c_{t-1}| / (sum |f c_{t-1}| + sum |i g|), sums over units: the share of c_t that is due to keeping.
    change_by_step, kept_by_step: the same medians over sequences at each step but the first.
    """

    change: dict[str, float]
    kept: dict[str, float]
    change_by_step: list[float]
    kept_by_step: list[float]

    def metrics(self) -> dict[Metric, float]:
        """Return both medians for each role; those that a c of 0 leaves undefined are left out."""
        by_metric = ((CHANGE, self.change), (KEPT, self.kept))
        values = {metric.of(role): value for metric, roles in by_metric for role, value in roles.items()}
        return {metric: value for metric, value in values.items() if math.isfinite(value)}

    def curves(self) -> dict[str, Curve]:
        """Return both medians against the time step, from 1."""
        by_name = {"change of c": self.change_by_step, "share kept": self.kept_by_step}
        return {name: Curve(range(1, len(values) + 1), values) for name, values in by_name.items()}


def conveyor_belt(model: Model, task: Task, generator: Generator, examples: int = 32) -> ConveyorBelt | None:
    """Measure changes of an LSTM's cell state on fresh sequences; the first step, before which c is 0, is left out.

    None for a cell without `step_with_gates`, and for a task without roles. Costs one unroll without gradients.

    Raises: ProbeError for no example, or weights or a state that are not finite.
    """
    sequences = sequences_with_roles(PROBE, model, task, generator, examples)
    if sequences is None:
        return None
    batch, roles = sequences
    run = gated_run(wide_cell(model), batch.inputs.double())
    need_finite(PROBE, **{"part c of the state": run.c})
    change, kept = _change(run)[1:], _kept(run)[1:]
    later = {role: steps[1:] for role, steps in roles.items() if steps[1:].any()}
    return ConveyorBelt(
        {role: _median(change[steps]) for role, steps in later.items()},
        {role: _median(kept[steps]) for role, steps in later.items()},
        [_median(of_step) for of_step in change],
        [_median(of_step) for of_step in kept],
    )


def _change(run: GatedRun) -> Tensor:
    """Return ||c_t - c_{t-1}|| / ||c_{t-1}||, [T, B]."""
    change: Tensor = (run.c - run.c_before).norm(dim=2) / run.c_before.norm(dim=2)
    return change


def _kept(run: GatedRun) -> Tensor:
    """Return sum |f c_{t-1}| / (sum |f c_{t-1}| + sum |i g|), [T, B]."""
    kept = (run.gates["f"] * run.c_before).abs().sum(dim=2)
    written = (run.gates["i"] * run.candidates).abs().sum(dim=2)
    share: Tensor = kept / (kept + written)
    return share


def _median(values: Tensor) -> float:
    return float(torch.quantile(values.flatten(), 0.5))
