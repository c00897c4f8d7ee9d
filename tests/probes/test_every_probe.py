"""What the rest of the house relies on, for every probe in conf/probe/default.yaml, every cell and every task."""

import dataclasses
import math
from typing import Any

import pytest
import torch
from known_cells import CountingCell, PairCell, PlugIn, every_cell, generator, model_of
from torch import Tensor

from lstm_bench.cells.lstm import LSTMCell
from lstm_bench.config.composing import Invocation, compose_study
from lstm_bench.config.objects import ChosenProbe, chosen_probes
from lstm_bench.engine.model import model_tensors
from lstm_bench.probes.contract import ProbeError
from lstm_bench.records.former_metrics import former_metric
from lstm_bench.tasks.adding import AddingTask
from lstm_bench.tasks.copy import CopyTask
from lstm_bench.tasks.roles import ROLES


def probes() -> dict[str, ChosenProbe]:
    (job,) = compose_study(Invocation(("probe=default",))).jobs
    return chosen_probes(job)


PROBES = probes()
TASKS = {"copy": CopyTask(lag=3, n_symbols=1), "adding": AddingTask(lag=4)}
MAKERS = {**every_cell(but="init"), "PairCell": PairCell}
BARE = {  # numbers without a unit, and flags
    *("gates/state_{path}_rms", "gates/{path}_mean"),
    *(f"gates/{{path}}_at_{role}" for role in ROLES),
    *("memory/capacity_span_open", "memory/half_life_open"),
}
OF_AN_LSTM = ("gate_roles", "conveyor_belt")  # None for any other cell
GROUPS = ("grad/", "memory/", "gates/", "speed/")

each_probe = pytest.mark.parametrize("name", PROBES)
each_probe_of_any_cell = pytest.mark.parametrize("name", [name for name in PROBES if name not in OF_AN_LSTM])
each_task = pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
each_cell = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)


def measure(name: str, cell: Any, task: Any, seed: int = 3, **settings: Any) -> Any:
    return PROBES[name].probe(model_of(cell, task.output_size), task, generator(seed), **settings)


@each_probe
@each_task
@each_cell
def test_a_probe_reads_every_cell_on_every_task(name, task, make):
    model = model_of(make(task.input_size, 4, generator=generator()), task.output_size)
    before = {n: (tensor.clone(), tensor.requires_grad) for n, tensor in model_tensors(model).items()}
    torch.manual_seed(1)
    untouched = torch.get_rng_state()
    probe = PROBES[name].probe
    reading, again = (probe(model, task, generator(3)) for _ in range(2))
    assert torch.equal(torch.get_rng_state(), untouched), "torch's global generator was used"
    assert reading == again, "the generator alone decides"
    if name in OF_AN_LSTM and not hasattr(model.cell, "step_with_gates"):
        assert reading is None
        return
    assert dataclasses.is_dataclass(reading)
    assert reading.__dataclass_params__.frozen
    assert reading.metrics()
    for metric, value in reading.metrics().items():
        assert type(value) is float
        assert math.isfinite(value), metric
        assert metric.key.startswith(GROUPS)
        assert metric.unit != "1" or metric.name in BARE
    assert reading.curves()
    for quantity, curve in reading.curves().items():
        assert len(curve.at) == len(curve.values), quantity
        assert all(type(value) is float for value in curve.values)
    for n, tensor in model_tensors(model).items():
        values, requires_grad = before[n]
        assert torch.equal(tensor, values)
        assert (tensor.dtype, tensor.requires_grad, tensor.grad) == (values.dtype, requires_grad, None)


@each_probe
@pytest.mark.parametrize("moment", ["initial", "at_75", "final"])
def test_a_record_of_an_earlier_version_tells_from_a_key_what_its_probe_declares(name, moment):
    reading = measure(name, LSTMCell(2, 4, generator=generator()), AddingTask(lag=8))
    for metric in reading.metrics():
        assert former_metric(metric.at(moment).key, {}) == metric.at(moment)


@each_probe
def test_another_draw_gives_another_reading(name):
    cell_type = LSTMCell if name in OF_AN_LSTM else PairCell
    cell, task = cell_type(2, 4, generator=generator()), AddingTask(lag=8)
    assert measure(name, cell, task, seed=1) != measure(name, cell, task, seed=2)


