"""Lyapunov exponents: the rates at which small disturbances of a state grow or decay while a cell reads its task."""

import math
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Generator, Tensor

from lstm_bench.cells.contract import Cell, state_like, state_parts
from lstm_bench.engine.double_precision import in_float64, wide_cell
from lstm_bench.engine.model import Model
from lstm_bench.metrics import STEPS, Metric
from lstm_bench.probes.contract import Curve, need, need_finite_weights
from lstm_bench.probes.unrolled import flat, pull_back, split, states, unroll
from lstm_bench.tasks.contract import Task

PROBE = "lyapunov"
TOP_EXPONENT = Metric("memory/lyapunov", "nats per step")
HORIZON = Metric("memory/lyapunov_horizon", STEPS)
GONE_WITHIN = Metric("memory/lyapunov_gone_within", STEPS)


@dataclass(frozen=True)
class LyapunovSpectrum:
    """The largest exponents, in nats a step, descending; -inf where a direction is forgotten at once.

    `gone_within` is the most steps that pass until no disturbance is left; None where one never vanishes.
    """

    exponents: list[float]
    gone_within: int | None = None

    @property
    def horizon(self) -> float:
        """-1 / the top exponent: steps until a disturbance is down to 1/e; inf where it does not decay."""
        top = self.exponents[0]
        return -1 / top if top < 0 else math.inf

    def metrics(self) -> dict[Metric, float]:
        """Return the top exponent, its horizon where it is negative, and `gone_within` where it is -inf.

        Values that are not finite are left out.
        """
        values = {
            TOP_EXPONENT: self.exponents[0],
            HORIZON: self.horizon,
            GONE_WITHIN: float(self.gone_within or math.nan),
        }
        return {metric: value for metric, value in values.items() if math.isfinite(value)}

    def curves(self) -> dict[str, Curve]:
        """Return the finite exponents against their rank."""
        finite = [exponent for exponent in self.exponents if math.isfinite(exponent)]
        return {"spectrum": Curve(range(1, len(finite) + 1), finite)}


def lyapunov(
    model: Model, task: Task, generator: Generator, exponents: int = 4, steps: int = 100, settling: int = 40
) -> LyapunovSpectrum:
    """Measure the first exponents along sequences of the task, one after another with no reset; see `spectrum_over`.

    Args:
        model: its cell is probed.
        task: gives the inputs.
        generator: draws them, and the first directions.
        exponents: how many; at most the size of the state.
        steps: over which growth is averaged.
        settling: steps before them, in which the state leaves its start, and after them, in which directions align.

    Costs an unroll of 140 steps, each with its backward pass and a small QR decomposition: 20 ms for an RNN and
    40 ms for an LSTM with H = 64, one thread of an AMD EPYC.

    Raises: ProbeError for no step or exponent, a negative settling, weights or a state that are not finite, or a state
    without a derivative.
    """
    need(steps >= 1, PROBE, f"steps={steps}", "at least 1")
    need(settling >= 0, PROBE, f"settling={settling}", "at least 0")
    need(exponents >= 1, PROBE, f"exponents={exponents}", "at least 1")
    need_finite_weights(PROBE, model)
    needed = settling + steps + settling
    return spectrum_over(wide_cell(model), _stream(task, generator, needed), generator, exponents, settling)


def _stream(task: Task, generator: Generator, steps: int) -> Tensor:
    """Return sequences of the task, each up to its own end, one after another [steps, 1, D]."""
    drawn: list[Tensor] = []
    while sum(map(len, drawn)) < steps:
        batch = task.sample(1, generator)
        drawn.append(batch.inputs[: int(batch.lengths)])
    return torch.cat(drawn)[:steps]


def spectrum_over(
    cell: Cell, inputs: Tensor, generator: Generator, exponents: int, settling: int = 0
) -> LyapunovSpectrum:
    """Return lambda_j = mean of ln |R_jj| along one sequence [T, 1, D].

    Gradients are pulled back through time, Q R = J_t' Q' with J_t the Jacobian of the whole state over step t: a
    product of transposed Jacobians in reverse order has the singular values of the product itself, so the exponents
    are those of the dynamics. The first `settling` steps and the first `settling` decompositions are not counted.

    Source: Benettin et al. 1980; Engelken, Wolf & Abbott 2023 for recurrent networks.
    """
    cell, inputs = in_float64(cell), inputs.double()
    start = dict(state_parts([cell.initial_state(1), *states(cell, inputs[:settling])][-1]))
    size = flat(start).shape[1]
    count = min(exponents, size)
    tiled = state_like(cell.initial_state(1), {name: part.repeat_interleave(count, 0) for name, part in start.items()})
    steps = unroll(PROBE, cell, inputs[settling:].repeat(1, count, 1), tiled)
    q = torch.linalg.qr(torch.randn(size, count, dtype=torch.float64, generator=generator)).Q
    growth = []
    for step in reversed(steps):
        q, r = torch.linalg.qr(flat(pull_back(step, split(q.T, step.left))).T)
        growth.append(_log_growth(r, size))
    counted = torch.stack(growth[settling:])
    return LyapunovSpectrum(sorted(counted.mean(dim=0).tolist(), reverse=True), _gone_within(counted))


def _gone_within(growth: Tensor) -> int | None:
    """Return the most steps from one that forgets a direction to the next; None where one direction is never forgotten.

    `growth` [steps, directions] is -inf where a direction is forgotten.
    """
    forgotten: list[list[int]] = [steps.isneginf().nonzero().flatten().tolist() for steps in growth.T]
    if not all(forgotten):
        return None
    n: int = len(growth)
    ends = [(-1, *places, n) for places in forgotten]
    return max(min(after - before, n) for places in ends for before, after in pairwise(places))


def _log_growth(r: Tensor, size: int) -> Tensor:
    """Return ln |R_jj|; -inf where what remains of a direction is at most rounding error."""
    remaining = r.diagonal().abs()
    rounding = size * torch.finfo(r.dtype).eps * r.norm()
    return remaining.where(remaining > rounding, 0.0).log()
