"""When a member is probed, with which weights and which draws, and what is kept where a probe fails."""

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from torch import Generator, Tensor

from lstm_bench.cells.lstm import LSTMCell
from lstm_bench.config.objects import ChosenProbe
from lstm_bench.engine.model import Model, make_model, model_tensors
from lstm_bench.engine.run import Run, Snapshot
from lstm_bench.engine.seeds import Member
from lstm_bench.metrics import Metric
from lstm_bench.probes.contract import Curve, ProbeError
from lstm_bench.probes.gradient_flow import gradient_flow
from lstm_bench.records.store import TABLE_COLUMNS
from lstm_bench.study.probing import Findings, probe_member, stages
from lstm_bench.tasks.adding import AddingTask

TASK = AddingTask(4)
ALWAYS = ["initial", "milestones", "final", "solved"]


def model() -> Model:
    return make_model(TASK, lambda g: LSTMCell(2, 3, generator=g), Generator().manual_seed(0))


def weights(value: float) -> dict[str, Tensor]:
    """Return weights that can be told by their value."""
    return {name: torch.full_like(tensor, value) for name, tensor in model_tensors(model()).items()}


def run(status: Any = "learning", milestones: Mapping[int, Snapshot] | None = None, final: float = 9.0) -> Run:
    """Return a member that trained for 60 steps and ended with weights of this value."""
    return Run(Member("report", 0, 1e-2), status, 60, weights=weights(final), milestones=dict(milestones or {}))


def snapshot(step: int, value: float) -> Snapshot:
    return Snapshot(step, weights(value))


@dataclass(frozen=True)
class Noted:
    """A reading of one number, by its key alone, and its curve."""

    value: float

    def metrics(self) -> dict[str, float]:
        return {"grad/noted": self.value}

    def curves(self) -> dict[str, Curve]:
        return {"all": Curve(range(1, 3), [self.value, -self.value]), "none": Curve([], [])}


class Watching:
    """A probe that notes the weights and the draws that it was given."""

    def __init__(self) -> None:
        self.weights: list[float] = []
        self.draws: list[float] = []

    def __call__(self, model: Model, task: Any, generator: Generator) -> Noted:
        (value,) = {round(float(t.detach().double().mean()), 6) for t in model_tensors(model).values()}
        self.weights.append(value)
        self.draws.append(float(torch.rand((), generator=generator)))
        return Noted(value)


def by_key(findings: Findings) -> dict[str, float]:
    return {metric.key: value for metric, value in findings.metrics.items()}


def probe(at: list[Any], run: Run, *, seed: int = 5) -> tuple[Watching, Findings]:
    """Probe a member that starts with weights of 1."""
    watching, started = Watching(), model()
    for tensor in model_tensors(started).values():
        tensor.detach().fill_(1.0)
    return watching, probe_member({"watching": ChosenProbe(watching, at)}, TASK, started, run, seed)


MILESTONES = {100: snapshot(10, 2.0), 75: snapshot(10, 2.0), 50: snapshot(30, 3.0), 10: snapshot(60, 9.0)}


def test_stages_are_the_start_the_milestones_in_order_and_the_end():
    reached = {10: snapshot(40, 4.0), 100: snapshot(0, 1.0), 50: snapshot(30, 3.0)}
    moments = list(stages(model(), run("solved", reached)))
    assert [(stage.name, stage.step, list(stage.kinds)) for stage in moments] == [
        ("initial", 0, ["initial"]),
        ("at_100", 0, ["milestones"]),
        ("at_50", 30, ["milestones"]),
        ("at_10", 40, ["milestones"]),
        ("final", 60, ["final", "solved"]),
    ]


@pytest.mark.parametrize("status", ["learning", "plateau", "diverged"])
def test_only_a_member_that_solved_is_solved_at_its_end(status):
    *_, last = stages(model(), run(status))
    assert (last.name, list(last.kinds)) == ("final", ["final"])


def test_a_member_that_was_not_trained_has_no_end():
    assert [stage.name for stage in stages(model(), run("untrained"))] == ["initial"]


