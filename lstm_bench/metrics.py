"""Declare recorded numbers: their name, their unit, when they are measured, and of which part of a cell."""

from dataclasses import dataclass, replace

SHARE, STEPS, FACTOR, SECONDS = "share", "steps", "factor per step", "s"
NORMALISED = "share of baseline"  # the unit of a loss over that of the best predictor without memory
INITIAL, FINAL = "initial", "final"  # moments: before the first update, and after the last
MILESTONE = "at_"  # a moment, with the percent of the baseline that the criterion has reached: "at_50"
PATH = "{path}"
COMPARE = "compare/"  # group of the metrics to compare first in MLflow, which sorts groups by name
EVALUATION, CONFIRMATION, TRAINING_LOSS = "eval/", "confirm/", "train/loss"  # two groups of metrics, and a name


@dataclass(frozen=True)
class Metric:
    """The declaration of a number; a record holds the value under its key.

    Args:
        name: group and name, such as "grad/decay"; the path stands where it has "{path}": "gates/{path}_mean".
        unit: "steps", "share", ...; "1" for a bare number.
        moment: when it is measured: "initial", "at_50", ..., "final"; "" for what belongs to the whole of training.
        path: which of several parts it measures: a gate, a part of the state, a distance; "" for the whole cell.
    """

    name: str
    unit: str = "1"
    moment: str = ""
    path: str = ""

    @property
    def key(self) -> str:
        """The metric in results.csv, and in MLflow where it is shown: "grad/decay_c_path_at_50"."""
        name = self.name.replace(PATH, self.path)
        return f"{name}_{self.moment}" if self.moment else name

    def of(self, path: str) -> "Metric":
        """Return the same metric of one gate, or of one part of the state."""
        return replace(self, path=path)

    def at(self, moment: str) -> "Metric":
        """Return the same metric at a moment."""
        return replace(self, moment=moment)


def milestone(percent: int) -> str:
    """Return the moment at which the criterion first has this percent of its baseline."""
    return f"{MILESTONE}{percent}"


def percent_of(moment: str) -> int | None:
    """Return the percent of the baseline of a milestone, None for any other moment."""
    return int(moment.removeprefix(MILESTONE)) if moment.startswith(MILESTONE) else None


def normalised_loss(loss: str) -> str:
    """Return the key of an evaluated loss divided by its memoryless baseline."""
    return f"{EVALUATION}{loss}_share"
