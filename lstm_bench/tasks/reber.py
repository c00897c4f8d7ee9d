"""Reber: in a stream of strings of the embedded Reber grammar, predict at every step which symbols may follow."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import ClassVar, Literal, get_args

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from lstm_bench.checks import at_least, one_of
from lstm_bench.tasks.classes import CERTAIN
from lstm_bench.tasks.contract import Batch, around, mean_of, only_member
from lstm_bench.tasks.masking import cross_entropies
from lstm_bench.tasks.reber_grammar import (
    CLASS_OF_NODE,
    FOLLOWING,
    FOLLOWING_CUE,
    FRAME,
    NEXT_NODE,
    SHORTEST,
    START,
    SYMBOLS,
    Chain,
    held_chain,
    median_hold,
    occupancy,
    walk,
)

MEAN_EXCESS = 3  # symbols that an inner string has on average above the fewest allowed: 3.0 at lag 5, 2.74 at 24
LONG_EXCESS = 20  # excess that one inner string in 600 surpasses
CHANCE = 0.5
MAY_BE_B = FOLLOWING.index("B")
Dialect = Literal["continual", "single"]


@dataclass(frozen=True)
class ReberTask:
    """Read strings of the embedded Reber grammar, and predict at every step the set of symbols that may follow.

    The second symbol of a string, T or P, is its cue: it comes again as the last but one. Between them stands a string
    of the Reber grammar. With an inner string of n = 5 symbols:

        time       0  1  2  3  4  5  6  7  8  9 10 11 ...
        continual  B  T  B  P  V  V  E  T  E  B  P  B ...      the next string follows at once
        single     B  T  B  P  V  V  E  T  E                   zeros follow
        target    TP  B TP TV PV  E  T  E  B TP  B TP ...      in single B from time 8 on

    The answer that needs the cue is asked at the E of the inner string, n steps after the cue was read. Strings are
    drawn by the grammar, each branch with probability 1/2, given that n >= lag; at lag 5, the shortest there is, they
    are the grammar's own, and the stream is that of Gers et al. 2000, cut after 8 strings of mean length.
    In `continual` nothing signals that what a model holds of the last string is void; in `single` a sequence is one
    string, as in Hochreiter & Schmidhuber 1997, and nothing has to be erased.

    The target is a class, one for each of the 8 sets of symbols that may follow somewhere: B, E, T, P, TP, SX, TV, PV
    (the papers have an output for each of 7 symbols). The loss is the mean cross-entropy in nats over all steps, and
    `accuracy` is over all steps; `recall_ce` and `recall_accuracy` are over the answers that need the cue.

    Memoryless baselines, of the best predictor by each metric that sees the present symbol alone: recall_ce ln 2,
    recall_accuracy 1/2. With N(s, c) the steps at which symbol s is read and set c may follow, expected from the chain
    of `reber_grammar` without simulation: loss sum of N(s, c) ln(N(s) / N(s, c)) / L, accuracy sum over s of
    max over c of N(s, c) / L; zeros are followed by B for certain.
    Solved: recall_accuracy >= 0.99 and recall_ce <= 0.1 ln 2, over all strings of a stream, the last like the first.

    Args:
        lag: the fewest steps from a cue to its answer.
        dialect: a stream of strings, or one string.
        strings: strings of mean length in a stream.
        cue_distance: d, where set: every cue stands exactly d steps before its answer.

    Raises: ValueError for a lag or a cue_distance below 5, strings below 1, or an unknown dialect.
    Shapes: inputs [L, B, 7], one-hot; targets [L, B]. L = strings (lag + 7), in single lag + 24; with a cue_distance
        strings (d + 4), in single d + 4.
    References: Gers, Schmidhuber & Cummins 2000; Hochreiter & Schmidhuber 1997, experiment 1.
    """

    lag: int
    dialect: Dialect = "continual"
    strings: int = 8
    cue_distance: int | None = None

    input_size: ClassVar = len(SYMBOLS)
    output_size: ClassVar = len(FOLLOWING)
    score: ClassVar = "recall_accuracy"
    criterion: ClassVar = "recall_ce"
    description: ClassVar = (
        "Strings of the embedded Reber grammar are read, and the symbols that may follow must be predicted at every "
        "step. The second symbol of a string is repeated as its last but one; the lag is the least number of steps "
        "between the two."
    )
    solved_rule: ClassVar = "recall accuracy at least 0.99 and recall cross-entropy at most a tenth of its baseline"
    solved_share: ClassVar = 0.1
    units: ClassVar = {"loss": "nats", "accuracy": "share", "recall_ce": "nats", "recall_accuracy": "share"}

    def __post_init__(self) -> None:
        at_least(SHORTEST, lag=self.lag)
        at_least(1, strings=self.strings)
        one_of(get_args(Dialect), dialect=self.dialect)
        if self.cue_distance is not None:
            at_least(SHORTEST, cue_distance=self.cue_distance)

    @property
    def length(self) -> int:
        """L, steps of a sequence."""
        strings = 1 if self.is_single else self.strings
        if self.cue_distance is not None:
            return strings * (self.cue_distance + FRAME)
        return strings * (self.lag + FRAME + (LONG_EXCESS if self.is_single else MEAN_EXCESS))

    @property
    def is_single(self) -> bool:
        """Whether a sequence is one string."""
        return self.dialect == "single"

    @property
    def chain(self) -> Chain:
        """The chain that strings are drawn from."""
        return held_chain(self.lag) if self.cue_distance is None else held_chain(self.cue_distance, exact=True)

    @property
    def predicted_steps(self) -> int:
        """All steps."""
        return self.length

    @property
    def variant(self) -> str:
        """The dialect, and in a stream the number of strings."""
        return self.dialect if self.is_single else f"{self.dialect}, {self.strings} strings"

    @property
    def distance(self) -> float:
        """The median over strings of the steps from a cue to its answer."""
        return float(median_hold(self.lag) if self.cue_distance is None else self.cue_distance)

    @property
    def baselines(self) -> dict[str, float]:
        """The metrics of the best predictors that see the present symbol alone."""
        loss, accuracy = _without_memory(self)
        return {"loss": loss, "accuracy": accuracy, "recall_ce": math.log(2), "recall_accuracy": CHANCE}

    def sample(self, batch_size: int, generator: Generator) -> Batch:
        """Draw fresh strings."""
        return only_member(self.sample_members(batch_size, [generator]))

    def sample_members(self, batch_size: int, generators: Sequence[Generator]) -> Batch:
        """Draw fresh strings for each generator."""
        drawn = [torch.rand(self.length, batch_size, generator=generator) for generator in generators]
        edges = walk(self.chain, torch.stack(drawn, dim=1))
        symbols, targets = self.chain.symbol[edges], self.chain.following[edges]
        inputs = F.one_hot(symbols, len(SYMBOLS)).float()
        if self.is_single:
            is_over = _after_first(self.chain.next_state[edges] == START)
            inputs[is_over], targets[is_over] = 0.0, MAY_BE_B
        return Batch(inputs, targets)

    @mean_of("cross entropy")
    def loss(self, predictions: Tensor, targets: Tensor) -> Tensor:
        """Return the mean cross-entropy over all steps, in nats."""
        return cross_entropies(predictions, targets).mean(dim=(0, -1))

    def metrics(self, predictions: Tensor, targets: Tensor) -> dict[str, Tensor]:
        """Return loss, recall_ce (both nats), accuracy and recall_accuracy."""
        is_recall = _needs_cue(targets).to(predictions.dtype)
        count = is_recall.sum(dim=(0, -1)).clamp_min(1)
        correct = (predictions.argmax(dim=-1) == targets).to(predictions.dtype)
        entropies = cross_entropies(predictions, targets)
        return {
            "loss": entropies.mean(dim=(0, -1)),
            "accuracy": correct.mean(dim=(0, -1)),
            "recall_ce": torch.where(is_recall > 0, entropies, 0.0).sum(dim=(0, -1)) / count,
            "recall_accuracy": (correct * is_recall).sum(dim=(0, -1)) / count,
        }

    def oracle(self, inputs: Tensor) -> Tensor:
        """Follow the strings through the grammar, and predict with certainty what may follow."""
        symbols, is_zero = inputs.argmax(dim=-1), inputs.sum(dim=-1) == 0
        next_node, class_of_node = NEXT_NODE.to(inputs.device), CLASS_OF_NODE.to(inputs.device)
        node = torch.full_like(symbols[0], START)
        following = torch.empty_like(symbols)
        for t, symbol in enumerate(symbols):
            node = torch.where(is_zero[t], START, next_node[node, symbol])
            following[t] = class_of_node[node]
        return F.one_hot(following, self.output_size).to(inputs.dtype) * CERTAIN

    def roles(self, batch: Batch) -> dict[str, Tensor]:
        """Return the steps of the cues, of their answers ("recall"), and of the beginnings of further strings, [T, B].

        From "reset" on, nothing earlier counts; "elsewhere" is every step but "reset". The second "E" of a string is
        its last symbol.
        """
        ends = batch.inputs[..., SYMBOLS.index("E")] == 1
        is_last = ends & (ends.cumsum(dim=0) % 2 == 0)
        reset = torch.cat((torch.zeros_like(is_last[:1]), is_last[:-1]))
        begins = torch.cat((torch.ones_like(reset[:1]), reset[1:]))
        cue = torch.cat((torch.zeros_like(begins[:1]), begins[:-1]))
        is_read = batch.inputs.sum(dim=-1) == 1
        return {
            "cue": cue & is_read,
            "recall": _needs_cue(batch.targets),
            "reset": reset & is_read,
            "elsewhere": ~reset & is_read,
        }

    @property
    def cue_distances(self) -> list[int]:
        """Distances from a quarter of the lag to four times it, at least that of the shortest string."""
        return [distance for distance in around(self.lag) if distance >= SHORTEST]

    def at_lag(self, lag: int) -> "ReberTask":
        """Return the same task with cues at least `lag` steps before their answers."""
        return replace(self, lag=lag, cue_distance=None)

    def at_distance(self, distance: int) -> "ReberTask":
        """Return the same task with every cue exactly `distance` steps before its answer."""
        return replace(self, cue_distance=distance)

    def recall(self, predictions: Tensor, batch: Batch) -> Tensor:
        """Return (a - 1/2) / (1 - 1/2) [1], a the share of answers where the cue's score is above the other cue's."""
        is_recall = _needs_cue(batch.targets)
        scores = predictions[..., list(FOLLOWING_CUE)][is_recall]
        answers = batch.targets[is_recall] == FOLLOWING_CUE[1]
        accuracy = ((scores[:, 1] > scores[:, 0]) == answers).double().mean()
        return ((accuracy - CHANCE) / (1 - CHANCE)).unsqueeze(0)

    def solved(self, metrics: Mapping[str, float]) -> bool:
        """Return whether recall accuracy is at least 0.99 and recall_ce at most a tenth of its baseline."""
        return metrics["recall_accuracy"] >= 0.99 and metrics["recall_ce"] <= self.solved_share * math.log(2)


@lru_cache(maxsize=64)
def _without_memory(task: ReberTask) -> tuple[float, float]:
    """Return loss and accuracy over all steps of the best predictors that see the present symbol alone."""
    expected = occupancy(task.chain, task.length, once=task.is_single)
    of_symbol = expected.sum(dim=1, keepdim=True)
    surprises = torch.xlogy(expected, of_symbol) - torch.xlogy(expected, expected)
    zeros = task.length - float(expected.sum())
    return float(surprises.sum()) / task.length, (float(expected.amax(dim=1).sum()) + zeros) / task.length


def _needs_cue(targets: Tensor) -> Tensor:
    """Return a mask of the steps whose answer is one cue alone, which occurs only at the end of an inner string."""
    return torch.isin(targets, torch.tensor(FOLLOWING_CUE, device=targets.device))


def _after_first(events: Tensor) -> Tensor:
    """Return a mask of the steps [L, ...] after the first event."""
    events_so_far = events.cumsum(dim=0)
    return (events_so_far - events.long()) > 0
