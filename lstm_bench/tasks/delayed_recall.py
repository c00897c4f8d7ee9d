"""Delayed recall: hold one symbol while others of the same alphabet pass by."""

import math
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from lstm_bench.checks import at_least
from lstm_bench.tasks.classes import CERTAIN, ClassAnswers, above_chance
from lstm_bench.tasks.contract import Batch, around

N_SYMBOLS = 8
SHOWN, ASKED = N_SYMBOLS, N_SYMBOLS + 1  # inputs: this symbol is the one to hold; now it is asked for
CHANCE = 1 / N_SYMBOLS


@dataclass(frozen=True)
class DelayedRecallTask(ClassAnswers):
    """Recall the first symbol T steps later; all steps between show distractors, symbols of the same alphabet.

    With T = 6, `!` the mark of the symbol to be held, `?` the question:

        time     0   1  2  3  4  5  6
        input    c!  a  f  c  b  a  ?
        target                      c

    Symbols are uniform over 8. Inputs are one-hot over the symbols, with a ninth input that is 1 only at the first
    step and a tenth that is 1 only at the last, where no symbol stands. In `copy` blanks pass by; here symbols do,
    and they have to be kept out.

    Memoryless baselines (closed form): loss ln 8; accuracy 1/8.
    Solved: accuracy >= 0.99 and loss <= 0.1 ln 8.

    Args:
        lag: T, steps from the symbol to the question.

    Raises: ValueError for a lag below 1.
    Shapes: inputs [T + 1, B, 10]; targets [1, B].
    References: Bengio, Simard & Frasconi 1994, the latch problem, with symbols in place of noisy numbers; Hochreiter &
        Schmidhuber 1997, experiment 2c, is related.
    """

    lag: int

    input_size: ClassVar = N_SYMBOLS + 2
    output_size: ClassVar = N_SYMBOLS
    predicted_steps: ClassVar = 1
    variant: ClassVar = f"{N_SYMBOLS} symbols"
    description: ClassVar = (
        "A symbol is shown, other symbols follow for as many steps as the lag, then the first one must be output."
    )

    def __post_init__(self) -> None:
        at_least(1, lag=self.lag)

    @property
    def length(self) -> int:
        """T + 1."""
        return self.lag + 1

    @property
    def distance(self) -> float:
        """T, the steps from the symbol to the question."""
        return float(self.lag)

    @property
    def baselines(self) -> dict[str, float]:
        """The metrics of the best predictor that sees the question alone."""
        return {"loss": math.log(N_SYMBOLS), "accuracy": CHANCE}

    def sample(self, batch_size: int, generator: Generator) -> Batch:
        """Draw sequences of fresh symbols."""
        symbols = torch.randint(N_SYMBOLS, (self.length, batch_size), generator=generator)
        inputs = F.one_hot(symbols, self.input_size).float()
        inputs[0, :, SHOWN] = 1.0
        inputs[-1] = 0.0
        inputs[-1, :, ASKED] = 1.0
        return Batch(inputs, symbols[:1])

    def roles(self, batch: Batch) -> dict[str, Tensor]:
        """Return the steps of the symbol ("cue"), of the distractors ("blank") and of the question, each [T + 1, B]."""
        is_cue, is_recall = batch.inputs[..., SHOWN] == 1, batch.inputs[..., ASKED] == 1
        return {"cue": is_cue, "blank": ~(is_cue | is_recall), "recall": is_recall}

    def oracle(self, inputs: Tensor) -> Tensor:
        """Return the symbol of the first step, with certainty."""
        return inputs[:1, ..., :N_SYMBOLS] * CERTAIN

    @property
    def cue_distances(self) -> list[int]:
        """Distances from a quarter of the lag to four times it."""
        return around(self.lag)

    def at_lag(self, lag: int) -> "DelayedRecallTask":
        """Return the same task with the question `lag` steps after the symbol."""
        return replace(self, lag=lag)

    def at_distance(self, distance: int) -> "DelayedRecallTask":
        """Return the same task at a lag of `distance`."""
        return self.at_lag(distance)

    def recall(self, predictions: Tensor, batch: Batch) -> Tensor:
        """Return (a - 1/8) / (1 - 1/8) for the accuracy a, [1]."""
        correct = (predictions.argmax(dim=-1) == batch.targets).double()
        return above_chance(correct.mean(dim=-1), CHANCE)
