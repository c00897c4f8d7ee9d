"""A sentence boundary: how much of its state a cell carries over it, and how accurate its next answers are."""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from lstm_bench.cells.contract import Cell, State, state_like, state_parts
from lstm_bench.engine.model import Model, predict
from lstm_bench.metrics import SHARE, Metric
from lstm_bench.probes.contract import Curve, need, need_finite_weights
from lstm_bench.probes.unrolled import Parts, flat, in_float64, pull_back, split, states, unroll
from lstm_bench.tasks.contract import Batch, Task

PROBE = "boundary"
CARRY_OVER, CARRY_OVER_FURTHEST = Metric("memory/carry_over"), Metric("memory/carry_over_furthest")
ACCURACY_AFTER = Metric("memory/accuracy_after_boundary", SHARE)
GATE_DIFFERENCE = Metric("gates/boundary_difference", SHARE)


@dataclass(frozen=True)
class Boundary:
    """What a boundary does.

    with_boundary, without_boundary: ||v' ds_{b+k} / ds_{b-1}|| for k = 0, 1, ..., geometric mean over sequences, with a
    boundary at step b, and with an ordinary word there and all else the same; v a random unit vector.
    accuracy: share of right answers 1, 2, ... steps after a boundary, NaN where there was none.
    gate: mean of the gate that keeps the state at boundaries, less that at all other steps; None without such a gate.
    """

    with_boundary: list[float]
    without_boundary: list[float]
    accuracy: list[float]
    gate: float | None

    @property
    def carry_over(self) -> list[float]:
        """The ratio of both norms at each k: below 1 where a boundary makes a cell let go."""
        pairs = zip(self.with_boundary, self.without_boundary, strict=True)
        return [a / b if b > 0 else math.nan for a, b in pairs]

    def metrics(self) -> dict[Metric, float]:
        """Return the carry-over across the boundary and at the largest k, the first accuracy, and the gate's share."""
        values = {
            CARRY_OVER: self.carry_over[0],
            CARRY_OVER_FURTHEST: self.carry_over[-1],
            ACCURACY_AFTER: self.accuracy[0],
            GATE_DIFFERENCE: math.nan if self.gate is None else self.gate,
        }
        return {metric: value for metric, value in values.items() if math.isfinite(value)}

    def curves(self) -> dict[str, Curve]:
        """Return norms against k, and accuracy against the steps since the boundary."""
        back, known = range(len(self.with_boundary)), [k for k, a in enumerate(self.accuracy) if math.isfinite(a)]
        return {
            "with boundary": Curve(back, self.with_boundary),
            "without boundary": Curve(back, self.without_boundary),
            "accuracy": Curve([k + 1 for k in known], [self.accuracy[k] for k in known]),
        }


def boundary(model: Model, task: Task, generator: Generator, sequences: int = 100, after: int = 4) -> Boundary | None:
    """Measure what is carried over a boundary in the middle of a sequence, and what is right after one.

    None for a task without the attribute `boundary`, the place of that word in its one-hot inputs.

    Costs an unroll of `after` + 1 steps with as many copies of both kinds of sequences, and a prediction: 11 ms for an
    RNN and 35 ms for an LSTM with H = 64, one thread of an AMD EPYC.

    Raises: ProbeError for no sequences, fewer steps than the boundary needs around it, or weights that are not finite.
    """
    word = getattr(task, "boundary", None)
    if not isinstance(word, int):
        return None
    need(sequences >= 1, PROBE, f"sequences={sequences}", "at least 1")
    middle = task.length // 2
    need(middle >= 1 and middle + after < task.length, PROBE, f"after={after}", f"at most {task.length - middle - 1}")
    need_finite_weights(PROBE, model)
    batch, cell = task.sample(sequences, generator), in_float64(model.cell)
    words = _without_boundaries(batch.inputs.argmax(dim=-1), word, middle, generator)
    v = torch.randn(flat(dict(state_parts(cell.initial_state(1)))).shape[1], dtype=torch.float64, generator=generator)
    plain = _norms(cell, words, middle, after, v / v.norm(), task.input_size)
    words[middle] = word
    cut = _norms(cell, words, middle, after, v / v.norm(), task.input_size)
    return Boundary(
        cut, plain, _accuracy(model, batch, word, after), _gate_difference(cell, batch.inputs.double(), word)
    )


def _without_boundaries(words: Tensor, word: int, start: int, generator: Generator) -> Tensor:
    """Return words [T, B] with other words of the batch for the boundaries from a step on."""
    pool = words[words != word]
    drawn = pool[torch.randint(len(pool), words.shape, generator=generator)]
    late = torch.arange(len(words)).unsqueeze(1) >= start
    return torch.where(late & (words == word), drawn, words)


def _norms(cell: Cell, words: Tensor, middle: int, after: int, v: Tensor, size: int) -> list[float]:
    """Return exp(mean ln ||v' ds_{b+k} / ds_{b-1}||) for k = 0 .. after; copy k of the batch carries v from b + k."""
    inputs, copies = F.one_hot(words, size).double(), after + 1
    start = states(cell, inputs[:middle])[-1]
    steps = unroll(PROBE, cell, inputs[middle : middle + copies].repeat(1, copies, 1), _repeated(start, copies))
    rows = len(words[0])
    gradient: Parts = {name: torch.zeros_like(part) for name, part in steps[-1].left.items()}
    for k in reversed(range(copies)):
        whole = flat(gradient)
        whole[k * rows : (k + 1) * rows] += v
        gradient = pull_back(steps[k], split(whole, steps[k].left))
    norms: list[float] = flat(gradient).norm(dim=1).log().view(copies, rows).mean(dim=1).exp().tolist()
    return norms


def _repeated(state: State, copies: int) -> State:
    parts = {name: part.repeat(copies, *[1] * (part.dim() - 1)) for name, part in state_parts(state).items()}
    repeated: State = state_like(state, parts)
    return repeated


@torch.no_grad()
def _accuracy(model: Model, batch: Batch, word: int, after: int) -> list[float]:
    """Return the share of right answers at each step after a boundary, before the next one."""
    words = batch.inputs.argmax(dim=-1)
    right = predict(model, batch.inputs, len(words)).argmax(dim=-1) == batch.targets
    steps = torch.arange(len(words)).unsqueeze(1)
    since = steps - torch.where(words == word, steps, -len(words)).cummax(dim=0).values
    return [float(right[since == k].double().mean()) for k in range(1, after + 1)]


@torch.no_grad()
def _gate_difference(cell: Cell, inputs: Tensor, word: int) -> float | None:
    name, gates_of = getattr(cell, "retention", None), getattr(cell, "gates", None)
    if name is None or gates_of is None:
        return None
    before = [cell.initial_state(inputs.shape[1]), *states(cell, inputs)[:-1]]
    kept = torch.stack([gates_of(x, state)[name].mean(dim=-1) for x, state in zip(inputs, before, strict=True)])
    at = inputs.argmax(dim=-1) == word
    return float(kept[at].mean() - kept[~at].mean())
