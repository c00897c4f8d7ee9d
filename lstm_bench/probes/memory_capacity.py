"""Linear memory capacity: how much of its past input a linear map can read off a state."""

from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from lstm_bench.cells.contract import state_parts
from lstm_bench.engine.double_precision import wide_cell
from lstm_bench.engine.model import Model
from lstm_bench.metrics import STEPS, Metric
from lstm_bench.probes.contract import Curve, need, need_finite, need_finite_weights
from lstm_bench.probes.linear_readout import Rows, held_out_r2
from lstm_bench.probes.unrolled import flat, states
from lstm_bench.tasks.contract import Task

PROBE = "memory_capacity"
CAPACITY, STATE_SIZE = Metric("memory/capacity", "inputs"), Metric("memory/state_size", "units")
CAPACITY_SPAN, IS_LOWER_BOUND = Metric("memory/capacity_span", STEPS), Metric("memory/capacity_span_open")
SPAN = 0.5  # of the variance of an input
TRAINING, VALIDATION, TEST = 8, 4, 4  # streams


@dataclass(frozen=True)
class MemoryCapacity:
    """r^2_k, chance subtracted, with which the k-th last input can be read off the state; k = 1 is the last one.

    `units` is the size of the state in real numbers, the most that the capacity of a linear map can be.
    """

    squared_correlations: list[float]
    units: int

    @property
    def capacity(self) -> float:
        """MC, the sum of r^2_k: 0 for no memory, at most `units`."""
        return sum(self.squared_correlations)

    @property
    def span(self) -> int:
        """The largest k with r^2_k of at least 0.5, 0 where there is none."""
        return max((k for k, r2 in enumerate(self.squared_correlations, start=1) if r2 >= SPAN), default=0)

    @property
    def is_cut_off(self) -> bool:
        """Whether even the longest delay that was tried is read well, so that the span may be longer."""
        return self.span == len(self.squared_correlations)

    def metrics(self) -> dict[Metric, float]:
        """Return capacity and span; where the span is cut off, `memory/capacity_span_open` is 1."""
        return {
            CAPACITY: self.capacity,
            CAPACITY_SPAN: float(self.span),
            IS_LOWER_BOUND: float(self.is_cut_off),
            STATE_SIZE: float(self.units),
        }

    def curves(self) -> dict[str, Curve]:
        """Return r^2 against k."""
        return {"r2": Curve(range(1, len(self.squared_correlations) + 1), self.squared_correlations)}


def memory_capacity(
    model: Model, task: Task, generator: Generator, delays: int = 100, steps: int = 150
) -> MemoryCapacity:
    """Measure MC = sum over k of r^2_k, the state driven by i.i.d. input u(t) ~ U(-1, 1).

    The cell gets x(t) = u(t) d, with d a random unit vector of its input space.
    From the whole state s(t), u(t + 1 - k) is decoded by ridge regression with intercept (`linear_readout`), fitted on
    some streams; the penalty is the one that does best on others, over all k together; r^2_k is the squared correlation
    on streams used for neither, less its expectation 1/(n-1) for n independent pairs: (r^2 - 1/(n-1)) / (1 -
    1/(n-1)). Negative values are kept, so that noise at long delays does not add up.

    A linear shift register of N units has capacity N and span N, a cell whose state is its input has 1 and 1.

    Args:
        model: its cell is probed.
        task: not drawn from.
        generator: draws d and u.
        delays: the largest k.
        steps: time steps of each stream that are used, after `delays` steps that are not.

    Memory that is spread thinly over many delays is understated where steps are few: of orthogonal networks of 10 units
    (gain 0.95, six draws), whose capacity is 10, the mean measured is 9.7, and 10.0 with 600 steps.

    Costs 16 streams of 250 steps and one eigendecomposition: 16 ms for an RNN, 34 ms for an LSTM with H = 64,
    one thread of an AMD EPYC.

    Raises: ProbeError for no delay, fewer steps than 2, weights or states that are not finite.
    Source: Jaeger 2001, "Short term memory in echo state networks" (GMD report 152).
    """
    need(delays >= 1, PROBE, f"delays={delays}", "at least 1")
    need(steps >= 2, PROBE, f"steps={steps}", "at least 2 steps after the delays")
    need_finite_weights(PROBE, model)
    cell = wide_cell(model)
    streams = TRAINING + VALIDATION + TEST
    u = 2 * torch.rand(delays + steps, streams, dtype=torch.float64, generator=generator) - 1
    direction = torch.randn(cell.input_size, dtype=torch.float64, generator=generator)
    driven = states(cell, u.unsqueeze(-1) * (direction / direction.norm()))[delays:]
    read = torch.stack([flat(dict(state_parts(state))).double() for state in driven])
    need_finite(PROBE, **{"the driven state": read})
    delayed = u.unfold(0, delays, 1)[1:].flip(-1)  # [steps, streams, delays]: the last input, the one before, ...
    return MemoryCapacity(_decode(read, delayed).tolist(), read.shape[-1])


def _decode(read: Tensor, delayed: Tensor) -> Tensor:
    """Return r^2_k on the test streams, chance subtracted."""
    parts = [TRAINING, VALIDATION, TEST]
    pairs = zip(read.split(parts, dim=1), delayed.split(parts, dim=1), strict=True)
    return held_out_r2(*(Rows(states.flatten(0, 1), targets.flatten(0, 1)) for states, targets in pairs))
