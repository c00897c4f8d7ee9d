"""Forgetting: recall of a cue by a trained model against the number of steps since the cue."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from lstm_bench.engine.model import Model, predict
from lstm_bench.metrics import STEPS, Metric
from lstm_bench.probes.contract import Curve, need, need_finite, need_finite_weights
from lstm_bench.tasks.contract import Task, scored

PROBE = "forgetting"
HALF = 0.5
HALF_LIFE, IS_LOWER_BOUND = Metric("memory/half_life", STEPS), Metric("memory/half_life_open")


@dataclass(frozen=True)
class Forgetting:
    """Recall of each cue at each distance [distances][cues]: 1 is all of it, 0 what a memoryless model reaches."""

    distances: list[int]
    recalls: list[list[float]]

    @property
    def mean_recall(self) -> list[float]:
        """The recall at each distance, over all cues of a sequence."""
        return [sum(cues) / len(cues) for cues in self.recalls]

    @property
    def half_life(self) -> float:
        """Steps after which half is left; see `half_life`."""
        return half_life(self.distances, self.mean_recall)

    def metrics(self) -> dict[Metric, float]:
        """Return the half-life, or the longest distance tried with `memory/half_life_open` 1 where it is longer."""
        is_longer = math.isinf(self.half_life)
        steps = float(self.distances[-1]) if is_longer else self.half_life
        return {HALF_LIFE: steps, IS_LOWER_BOUND: float(is_longer)}

    def curves(self) -> dict[str, Curve]:
        """Return recall against distance, "recall", and of each cue alone where a sequence has several."""
        by_cue = list(zip(*self.recalls, strict=True))
        single = {f"recall of cue {place}": cue for place, cue in enumerate(by_cue, start=1) if len(by_cue) > 1}
        return {name: Curve(self.distances, values) for name, values in ({"recall": self.mean_recall} | single).items()}


def forgetting(model: Model, task: Task, generator: Generator, sequences: int = 300) -> Forgetting:
    """Measure recall with the model's own read-out at each of the task's cue distances, on fresh sequences.

    On copy the lag itself is changed, and recall is (accuracy - 1/8) / (7/8) of each letter; on adding the sequence
    stays as it was and one of the markers is put at the distance, and recall is the squared partial correlation of the
    answer with that value. So on adding every distance was met in training, on copy only one.

    Costs one evaluation for each distance, in float32 by the cell's kernel: 60 ms for an LSTM on copy at lag 16
    with H = 64, one thread of an AMD EPYC.

    Raises: ProbeError for fewer than 3 sequences, or weights or answers that are not finite.
    """
    need(sequences >= 3, PROBE, f"sequences={sequences}", "at least 3")
    need_finite_weights(PROBE, model)
    task = scored(task)
    distances = list(task.cue_distances)
    return Forgetting(distances, [_recall(model, task.at_distance(d), generator, sequences) for d in distances])


@torch.no_grad()
def _recall(model: Model, task: Task, generator: Generator, sequences: int) -> list[float]:
    batch = task.sample(sequences, generator)
    predictions: Tensor = predict(model, batch.inputs, task.predicted_steps)
    need_finite(PROBE, **{f"an answer at length {task.length}": predictions})
    recalls: list[float] = task.recall(predictions, batch).tolist()
    return recalls


def half_life(distances: Sequence[int], recalls: Sequence[float]) -> float:
    """Return the distance at which recall falls to one half, beyond the one where it is highest.

    Between the two distances where it passes one half, recall is taken to be linear in the logarithm of the distance.
    0 where it is below one half everywhere, inf where it stays above until the longest distance. It starts from the
    highest because a model trained at one distance need not recall at shorter ones.
    """
    best = max(range(len(recalls)), key=lambda place: recalls[place])
    if recalls[best] < HALF:
        return 0.0
    for place in range(best, len(recalls) - 1):
        before, after = recalls[place], recalls[place + 1]
        if after < HALF:
            ln_a, ln_b = math.log(distances[place]), math.log(distances[place + 1])
            return math.exp(ln_a + (ln_b - ln_a) * (before - HALF) / (before - after))
    return math.inf
