"""Adding: remember two marked numbers among many and return their sum."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, get_args

import torch
from torch import Generator, Tensor

from lstm_bench.checks import at_least, one_of
from lstm_bench.tasks.contract import Batch, log_spaced, mean_of, median_of, only_member
from lstm_bench.tasks.masking import squared_partial_correlation

MEMORYLESS_MSE = 1 / 6  # variance of the sum of two independent U[0, 1]
SOLVED_MSE = 0.01
TENTH = 0.1
DISTANCES = 10
Dialect = Literal["half", "anywhere"]


@dataclass(frozen=True)
class AddingTask:
    """Predict the sum of the two marked values after the last of T steps.

    With T = 8, dialect `half`, target 0.9 + 0.4 = 1.3:

        time      0   1   2   3   4   5   6   7
        value    .3  .9  .1  .6  .7  .2  .4  .8
        marker    0   1   0   0   0   0   1   0
        target                                1.3

    Values are U[0, 1]. `half` puts one marker uniformly in each half (the first half has T // 2 steps), `anywhere`
    draws two distinct steps uniformly. The loss is the mean squared error at the last step; `explained` is
    1 - 6 MSE, the share of the target's variance that the answer accounts for; `within_tenth` the share of sequences
    whose answer is off by less than 0.1.

    Memoryless baselines (closed form): MSE 1/6, explained 0, within_tenth 0.2 - 0.1^2 = 0.19, from the triangular
    density of the sum around 1. Remembering one of the two values gives 1/12, explained 1/2; seeing only the last k of
    T steps gives (1/6)(1 - k/T), so `implied_window` = T * explained is the k that the answers imply (exact for even T
    in `half`, whose halves differ by a step for odd T). A value below 0 means answers worse than those without memory.
    Solved: MSE <= 0.01.

    Args:
        lag: T, the length of the sequence.
        dialect: where the markers may stand.
        cue_distance: where one of the markers stands in every sequence, in steps before the answer, which is given
            after the last step: 1 is the last step, T the first. The dialect draws the other, and with None both.

    Raises: ValueError for a lag below 2, an unknown dialect, or a cue_distance outside 1 to T.
    Shapes: inputs [T, B, 2] (value, marker); targets [1, B]; predictions [1, B, 1].
    References: Hochreiter & Schmidhuber 1997; Le, Jaitly & Hinton 2015 (half); Bai, Kolter & Koltun 2018 (anywhere).
    """

    lag: int
    dialect: Dialect = "half"
    cue_distance: int | None = None

    input_size: ClassVar = 2
    output_size: ClassVar = 1
    predicted_steps: ClassVar = 1
    score: ClassVar = "explained"
    criterion: ClassVar = "loss"
    description: ClassVar = (
        "Two of the random numbers in a sequence are marked, and their sum must be output after the last; the lag is "
        "the length of the sequence."
    )
    solved_rule: ClassVar = "mean squared error at most 0.01"
    solved_share: ClassVar = SOLVED_MSE / MEMORYLESS_MSE
    softer: ClassVar = {"explained": (0.88, 0.76)}  # MSE 0.02 and 0.04
    units: ClassVar = {
        "loss": "squared error",
        "explained": "share",
        "implied_window": "steps",
        "within_tenth": "share",
    }

    def __post_init__(self) -> None:
        at_least(2, lag=self.lag)
        one_of(get_args(Dialect), dialect=self.dialect)
        if self.cue_distance is not None and not 1 <= self.cue_distance <= self.lag:
            raise ValueError(f"cue_distance={self.cue_distance}: allowed: 1 to the lag, which is {self.lag}, or null")

    @property
    def length(self) -> int:
        """T, the lag itself."""
        return self.lag

    @property
    def distance(self) -> float:
        """The median of T - 1 - s, where s is the first marked step and T - 1 that of the answer.

        half: s is uniform in 0 .. m - 1 with m = T // 2, so T - 1 - (m - 1) / 2: 0.75 T - 0.5 for even T, 0.75 T - 0.25
        for odd. anywhere: d steps in d of T (T - 1) / 2 cases, so the median of that, about T / sqrt 2.
        """
        if self.dialect == "half":
            return self.lag - 1 - (self.lag // 2 - 1) / 2
        return median_of({steps: steps for steps in range(1, self.lag)})

    @property
    def variant(self) -> str:
        """The dialect."""
        return self.dialect

    @property
    def baselines(self) -> dict[str, float]:
        """The metrics of the constant answer 1."""
        within = 2 * TENTH - TENTH**2
        return {"loss": MEMORYLESS_MSE, "explained": 0.0, "implied_window": 0.0, "within_tenth": within}

    def sample(self, batch_size: int, generator: Generator) -> Batch:
        """Draw sequences of fresh values and markers."""
        return only_member(self.sample_members(batch_size, [generator]))

    def sample_members(self, batch_size: int, generators: Sequence[Generator]) -> Batch:
        """Draw sequences of fresh values and markers for each generator."""
        drawn = [(torch.rand(self.lag, batch_size, generator=g), self._marked_steps(batch_size, g)) for g in generators]
        values, steps = (torch.stack(tensors, dim=1) for tensors in zip(*drawn, strict=True))
        inputs = torch.stack((values, torch.zeros_like(values).scatter_(0, steps, 1.0)), dim=-1)
        return Batch(inputs, (inputs[..., 0] * inputs[..., 1]).sum(dim=0, keepdim=True))

    def _marked_steps(self, batch_size: int, generator: Generator) -> Tensor:
        if self.cue_distance is not None:
            return self._around_the_cue(self.lag - self.cue_distance, batch_size, generator)
        if self.dialect == "half":
            middle = self.lag // 2
            first = torch.randint(0, middle, (batch_size,), generator=generator)
            second = torch.randint(middle, self.lag, (batch_size,), generator=generator)
        else:
            first = torch.randint(0, self.lag, (batch_size,), generator=generator)
            second = torch.randint(0, self.lag - 1, (batch_size,), generator=generator)
            second += second >= first
        return torch.stack((first, second))

    def _around_the_cue(self, cue: int, batch_size: int, generator: Generator) -> Tensor:
        """Return the steps [2, B] of the cue and of the other marker, drawn from those that the dialect allows."""
        middle = self.lag // 2
        if self.dialect == "anywhere":
            other = torch.randint(0, self.lag - 1, (batch_size,), generator=generator)
            other += other >= cue
        elif cue < middle:
            other = torch.randint(middle, self.lag, (batch_size,), generator=generator)
        else:
            other = torch.randint(0, middle, (batch_size,), generator=generator)
        return torch.stack((torch.full_like(other, cue), other))

    def roles(self, batch: Batch) -> dict[str, Tensor]:
        """Return the marked steps ("cue"), the last one ("recall") and all others ("blank"), [T, B] each."""
        is_cue = batch.inputs[..., 1] == 1
        is_recall = (torch.arange(self.length) == self.length - 1).unsqueeze(1).expand_as(is_cue)
        return {"cue": is_cue, "blank": ~is_cue & ~is_recall, "recall": is_recall}

    @property
    def cue_distances(self) -> list[int]:
        """About DISTANCES integers from 1 to T, evenly spread on a logarithmic scale."""
        return log_spaced(self.lag, DISTANCES)

    def at_lag(self, lag: int) -> "AddingTask":
        """Return the same task on sequences of `lag` steps."""
        return replace(self, lag=lag, cue_distance=None)

    def at_distance(self, distance: int) -> "AddingTask":
        """Return the same task with one marker always `distance` steps before the answer."""
        return replace(self, cue_distance=distance)

    def recall(self, predictions: Tensor, batch: Batch) -> Tensor:
        """Return the squared partial correlation of the answer and the cue's value, given the other value: [1].

        It is 1 where the answer is a + b cue + c other with any b but 0, and less where the answer is not linear or
        depends on anything else; for an answer independent of the cue its expectation over n sequences is 1/(n-2). The
        cue is the marked value at `cue_distance`, or, where none is set, the earlier one.
        """
        values, markers = batch.inputs[..., 0].double(), batch.inputs[..., 1].double()
        steps = markers.argmax(dim=0) if self.cue_distance is None else torch.tensor(self.lag - self.cue_distance)
        cue = values.gather(0, steps.expand(1, values.shape[1])).squeeze(0)
        other = (values * markers).sum(dim=0) - cue
        answer = predictions.squeeze(-1).squeeze(0).double()
        return squared_partial_correlation(cue, answer, control=other).unsqueeze(0)

    @mean_of("squared error")
    def loss(self, predictions: Tensor, targets: Tensor) -> Tensor:
        """Return the mean squared error."""
        return (predictions.squeeze(-1) - targets).square().mean(dim=(0, -1))

    def metrics(self, predictions: Tensor, targets: Tensor) -> dict[str, Tensor]:
        """Return loss (MSE), explained (1 - 6 MSE), implied_window (T times that, in steps) and within_tenth."""
        mse = self.loss(predictions, targets)
        explained = 1 - mse / MEMORYLESS_MSE
        is_within = ((predictions.squeeze(-1) - targets).abs() < TENTH).to(predictions.dtype)
        return {
            "loss": mse,
            "explained": explained,
            "implied_window": self.lag * explained,
            "within_tenth": is_within.mean(dim=(0, -1)),
        }

    def oracle(self, inputs: Tensor) -> Tensor:
        """Sum the values at the marked steps."""
        return (inputs[..., 0] * inputs[..., 1]).sum(dim=0, keepdim=True).unsqueeze(-1)

    def solved(self, metrics: Mapping[str, float]) -> bool:
        """Return whether the MSE is at most 0.01."""
        return metrics["loss"] <= SOLVED_MSE
