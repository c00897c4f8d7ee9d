"""Copy: hold a few letters over a stretch of blanks, then recall them in order."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, get_args

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from lstm_bench.checks import at_least, one_of
from lstm_bench.tasks.classes import CERTAIN
from lstm_bench.tasks.contract import Batch, around, mean_of, only_member
from lstm_bench.tasks.masking import cross_entropies

N_LETTERS = 8
BLANK = 8
MARKER = 9
ALPHABET = 10
Dialect = Literal["arjovsky", "bai", "s4"]
CHANCE = 1 / N_LETTERS


@dataclass(frozen=True)
class CopyTask:
    """Recall n letters, in order, after a lag of T blanks.

    With n = 3 and T = 4, letters a b c, `_` blank, `>` marker, `.` a step that the loss does not read:

        time            0 1 2 3 4 5 6 7 8 9
        arjovsky input  a b c _ _ _ > _ _ _     target  _ _ _ _ _ _ _ a b c
        bai      input  a b c _ _ _ > > > >     target  _ _ _ _ _ _ _ a b c
        s4       input  a b c _ _ _ _ > > >     target  . . . . . . . a b c

    Letters are uniform over 8; inputs are one-hot over 10 (8 letters, blank, marker) in every dialect. Outputs: 9
    classes in `arjovsky` (letters and blank), 10 in `bai` and `s4`, as in their published code. The loss is the mean
    cross-entropy in nats over all steps (arjovsky, bai) or over the last n (s4). `recall_ce` and `recall_accuracy`
    are means over the last n steps alone: over all steps a predictor of blanks looks almost perfect.

    Memoryless baselines (closed form): loss n ln 8 / (T + 2n), in s4 ln 8; recall_ce ln 8; recall_accuracy 1/8.
    Solved: recall_accuracy >= 0.99 and recall_ce <= 0.1 ln 8.

    Args:
        lag: T, steps between the last letter and the first recall.
        n_symbols: n, letters to hold.
        dialect: the paper whose version of the task this is.

    Raises: ValueError for a lag or n_symbols below 1, or an unknown dialect.
    Shapes: inputs [T + 2n, B, 10]; targets [S, B] with S = T + 2n, or n in s4.
    References: Hochreiter & Schmidhuber 1997; Arjovsky, Shah & Bengio 2016; Bai, Kolter & Koltun 2018; Gu et al. 2022.
    """

    lag: int
    n_symbols: int = 3
    dialect: Dialect = "arjovsky"

    input_size: ClassVar = ALPHABET
    score: ClassVar = "recall_accuracy"
    criterion: ClassVar = "recall_ce"
    description: ClassVar = (
        "A few letters out of 8 are shown, then blanks, then the letters must be output in the same order; the lag is "
        "the number of blanks."
    )
    solved_rule: ClassVar = "recall accuracy at least 0.99 and recall cross-entropy at most a tenth of its baseline"
    solved_share: ClassVar = 0.1
    softer: ClassVar = {"recall_accuracy": (0.95, 0.9)}
    units: ClassVar = {"loss": "nats", "recall_ce": "nats", "recall_accuracy": "share"}

    def __post_init__(self) -> None:
        at_least(1, lag=self.lag, n_symbols=self.n_symbols)
        one_of(get_args(Dialect), dialect=self.dialect)

    @property
    def output_size(self) -> int:
        """C, the number of classes at each predicted step."""
        return N_LETTERS + 1 if self.dialect == "arjovsky" else ALPHABET

    @property
    def length(self) -> int:
        """T + 2n."""
        return self.lag + 2 * self.n_symbols

    @property
    def distance(self) -> float:
        """T + n, the steps from each letter to its recall."""
        return float(self.lag + self.n_symbols)

    @property
    def predicted_steps(self) -> int:
        """All steps, or in s4 the last n."""
        return self.n_symbols if self.dialect == "s4" else self.length

    @property
    def variant(self) -> str:
        """The dialect and the number of letters."""
        return f"{self.dialect}, {self.n_symbols} symbol{'s' if self.n_symbols > 1 else ''}"

    @property
    def baselines(self) -> dict[str, float]:
        """The metrics of the best predictor that knows the step and nothing of the letters."""
        recall_ce = math.log(N_LETTERS)
        return {
            "loss": recall_ce * self.n_symbols / self.predicted_steps,
            "recall_ce": recall_ce,
            "recall_accuracy": 1 / N_LETTERS,
        }

    def sample(self, batch_size: int, generator: Generator) -> Batch:
        """Draw sequences of fresh letters."""
        return only_member(self.sample_members(batch_size, [generator]))

    def sample_members(self, batch_size: int, generators: Sequence[Generator]) -> Batch:
        """Draw sequences of fresh letters for each generator."""
        n, shape = self.n_symbols, (len(generators), batch_size)
        drawn = [torch.randint(N_LETTERS, (n, batch_size), generator=generator) for generator in generators]
        letters = torch.stack(drawn, dim=1)
        inputs = torch.zeros(self.length, *shape, ALPHABET)
        inputs[:n].scatter_(-1, letters.unsqueeze(-1), 1.0)
        inputs[n:, ..., BLANK] = 1.0
        inputs[self._marked_steps, ..., BLANK] = 0.0
        inputs[self._marked_steps, ..., MARKER] = 1.0
        targets = torch.full((self.predicted_steps, *shape), BLANK)
        targets[-n:] = letters
        return Batch(inputs, targets)

    @property
    def _marked_steps(self) -> slice:
        recall = self.length - self.n_symbols
        first, last = {"arjovsky": (recall - 1, recall), "bai": (recall - 1, None), "s4": (recall, None)}[self.dialect]
        return slice(first, last)

    def roles(self, batch: Batch) -> dict[str, Tensor]:
        """Return the steps of the letters ("cue"), of the blanks that follow, and of the recall, each [T, B]."""
        steps = torch.arange(self.length).unsqueeze(1)
        is_cue, is_recall = steps < self.n_symbols, steps >= self.length - self.n_symbols
        is_blank = (batch.inputs[..., BLANK] == 1) & ~is_recall
        whole = torch.ones_like(is_blank)
        return {"cue": is_cue & whole, "blank": is_blank, "recall": is_recall & whole}

    @property
    def cue_distances(self) -> list[int]:
        """T' + n for lags T' from a quarter of this lag to four times it; the distance is the same for every letter."""
        return [lag + self.n_symbols for lag in around(self.lag)]

    def at_lag(self, lag: int) -> "CopyTask":
        """Return the same task with `lag` blanks."""
        return replace(self, lag=lag)

    def at_distance(self, distance: int) -> "CopyTask":
        """Return the same task at the lag T' = distance - n.

        Raises: ValueError for a distance of at most n.
        """
        if distance <= self.n_symbols:
            raise ValueError(f"distance={distance}: allowed: an integer above n_symbols, which is {self.n_symbols}")
        return self.at_lag(distance - self.n_symbols)

    def recall(self, predictions: Tensor, batch: Batch) -> Tensor:
        """Return (a - 1/8) / (1 - 1/8) for the accuracy a of each letter, the first letter first."""
        n = self.n_symbols
        correct = predictions[-n:].argmax(dim=-1) == batch.targets[-n:]
        return (correct.double().mean(dim=-1) - CHANCE) / (1 - CHANCE)

    @mean_of("cross entropy")
    def loss(self, predictions: Tensor, targets: Tensor) -> Tensor:
        """Return the mean cross-entropy over the predicted steps, in nats."""
        return _cross_entropy(predictions, targets)

    def metrics(self, predictions: Tensor, targets: Tensor) -> dict[str, Tensor]:
        """Return loss, recall_ce (both nats) and recall_accuracy."""
        recalled, letters = predictions[-self.n_symbols :], targets[-self.n_symbols :]
        correct = (recalled.argmax(dim=-1) == letters).to(predictions.dtype)
        return {
            "loss": _cross_entropy(predictions, targets),
            "recall_ce": _cross_entropy(recalled, letters),
            "recall_accuracy": correct.mean(dim=(0, -1)),
        }

    def oracle(self, inputs: Tensor) -> Tensor:
        """Read the letters at the first n steps and predict them at the last n, blank elsewhere, with certainty."""
        symbols = torch.full((self.predicted_steps, *inputs.shape[1:-1]), BLANK, device=inputs.device)
        symbols[-self.n_symbols :] = inputs[: self.n_symbols].argmax(dim=-1)
        return F.one_hot(symbols, self.output_size).to(inputs.dtype) * CERTAIN

    def solved(self, metrics: Mapping[str, float]) -> bool:
        """Return whether recall accuracy is at least 0.99 and recall_ce at most a tenth of its baseline."""
        return metrics["recall_accuracy"] >= 0.99 and metrics["recall_ce"] <= self.solved_share * math.log(N_LETTERS)


def _cross_entropy(predictions: Tensor, targets: Tensor) -> Tensor:
    return cross_entropies(predictions, targets).mean(dim=(0, -1))
