"""The base of tasks whose answers are classes at certain steps: the loss, the scores and the rule of `solved`."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

from torch import Tensor

from lstm_bench.tasks.contract import mean_of
from lstm_bench.tasks.masking import cross_entropies, masked_mean

CERTAIN = 1000.0  # a logit that leaves exactly no probability to any other class, in float32 and in float64


class ClassAnswers(ABC):
    """The base of tasks with C classes, one right at each valid target; targets of other steps are IGNORE_INDEX.

    The loss is the mean cross-entropy in nats over the valid targets, `accuracy` the share of them whose class is the
    most probable one. Solved: accuracy at least `least_accuracy`, and loss at most `solved_share` of its baseline.
    """

    score: ClassVar = "accuracy"
    criterion: ClassVar = "loss"
    units: ClassVar = {"loss": "nats", "accuracy": "share"}
    least_accuracy: ClassVar[float] = 0.99
    solved_share: ClassVar[float] = 0.1
    softer: ClassVar[Mapping[str, tuple[float, ...]]] = {"accuracy": (0.95, 0.9)}

    @property
    @abstractmethod
    def baselines(self) -> Mapping[str, float]:
        """What the best memoryless predictor reaches in loss and accuracy."""

    @property
    def solved_rule(self) -> str:
        """The rule with its numbers."""
        return f"accuracy at least {self.least_accuracy} and cross-entropy at most {self.solved_share} of its baseline"

    @mean_of("cross entropy")
    def loss(self, predictions: Tensor, targets: Tensor) -> Tensor:
        """Return the mean cross-entropy of the answers, in nats."""
        return masked_mean(cross_entropies(predictions, targets.clamp_min(0)), targets)

    def metrics(self, predictions: Tensor, targets: Tensor) -> dict[str, Tensor]:
        """Return loss (nats) and accuracy (share of the answers)."""
        is_best = (predictions.argmax(dim=-1) == targets).to(predictions.dtype)
        return {"loss": self.loss(predictions, targets), "accuracy": masked_mean(is_best, targets)}

    def solved(self, metrics: Mapping[str, float]) -> bool:
        """Return whether the accuracy is high and the loss low enough, by the thresholds of the class."""
        largest_loss = self.solved_share * self.baselines["loss"]
        return metrics["accuracy"] >= self.least_accuracy and metrics["loss"] <= largest_loss


def above_chance(share: Tensor, chance: float) -> Tensor:
    """Return (a - c) / (1 - c): 1 for a share of 1, 0 for chance."""
    return (share - chance) / (1 - chance)
