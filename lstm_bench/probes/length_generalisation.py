"""Length generalisation: the metrics of a model at other lags than the one it was trained on."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Generator

from lstm_bench.engine.model import Model, predict
from lstm_bench.metrics import SHARE, Metric
from lstm_bench.probes.contract import Curve, need, need_finite, need_finite_weights
from lstm_bench.tasks.contract import Task, scored

PROBE = "length_generalisation"
MULTIPLES = (0.5, 1.0, 2.0, 4.0)  # of the lag trained on
SCORE = Metric("memory/score_at_{path}", SHARE)  # a perfect memory scores 1


@dataclass(frozen=True)
class LengthGeneralisation:
    """The task's metrics, by the multiple of the lag that was trained on.

    `score` is the one that a perfect memory brings to 1. Lags are rounded; one that the task does not have is left
    out.
    """

    score: str
    measured: dict[float, dict[str, float]]

    @property
    def scores(self) -> dict[float, float]:
        """The score at each multiple."""
        return {multiple: metrics[self.score] for multiple, metrics in self.measured.items()}

    def metrics(self) -> dict[Metric, float]:
        """Return the score at each multiple."""
        return {SCORE.of(f"{multiple:g}x"): score for multiple, score in self.scores.items()}

    def curves(self) -> dict[str, Curve]:
        """Return the score against the multiple, and every other metric of the task by its name."""
        others = [name for name in next(iter(self.measured.values()), {}) if name != self.score]
        names = {"score": self.score} | {name: name for name in others}
        return {quantity: Curve(list(self.measured), self._values(name)) for quantity, name in names.items()}

    def _values(self, name: str) -> list[float]:
        return [metrics[name] for metrics in self.measured.values()]


def length_generalisation(model: Model, task: Task, generator: Generator, sequences: int = 500) -> LengthGeneralisation:
    """Measure the task's metrics at half, once, twice and four times its lag, on fresh sequences.

    Costs one evaluation for each, in float32 by the cell's kernel: 60 ms for an LSTM on copy at lag 16 with H = 64,
    one thread of an AMD EPYC.

    Raises: ProbeError for no sequences, or weights or answers that are not finite.
    """
    need(sequences >= 1, PROBE, f"sequences={sequences}", "at least 1")
    need_finite_weights(PROBE, model)
    measured = {multiple: _metrics(model, at_lag, generator, sequences) for multiple, at_lag in _tasks(scored(task))}
    return LengthGeneralisation(task.score, measured)


def _tasks(task: Task) -> Iterator[tuple[float, Task]]:
    for multiple in MULTIPLES:
        try:
            yield multiple, task.at_lag(round(task.lag * multiple))
        except ValueError:
            continue


@torch.no_grad()
def _metrics(model: Model, task: Task, generator: Generator, sequences: int) -> dict[str, float]:
    batch = task.sample(sequences, generator)
    predictions = predict(model, batch.inputs, task.predicted_steps)
    need_finite(PROBE, **{f"an answer at lag {task.lag}": predictions})
    return {name: float(value) for name, value in task.metrics(predictions, batch.targets).items()}
