"""The results of one member of a population, while it trains and when it has ended."""

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor

from lstm_bench.engine.seeds import Member

Status = Literal["solved", "learning", "plateau", "diverged", "dropped", "untrained"]
PACKED_OTHERWISE = ("member", "curves", "state_norms", "milestones")


class Snapshot(NamedTuple):
    """A member's parameters and buffers after `step` updates."""

    step: int
    weights: dict[str, Tensor]


@dataclass
class Run:
    """The results of one member. Everything recorded at `step` belongs to the weights after that many updates.

    `curves` holds (step, metric, value); `state_norms` holds (step, part, ||dL/ds_t|| for t = 0 .. T-1), the norm over
    batch and units of the total derivative of the training loss. `train_s` is the member's share of the time, see
    `spent_s`: the time of a step is divided among the members that took it. It includes `evaluate_s`, the share of the
    evaluations. `milestones` holds, by percentage, the weights at the first evaluation with the task's criterion at or
    below that percentage of its memoryless baseline. `weights` and `moments`, Adam's, are filled when the member has
    ended; `reason` says why it diverged.
    """

    member: Member
    status: Status = "plateau"
    steps: int = 0
    steps_to_solve: int | None = None
    train_s: float = 0.0
    evaluate_s: float = 0.0
    metrics: dict[str, float] = field(default_factory=dict)
    curves: list[tuple[int, str, float]] = field(default_factory=list)
    state_norms: list[tuple[int, str, list[float]]] = field(default_factory=list)
    weights: dict[str, Tensor] = field(default_factory=dict)
    moments: dict[str, Tensor] = field(default_factory=dict)
    milestones: dict[int, Snapshot] = field(default_factory=dict)
    passes: int = 0
    clipped: int = 0
    finished: bool = False
    reason: str | None = None

    def diverge(self, reason: str) -> None:
        """End as diverged, and as not solved; keep the first reason."""
        self.status, self.finished, self.steps_to_solve, self.reason = "diverged", True, None, self.reason or reason


def spent_s(device: torch.device) -> float:
    """Return the seconds that this process has spent so far: CPU time, to which other programs add nothing.

    On a GPU, for which the CPU waits, it is wall-clock time.
    """
    return time.process_time() if device.type == "cpu" else time.perf_counter()


def packed(run: Run) -> dict[str, Any]:
    """Return a run as plain containers and tensors, which a checkpoint may hold and `unpacked` reads.

    Curves and norms become tensors of float64, in which every Python float keeps its bits.
    """
    plain = {f.name: getattr(run, f.name) for f in fields(run) if f.name not in PACKED_OTHERWISE}
    steps, names, values = zip(*run.curves, strict=True) if run.curves else ((), (), ())
    norms = [(step, part, torch.tensor(values, dtype=torch.float64)) for step, part, values in run.state_norms]
    return plain | {
        "member": asdict(run.member),
        "metrics": dict(run.metrics),
        "curves": {"steps": list(steps), "names": list(names), "values": torch.tensor(values, dtype=torch.float64)},
        "state_norms": norms,
        "milestones": {percent: (snapshot.step, snapshot.weights) for percent, snapshot in run.milestones.items()},
    }


def unpacked(content: Mapping[str, Any]) -> Run:
    """Return the run from what `packed` returned."""
    curves = content["curves"]
    return Run(
        **{name: value for name, value in content.items() if name not in PACKED_OTHERWISE},
        member=Member(**content["member"]),
        curves=list(zip(curves["steps"], curves["names"], curves["values"].tolist(), strict=True)),
        state_norms=[(step, part, norms.tolist()) for step, part, norms in content["state_norms"]],
        milestones={percent: Snapshot(step, weights) for percent, (step, weights) in content["milestones"].items()},
    )
