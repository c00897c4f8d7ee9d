"""Context: at a repeated word, recall the cue of this clause, and not that of the previous one."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from lstm_bench.checks import at_least
from lstm_bench.tasks.classes import CERTAIN
from lstm_bench.tasks.contract import Batch, around, mean_of
from lstm_bench.tasks.masking import cross_entropies

CUES = ("Deep", "love", "slow", "hate")
FILLERS = ("is", "fun", "I", "so")
WORDS = (*CUES, *FILLERS, "learning", ".")
QUESTION, BOUNDARY = WORDS.index("learning"), WORDS.index(".")
NO_CUE = len(CUES)  # the answer where a clause has none
SILENT = NO_CUE + 1  # the target wherever there is no question
ANSWERS = NO_CUE + 1
CLAUSES = 2
SENTENCE = ("Deep", "learning", "is", "fun", ".", "I", "love", "learning")  # the explainer's seven words
ROOM = 2  # fillers of a clause in addition to those between cue and question


@dataclass(frozen=True)
class ContextTask:
    """Read two clauses, and at the word "learning" in each predict which cue stood d steps before it, if any.

    With d = 1, cues Deep, love, slow, hate; fillers is, fun, I, so; `-` for silence:

        input    Deep  learning  is  fun  .  I  love  learning  so
        target    -     Deep     -    -   -  -   -     love     -

    Each clause has r fillers, the cue, d - 1 fillers, "learning" and 2 - r fillers, r uniform in 0, 1, 2. In one clause
    of five a filler stands in the place of the cue and the answer is "none": a model that carries the cue of the first
    clause past the boundary is then wrong. All five answers are equally likely in both clauses. The loss is the mean
    cross-entropy in nats over all steps; `recall_ce` and `recall_accuracy` are over the two answers.

    Memoryless baselines (closed form): recall_ce ln 5, recall_accuracy 1/5, loss 2 ln 5 / T.
    Solved: recall_accuracy >= 0.99 and recall_ce <= 0.1 ln 5.

    Args:
        lag: d, steps from a cue to its question.

    Raises: ValueError for a lag below 1.
    Shapes: inputs [T, B, 10], one-hot, with T = 2 (d + 3) + 1; targets [T, B].
    """

    lag: int

    input_size: ClassVar = len(WORDS)
    output_size: ClassVar = SILENT + 1
    score: ClassVar = "recall_accuracy"
    criterion: ClassVar = "recall_ce"
    variant: ClassVar = "two clauses, 4 cues"
    boundary: ClassVar = BOUNDARY
    fillers: ClassVar = tuple(range(len(CUES), len(CUES) + len(FILLERS)))
    words: ClassVar = WORDS
    sentence: ClassVar = SENTENCE
    answers: ClassVar = (*CUES, "none", "-")
    description: ClassVar = (
        "Two clauses are read; at the word 'learning' in each, the cue that was some steps before it in the same "
        "clause must be output, or that there was none."
    )
    solved_rule: ClassVar = "recall accuracy at least 0.99 and recall cross-entropy at most a tenth of its baseline"
    solved_share: ClassVar = 0.1
    units: ClassVar = {"loss": "nats", "recall_ce": "nats", "recall_accuracy": "share"}

    def __post_init__(self) -> None:
        at_least(1, lag=self.lag)

    @property
    def clause_length(self) -> int:
        """Words of a clause, without the boundary."""
        return self.lag + 1 + ROOM

    @property
    def length(self) -> int:
        """T, two clauses and the boundary between them."""
        return CLAUSES * self.clause_length + 1

    @property
    def distance(self) -> float:
        """d, the steps from the cue to its question."""
        return float(self.lag)

    @property
    def predicted_steps(self) -> int:
        """All steps."""
        return self.length

    @property
    def baselines(self) -> dict[str, float]:
        """The metrics of the best predictor that sees the present word alone."""
        recall_ce = math.log(ANSWERS)
        return {"loss": recall_ce * CLAUSES / self.length, "recall_ce": recall_ce, "recall_accuracy": 1 / ANSWERS}

    def sample(self, batch_size: int, generator: Generator) -> Batch:
        """Draw fresh clauses."""
        words = torch.randint(len(CUES), len(CUES) + len(FILLERS), (self.length, batch_size), generator=generator)
        targets = torch.full_like(words, SILENT)
        words[self.clause_length] = BOUNDARY
        for start in (0, self.clause_length + 1):
            cue_at = start + torch.randint(ROOM + 1, (1, batch_size), generator=generator)
            answers = torch.randint(ANSWERS, (1, batch_size), generator=generator)
            words.scatter_(0, cue_at, torch.where(answers == NO_CUE, words.gather(0, cue_at), answers))
            words.scatter_(0, cue_at + self.lag, QUESTION)
            targets.scatter_(0, cue_at + self.lag, answers)
        return Batch(F.one_hot(words, len(WORDS)).float(), targets)

    @mean_of("cross entropy")
    def loss(self, predictions: Tensor, targets: Tensor) -> Tensor:
        """Return the mean cross-entropy over all steps, in nats."""
        return cross_entropies(predictions, targets).mean(dim=(0, -1))

    def metrics(self, predictions: Tensor, targets: Tensor) -> dict[str, Tensor]:
        """Return loss, recall_ce (both nats) and recall_accuracy."""
        is_question = (targets != SILENT).to(predictions.dtype)
        count = is_question.sum(dim=(0, -1))
        correct = (predictions.argmax(dim=-1) == targets).to(predictions.dtype)
        entropies = cross_entropies(predictions, targets)
        return {
            "loss": entropies.mean(dim=(0, -1)),
            "recall_ce": (entropies * is_question).sum(dim=(0, -1)) / count,
            "recall_accuracy": (correct * is_question).sum(dim=(0, -1)) / count,
        }

    def oracle(self, inputs: Tensor) -> Tensor:
        """Look back d steps at each question, within the clause, and predict the word there with certainty."""
        words = inputs.argmax(dim=-1)
        earlier_words = words.roll(self.lag, dims=0)
        answers = torch.where(earlier_words < len(CUES), earlier_words, NO_CUE)
        predicted = torch.where(words == QUESTION, answers, SILENT)
        return F.one_hot(predicted, self.output_size).to(inputs.dtype) * CERTAIN

    def content(self, inputs: Tensor) -> Tensor:
        """Return the last cue of the clause so far, one-hot [T, B, 4]; zeros where it has had none."""
        words = inputs.argmax(dim=-1)
        steps = torch.arange(len(words)).unsqueeze(1)
        last_cue = torch.where(words < len(CUES), steps, -1).cummax(dim=0).values
        last_boundary = torch.where(words == BOUNDARY, steps, -1).cummax(dim=0).values
        cues = F.one_hot(words.gather(0, last_cue.clamp_min(0)), len(WORDS))[..., : len(CUES)]
        return (cues * (last_cue > last_boundary).unsqueeze(-1)).to(inputs.dtype)

    def is_answer(self, targets: Tensor) -> Tensor:
        """Return a mask of the steps with a question [T, B]."""
        return targets != SILENT

    @property
    def cue_distances(self) -> list[int]:
        """Distances from a quarter of the lag to four times it."""
        return around(self.lag)

    def at_lag(self, lag: int) -> "ContextTask":
        """Return the same task with cues `lag` steps before their questions."""
        return replace(self, lag=lag)

    def at_distance(self, distance: int) -> "ContextTask":
        """Return the same task at a lag of `distance`."""
        return self.at_lag(distance)

    def recall(self, predictions: Tensor, batch: Batch) -> Tensor:
        """Return (a - 1/5) / (1 - 1/5) for the accuracy a of the answer in each clause [2]."""
        is_question = batch.targets != SILENT
        correct = (predictions.argmax(dim=-1) == batch.targets) & is_question
        clauses = (slice(0, self.clause_length), slice(self.clause_length, None))
        accuracies = torch.stack([correct[clause].double().sum() / is_question[clause].sum() for clause in clauses])
        return (accuracies - 1 / ANSWERS) / (1 - 1 / ANSWERS)

    def solved(self, metrics: Mapping[str, float]) -> bool:
        """Return whether recall accuracy is at least 0.99 and recall_ce at most a tenth of its baseline."""
        return metrics["recall_accuracy"] >= 0.99 and metrics["recall_ce"] <= self.solved_share * math.log(ANSWERS)
