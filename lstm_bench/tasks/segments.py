"""Segments: has the letter "a" been seen since the last boundary? Anything before the boundary is irrelevant."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from lstm_bench.checks import at_least
from lstm_bench.tasks.classes import CERTAIN
from lstm_bench.tasks.contract import Batch, log_spaced, mean_of
from lstm_bench.tasks.masking import cross_entropies

SYMBOLS = ("a", "b", "c", "d", "|")
A, BOUNDARY = SYMBOLS.index("a"), SYMBOLS.index("|")
SEGMENTS = 4  # of mean length, in a sequence
DISTANCES = 10


@dataclass(frozen=True)
class SegmentsTask:
    """Read a stream of segments, and predict at every step whether this segment has had an "a" yet.

        input    |  b  d  a  c  |  c  b  |  a  d
        target   n  n  n  y  y  n  n  n  n  y  y

    The first step is a boundary; every later one is a boundary with probability p = 1/(T+1), so that a segment has T
    letters on average; a letter is an "a", also with probability p, or else one of three others. Nothing from before a
    boundary matters after it. The loss is the mean cross-entropy over all steps, in nats; `accuracy` is over all steps.

    Memoryless baselines (closed form), of a predictor that sees the present symbol and the clock t: at a letter that is
    no "a" the answer is no with P_t = sum over j = 1 .. t of b_{t-j} w^{j-1}, where w = (1-p)^2, b_0 = 1 and b_s = p is
    the chance of a boundary at step s; anywhere else the symbol itself is enough. As means over the steps: loss
    w H(P_t), H the entropy of one answer; accuracy 1 - w min(P_t, 1 - P_t).
    Solved: accuracy >= 0.99 and loss <= a tenth of its baseline.

    Args:
        lag: T, letters that a segment has on average.
        cue_distance: d, where set: the last segment begins with an "a" in half of the sequences and with another letter
            in the others, and d more letters follow, none an "a".

    Raises: ValueError for a lag below 1, or a cue_distance outside 1 to L - 2.
    Shapes: inputs [L, B, 5], one-hot, with L = 4 (T + 1); targets [L, B].
    Reference: Gers, Schmidhuber & Cummins 2000, whose streams are not cut for the model.
    """

    lag: int
    cue_distance: int | None = None

    input_size: ClassVar = len(SYMBOLS)
    output_size: ClassVar = 2  # no, yes
    score: ClassVar = "accuracy"
    criterion: ClassVar = "loss"
    variant: ClassVar = "has there been an a"
    boundary: ClassVar = BOUNDARY
    fillers: ClassVar = tuple(range(A + 1, BOUNDARY))
    description: ClassVar = (
        "A stream of segments with boundaries between them is read; the output at every step is whether the current "
        "segment has had an 'a' yet; the lag is the mean length of a segment."
    )
    solved_rule: ClassVar = "accuracy at least 0.99 and cross-entropy at most a tenth of its baseline"
    solved_share: ClassVar = 0.1
    units: ClassVar = {"loss": "nats", "accuracy": "share"}

    def __post_init__(self) -> None:
        at_least(1, lag=self.lag)
        if self.cue_distance is not None and not 1 <= self.cue_distance <= self.length - 2:
            raise ValueError(f"cue_distance={self.cue_distance}: allowed: 1 to {self.length - 2}, or null")

    @property
    def length(self) -> int:
        """L, four segments of mean length with their boundaries."""
        return SEGMENTS * (self.lag + 1)

    @property
    def distance(self) -> float:
        """The median of the steps since the last "a" or boundary, over the letters that are neither.

        That symbol decides the answer, and nothing earlier does. At each of the L - k steps from the k-th on, it is
        k steps back or more with probability w^k, so the median is the least k with (L - 1 - k) w^k <= (L - 1) / 2:
        about a third of T for long segments.
        """
        last, w = self.length - 1, self._undecided_letters
        return float(next(k for k in range(1, last + 1) if 2 * (last - k) * w**k <= last))

    @property
    def predicted_steps(self) -> int:
        """All steps."""
        return self.length

    @property
    def baselines(self) -> dict[str, float]:
        """The metrics of the best predictor that sees the present symbol and the step."""
        undecided, chances = self._undecided_letters, self._chances_of_no
        entropies = (-sum(x * math.log(x) for x in (P, 1 - P) if x > 0) for P in chances)
        mistakes = (min(P, 1 - P) for P in chances)
        return {
            "loss": undecided * sum(entropies) / self.length,
            "accuracy": 1 - undecided * sum(mistakes) / self.length,
        }

    @property
    def _undecided_letters(self) -> float:
        """w, the probability that a step after the first is a letter other than "a"."""
        return (1 - 1 / (self.lag + 1)) ** 2

    @property
    def _chances_of_no(self) -> list[float]:
        """P_t for t = 1 .. L-1."""
        p, w = 1 / (self.lag + 1), self._undecided_letters
        return [sum((p if j < t else 1.0) * w ** (j - 1) for j in range(1, t + 1)) for t in range(1, self.length)]

    def sample(self, batch_size: int, generator: Generator) -> Batch:
        """Draw fresh streams."""
        shape = self.length, batch_size
        not_a = torch.randint(A + 1, BOUNDARY, shape, generator=generator)
        symbols = torch.where(torch.rand(shape, generator=generator) < 1 / (self.lag + 1), A, not_a)
        symbols = torch.where(torch.rand(shape, generator=generator) < 1 / (self.lag + 1), BOUNDARY, symbols)
        symbols[0] = BOUNDARY
        if self.cue_distance is not None:
            cue = self.length - 1 - self.cue_distance
            symbols[cue - 1], symbols[cue:] = BOUNDARY, not_a[cue:]
            symbols[cue] = torch.where(torch.rand(batch_size, generator=generator) < 0.5, A, symbols[cue])
        return Batch(F.one_hot(symbols, len(SYMBOLS)).float(), _answers(symbols))

    @mean_of("cross entropy")
    def loss(self, predictions: Tensor, targets: Tensor) -> Tensor:
        """Return the mean cross-entropy over all steps, in nats."""
        return cross_entropies(predictions, targets).mean(dim=(0, -1))

    def metrics(self, predictions: Tensor, targets: Tensor) -> dict[str, Tensor]:
        """Return loss (nats) and accuracy."""
        correct = (predictions.argmax(dim=-1) == targets).to(predictions.dtype)
        return {"loss": self.loss(predictions, targets), "accuracy": correct.mean(dim=(0, -1))}

    def oracle(self, inputs: Tensor) -> Tensor:
        """Look back to the last boundary, and predict with certainty."""
        answers = F.one_hot(_answers(inputs.argmax(dim=-1)), self.output_size)
        return answers.to(inputs.dtype) * CERTAIN

    def content(self, inputs: Tensor) -> Tensor:
        """Return 1 from the first "a" of a segment to its end, else 0 [L, B, 1]."""
        return _answers(inputs.argmax(dim=-1)).unsqueeze(-1).to(inputs.dtype)

    def is_answer(self, targets: Tensor) -> Tensor:
        """Return True everywhere: each step is asked [L, B]."""
        return torch.ones_like(targets, dtype=torch.bool)

    @property
    def cue_distances(self) -> list[int]:
        """About DISTANCES integers from 1 to L - 2, evenly spread on a logarithmic scale."""
        return log_spaced(self.length - 2, DISTANCES)

    def at_lag(self, lag: int) -> "SegmentsTask":
        """Return the same task with segments of mean length `lag`."""
        return replace(self, lag=lag, cue_distance=None)

    def at_distance(self, distance: int) -> "SegmentsTask":
        """Return the same task where the last answer depends on one step, `distance` steps before it."""
        return replace(self, cue_distance=distance)

    def recall(self, predictions: Tensor, batch: Batch) -> Tensor:
        """Return (a - 1/2) / (1 - 1/2) for the balanced accuracy a of the last answer, [1]."""
        predicted, target = predictions[-1].argmax(dim=-1), batch.targets[-1]
        rates = torch.stack([(predicted[target == answer] == answer).double().mean() for answer in (0, 1)])
        return (2 * rates.mean() - 1).unsqueeze(0)

    def solved(self, metrics: Mapping[str, float]) -> bool:
        """Return whether accuracy is at least 0.99 and the loss at most a tenth of its baseline."""
        return metrics["accuracy"] >= 0.99 and metrics["loss"] <= self.solved_share * self.baselines["loss"]


def _answers(symbols: Tensor) -> Tensor:
    """Return 1 where an "a" stands at or before a step and after the last boundary, else 0; same shape as symbols."""
    steps = torch.arange(1, len(symbols) + 1).view(-1, *[1] * (symbols.dim() - 1)).to(symbols.device)
    last_a, last_boundary = (torch.where(symbols == s, steps, 0).cummax(dim=0).values for s in (A, BOUNDARY))
    return (last_a > last_boundary).long()
