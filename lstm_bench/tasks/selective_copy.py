"""Selective copy: pick out a few letters that stand at random places among blanks, then recall them in order."""

import math
from collections import Counter
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from lstm_bench.checks import at_least
from lstm_bench.tasks.classes import CERTAIN, ClassAnswers, above_chance
from lstm_bench.tasks.contract import Batch, median_of

N_LETTERS = 8
BLANK, MARKER = N_LETTERS, N_LETTERS + 1
CHANCE = 1 / N_LETTERS
DISTANCES = 10


@dataclass(frozen=True)
class SelectiveCopyTask(ClassAnswers):
    """Recall n letters in order, which stood at random places among T blanks.

    With n = 3 and T = 5, letters a b c, `_` blank, `>` marker, `.` a step that the loss does not read:

        time     0 1 2 3 4 5 6 7  8 9 10
        input    _ a _ _ b c _ _  > > >
        target   . . . . . . . .  a b c

    Each set of n places among the first T + n steps is equally likely, and letters are uniform over 8; inputs are
    one-hot over letters, blank and marker. Unlike in `copy`, the distance from a letter to its recall differs from
    sequence to sequence, so no fixed filter over time gives the answer: whether a step is kept depends on its input.
    The loss is the mean cross-entropy in nats over the last n steps.

    Memoryless baselines (closed form): loss ln 8; accuracy 1/8.
    Solved: accuracy >= 0.99 and loss <= 0.1 ln 8.

    Args:
        lag: T, blanks among the letters.
        n_symbols: n, letters to hold.
        cue_distance: steps from the first letter to its recall in every sequence, n to T + n; the others stand at
            random places after it. None: as above.

    Raises: ValueError for a lag or n_symbols below 1, or a cue_distance outside its range.
    Shapes: inputs [T + 2n, B, 10]; targets [n, B].
    Reference: Gu & Dao 2023, Mamba, section 4.1.1 (there 16 letters among 4,096 steps).
    """

    lag: int
    n_symbols: int = 3
    cue_distance: int | None = None

    input_size: ClassVar = N_LETTERS + 2
    output_size: ClassVar = N_LETTERS
    description: ClassVar = (
        "A few letters out of 8 are shown at random places among blanks, then they must be output in the same order; "
        "the lag is the number of blanks."
    )

    def __post_init__(self) -> None:
        at_least(1, lag=self.lag, n_symbols=self.n_symbols)
        n, longest = self.n_symbols, self._shown_steps
        if self.cue_distance is not None and not n <= self.cue_distance <= longest:
            raise ValueError(f"cue_distance={self.cue_distance}: allowed: {n} to {longest} at this lag, or null")

    @property
    def _shown_steps(self) -> int:
        """T + n, steps with letters and blanks."""
        return self.lag + self.n_symbols

    @property
    def length(self) -> int:
        """T + 2n."""
        return self._shown_steps + self.n_symbols

    @property
    def predicted_steps(self) -> int:
        """The last n."""
        return self.n_symbols

    @property
    def variant(self) -> str:
        """The number of letters."""
        return f"{self.n_symbols} symbol{'s' if self.n_symbols > 1 else ''}"

    @property
    def distance(self) -> float:
        """The median of T + n + k - p over all n letters, the k-th of which (from 0) stands at step p.

        Of the C(T + n, n) sets of places, C(p, k) C(T + n - 1 - p, n - 1 - k) have their k-th letter at p.
        """
        n, shown = self.n_symbols, self._shown_steps
        counts: Counter[int] = Counter()
        for k in range(n):
            for p in range(shown):
                counts[shown + k - p] += math.comb(p, k) * math.comb(shown - 1 - p, n - 1 - k)
        return median_of(counts)

    @property
    def baselines(self) -> dict[str, float]:
        """The metrics of the best predictor that sees the marker alone."""
        return {"loss": math.log(N_LETTERS), "accuracy": CHANCE}

    def sample(self, batch_size: int, generator: Generator) -> Batch:
        """Draw sequences of fresh letters and places."""
        letters = torch.randint(N_LETTERS, (self.n_symbols, batch_size), generator=generator)
        symbols = torch.full((self.length, batch_size), BLANK)
        symbols[self._shown_steps :] = MARKER
        symbols.scatter_(0, self._places(batch_size, generator), letters)
        return Batch(F.one_hot(symbols, self.input_size).float(), letters)

    def _places(self, batch_size: int, generator: Generator) -> Tensor:
        """Return the step of each letter [n, B], ascending: those of the n highest of random scores."""
        scores = torch.rand(self._shown_steps, batch_size, generator=generator)
        if self.cue_distance is not None:
            first = self._shown_steps - self.cue_distance
            scores[first], scores[:first] = 1.0, -1.0
        return scores.topk(self.n_symbols, dim=0).indices.sort(dim=0).values

    def roles(self, batch: Batch) -> dict[str, Tensor]:
        """Return the steps of the letters ("cue"), of the blanks among them and of the recall, each [T + 2n, B]."""
        is_blank, is_recall = batch.inputs[..., BLANK] == 1, batch.inputs[..., MARKER] == 1
        return {"cue": ~(is_blank | is_recall), "blank": is_blank, "recall": is_recall}

    def oracle(self, inputs: Tensor) -> Tensor:
        """Take the letters out in their order, and predict them with certainty."""
        is_letter = inputs[: self._shown_steps, ..., :N_LETTERS]
        stands_here = is_letter.sum(dim=-1)
        order = stands_here.cumsum(dim=0)
        in_turn = [(is_letter * (order == k).unsqueeze(-1)).sum(dim=0) for k in range(1, self.n_symbols + 1)]
        return torch.stack(in_turn) * CERTAIN

    @property
    def cue_distances(self) -> list[int]:
        """About ten from n to T + n, evenly spread on a logarithmic scale."""
        n, longest = self.n_symbols, self._shown_steps
        return sorted({round(n * (longest / n) ** (k / (DISTANCES - 1))) for k in range(DISTANCES)})

    def at_lag(self, lag: int) -> "SelectiveCopyTask":
        """Return the same task with `lag` blanks."""
        return replace(self, lag=lag, cue_distance=None)

    def at_distance(self, distance: int) -> "SelectiveCopyTask":
        """Return the same task with the first letter always `distance` steps before its recall."""
        return replace(self, cue_distance=distance)

    def recall(self, predictions: Tensor, batch: Batch) -> Tensor:
        """Return (a - 1/8) / (1 - 1/8) for the accuracy a of the first letter, [1]."""
        correct = (predictions[:1].argmax(dim=-1) == batch.targets[:1]).double()
        return above_chance(correct.mean(dim=-1), CHANCE)
