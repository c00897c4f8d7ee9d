"""Speed and peak memory of every cell of a study, when nothing else of it runs."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import active_children, get_context
from typing import TYPE_CHECKING

from lstm_bench.analysis.frames import timed_as
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
    """One implementation of one job's training step; `make` makes it for a batch size."""

    plan: JobPlan
    implementation: str
    kernel: str
    device: str
    make: Callable[[int], Step]

    @property
    def name(self) -> str:
        """Cell and implementation."""
        return f"{self.plan.cell}/{self.implementation}"


def is_timed(jobs: Sequence[JobPlan], rows: Sequence[SpeedRow]) -> bool:
    """Tell whether the rows have the speed of every job."""
    return {timed_as(job) for job in jobs} <= {timed_as(row) for row in rows}


def measure_speed(pairs: Sequence[Pair]) -> list[SpeedRow]:
    """Return a row for each cell, lag and implementation, measured in a fresh process with one thread.

    Cells and implementations that meet at one lag take turns, so that a busy machine slows all of them alike.
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
    contenders = [contender for config, plan in pairs for contender in _contenders(config, plan)]
    memory = [_peak_memory(contender) for contender in contenders]  # before any timing leaves memory to use again
    meetings: dict[tuple[str, str, int], list[tuple[Contender, int | None]]] = defaultdict(list)
    for contender, peak in zip(contenders, memory, strict=True):
        meetings[contender.plan.task, contender.plan.variant, contender.plan.lag].append((contender, peak))
    return [row for meeting in meetings.values() for row in _time_meeting(meeting)]


def _contenders(config: JobConfig, plan: JobPlan) -> Iterator[Contender]:
    from torch import Generator

    from lstm_bench.config.objects import cell_maker, make_task
    from lstm_bench.probes.speed import engine_step, stock_layer, stock_step

    task, device = make_task(config), config.trainer.device
    make_cell = cell_maker(config, task)
    yield Contender(plan, OURS, plan.kernel, device, lambda batch: engine_step(task, make_cell, batch, device))
    layer = stock_layer(make_cell(Generator()))
    if layer is not None:
        kernel = f"torch.nn.{type(layer).__name__}"
        yield Contender(plan, STOCK, kernel, device, lambda batch: stock_step(task, layer, batch, device))


def _peak_memory(contender: Contender) -> int | None:
    """Return the growth of a process that makes the model and trains two steps, after one step with a batch of one."""
    from lstm_bench.probes.peak_memory import peak_growth

    def work() -> None:
        step = contender.make(contender.plan.batch_size)
        step()
        step()

    return peak_growth(contender.make(1), work)


def _time_meeting(meeting: Sequence[tuple[Contender, int | None]]) -> list[SpeedRow]:
    from lstm_bench.probes.speed import time_in_turns

    steps = {contender.name: contender.make(contender.plan.batch_size) for contender, _ in meeting}
    timings = time_in_turns(steps, ROUNDS, ROUND_S, meeting[0][0].device)
    return [_row(contender, timings[contender.name], peak) for contender, peak in meeting]


def _row(contender: Contender, timing: "Timing", peak: int | None) -> SpeedRow:
    plan = contender.plan
    return SpeedRow(
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
        sequences_per_s=plan.batch_size / timing.median,
        sequences_per_s_q25=plan.batch_size / timing.q75,
        sequences_per_s_q75=plan.batch_size / timing.q25,
        ms_per_time_step=1e3 * timing.median / plan.length,
        ms_per_time_step_q25=1e3 * timing.q25 / plan.length,
        ms_per_time_step_q75=1e3 * timing.q75 / plan.length,
        flops=plan.flops,
        peak_memory_bytes=peak,
    )
