"""How much of a gradient is left k steps back, along every path at once and along each part of the state alone."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from lstm_bench.cells.contract import Cell, state_parts
from lstm_bench.cells.reals import as_reals, from_reals
from lstm_bench.engine.double_precision import in_float64, wide_cell
from lstm_bench.engine.model import Model
from lstm_bench.metrics import FACTOR, STEPS, Metric
from lstm_bench.probes.contract import Curve, need, need_finite, need_finite_weights
from lstm_bench.probes.unrolled import Parts, Step, flat, pull_back, unroll
from lstm_bench.tasks.contract import Task

PROBE = "gradient_flow"
JOINT = "joint"
DECAY, PATH_DECAY = Metric("grad/decay", FACTOR), Metric("grad/decay_{path}_path", FACTOR)
HORIZONS = {Metric("grad/horizon", STEPS): 1e-3, Metric("grad/horizon_e", STEPS): 1 / math.e}  # share of g_0


@dataclass(frozen=True)
class Decline:
    """g_k for k = 0 .. T steps back, with g_0 = 1."""

    norms: list[float]

    @property
    def decay(self) -> float:
        """rho, the factor a step, from the least-squares slope of ln g_k over the k where g_k > 0.

        0.0 where nothing is left after the first step.
        """
        return decay_per_step(self.norms)

    def horizon(self, share: float) -> int | None:
        """Return the first k with g_k below a share of g_0, None where the sequence ends before."""
        return next((k for k, norm in enumerate(self.norms) if norm < share * self.norms[0]), None)


@dataclass(frozen=True)
class GradientFlow:
    """The gradient of the last output, step by step back in time.

    `joint` follows it through the whole state; `paths` follow, for each part of a state with several, the gradient of
    that part at the end through that part alone.
    """

    joint: Decline
    paths: dict[str, Decline]

    def metrics(self) -> dict[Metric, float]:
        """Return decay and horizons; a horizon beyond the sequence is left out."""
        steps = {metric: self.joint.horizon(share) for metric, share in HORIZONS.items()}
        horizons = {metric: float(k) for metric, k in steps.items() if k is not None}
        decays = {PATH_DECAY.of(part): path.decay for part, path in self.paths.items()}
        return {DECAY: self.joint.decay} | horizons | decays

    def curves(self) -> dict[str, Curve]:
        """Return g_k against k: "joint", and "h path", "c path" where the state has parts."""
        declines = {JOINT: self.joint} | {f"{part} path": path for part, path in self.paths.items()}
        return {name: Curve(range(len(path.norms)), path.norms) for name, path in declines.items()}


def gradient_flow(
    model: Model, task: Task, generator: Generator, examples: int = 16, lag: int | None = None
) -> GradientFlow:
    """Measure the gradient flow on fresh sequences of the task, at its own lag or another; see `flow_over`.

    Costs one unroll of the cell's own `step` with its backward pass, with as many copies of the batch as the state has
    parts, and one more: 9 ms for an RNN and 27 ms for an LSTM at T = 54, H = 64, one thread of an AMD EPYC.

    Raises: ProbeError for no example, a single step, weights or a state that are not finite, or a state without a
    derivative.
    """
    need(examples >= 1, PROBE, f"examples={examples}", "at least 1")
    need_finite_weights(PROBE, model)
    sequences = task if lag is None else task.at_lag(lag)
    batch = sequences.sample(examples, generator)
    return flow_over(wide_cell(model), batch.inputs, generator, batch.lengths)


def flow_over(cell: Cell, inputs: Tensor, generator: Generator, lengths: Tensor | None = None) -> GradientFlow:
    """Measure g_k = exp(mean over the batch of ln ||d(v . output_T) / d s_{T-k}||), v a random unit vector.

    s is the whole state, for an LSTM the joint (h, c). A path through one part p alone is the product of its own
    Jacobians, g_k = exp(mean ln ||v' dp_T/dp_{T-1} ... dp_{T-k+1}/dp_{T-k}||), the other parts held where they are: for
    an LSTM's c that is the product of its forget gates.

    Args:
        cell: any cell; it is copied, not changed.
        inputs: [T, B, D].
        generator: draws v, one for the output and one for each part.
        lengths: T of each sequence [B]; k is counted from its own last step, up to the shortest T. None: all as long.

    Source: Pascanu, Mikolov & Bengio 2013.
    """
    need(len(inputs) >= 2, PROBE, f"a sequence of {len(inputs)} steps", "at least 2 steps")
    cell, batch = in_float64(cell), inputs.shape[1]
    ends = torch.full((batch,), len(inputs)) if lengths is None else lengths
    names = list(state_parts(cell.initial_state(1)))
    paths = names if len(names) > 1 else []
    steps = unroll(PROBE, cell, inputs.double().repeat(1, 1 + len(paths), 1))
    norms_back = _norms_back(steps, paths, ends, generator)
    need_finite(PROBE, **{f"the {name} gradient": torch.tensor(norms) for name, norms in norms_back.items()})
    declines = {name: Decline([1.0, *norms]) for name, norms in norms_back.items()}
    return GradientFlow(declines.pop(JOINT), declines)


def _norms_back(steps: Sequence[Step], paths: list[str], ends: Tensor, generator: Generator) -> dict[str, list[float]]:
    """Return g_k for k = 1 .. T: the first rows of the batch carry the joint gradient, the next ones a path each."""
    names, rows = [JOINT, *paths], ends.repeat(1 + len(paths))
    carries = {name: torch.arange(len(rows)) // len(ends) == place for place, name in enumerate(names)}
    last = steps[-1]
    vectors = {name: _unit_vector((last.left | {JOINT: last.output})[name][0], generator) for name in names}
    gradients = {name: torch.zeros_like(part) for name, part in last.left.items()}
    norms = []
    for t, step in reversed(list(enumerate(steps))):
        starting = rows == t + 1
        d_output = torch.zeros_like(step.output)
        d_output[starting & carries[JOINT]] = vectors[JOINT]
        for name in paths:
            gradients[name][starting & carries[name]] = vectors[name]
        gradients = pull_back(step, gradients, d_output if starting.any() else None)
        gradients = _kept_to_the_paths(gradients, carries)
        norms.append(flat(gradients).norm(dim=1))
    norms.reverse()
    return dict(zip(names, _means_by_steps_back(torch.stack(norms), rows, len(names)), strict=True))


def _unit_vector(like: Tensor, generator: Generator) -> Tensor:
    v = torch.randn(as_reals(like).shape, dtype=torch.float64, generator=generator)
    return from_reals(v / v.norm(), like)


def _kept_to_the_paths(gradients: Parts, carries: Mapping[str, Tensor]) -> Parts:
    """Return copies in which a path carries the gradient of its own part alone; autograd may return shared tensors."""
    kept = {part: gradient.clone() for part, gradient in gradients.items()}
    for part, gradient in kept.items():
        for name, row in carries.items():
            if name not in (JOINT, part):
                gradient[row] = 0.0
    return kept


def _means_by_steps_back(norms: Tensor, ends: Tensor, groups: int) -> list[list[float]]:
    """Return exp(mean ln ||.||) over each group of rows, k = 1, 2, ... steps back from the end of each row.

    `norms` [T, rows] are those at the state before each step.
    """
    steps_back = torch.arange(1, int(ends.min()) + 1).unsqueeze(1)
    by_steps_back = norms.gather(0, ends - steps_back)
    means: list[list[float]] = by_steps_back.view(len(steps_back), groups, -1).log().mean(dim=-1).exp().T.tolist()
    return means


def decay_per_step(norms: Sequence[float]) -> float:
    """Return exp of the least-squares slope of ln g_k over k, where g_k > 0; 0.0 where only one is above 0."""
    points = [(k, math.log(norm)) for k, norm in enumerate(norms) if norm > 0]
    if len(points) < 2:
        return 0.0
    k, ln_g = torch.tensor(points, dtype=torch.float64).T
    k = k - k.mean()
    return math.exp(float((k * ln_g).sum() / (k * k).sum()))
