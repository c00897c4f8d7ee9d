"""Adding and multiplication as in the first LSTM paper, with sequences of random length and a window for the marks."""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, get_args

import torch
from torch import Generator, Tensor

from lstm_bench.checks import at_least, one_of
from lstm_bench.tasks.contract import Batch, RandomLength, log_spaced, mean_of, median_of
from lstm_bench.tasks.masking import answer_predictions, masked_mean, squared_partial_correlation

Operation = Literal["sum", "product"]
WINDOW = 10  # the first mark is in the first ten pairs
TOLERANCE = 0.04  # an answer is correct if its error is smaller
OUT_OF = 2000  # sequences of which `may_fail` may be wrong
SOLVED_MSE = 0.01
DISTANCES = 10
NEUTRAL: Mapping[Operation, float] = {"sum": 0.0, "product": 1.0}


@dataclass(frozen=True)
class MarkedPairsTask(RandomLength):
    """Predict the sum, or the product, of two marked values at the end of a sequence of random length.

    With lag 4, so T = 8, a sequence of 8 steps and `sum`, target 0.5 + (0.9 - 0.5) / 4 = 0.6:

        time      0   1   2   3   4   5   6   7
        value    .3  .9 -.5  .6 -.7  .2  .4 -.8
        marker   -1   1   1   0   0   0   0  -1
        target                               .6

    A sequence has between T and T + T // 10 steps, T = 2 lag, each number equally likely. One of the first ten pairs
    is marked, then another of the first lag - 1; the first and the last marker are -1. Where a mark falls on the first
    pair, the -1 covers it and its value counts as 0 (sum) or 1 (product). Values are U[-1, 1] with target
    0.5 + (X1 + X2) / 4, or U[0, 1] with target X1 X2. There is no target before the end of a sequence; shorter ones are
    padded with zeros after their end, which change no answer and no gradient.

    The loss is the mean squared error; `correct` the share of sequences with an error below 0.04.

    Memoryless baselines (closed form): loss is the target's variance; `correct` is what the best constant reaches, 0.5
    for the sum and 0.04 for the product, whose density is highest there. With q = 1/k + (1 - 1/k)/(lag - 2), the
    probability that the first pair is marked, k = min(10, lag - 1):

        sum        loss (2 - q)/48                                        correct 0.1536 (1 - q) + 0.16 q
        product    loss (1 - q)/9 + q/3 - (1/4 + q/4)^2                   correct (1 - q) 0.08 (1 - ln 0.08) + 0.08 q

    Solved: MSE <= 0.01 and at most `may_fail` of 2000 sequences wrong, the paper's rules for the end of its training.

    Args:
        lag: T / 2; the later mark stands more than this many steps before the answer.
        operation: what is predicted from the two values.
        may_fail: n_seq, sequences of 2000 that a member may get wrong and still count as solved.
        cue_distance: where one mark stands in every sequence, in steps before the last: 1 to T - 2. The other is drawn
            from the first ten pairs. None: both stand as above.

    Raises: ValueError for a lag below 3, an unknown operation, a may_fail outside 0 to 2000 or a cue_distance outside
        its range.
    Shapes: inputs [T + T // 10, B, 2] (value, marker); targets [T // 10 + 1, B], NaN where there is no answer.
    References: Hochreiter & Schmidhuber 1997, experiments 4 and 5.
    """

    lag: int
    operation: Operation = "sum"
    may_fail: int = 2
    cue_distance: int | None = None

    input_size: ClassVar = 2
    output_size: ClassVar = 1
    score: ClassVar = "correct"
    criterion: ClassVar = "loss"
    units: ClassVar = {"loss": "squared error", "correct": "share"}

    def __post_init__(self) -> None:
        at_least(3, lag=self.lag)
        one_of(get_args(Operation), operation=self.operation)
        if not 0 <= self.may_fail <= OUT_OF:
            raise ValueError(f"may_fail={self.may_fail}: allowed: 0 to {OUT_OF}")
        if self.cue_distance is not None and not 1 <= self.cue_distance <= self.shortest - 2:
            allowed = f"1 to {self.shortest - 2} at this lag, or null"
            raise ValueError(f"cue_distance={self.cue_distance}: allowed: {allowed}")

    @property
    def variant(self) -> str:
        """The dialect, and for products, which the paper counts as solved by either of two rules, the rule."""
        return "hochreiter" if self.operation == "sum" else f"hochreiter, {self.may_fail} of {OUT_OF} may be wrong"

    @property
    def shortest(self) -> int:
        """T, steps of the shortest sequence."""
        return 2 * self.lag

    @property
    def distance(self) -> float:
        """The median of L - 1 - s, where s is the first marked pair whose value counts and L - 1 the last step.

        Counted over all lengths L and pairs of marks, each equally likely.
        """
        first_marks = Counter(
            min(step for step in (a, b) if step) for a in range(self._window) for b in range(self.lag - 1) if a != b
        )
        distances: Counter[int] = Counter()
        for length in range(self.shortest, self.length + 1):
            distances.update({length - 1 - step: count for step, count in first_marks.items()})
        return median_of(distances)

    @property
    def description(self) -> str:
        """The task in a sentence."""
        return (
            f"Two random numbers near the start of a sequence of random length are marked, and their "
            f"{self.operation} must be output at its end; the lag is half the length of the shortest sequence."
        )

    @property
    def solved_rule(self) -> str:
        """The rule with its numbers."""
        return (
            f"mean squared error at most {SOLVED_MSE}, and an error below {TOLERANCE} in all but {self.may_fail} of "
            f"{OUT_OF} sequences"
        )

    @property
    def solved_share(self) -> float:
        """0.01 over the variance of the target."""
        return SOLVED_MSE / self.baselines["loss"]

    @property
    def baselines(self) -> dict[str, float]:
        """The value of each metric that the best constant answer reaches."""
        q = self._first_pair_marked
        if self.operation == "sum":
            width = 4 * TOLERANCE
            return {"loss": (2 - q) / 48, "correct": (1 - q) * (width - width**2 / 4) + q * width}
        width = 2 * TOLERANCE
        mean, square = (1 - q) / 4 + q / 2, (1 - q) / 9 + q / 3
        return {"loss": square - mean**2, "correct": (1 - q) * width * (1 - math.log(width)) + q * width}

    @property
    def _window(self) -> int:
        return min(WINDOW, self.lag - 1)

    @property
    def _first_pair_marked(self) -> float:
        first = 1 / self._window
        return first + (1 - first) / (self.lag - 2)

    def sample(self, batch_size: int, generator: Generator) -> Batch:
        """Draw sequences of fresh lengths, values and marks."""
        lengths = self._draw_lengths(batch_size, generator)
        values = torch.rand(self.length, batch_size, generator=generator)
        if self.operation == "sum":
            values = 2 * values - 1
        markers = torch.zeros(self.length, batch_size)
        markers.scatter_(0, self._marked_steps(lengths, generator), 1.0)
        markers[0] = -1.0
        markers.scatter_(0, lengths.unsqueeze(0) - 1, -1.0)
        inputs = self._ended(torch.stack((values, markers), dim=-1), lengths)
        return self._batch(inputs, self._answer(inputs), lengths)

    def _marked_steps(self, lengths: Tensor, generator: Generator) -> Tensor:
        if self.cue_distance is not None:
            cue = lengths - 1 - self.cue_distance
            free_pairs = self._window - (cue < self._window).int()
            other = (torch.rand(lengths.shape, generator=generator) * free_pairs).long()
            return torch.stack((other + (other >= cue), cue))
        first = torch.randint(0, self._window, lengths.shape, generator=generator)
        second = torch.randint(0, self.lag - 2, lengths.shape, generator=generator)
        second += second >= first
        return torch.stack((first, second))

    def _answer(self, inputs: Tensor) -> Tensor:
        values = torch.where(inputs[..., 1] == 1, inputs[..., 0], NEUTRAL[self.operation])
        return 0.5 + values.sum(dim=0) / 4 if self.operation == "sum" else values.prod(dim=0)

    @property
    def cue_distances(self) -> list[int]:
        """About ten from 1 to T - 2, evenly spread on a logarithmic scale."""
        return log_spaced(self.shortest - 2, DISTANCES)

    def at_lag(self, lag: int) -> "MarkedPairsTask":
        """Return the same task with sequences of at least twice `lag` steps."""
        return replace(self, lag=lag, cue_distance=None)

    def at_distance(self, distance: int) -> "MarkedPairsTask":
        """Return the same task with one mark always `distance` steps before the end."""
        return replace(self, cue_distance=distance)

    def recall(self, predictions: Tensor, batch: Batch) -> Tensor:
        """Return the squared partial correlation [1] of answer and target, given the target of the other value alone.

        It is 1 where the answer is linear in the target, and 0 where it depends on the other value alone. The cue is
        the marked value at `cue_distance`, or, where none is set, the later one.
        """
        answer = answer_predictions(predictions, batch.targets).squeeze(-1).double()
        without_cue = self._answer(self._without_cue(batch)).double()
        return squared_partial_correlation(answer, self._answer(batch.inputs).double(), without_cue).unsqueeze(0)

    def _without_cue(self, batch: Batch) -> Tensor:
        """Return the inputs without the mark of the cue."""
        inputs = batch.inputs.clone()
        steps = torch.arange(self.length).unsqueeze(1)
        cue = torch.where(inputs[..., 1] == 1, steps, -1).amax(dim=0)
        if self.cue_distance is not None:
            cue = batch.lengths - 1 - self.cue_distance
        inputs[..., 1][steps == cue] = 0.0
        return inputs

    @mean_of("squared error")
    def loss(self, predictions: Tensor, targets: Tensor) -> Tensor:
        """Return the mean squared error of the answers."""
        return masked_mean((predictions.squeeze(-1) - targets.nan_to_num()).square(), targets)

    def metrics(self, predictions: Tensor, targets: Tensor) -> dict[str, Tensor]:
        """Return loss (MSE) and correct (share of sequences with an error below 0.04)."""
        errors = (predictions.squeeze(-1) - targets.nan_to_num()).abs()
        is_correct = (errors < TOLERANCE).to(predictions.dtype)
        return {"loss": self.loss(predictions, targets), "correct": masked_mean(is_correct, targets)}

    def oracle(self, inputs: Tensor) -> Tensor:
        """Add, or multiply, the values with marker 1, and predict the result at every step that may be the last."""
        return self._answer(inputs).expand(self.predicted_steps, *inputs.shape[1:-1]).unsqueeze(-1)

    def solved(self, metrics: Mapping[str, float]) -> bool:
        """Return whether the MSE is at most 0.01 and at most `may_fail` of 2000 answers are wrong."""
        return metrics["loss"] <= SOLVED_MSE and metrics["correct"] >= 1 - self.may_fail / OUT_OF
