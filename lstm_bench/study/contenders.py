"""Who takes part in a speed study: ways to train the same job."""

import importlib.util
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Generator, nn

from lstm_bench.cells.registry import StockLayer, stock_layer
from lstm_bench.config.objects import cell_maker, make_task
from lstm_bench.config.schema import JobConfig
from lstm_bench.cores import usable_cores
from lstm_bench.engine.evaluation import stack_batches
from lstm_bench.engine.model import MakeCell, make_model
from lstm_bench.engine.population import Population
from lstm_bench.engine.seeds import Member, generator
from lstm_bench.probes.speed import StockModel
from lstm_bench.records.schema import OURS, PLAIN_LOOP, STOCK_THREADS, STOCK_WORKERS, JobPlan
from lstm_bench.study.crew import Maker, Step
from lstm_bench.tasks.contract import Task

PLAIN_LOOP_FILE = Path(__file__).resolve().parents[2] / "experiments" / "speed" / "plain_loop.py"


@dataclass(frozen=True)
class Contender:
    """One way to train: what makes its step, and in how many processes of how many threads it runs.

    `prepared` processes have the settings of the engine's workers (see `engine.bootstrap`); the others are as PyTorch
    starts them, with at most so many threads.
    """

    name: str
    make: Maker
    kernel: str
    processes: int
    threads: int
    prepared: bool
    members: int = 1


def engine_training(job: JobConfig, members: int) -> Step:
    """Return a step of some members in our engine, ||dL/ds_t|| of every time step included."""
    task, make_cell = parts(job)
    trainer, device = job.trainer, torch.device(job.trainer.device)
    each = [Member("report", seed, trainer.rates[0]) for seed in range(members)]
    models = [make_model(task, make_cell, generator(trainer.study_seed, m, "initialisation")) for m in each]
    population = Population(task, models, [m.learning_rate for m in each], device, trainer.kernel)
    streams = [generator(trainer.study_seed, m, "training") for m in each]

    def step() -> None:
        batch = stack_batches([task.sample(trainer.batch_size, stream) for stream in streams], device)
        population.compute_gradients(batch, with_norms=True)
        population.update(trainer.clip)

    return step


def stock_training(job: JobConfig, _: int) -> Step:
    """Return a step of one model made of torch.nn's layer, through autograd."""
    task, trainer = parts(job)[0], job.trainer
    layer = _stock_layer(job)
    assert layer is not None  # who has none is no contender
    model = StockModel(task, layer).to(trainer.device)
    adam = torch.optim.Adam(model.parameters(), lr=trainer.rates[0], fused=True)
    stream = generator(trainer.study_seed, Member("report", 0, trainer.rates[0]), "training")

    def step() -> None:
        inputs, targets = (tensor.to(trainer.device) for tensor in task.sample(trainer.batch_size, stream))
        adam.zero_grad()
        task.loss(model(inputs), targets).backward()
        nn.utils.clip_grad_norm_(model.parameters(), trainer.clip or math.inf)
        adam.step()

    return step


def plain_training(job: JobConfig, _: int) -> Step:
    """Return a step of experiments/speed/plain_loop.py."""
    specification = importlib.util.spec_from_file_location("plain_loop", PLAIN_LOOP_FILE)
    assert specification is not None and specification.loader is not None
    plain_loop: Any = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(plain_loop)
    task, layer = parts(job)[0], type(_stock_layer(job)).__name__
    step: Step = plain_loop.Training(layer, task.lag, job.cell["hidden_size"], job.trainer.batch_size).step
    return step


def _stock_layer(job: JobConfig) -> StockLayer | None:
    return stock_layer(parts(job)[1](Generator()))


def parts(job: JobConfig) -> tuple[Task, MakeCell]:
    """Return the task of a job and what makes its cells."""
    task = make_task(job)
    return task, cell_maker(job, task)


def contenders_for(job: JobConfig, plan: JobPlan) -> list[Contender]:
    """Return who takes part in a job: ours; torch.nn where it has such a layer; the plain loop where its file is."""
    cores, layer = usable_cores(), _stock_layer(job)
    found = [Contender(OURS, engine_training, plan.kernel, cores, 1, True, len(plan.seeds))]
    if layer is None:
        return found
    kernel = f"torch.nn.{type(layer).__name__}"
    found += [
        Contender(STOCK_WORKERS, stock_training, kernel, cores, 1, True),
        Contender(STOCK_THREADS, stock_training, kernel, 1, cores, True),
    ]
    if PLAIN_LOOP_FILE.is_file() and plan.task == "adding" and plan.variant == "half":
        found.append(Contender(PLAIN_LOOP, plain_training, kernel, 1, cores, False))
    return found
