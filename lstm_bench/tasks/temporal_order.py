"""Temporal order: predict the order of two or three marks in a stream of noise."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, get_args

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from lstm_bench.checks import at_least, one_of
from lstm_bench.tasks.classes import CERTAIN
from lstm_bench.tasks.contract import Batch, RandomLength, log_spaced, mean_of
from lstm_bench.tasks.masking import answer_predictions, cross_entropies, masked_mean

SYMBOLS = ("a", "b", "c", "d", "X", "Y", "E", "B")
NOISE = 4
X, Y, START, TRIGGER = (SYMBOLS.index(symbol) for symbol in "XYEB")
DISTANCES = 10
TOLERANCE = 0.3  # of each output, for an answer to be correct
MAY_FAIL = 0.001  # of the sequences
Dialect = Literal["6a", "6b"]
CUES: Mapping[Dialect, int] = {"6a": 2, "6b": 3}
SHARE_OF_LAG: Mapping[Dialect, float] = {"6a": 0.40, "6b": 0.24}  # lag / T, T steps of the shortest sequence


@dataclass(frozen=True)
class TemporalOrderTask(RandomLength):
    """Predict at the end of a sequence of random length which of X and Y came first, which second (and which third).

    With `6a`, a sequence of 15 steps, and the class XY of the four XX, XY, YX, YY:

        time     1 2 3 4 5 6 7 8 9 10 11 12 13 14 15
        input    E c X a d d b Y c a  b  b  d  a  B
        target                                    XY

    E starts and B, the trigger, ends each sequence; the marks are X or Y with equal probabilities, and all other steps
    are drawn from a, b, c, d. A sequence has T to T + T // 10 steps, each number equally likely; T is lag / 0.40 (`6a`)
    or lag / 0.24 (`6b`), rounded. With w = T // 10, positions counted from 1 and each equally likely:

        6a    first mark in w to 2w, last in T - lag - w to T - lag                             4 classes
        6b    the same, and one between, in round(T/3) to round(T/3) + w                        8 classes

    At lag 40 (`6a`) and 24 (`6b`) T is 100, and these are the paper's windows: 10-20 and 50-60; 10-20, 33-43 and 66-76.
    No window begins before position 2. There is no target before the end; shorter sequences are padded with zeros after
    their end, which change no answer and no gradient.

    The loss is the cross-entropy in nats. `correct` is the share of sequences whose class has a probability above 0.7,
    so that no output is off by 0.3 or more, which is the paper's rule; `accuracy` counts those whose class is the
    most probable one.

    Memoryless baselines (closed form): loss ln C for C classes; correct and accuracy 1/C, by a constant class.
    Solved: cross-entropy at most a tenth of ln C and 99.9% of the sequences correct.

    Args:
        lag: steps from the last mark, at the latest, to the end of the shortest sequence.
        dialect: two marks or three.
        cue_distance: where the last mark stands in every sequence, in steps before the end: 1 to where it would meet
            the mark before it. None: as above.

    Raises: ValueError for a lag below 2, an unknown dialect, or a cue_distance outside its range.
    Shapes: inputs [T + T // 10, B, 8], one-hot; targets [T // 10 + 1, B], -1 where there is no answer.
    References: Hochreiter & Schmidhuber 1997, experiments 6a and 6b.
    """

    lag: int
    dialect: Dialect = "6a"
    cue_distance: int | None = None

    input_size: ClassVar = len(SYMBOLS)
    score: ClassVar = "correct"
    criterion: ClassVar = "loss"
    description: ClassVar = (
        "A stream of random letters, of random length, contains two or three marks, each X or Y, and their order must "
        "be output at its end; the lag is the least distance from the last mark to the end."
    )
    solved_rule: ClassVar = (
        "cross-entropy at most a tenth of its baseline, and a probability above 0.7 for the class in 99.9% of sequences"
    )
    solved_share: ClassVar = 0.1
    units: ClassVar = {"loss": "nats", "correct": "share", "accuracy": "share"}

    def __post_init__(self) -> None:
        at_least(2, lag=self.lag)
        one_of(get_args(Dialect), dialect=self.dialect)
        if self.cue_distance is not None and not 1 <= self.cue_distance <= self._longest_distance:
            allowed = f"1 to {self._longest_distance} at this lag, or null"
            raise ValueError(f"cue_distance={self.cue_distance}: allowed: {allowed}")

    @property
    def variant(self) -> str:
        """The dialect."""
        return self.dialect

    @property
    def output_size(self) -> int:
        """C, classes: 4 or 8."""
        return 1 << self._cues

    @property
    def _cues(self) -> int:
        return CUES[self.dialect]

    @property
    def shortest(self) -> int:
        """T, steps of the shortest sequence."""
        return round(self.lag / SHARE_OF_LAG[self.dialect])

    @property
    def distance(self) -> float:
        """The median of L - P for a length L and the position P of the first mark: their means' difference.

        Both are uniform, so L - P is symmetric around it: T + (T // 10) / 2 less the middle of the first window.
        """
        first, last = self.windows[0]
        return (self.shortest + self.length - first - last) / 2

    @property
    def windows(self) -> list[tuple[int, int]]:
        """First and last position of each mark, counted from 1."""
        width = self.shortest // 10
        first = max(2, width)
        last = self.shortest - self.lag
        between = [(round(self.shortest / 3), round(self.shortest / 3) + width)] if self._cues == 3 else []
        return [(first, first + width), *between, (last - width, last)]

    @property
    def baselines(self) -> dict[str, float]:
        """The metrics of the best predictor that has seen no mark."""
        chance = 1 / self.output_size
        return {"loss": math.log(self.output_size), "correct": chance, "accuracy": chance}

    def sample(self, batch_size: int, generator: Generator) -> Batch:
        """Draw sequences of fresh lengths, letters, positions and marks."""
        lengths = self._draw_lengths(batch_size, generator)
        letters = torch.randint(0, NOISE, (self.length, batch_size), generator=generator)
        marks = torch.randint(0, 2, (self._cues, batch_size), generator=generator)
        letters[0] = START
        letters.scatter_(0, lengths.unsqueeze(0) - 1, TRIGGER)
        letters.scatter_(0, self._marked_steps(lengths, generator), X + marks)
        inputs = self._ended(F.one_hot(letters, len(SYMBOLS)).float(), lengths)
        return self._batch(inputs, _class_of(marks), lengths)

    def _marked_steps(self, lengths: Tensor, generator: Generator) -> Tensor:
        steps = [torch.randint(first - 1, last, lengths.shape, generator=generator) for first, last in self.windows]
        if self.cue_distance is not None:
            steps[-1] = lengths - 1 - self.cue_distance
        return torch.stack(steps)

    @property
    def _longest_distance(self) -> int:
        return self.shortest - 1 - self.windows[-2][1]

    @property
    def cue_distances(self) -> list[int]:
        """About ten from 1 to where the last mark would meet the one before, evenly spread on a logarithmic scale."""
        return log_spaced(self._longest_distance, DISTANCES)

    def at_lag(self, lag: int) -> "TemporalOrderTask":
        """Return the same task with all positions and lengths in proportion."""
        return replace(self, lag=lag, cue_distance=None)

    def at_distance(self, distance: int) -> "TemporalOrderTask":
        """Return the same task with the last mark always `distance` steps before the end."""
        return replace(self, cue_distance=distance)

    def recall(self, predictions: Tensor, batch: Batch) -> Tensor:
        """Return 2a - 1 for the share a of sequences with the right X or Y, for each mark, the first mark first."""
        predicted_marks = _marks_of(answer_predictions(predictions, batch.targets).argmax(dim=-1), self._cues)
        marks = _marks_of(batch.targets.amax(dim=0), self._cues)
        return 2 * (predicted_marks == marks).double().mean(dim=-1) - 1

    @mean_of("cross entropy")
    def loss(self, predictions: Tensor, targets: Tensor) -> Tensor:
        """Return the mean cross-entropy of the answers, in nats."""
        return masked_mean(cross_entropies(predictions, targets.clamp_min(0)), targets)

    def metrics(self, predictions: Tensor, targets: Tensor) -> dict[str, Tensor]:
        """Return loss (nats), correct and accuracy (shares of sequences)."""
        entropies = cross_entropies(predictions, targets.clamp_min(0))
        is_correct = (entropies < -math.log(1 - TOLERANCE)).to(predictions.dtype)
        is_best = (predictions.argmax(dim=-1) == targets).to(predictions.dtype)
        means = {"loss": entropies, "correct": is_correct, "accuracy": is_best}
        return {name: masked_mean(values, targets) for name, values in means.items()}

    def oracle(self, inputs: Tensor) -> Tensor:
        """Read X and Y in their order, and predict their class at every step that may be the last."""
        is_mark = inputs[..., X] + inputs[..., Y] == 1
        order = is_mark.cumsum(dim=0) - 1
        value = 2 ** (self._cues - 1 - order.clamp(0, self._cues - 1))
        classes = torch.where(inputs[..., Y] == 1, value, 0).sum(dim=0)
        certain = F.one_hot(classes, self.output_size).to(inputs.dtype) * CERTAIN
        return certain.expand(self.predicted_steps, *certain.shape)

    def solved(self, metrics: Mapping[str, float]) -> bool:
        """Return whether the loss is at most a tenth of its baseline and 99.9% of the sequences are correct."""
        return metrics["loss"] <= self.solved_share * self.baselines["loss"] and metrics["correct"] >= 1 - MAY_FAIL


def _class_of(marks: Tensor) -> Tensor:
    """Return the class [B] of marks [cues, B], 0 for X and 1 for Y, the first mark the highest bit."""
    return (marks * _bits(len(marks)).unsqueeze(1)).sum(dim=0)


def _marks_of(classes: Tensor, cues: int) -> Tensor:
    """Return the marks [cues, B] of classes [B]."""
    return (classes // _bits(cues).unsqueeze(1)) % 2


def _bits(cues: int) -> Tensor:
    return 2 ** torch.arange(cues - 1, -1, -1)