def test_the_start_is_kept_from_what_is_loaded_after_it():
    started = model()
    expected = {name: tensor.clone() for name, tensor in model_tensors(started).items()}
    for stage in stages(started, run()):
        if stage.name == "initial":
            initial = stage.weights
        for tensor in model_tensors(started).values():
            tensor.detach().fill_(5.0)
    assert all(torch.equal(initial[name], tensor) for name, tensor in expected.items())


def test_each_stage_is_measured_with_its_own_weights_and_is_recorded_under_its_name():
    watching, findings = probe(ALWAYS, run("solved", MILESTONES))
    values = {"initial": 1.0, "at_100": 2.0, "at_75": 2.0, "at_50": 3.0, "at_10": 9.0, "final": 9.0}
    assert by_key(findings).items() >= {f"grad/noted_{name}": value for name, value in values.items()}.items()
    assert watching.weights == [1.0, 2.0, 3.0, 9.0]  # what shares a step was measured once
    assert findings.errors == {}


def test_a_member_draws_the_same_at_every_moment_and_another_draws_otherwise():
    draws = probe(ALWAYS, run("solved", MILESTONES))[0].draws
    assert draws == [draws[0]] * 4
    assert probe(ALWAYS, run(), seed=5)[0].draws[0] == draws[0]
    assert probe(ALWAYS, run(), seed=6)[0].draws[0] != draws[0]


@pytest.mark.parametrize(
    ("at", "status", "names"),
    [
        (["initial"], "solved", ["initial"]),
        (["milestones"], "solved", ["at_100", "at_75", "at_50", "at_10"]),
        (["final"], "learning", ["final"]),
        (["solved"], "solved", ["final"]),
        (["solved"], "learning", []),
        (["final", "solved"], "solved", ["final"]),
        (["initial", "final"], "plateau", ["initial", "final"]),
        ([], "solved", []),
    ],
)
def test_a_probe_is_used_at_the_moments_that_it_is_asked_for(at, status, names):
    _, findings = probe(at, run(status, MILESTONES))
    assert [name for name in by_key(findings) if name.startswith("grad/")] == [f"grad/noted_{name}" for name in names]
    assert list(findings.table["moment"].unique()) == names


def test_the_table_has_the_columns_of_the_records_and_a_row_for_each_point():
    _, findings = probe(["initial", "milestones"], run("learning", {75: snapshot(20, 2.0)}))
    assert list(findings.table.columns) == list(TABLE_COLUMNS["probes"])
    assert findings.table.to_numpy().tolist() == [
        ["initial", 0, "watching", "all", 1.0, 1.0],
        ["initial", 0, "watching", "all", 2.0, -1.0],
        ["at_75", 20, "watching", "all", 1.0, 2.0],
        ["at_75", 20, "watching", "all", 2.0, -2.0],
    ]


def test_without_probes_the_table_is_empty_and_has_its_columns():
    findings = probe_member({}, TASK, model(), run(), 0)
    assert (list(findings.table.columns), len(findings.table)) == (list(TABLE_COLUMNS["probes"]), 0)


def cannot(*_: Any) -> None:
    raise ProbeError("cannot: a thing: allowed: another")


def broken(*_: Any) -> None:
    raise ZeroDivisionError("by zero")


class Torn(Noted):
    """A reading whose curve cannot be told."""

    def curves(self) -> dict[str, Curve]:
        raise OverflowError("too long")


def test_a_probe_that_fails_is_an_error_of_its_own_and_costs_no_other():
    watching, nothing = Watching(), lambda *_: None

    def torn(*_: Any) -> Torn:
        return Torn(3.0)

    probes = {"cannot": cannot, "broken": broken, "torn": torn, "nothing": nothing, "watching": watching}
    chosen = {name: ChosenProbe(p, ["initial", "final"]) for name, p in probes.items()}
    started = model()
    for tensor in model_tensors(started).values():
        tensor.detach().fill_(1.0)
    findings = probe_member(chosen, TASK, started, run(), 5)
    assert findings.errors == {
        "cannot initial": "cannot: a thing: allowed: another",
        "broken initial": "ZeroDivisionError: by zero",
        "torn initial": "OverflowError: too long",
        "cannot final": "cannot: a thing: allowed: another",
        "broken final": "ZeroDivisionError: by zero",
        "torn final": "OverflowError: too long",
    }
    assert {name for name in by_key(findings) if name.startswith("grad/")} == {"grad/noted_initial", "grad/noted_final"}
    assert watching.weights == [1.0, 9.0]