def refusal(name: str, cell: Any, task: Any, **settings: Any) -> str:
    with pytest.raises(ProbeError) as refused:
        measure(name, cell, task, **settings)
    return str(refused.value)


@each_probe
@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize(("owner", "tensor"), [("cell", "inward"), ("readout", "weight")])
def test_weights_that_are_not_finite_are_named(name, owner, tensor, value):
    """Also where a plug-in calls a parameter as the read-out calls its own."""
    model = model_of(PairCell(2, 4, generator=generator()))
    getattr(getattr(model, owner), tensor).data[-1, -1] = value
    with pytest.raises(ProbeError) as refused:
        PROBES[name].probe(model, AddingTask(4), generator())
    assert str(refused.value) == f"{name}: {owner}.{tensor} is not finite: allowed: finite numbers"


@pytest.mark.parametrize("name", ["gradient_flow", "jacobian", "lyapunov"])
def test_a_part_of_whole_numbers_has_no_derivative(name):
    message = refusal(name, CountingCell(2, 4), AddingTask(4))
    met = "part s1 of the state at step 0 is int64"
    assert message == f"{name}: {met}: allowed: floating-point or complex numbers, which have a derivative"


@pytest.mark.parametrize("name", sorted(set(PROBES) - {"gradient_flow", "jacobian", "lyapunov", *OF_AN_LSTM}))
def test_who_needs_no_derivative_reads_a_cell_that_counts(name):
    assert measure(name, CountingCell(2, 4), AddingTask(4)) is not None


class OneStepTask(AddingTask):
    """A plug-in task with sequences of a single step."""

    def sample(self, batch_size: int, generator: torch.Generator) -> Any:
        batch = super().sample(batch_size, generator)
        return batch._replace(inputs=batch.inputs[:1])


@pytest.mark.parametrize("name", ["gradient_flow", "jacobian"])
def test_a_single_step_has_no_flow(name):
    message = refusal(name, PairCell(2, 4, generator=generator()), OneStepTask(4))
    assert message == f"{name}: a sequence of 1 steps: allowed: at least 2 steps"


@pytest.mark.parametrize(
    ("name", "setting", "value", "allowed"),
    [
        ("gradient_flow", "examples", 0, "at least 1"),
        ("memory_capacity", "delays", 0, "at least 1"),
        ("memory_capacity", "steps", 1, "at least 2 steps after the delays"),
        ("lyapunov", "steps", 0, "at least 1"),
        ("lyapunov", "exponents", 0, "at least 1"),
        ("lyapunov", "settling", -1, "at least 0"),
        ("forgetting", "sequences", 2, "at least 3"),
        ("length_generalisation", "sequences", 0, "at least 1"),
        ("state_and_gates", "examples", 0, "at least 1"),
        ("gate_roles", "examples", 0, "at least 1"),
        ("conveyor_belt", "examples", 0, "at least 1"),
    ],
)
def test_too_few_of_anything_is_named_with_what_is_allowed(name, setting, value, allowed):
    message = refusal(name, PairCell(2, 4, generator=generator()), AddingTask(4), **{setting: value})
    assert message == f"{name}: {setting}={value}: allowed: {allowed}"


def test_as_few_as_are_allowed_are_enough():
    cell, task = PairCell(2, 4, generator=generator()), AddingTask(4)
    assert measure("gradient_flow", cell, task, examples=1)
    assert measure("memory_capacity", cell, task, delays=1, steps=2)
    assert measure("lyapunov", cell, task, steps=1, exponents=1, settling=0)
    assert measure("forgetting", cell, task, sequences=3)
    assert measure("length_generalisation", cell, task, sequences=1)
    assert measure("state_and_gates", cell, task, examples=1)


class RunawayCell(PlugIn):
    """h' = h^2 + 2: from finite weights out of the numbers within a dozen steps."""

    def step(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        h = state.square() + 2
        return h, h


@each_probe_of_any_cell
def test_a_state_or_an_answer_that_leaves_the_numbers_is_told(name):
    message = refusal(name, RunawayCell(2, 3), AddingTask(40))
    assert message.startswith(f"{name}: ")
    assert message.endswith(" is not finite: allowed: finite numbers")
