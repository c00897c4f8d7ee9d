"""Modular addition: follow a running sum modulo m, which no finite window of the inputs determines. Parity is m = 2."""

import math
from collections import Counter
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, get_args

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from lstm_bench.checks import at_least, one_of
from lstm_bench.tasks.classes import CERTAIN, ClassAnswers, above_chance
from lstm_bench.tasks.contract import Batch, RandomLength, log_spaced, median_of
from lstm_bench.tasks.masking import IGNORE_INDEX

SHORTEST = 3
TESTED = 6.4  # times the longest length of training: 256 where that is 40
DISTANCES = 10
Asked = Literal["each_step", "last_step"]


@dataclass(frozen=True)
class ModularAdditionTask(ClassAnswers, RandomLength):
    """Predict the sum modulo m of all symbols so far, at each step or at the last of a sequence of random length.

    With m = 5 and a sequence of 7 steps (3 + 1 + 4 + 4 + 0 + 2 + 3 = 17), `.` where nothing is asked:

        time                 0 1 2 3 4 5 6
        input                3 1 4 4 0 2 3
        target, each_step    . 4 3 2 2 4 2
        target, last_step    . . . . . . 2

    Symbols are uniform over 0 .. m-1. Every sequence has a length of its own, uniform from 3 to T; the padding of zeros
    after its end changes no answer and no gradient. No mark shows the end, so a model has to know the sum at every step
    either way; a target at each step is what lets it learn within some thousands of steps. The first step has no
    target, since its symbol is the sum. The farthest cue is the first symbol: each symbol changes the answer,
    whatever the others are, and a model that has forgotten one of them knows nothing.

    Members are scored at the lengths they train at. The probe `forgetting` tests them at longer ones: `at_distance(d)`
    has sequences of exactly d + 1 steps, `cue_distances` lead up to 6.4 T steps (256 for T = 40, as in the papers), and
    `recall` is the papers' scaled accuracy, (a - 1/m) / (1 - 1/m). Its half-life is the distance at which half of that
    is left. `length_generalisation` reports the accuracy over all lengths from 3 to 2T and to 4T.

    Memoryless baselines (closed form): loss ln m; accuracy 1/m, since the sum of the other symbols is uniform.
    Solved: accuracy >= 0.99 and loss <= 0.1 ln m.

    Args:
        lag: T, steps of the longest sequence.
        modulus: m; 2 is parity.
        asked: each_step, or last_step alone.
        cue_distance: where set, every sequence has this many steps after its first.

    Raises: ValueError for a lag below 3, a modulus below 2, an unknown asked or a cue_distance below 1.
    Shapes: inputs [T, B, m], one-hot; targets [S, B] with S = T - 1, or T - 2 of last_step, -1 where nothing is asked.
    References: Deletang et al. 2023, Neural networks and the Chomsky hierarchy (the last step); Merrill, Petty &
        Sabharwal 2024, The illusion of state in state-space models (each step, words of a group); Grazzi et al.
        2024, Unlocking state-tracking in linear RNNs through negative eigenvalues (trained at 3 to 40, tested to 256).
    """

    lag: int
    modulus: int = 2
    asked: Asked = "each_step"
    cue_distance: int | None = None

    description: ClassVar = (
        "The sum, modulo a small number, of all symbols so far must be output in a sequence of random length; the lag "
        "is the length of the longest sequence."
    )

    def __post_init__(self) -> None:
        at_least(SHORTEST, lag=self.lag)
        at_least(2, modulus=self.modulus)
        one_of(get_args(Asked), asked=self.asked)
        if self.cue_distance is not None:
            at_least(1, cue_distance=self.cue_distance)

    @property
    def input_size(self) -> int:
        """The number of symbols, m."""
        return self.modulus

    @property
    def output_size(self) -> int:
        """C, the number of remainders, m."""
        return self.modulus

    @property
    def variant(self) -> str:
        """The modulus, and where the sum is asked."""
        return f"modulo {self.modulus}, {self.asked.replace('_', ' ')} asked"

    @property
    def shortest(self) -> int:
        """Steps of the shortest sequence, 3."""
        return SHORTEST if self.cue_distance is None else self.length

    @property
    def length(self) -> int:
        """T, steps of the longest sequence."""
        return self.lag if self.cue_distance is None else self.cue_distance + 1

    @property
    def predicted_steps(self) -> int:
        """All steps but the first, or those that may be the last."""
        return self.length - 1 if self.asked == "each_step" else self.length - self.shortest + 1

    @property
    def distance(self) -> float:
        """The median of the steps from the first symbol to an answer, by counting: (T + 3) / 2 - 1 for last_step."""
        counts: Counter[int] = Counter()
        for length in range(self.shortest, self.length + 1):
            counts.update(range(1, length) if self.asked == "each_step" else [length - 1])
        return median_of(counts)

    @property
    def baselines(self) -> dict[str, float]:
        """The metrics of the best predictor that sees one symbol and the step."""
        return {"loss": math.log(self.modulus), "accuracy": 1 / self.modulus}

    def sample(self, batch_size: int, generator: Generator) -> Batch:
        """Draw sequences of fresh lengths and symbols."""
        lengths = self._draw_lengths(batch_size, generator)
        symbols = torch.randint(self.modulus, (self.length, batch_size), generator=generator)
        inputs = self._ended(F.one_hot(symbols, self.modulus).float(), lengths)
        return Batch(inputs, torch.where(self._is_asked(lengths), self._sums(inputs), IGNORE_INDEX))

    def _is_asked(self, lengths: Tensor) -> Tensor:
        """Return a mask [S, B] of the predicted steps of each sequence at which the sum is asked."""
        steps = torch.arange(self.length - self.predicted_steps, self.length).unsqueeze(1)
        return steps < lengths if self.asked == "each_step" else steps == lengths - 1

    def _sums(self, inputs: Tensor) -> Tensor:
        """Return the sum so far modulo m of sequences [T, ..., B, m] at the predicted steps [S, ..., B]."""
        values = torch.arange(self.modulus, device=inputs.device)
        sums = (inputs.long() * values).sum(dim=-1).cumsum(dim=0) % self.modulus
        return sums[-self.predicted_steps :]

    def oracle(self, inputs: Tensor) -> Tensor:
        """Add the symbols up, and predict the remainder with certainty."""
        return F.one_hot(self._sums(inputs), self.modulus).to(inputs.dtype) * CERTAIN

    @property
    def cue_distances(self) -> list[int]:
        """About ten from 1 to 6.4 T - 1, evenly spread on a logarithmic scale, T - 1 among them."""
        longest_trained = self.lag - 1
        return sorted({*log_spaced(round(TESTED * self.lag) - 1, DISTANCES), longest_trained})

    def at_lag(self, lag: int) -> "ModularAdditionTask":
        """Return the same task with sequences of up to `lag` steps."""
        return replace(self, lag=lag, cue_distance=None)

    def at_distance(self, distance: int) -> "ModularAdditionTask":
        """Return the same task where every sequence has `distance` + 1 steps."""
        return replace(self, cue_distance=distance)

    def recall(self, predictions: Tensor, batch: Batch) -> Tensor:
        """Return the scaled accuracy (a - 1/m) / (1 - 1/m) at the last step of each sequence, [1]."""
        last = (batch.lengths - 1 - (self.length - self.predicted_steps)).unsqueeze(0)
        answers = predictions.argmax(dim=-1).gather(0, last)
        correct = (answers == batch.targets.gather(0, last)).double().mean(dim=-1)
        return above_chance(correct, 1 / self.modulus)
