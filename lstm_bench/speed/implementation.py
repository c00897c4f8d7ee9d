"""Ways to train one job: the engine, torch.nn's layer, and a plain loop."""

import importlib.util
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Generator, Tensor, nn

from lstm_bench.cells.registry import StockLayer, stock_layer
from lstm_bench.config.objects import cell_maker, make_task
from lstm_bench.config.schema import JobConfig
from lstm_bench.engine.drawing import Drawing
from lstm_bench.engine.model import MakeCell, make_model
from lstm_bench.engine.population import Population
from lstm_bench.engine.seeds import Member, generator
from lstm_bench.engine.settings import KernelChoice
from lstm_bench.records.plan import JobPlan
from lstm_bench.tasks.contract import Task

PLAIN_LOOP_FILE = Path(__file__).resolve().parents[2] / "experiments" / "speed" / "plain_loop.py"
Step = Callable[[], object]
MakeStep = Callable[[JobConfig, int], Step]  # from a job and how many members train together
Batch = TypeVar("Batch")


@dataclass(frozen=True)
class Implementation:
    """One way to train a job: what makes its step, and in how many processes of how many threads it runs.

    Attributes:
        job: what is trained.
        plan: the same job as its study plans it.
        name: the name in the records.
        make: makes a training step.
        kernel: the name of what computes.
        members: models that a step trains together.
        processes: how many train at once.
        threads: of each process.
        prepared: whether processes have the settings of the engine's workers; see `WorkerPool`.
    """

    job: JobConfig
    plan: JobPlan
    name: str
    make: MakeStep
    kernel: str
    members: int = 1
    processes: int = 1
    threads: int = 1
    prepared: bool = True


def engine_step(
    job: JobConfig, members: int, *, kernel: KernelChoice | None = None, computation_only: bool = False
) -> Step:
    """Return a training step of the engine for some members together.

    Args:
        job: the task, the cell and the trainer.
        members: how many.
        kernel: the choice of a kernel in place of the job's.
        computation_only: draw one batch in advance, and leave out ||dL/ds_t|| of every time step; a study draws a
            batch and records these norms in each step.
    """
    task, make_cell = task_and_cells(job)
    trainer, device = job.trainer, torch.device(job.trainer.device)
    population_members = [Member("report", seed, trainer.rates[0]) for seed in range(members)]
    models = [
        make_model(task, make_cell, generator(trainer.study_seed, member, "initialisation"))
        for member in population_members
    ]
    rates = [member.learning_rate for member in population_members]
    population = Population(task, models, rates, device, kernel or trainer.kernel)
    drawing = Drawing(trainer.study_seed, population_members, "training", 0, device)
    batches = _batches(lambda: drawing.batch(task, trainer.batch_size), computation_only)

    def step() -> None:
        population.compute_gradients(batches(), with_norms=not computation_only)
        population.update(trainer.clip)

    return step


def _batches(draw: Callable[[], Batch], is_drawn_once: bool) -> Callable[[], Batch]:
    if not is_drawn_once:
        return draw
    batch = draw()
    return lambda: batch


class StockModel(nn.Module):
    """The layer of torch.nn with a linear read-out, as a user would write it."""

    def __init__(self, task: Task, layer: StockLayer) -> None:
        super().__init__()
        self.layer, self.predicted_steps = layer, task.predicted_steps
        self.readout = nn.Linear(layer.hidden_size, task.output_size)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return predictions [S, B, C]."""
        predictions: Tensor = self.readout(self.layer(inputs)[0][-self.predicted_steps :])
        return predictions


def stock_step(job: JobConfig, _: int, *, layer: StockLayer | None = None, computation_only: bool = False) -> Step:
    """Return a training step of one model made of torch.nn's layer, through autograd; see `engine_step`.

    `layer` is used in place of a new one.
    """
    task, trainer = make_task(job), job.trainer
    layer = layer or stock_layer_of(job)
    assert layer is not None  # a cell without such a layer has no such implementation
    model = StockModel(task, layer).to(trainer.device)
    adam = torch.optim.Adam(model.parameters(), lr=trainer.rates[0], fused=True)
    stream = generator(trainer.study_seed, Member("report", 0, trainer.rates[0]), "training")
    batches = _batches(
        lambda: tuple(tensor.to(trainer.device) for tensor in task.sample(trainer.batch_size, stream)),
        computation_only,
    )

    def step() -> None:
        inputs, targets = batches()
        adam.zero_grad()
        task.loss(model(inputs), targets).backward()
        nn.utils.clip_grad_norm_(model.parameters(), trainer.clip or math.inf)
        adam.step()

    return step


def plain_step(job: JobConfig, _: int) -> Step:
    """Return a training step of experiments/speed/plain_loop.py."""
    specification = importlib.util.spec_from_file_location("plain_loop", PLAIN_LOOP_FILE)
    assert specification is not None and specification.loader is not None
    plain_loop: Any = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(plain_loop)
    task, layer = make_task(job), type(stock_layer_of(job)).__name__
    step: Step = plain_loop.Training(layer, task.lag, job.cell["hidden_size"], job.trainer.batch_size).step
    return step


def stock_layer_of(job: JobConfig) -> StockLayer | None:
    """Return the layer of torch.nn that computes what the cell of a job does, None without one."""
    return stock_layer(task_and_cells(job)[1](Generator()))


def stock_kernel(layer: StockLayer) -> str:
    """Return the name of torch.nn's layer as a kernel."""
    return f"torch.nn.{type(layer).__name__}"


def task_and_cells(job: JobConfig) -> tuple[Task, MakeCell]:
    """Return the task of a job and the function that makes its cells."""
    task = make_task(job)
    return task, cell_maker(job, task)