@dataclass(frozen=True)
class Declared(Noted):
    """A reading that declares its number, with a unit and a path."""

    def metrics(self) -> dict[Metric, float]:
        return {Metric("grad/noted_{path}", "metres", path="left"): self.value}


def test_a_number_keeps_what_its_probe_declares_and_gets_the_moment():
    chosen = {"declared": ChosenProbe(lambda *_: Declared(2.0), ["final"])}
    findings = probe_member(chosen, TASK, model(), run(), 5)
    assert findings.metrics.items() >= {Metric("grad/noted_{path}", "metres", "final", "left"): 2.0}.items()


def test_an_error_at_milestones_that_share_a_step_is_noted_under_each_name():
    findings = probe_member(
        {"broken": ChosenProbe(broken, ["milestones"])}, TASK, model(), run(milestones=MILESTONES), 5
    )
    assert list(findings.errors) == ["broken at_100", "broken at_75", "broken at_50", "broken at_10"]


def test_a_member_that_diverged_is_measured_at_its_start_and_told_at_its_end():
    chosen = {"gradient_flow": ChosenProbe(gradient_flow, ["initial", "final"])}
    findings = probe_member(chosen, TASK, model(), run("diverged", final=math.nan), 5)
    assert findings.errors == {
        "gradient_flow final": "gradient_flow: cell.weight_ih is not finite: allowed: finite numbers"
    }
    assert "grad/decay_initial" in by_key(findings)
    assert set(findings.table["moment"]) == {"initial"}


def test_what_is_recorded_of_a_stage_is_what_the_probe_finds_of_such_a_model():
    chosen, started = {"gradient_flow": ChosenProbe(gradient_flow, ["initial"])}, model()
    expected = gradient_flow(model(), TASK, Generator().manual_seed(5))
    findings = probe_member(chosen, TASK, started, run(), 5)
    assert findings.metrics.items() >= {metric.at("initial"): v for metric, v in expected.metrics().items()}.items()
    for quantity, curve in expected.curves().items():
        rows = findings.table[findings.table["quantity"] == quantity]
        assert rows["value"].tolist() == list(curve.values)
        assert rows["at"].tolist() == list(curve.at)


class ModalCell(torch.nn.Module):
    """A plug-in that says in which mode it is, and draws from NumPy and Python."""

    def __init__(self, input_size: int, hidden_size: int, *, generator: Generator | None = None) -> None:
        super().__init__()
        self.input_size, self.hidden_size = input_size, hidden_size
        self.weight = torch.nn.Parameter(torch.rand(hidden_size, input_size, generator=generator))

    def initial_state(self, batch_size: int) -> Tensor:
        return self.weight.new_zeros(batch_size, self.hidden_size)

    def step(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        noise = np.random.random() * random.random()
        return state + noise + x @ self.weight.T, state + self.training


def mode_and_draws(model: Model, task: Any, generator: Generator) -> Noted:
    cell: Any = model.cell
    output, state = cell.step(torch.zeros(1, 2), cell.initial_state(1))
    return Noted(float((output.sum() + 1000 * state.sum()).detach()))


def test_a_plug_in_is_probed_in_evaluation_mode_with_draws_of_the_probes_own():
    chosen = {"mode": ChosenProbe(mode_and_draws, ["initial"])}
    values = []
    for seed in (5, 5, 6):
        started = make_model(TASK, lambda g: ModalCell(2, 3, generator=g), Generator().manual_seed(0))
        started.cell.train()
        values.append(by_key(probe_member(chosen, TASK, started, run("untrained"), seed))["grad/noted_initial"])
    assert values[0] == values[1] != values[2]
    assert max(values) < 100
