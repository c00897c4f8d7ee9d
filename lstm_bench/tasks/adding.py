"""Adding: remember two marked numbers among many and say their sum."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal, get_args

import torch
from torch import Generator, Tensor

from lstm_bench.checks import at_least, one_of
from lstm_bench.tasks.contract import Batch

MEMORYLESS_MSE = 1 / 6  # variance of the sum of two independent U[0, 1]
SOLVED_MSE = 0.01
Dialect = Literal["half", "anywhere"]


@dataclass(frozen=True)
class AddingTask:
    """Say the sum of the two marked values after the last of T steps.

    With T = 8, dialect `half`, target 0.9 + 0.4 = 1.3:

        time      0   1   2   3   4   5   6   7
        value    .3  .9  .1  .6  .7  .2  .4  .8
        marker    0   1   0   0   0   0   1   0
        target                                1.3

    Values are U[0, 1]. `half` puts one marker uniformly in each half (the first half has T // 2 steps), `anywhere`
    draws two distinct steps uniformly. The loss is the mean squared error at the last step; `explained` is
    1 - 6 MSE, the share of the target's variance that the answer accounts for.

    Memoryless baselines (closed form): MSE 1/6, explained 0. Remembering one of the two values gives 1/12, explained
    1/2; seeing only the last k of T steps gives (1/6)(1 - k/T), so T * explained is the implied
    window in steps (exact for even T in `half`, whose halves differ by a step for odd T).
    Solved: MSE <= 0.01.

    Args:
        lag: T, the length of the sequence.
        dialect: where the markers may stand.

    Raises: ValueError for a lag below 2 or an unknown dialect.
    Shapes: inputs [T, B, 2] (value, marker); targets [1, B]; predictions [1, B, 1].
    References: Hochreiter & Schmidhuber 1997; Le, Jaitly & Hinton 2015 (half); Bai, Kolter & Koltun 2018 (anywhere).
    """

    lag: int
    dialect: Dialect = "half"

    input_size: ClassVar = 2
    output_size: ClassVar = 1
    predicted_steps: ClassVar = 1
    score: ClassVar = "explained"
    criterion: ClassVar = "loss"
    description: ClassVar = (
        "Of the random numbers in a sequence two are marked, and their sum must be said after the last; the lag is the "
        "length of the sequence."
    )
    solved_rule: ClassVar = "mean squared error at most 0.01"
    solved_share: ClassVar = SOLVED_MSE / MEMORYLESS_MSE
    units: ClassVar = {"loss": "squared error", "explained": "share"}

    def __post_init__(self) -> None:
        at_least(2, lag=self.lag)
        one_of(get_args(Dialect), dialect=self.dialect)

    @property
    def length(self) -> int:
        """T, the lag itself."""
        return self.lag

    @property
    def variant(self) -> str:
        """The dialect."""
        return self.dialect

    @property
    def baselines(self) -> dict[str, float]:
        """What the constant answer 1 reaches."""
        return {"loss": MEMORYLESS_MSE, "explained": 0.0}

    def sample(self, batch_size: int, generator: Generator) -> Batch:
        """Draw sequences of fresh values and markers."""
        values = torch.rand(self.lag, batch_size, generator=generator)
        markers = torch.zeros(self.lag, batch_size)
        markers.scatter_(0, self._marked_steps(batch_size, generator), 1.0)
        inputs = torch.stack((values, markers), dim=-1)
        return Batch(inputs, (inputs[..., 0] * inputs[..., 1]).sum(dim=0, keepdim=True))

    def _marked_steps(self, batch_size: int, generator: Generator) -> Tensor:
        if self.dialect == "half":
            middle = self.lag // 2
            first = torch.randint(0, middle, (batch_size,), generator=generator)
            second = torch.randint(middle, self.lag, (batch_size,), generator=generator)
        else:
            first = torch.randint(0, self.lag, (batch_size,), generator=generator)
            second = torch.randint(0, self.lag - 1, (batch_size,), generator=generator)
            second += second >= first
        return torch.stack((first, second))

    def loss(self, predictions: Tensor, targets: Tensor) -> Tensor:
        """Return the mean squared error."""
        return (predictions.squeeze(-1) - targets).square().mean(dim=(0, -1))

    def metrics(self, predictions: Tensor, targets: Tensor) -> dict[str, Tensor]:
        """Return loss (MSE) and explained (1 - 6 MSE)."""
        mse = self.loss(predictions, targets)
        return {"loss": mse, "explained": 1 - mse / MEMORYLESS_MSE}

    def oracle(self, inputs: Tensor) -> Tensor:
        """Sum the values at the marked steps."""
        return (inputs[..., 0] * inputs[..., 1]).sum(dim=0, keepdim=True).unsqueeze(-1)

    def solved(self, metrics: Mapping[str, float]) -> bool:
        """Ask for an MSE of at most 0.01."""
        return metrics["loss"] <= SOLVED_MSE
