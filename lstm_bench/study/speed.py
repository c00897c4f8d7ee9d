"""Speed and peak memory of every cell of a study, when nothing else of it runs."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from multiprocessing import active_children, get_context
from typing import TYPE_CHECKING

from lstm_bench.config.schema import JobConfig
from lstm_bench.records.schema import OURS, STOCK, JobPlan, SpeedRow

if TYPE_CHECKING:
    from lstm_bench.probes.speed import Timing

ROUNDS = 7
ROUND_S = 0.05

Pair = tuple[JobConfig, JobPlan]
Step = Callable[[], None]


@dataclass(frozen=True)
class Contender:
    """One implementation of one job's training step; `make` makes it for a batch size.

    `members` are trained together in a step. `is_weighed` tells whether its peak memory is measured too.
    """

    plan: JobPlan
    implementation: str
    kernel: str
    members: int
    device: str
    make: Callable[[int], Step]
    is_weighed: bool = True

    @property
    def name(self) -> str:
        """Cell, implementation and kernel."""
        return f"{self.plan.cell}/{self.implementation}/{self.kernel}"


def is_timed(jobs: Sequence[JobPlan], rows: Sequence[SpeedRow]) -> bool:
    """Tell whether the rows have the speed of every job, with its kernel and members, and what compares like with like.

    Rows of one member, as they once were, are not those of a job that trains several together.
    """
    from lstm_bench.engine.generic import GenericKernel  # here: only a prepared process may load torch first

    timed = {(row.job, row.kernel, row.members) for row in rows if row.implementation == OURS}
    trained = {(job.job, job.kernel, len(job.seeds)) for job in jobs}
    shared = {(job.job, GenericKernel.name, len(job.seeds)) for job in through_autograd_too(jobs)}
    return trained | shared <= timed


def through_autograd_too(jobs: Sequence[JobPlan]) -> list[JobPlan]:
    """Return the jobs to be timed through autograd over the cell's own step too, so that like meets like.

    Two cells of a task whose own kernels are of different classes have that one in common. It is slow and says nothing
    of how the cell was trained, so a job has it only where two such cells are compared: at the longest lag of both.
    """
    from lstm_bench.engine.generic import GenericKernel

    by_cell: dict[tuple[str, str], dict[str, dict[int, JobPlan]]] = defaultdict(lambda: defaultdict(dict))
    for job in jobs:
        by_cell[job.task, job.variant][job.cell][job.lag] = job
    compared: set[str] = set()
    for cells in by_cell.values():
        for one, other in combinations(cells.values(), 2):
            lag = max(one.keys() & other.keys(), default=None)
            if lag is not None and one[lag].kernel != other[lag].kernel:
                compared |= {one[lag].job, other[lag].job}
    return [job for job in jobs if job.job in compared and job.kernel != GenericKernel.name]


def measure_speed(pairs: Sequence[Pair]) -> list[SpeedRow]:
    """Return a row for each cell, lag and implementation, measured in a fresh process with one thread.

    Each cell trains the members of its job together, by the kernel that trained them, and by autograd where
    `through_autograd_too` says so; the stock layer of torch.nn trains one. Whatever meets at one lag of a task takes
    turns, so that a busy machine slows all of it alike.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        try:
            return process.submit(_measure_all, list(pairs)).result()
        except KeyboardInterrupt:
            for child in active_children():  # else the end of the block waits for them
                child.terminate()
            raise


def _measure_all(pairs: Sequence[Pair]) -> list[SpeedRow]:
    from lstm_bench.engine.bootstrap import prepare_process  # here: the first thing in the fresh process

    prepare_process()
    autograd_too = {plan.job for plan in through_autograd_too([plan for _, plan in pairs])}
    contenders = [
        contender for config, plan in pairs for contender in _contenders(config, plan, plan.job in autograd_too)
    ]
    memory = [_peak_memory(contender) for contender in contenders]  # before any timing leaves memory to use again
    meetings: dict[tuple[str, str, int, str], list[tuple[Contender, int | None]]] = defaultdict(list)
    for contender, peak in zip(contenders, memory, strict=True):
        plan = contender.plan
        meetings[plan.task, plan.variant, plan.lag, contender.device].append((contender, peak))
    return [row for meeting in meetings.values() for row in _time_meeting(meeting)]


def _contenders(config: JobConfig, plan: JobPlan, autograd_too: bool) -> Iterator[Contender]:
    from torch import Generator

    from lstm_bench.cells.registry import stock_layer
    from lstm_bench.config.objects import cell_maker, make_task
    from lstm_bench.engine.generic import GenericKernel
    from lstm_bench.probes.speed import engine_step, stock_step

    task, device, members = make_task(config), config.trainer.device, len(plan.seeds)
    make_cell = cell_maker(config, task)
    step = partial(engine_step, task, make_cell, device=device, members=members)
    yield Contender(plan, OURS, plan.kernel, members, device, partial(step, kernel=config.trainer.kernel))
    if autograd_too:
        through_autograd = partial(step, kernel="autograd")
        yield Contender(plan, OURS, GenericKernel.name, members, device, through_autograd, is_weighed=False)
    layer = stock_layer(make_cell(Generator()))
    if layer is not None:
        kernel = f"torch.nn.{type(layer).__name__}"
        yield Contender(plan, STOCK, kernel, 1, device, lambda batch: stock_step(task, layer, batch, device))


def _peak_memory(contender: Contender) -> int | None:
    """Return the growth of a process that makes the model and trains two steps, after one step with a batch of one."""
    from lstm_bench.probes.peak_memory import peak_growth

    def work() -> None:
        step = contender.make(contender.plan.batch_size)
        step()
        step()

    return peak_growth(contender.make(1), work) if contender.is_weighed else None


def _time_meeting(meeting: Sequence[tuple[Contender, int | None]]) -> list[SpeedRow]:
    from lstm_bench.probes.speed import time_in_turns

    steps = {contender.name: contender.make(contender.plan.batch_size) for contender, _ in meeting}
    timings = time_in_turns(steps, ROUNDS, ROUND_S, meeting[0][0].device)
    return [_row(contender, timings[contender.name], peak) for contender, peak in meeting]


def _row(contender: Contender, timing: "Timing", peak: int | None) -> SpeedRow:
    plan, members = contender.plan, contender.members
    sequences, time_steps = members * plan.batch_size, members * plan.length
    return SpeedRow(
        job=plan.job,
        task=plan.task,
        variant=plan.variant,
        cell=plan.cell,
        lag=plan.lag,
        length=plan.length,
        hidden_size=plan.hidden_size,
        batch_size=plan.batch_size,
        implementation=contender.implementation,
        kernel=contender.kernel,
        device=contender.device,
        threads=1,
        dtype="float32",
        repeats=timing.rounds,
        sequences_per_s=sequences / timing.median,
        sequences_per_s_q25=sequences / timing.q75,
        sequences_per_s_q75=sequences / timing.q25,
        ms_per_time_step=1e3 * timing.median / time_steps,
        ms_per_time_step_q25=1e3 * timing.q25 / time_steps,
        ms_per_time_step_q75=1e3 * timing.q75 / time_steps,
        flops=plan.flops,
        peak_memory_bytes=peak,
        members=members,
    )
