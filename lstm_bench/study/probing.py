"""Run the probes on a member at the moments that its study sets."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from torch import Generator, Tensor, nn

from lstm_bench.config.objects import ChosenProbe, Moment
from lstm_bench.engine.global_generators import seeded_generators
from lstm_bench.engine.model import Model, load_weights, model_tensors
from lstm_bench.engine.run import Run
from lstm_bench.metrics import FINAL, INITIAL, SECONDS, Metric, milestone
from lstm_bench.probes.contract import Probe, ProbeError, Reading
from lstm_bench.records.former_metrics import former_metric
from lstm_bench.records.store import TABLE_COLUMNS
from lstm_bench.tasks.contract import Task

if TYPE_CHECKING:  # a worker trains before it imports pandas, which takes a third of a second
    import pandas as pd

PROBING_TIME = Metric("train/probe_s", SECONDS)


class Stage(NamedTuple):
    """A moment of a member: its name in the records, its step, the entries of `at` that select it, and the weights."""

    name: str
    step: int
    kinds: Sequence[Moment]
    weights: dict[str, Tensor]


@dataclass
class Findings:
    """The readings of all probes of one member, in the form of the records."""

    metrics: dict[Metric, float] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    tables: "list[pd.DataFrame]" = field(default_factory=list)

    @property
    def table(self) -> "pd.DataFrame":
        """All curves, with the columns of `probes` in the records."""
        import pandas as pd

        return pd.concat(self.tables) if self.tables else pd.DataFrame(columns=list(TABLE_COLUMNS["probes"]))


def stages(initial: Model, run: Run) -> Iterator[Stage]:
    """Yield the moments of a member in order: its start, the milestones that it reached, its end."""
    yield Stage(INITIAL, 0, ("initial",), {name: tensor.clone() for name, tensor in model_tensors(initial).items()})
    for percent, (step, weights) in sorted(run.milestones.items(), reverse=True):
        yield Stage(milestone(percent), step, ("milestones",), weights)
    if run.status != "untrained":
        yield Stage(FINAL, run.steps, ("final", "solved") if run.status == "solved" else ("final",), run.weights)


def probe_member(
    probes: dict[str, ChosenProbe],
    task: Task,
    model: Model,
    run: Run,
    generator_seed: int,
    raise_if_stopped: Callable[[], None] = lambda: None,
) -> Findings:
    """Return the readings of each probe at each of its moments, and an error for each reading that failed.

    A probe draws the same numbers at every moment, so that only the member differs. Milestones that were reached at
    one evaluation share their weights and are measured once. `train/probe_s` is the processor time of all probes.

    Args:
        probes: the probes by name.
        task: the task that the member was trained on.
        model: the member as it started; its weights are overwritten.
        run: the results of the member.
        generator_seed: the seed of every probe's draws.
        raise_if_stopped: called before each probe; an exception that it raises ends the probing.
    """
    findings, started = Findings(), time.process_time()
    readings: dict[tuple[str, int, bool], _Noted | str | None] = {}
    for stage in stages(model, run):
        load_weights(model, stage.weights)
        for name, chosen in probes.items():
            if not set(stage.kinds) & set(chosen.at):
                continue
            key = name, stage.step, stage.name == INITIAL
            if key not in readings:
                raise_if_stopped()
                readings[key] = _measure(chosen.probe, model, task, Generator().manual_seed(generator_seed))
            _note(findings, name, stage, readings[key])
    findings.metrics[PROBING_TIME] = time.process_time() - started
    return findings


class _Noted(NamedTuple):
    """The metrics of a reading, and its curves as columns."""

    metrics: dict[Metric, float]
    curves: list[dict[str, Any]]


def _measure(probe: Probe, model: Model, task: Task, generator: Generator) -> _Noted | str | None:
    """Return a probe's reading, or the reason why it failed, since a failing probe must not cost a trained member.

    A plug-in runs in evaluation mode; where it draws from torch's, NumPy's or Python's global generator, that is seeded
    with the probe's seed.
    """
    try:
        cast(nn.Module, model.cell).eval()
        with seeded_generators(generator.initial_seed()):
            reading = probe(model, task, generator)
        return None if reading is None else _Noted(_metrics(reading), _columns(reading))
    except ProbeError as error:
        return str(error)
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def _metrics(reading: Reading) -> dict[Metric, float]:
    """Return the numbers of a reading by metric; a plug-in may return keys in place of metrics."""
    return {
        former_metric(metric, {}) if isinstance(metric, str) else metric: float(value)
        for metric, value in reading.metrics().items()
    }


def _columns(reading: Reading) -> list[dict[str, Any]]:
    return [
        {"quantity": quantity, "at": list(map(float, curve.at)), "value": list(map(float, curve.values))}
        for quantity, curve in reading.curves().items()
    ]


def _note(findings: Findings, probe: str, stage: Stage, reading: _Noted | str | None) -> None:
    import pandas as pd

    if isinstance(reading, str):
        findings.errors[f"{probe} {stage.name}"] = reading
    elif reading is not None:
        findings.metrics |= {metric.at(stage.name): value for metric, value in reading.metrics.items()}
        labels = {"moment": stage.name, "step": stage.step, "probe": probe}
        findings.tables += [pd.DataFrame(labels | columns) for columns in reading.curves]
