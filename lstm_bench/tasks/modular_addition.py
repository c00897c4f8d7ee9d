"""Modular addition: follow a running sum modulo m, which no finite window of the inputs tells. Parity is m = 2."""

import math
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from lstm_bench.checks import at_least
from lstm_bench.tasks.classes import CERTAIN, ClassAnswers, above_chance
from lstm_bench.tasks.contract import Batch, RandomLength, log_spaced
from lstm_bench.tasks.masking import answer_predictions

SHORTEST = 3
TESTED = 6.4  # times the longest length of training: 256 where that is 40
DISTANCES = 10


@dataclass(frozen=True)
class ModularAdditionTask(ClassAnswers, RandomLength):
    """Predict at the end of a sequence of random length the sum of its symbols modulo m.

    With m = 5 and a sequence of 7 steps (3 + 1 + 4 + 4 + 0 + 2 + 3 = 17):

        time     0 1 2 3 4 5 6
        input    3 1 4 4 0 2 3
        target               2

    Symbols are uniform over 0 .. m-1. Every sequence has a length of its own, uniform from 3 to T; the answer stands at
    its last step, and the padding of zeros after it changes no answer and no gradient. No mark tells the end, so a
    model has to know the sum at every step. The farthest cue is the first symbol: each symbol changes the answer,
    whatever the others are, and a model that has forgotten one of them knows nothing.

    Members are scored at the lengths they train at. The probe `forgetting` tests them at longer ones: `at_distance(d)`
    has sequences of exactly d + 1 steps, `cue_distances` go up to 6.4 T steps (256 for T = 40, as in the papers), and
    `recall` is the papers' scaled accuracy, (a - 1/m) / (1 - 1/m). Its half-life is the distance at which half of that
    is left. `length_generalisation` tells the accuracy over all lengths from 3 to 2T and to 4T.

    Memoryless baselines (closed form): loss ln m; accuracy 1/m, since the sum of the other symbols is uniform.
    Solved: accuracy >= 0.99 and loss <= 0.1 ln m.

    Args:
        lag: T, steps of the longest sequence.
        modulus: m; 2 is parity.
        cue_distance: where set, every sequence has this many steps after its first.

    Raises: ValueError for a lag below 3, or a modulus below 2.
    Shapes: inputs [T, B, m], one-hot; targets [T - 2, B], -1 where there is no answer.
    References: Deletang et al. 2023, Neural networks and the Chomsky hierarchy; Grazzi et al. 2024, Unlocking
        state-tracking in linear RNNs through negative eigenvalues (trained at lengths 3 to 40, tested up to 256).
    """

    lag: int
    modulus: int = 2
    cue_distance: int | None = None

    description: ClassVar = (
        "Symbols follow each other, and at the end of each sequence, whose length is random, their sum modulo a small "
        "number must be said; the lag is the length of the longest sequence."
    )

    def __post_init__(self) -> None:
        at_least(SHORTEST, lag=self.lag)
        at_least(2, modulus=self.modulus)
        if self.cue_distance is not None:
            at_least(1, cue_distance=self.cue_distance)

    @property
    def input_size(self) -> int:
        """The symbols, m."""
        return self.modulus

    @property
    def output_size(self) -> int:
        """C, the remainders, m."""
        return self.modulus

    @property
    def variant(self) -> str:
        """The modulus."""
        return f"modulo {self.modulus}"

    @property
    def shortest(self) -> int:
        """Steps of the shortest sequence, 3."""
        return SHORTEST if self.cue_distance is None else self.length

    @property
    def length(self) -> int:
        """T, steps of the longest sequence."""
        return self.lag if self.cue_distance is None else self.cue_distance + 1

    @property
    def distance(self) -> float:
        """(T + 3) / 2 - 1, the median of the steps from the first symbol to the last."""
        return (self.shortest + self.length) / 2 - 1

    @property
    def baselines(self) -> dict[str, float]:
        """The metrics of the best predictor that sees one symbol and the step."""
        return {"loss": math.log(self.modulus), "accuracy": 1 / self.modulus}

    def sample(self, batch_size: int, generator: Generator) -> Batch:
        """Draw sequences of fresh lengths and symbols."""
        lengths = self._draw_lengths(batch_size, generator)
        symbols = torch.randint(self.modulus, (self.length, batch_size), generator=generator)
        inputs = self._ended(F.one_hot(symbols, self.modulus).float(), lengths)
        return self._batch(inputs, self._sum_of(inputs), lengths)

    def _sum_of(self, inputs: Tensor) -> Tensor:
        """Return the sum modulo m of sequences [T, ..., B, m], [..., B]; padding adds nothing."""
        values = torch.arange(self.modulus, device=inputs.device)
        return (inputs.long() * values).sum(dim=(0, -1)) % self.modulus

    def oracle(self, inputs: Tensor) -> Tensor:
        """Add all symbols, and predict the remainder at every step that may be the last."""
        certain = F.one_hot(self._sum_of(inputs), self.modulus).to(inputs.dtype) * CERTAIN
        return certain.expand(self.predicted_steps, *certain.shape)

    @property
    def cue_distances(self) -> list[int]:
        """About ten from 1 to 6.4 T - 1, evenly spread on a logarithmic scale, T - 1 among them."""
        trained = self.lag - 1
        return sorted({*log_spaced(round(TESTED * self.lag) - 1, DISTANCES), trained})

    def at_lag(self, lag: int) -> "ModularAdditionTask":
        """Return the same task with sequences of up to `lag` steps."""
        return replace(self, lag=lag, cue_distance=None)

    def at_distance(self, distance: int) -> "ModularAdditionTask":
        """Return the same task where every sequence has `distance` + 1 steps."""
        return replace(self, cue_distance=distance)

    def recall(self, predictions: Tensor, batch: Batch) -> Tensor:
        """Return the scaled accuracy (a - 1/m) / (1 - 1/m), [1]."""
        answers = answer_predictions(predictions, batch.targets).argmax(dim=-1)
        correct = (answers == batch.targets.amax(dim=0)).double().mean()
        return above_chance(correct, 1 / self.modulus).unsqueeze(0)
