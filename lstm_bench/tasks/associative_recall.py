"""Multi-query associative recall: hold pairs of key and value, and recall the value of each key that is asked for."""

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
from lstm_bench.tasks.masking import IGNORE_INDEX

N_KEYS, N_VALUES = 16, 8
BLANK = N_KEYS + N_VALUES
CHANCE = 1 / N_VALUES
DISTANCES = 10


@dataclass(frozen=True)
class AssociativeRecallTask(ClassAnswers):
    """Read n pairs of a key and a value; later each key comes again, and its value must be recalled at once.

    With n = 2 and T = 4, keys A B, values 1 2, `_` blank, `.` a step that the loss does not read:

        time     0 1 2 3  4 5 6 7 8 9
        input    A 2 B 1  _ B _ _ _ A
        target   . . . .  . 1 . . . 2

    The keys are n different ones of 16, each set and order equally likely; values are uniform over 8, with repetition.
    T blanks and the n questions follow in random order, except that the last step is always a question; which key is
    asked at which question is random. Inputs are one-hot over keys, values and blank. A state of fixed size has to hold
    n values and to find the one whose key comes, so that n sets what is stored and T for how long. (In the paper the
    questions stand near the pairs, by a power law, and there are more keys.)

    Memoryless baselines (closed form): loss ln 8; accuracy 1/8.
    Solved: accuracy >= 0.99 and loss <= 0.1 ln 8.

    Args:
        lag: T, blanks among the questions.
        n_pairs: n, pairs to hold.
        cue_distance: steps from the first key to its question in every sequence, 2n to T + 3n - 1. None: as above.

    Raises: ValueError for a lag below 1, an n_pairs outside 2 to 16, or a cue_distance outside its range.
    Shapes: inputs [T + 3n, B, 25]; targets [T + n, B], -1 where nothing is asked.
    Reference: Arora et al. 2023, Zoology: measuring and improving recall in efficient language models, section 4.
    """

    lag: int
    n_pairs: int = 4
    cue_distance: int | None = None

    input_size: ClassVar = N_KEYS + N_VALUES + 1
    output_size: ClassVar = N_VALUES
    description: ClassVar = (
        "Pairs of a key and a value are shown, then the keys are repeated among blanks, and the value of each must be "
        "output; the lag is the number of blanks."
    )

    def __post_init__(self) -> None:
        at_least(1, lag=self.lag)
        if not 2 <= self.n_pairs <= N_KEYS:
            raise ValueError(f"n_pairs={self.n_pairs}: allowed: 2 to {N_KEYS}")
        shortest, longest = self._shown_steps, self.length - 1
        if self.cue_distance is not None and not shortest <= self.cue_distance <= longest:
            raise ValueError(f"cue_distance={self.cue_distance}: allowed: {shortest} to {longest} at this lag, or null")

    @property
    def _shown_steps(self) -> int:
        """2n, steps of the pairs."""
        return 2 * self.n_pairs

    @property
    def predicted_steps(self) -> int:
        """T + n, the steps after the pairs."""
        return self.lag + self.n_pairs

    @property
    def length(self) -> int:
        """T + 3n."""
        return self._shown_steps + self.predicted_steps

    @property
    def variant(self) -> str:
        """The number of pairs."""
        return f"{self.n_pairs} pairs"

    @property
    def distance(self) -> float:
        """The median of the steps from a key to its question, over all pairs and places.

        One question of n is at the last step; the others are at each of the T + n - 1 steps before it with the same
        probability. A question asks for each pair with the same probability; the i-th pair has its key at step 2i.
        """
        n, last = self.n_pairs, self.length - 1
        counts: Counter[int] = Counter()
        for key_step in range(0, self._shown_steps, 2):
            counts[last - key_step] += self.predicted_steps - 1
            counts.update({step - key_step: n - 1 for step in range(self._shown_steps, last)})
        return median_of(counts)

    @property
    def baselines(self) -> dict[str, float]:
        """The metrics of the best predictor that sees the key alone."""
        return {"loss": math.log(N_VALUES), "accuracy": CHANCE}

    def sample(self, batch_size: int, generator: Generator) -> Batch:
        """Draw sequences of fresh pairs and questions."""
        n = self.n_pairs
        keys = torch.rand(N_KEYS, batch_size, generator=generator).argsort(dim=0)[:n]
        values = torch.randint(N_VALUES, (n, batch_size), generator=generator)
        steps = self._question_steps(batch_size, generator)
        pairs = torch.stack((keys, N_KEYS + values), dim=1).flatten(0, 1)
        blanks = torch.full((self.predicted_steps, batch_size), BLANK)
        symbols = torch.cat((pairs, blanks.scatter(0, steps, keys)))
        targets = torch.full((self.predicted_steps, batch_size), IGNORE_INDEX).scatter_(0, steps, values)
        return Batch(F.one_hot(symbols, self.input_size).float(), targets)

    def _question_steps(self, batch_size: int, generator: Generator) -> Tensor:
        """Return when each pair is asked for [n, B], in steps after the pairs: those of the n highest of random scores.

        The last step is always one of them, and where `cue_distance` is set, its step is that of the first pair.
        """
        scores = torch.rand(self.predicted_steps, batch_size, generator=generator)
        scores[-1] = 2.0
        fixed = 0
        if self.cue_distance is not None:
            scores[self.cue_distance - self._shown_steps] = 3.0
            fixed = 1
        steps = scores.topk(self.n_pairs, dim=0).indices
        order = torch.rand(self.n_pairs - fixed, batch_size, generator=generator).argsort(dim=0)
        return torch.cat((steps[:fixed], steps[fixed:].gather(0, order)))

    def roles(self, batch: Batch) -> dict[str, Tensor]:
        """Return the steps of the pairs ("cue"), of the blanks and of the questions, each [T + 3n, B]."""
        is_blank = batch.inputs[..., BLANK] == 1
        is_cue = (torch.arange(self.length) < self._shown_steps).unsqueeze(1) & ~is_blank
        return {"cue": is_cue, "blank": is_blank, "recall": ~(is_cue | is_blank)}

    def oracle(self, inputs: Tensor) -> Tensor:
        """Look each key up among the pairs, and predict its value with certainty."""
        shown, asked = inputs[: self._shown_steps], inputs[self._shown_steps :]
        keys, values = shown[::2, ..., :N_KEYS], shown[1::2, ..., N_KEYS:BLANK]
        table = torch.einsum("n...k,n...v->...kv", keys, values)
        return torch.einsum("s...k,...kv->s...v", asked[..., :N_KEYS], table) * CERTAIN

    @property
    def cue_distances(self) -> list[int]:
        """About ten from 2n to the last step, evenly spread on a logarithmic scale."""
        shortest, longest = self._shown_steps, self.length - 1
        return sorted({round(shortest * (longest / shortest) ** (k / (DISTANCES - 1))) for k in range(DISTANCES)})

    def at_lag(self, lag: int) -> "AssociativeRecallTask":
        """Return the same task with `lag` blanks."""
        return replace(self, lag=lag, cue_distance=None)

    def at_distance(self, distance: int) -> "AssociativeRecallTask":
        """Return the same task with the question for the first key always `distance` steps after it."""
        return replace(self, cue_distance=distance)

    def recall(self, predictions: Tensor, batch: Batch) -> Tensor:
        """Return (a - 1/8) / (1 - 1/8) for the accuracy a of the first pair, [1]."""
        asked = batch.inputs[self._shown_steps :, :, :N_KEYS]
        is_first = (asked * batch.inputs[0, :, :N_KEYS]).sum(dim=-1) == 1
        correct = (predictions.argmax(dim=-1) == batch.targets)[is_first].double()
        return above_chance(correct.mean(), CHANCE).unsqueeze(0)
