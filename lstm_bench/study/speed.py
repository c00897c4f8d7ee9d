"""Speed and peak memory of every cell of a study, when nothing else of it runs."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

from lstm_bench.config.schema import JobConfig
from lstm_bench.records.schema import JobPlan, SpeedRow

ROUNDS = 7
ROUND_S = 0.05
STOCK = "torch.nn"
OURS = "lstm_bench"

Contender = tuple[JobPlan, str, str]  # job, implementation, kernel
Pair = tuple[JobConfig, JobPlan]


def measure_speed(pairs: Sequence[Pair]) -> list[SpeedRow]:
    """Return a row for each cell, lag and implementation, measured in a fresh process with one thread.

    Cells and implementations that meet at one lag take turns, so that a busy machine slows all of them alike.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        return process.submit(_measure_all, list(pairs)).result()


def _measure_all(pairs: Sequence[Pair]) -> list[SpeedRow]:
    from lstm_bench.engine.bootstrap import prepare_process  # here: the first thing in the fresh process

    prepare_process()
    meetings: dict[tuple[str, str, int], list[Pair]] = defaultdict(list)
    for config, plan in pairs:
        meetings[plan.task, plan.variant, plan.lag].append((config, plan))
    return [row for meeting in meetings.values() for row in _measure_meeting(meeting)]


def _measure_meeting(meeting: Sequence[Pair]) -> list[SpeedRow]:
    from lstm_bench.probes.memory import peak_growth
    from lstm_bench.probes.speed import time_in_turns

    makers: dict[str, tuple[Contender, Callable[[], Callable[[], None]]]] = {}
    for config, plan in meeting:
        for implementation, (kernel, maker) in _implementations(config).items():
            makers[f"{plan.cell}/{implementation}"] = ((plan, implementation, kernel), maker)
    memory = {name: peak_growth(lambda maker=maker: _run_twice(maker())) for name, (_, maker) in makers.items()}
    device = meeting[0][0].trainer.device
    timings = time_in_turns({name: maker() for name, (_, maker) in makers.items()}, ROUNDS, ROUND_S, device)
    return [
        _row(contender, timings[name].q25, timings[name].median, timings[name].q75, memory[name], device)
        for name, (contender, _) in makers.items()
    ]


def _run_twice(step: Callable[[], None]) -> None:
    step()
    step()


def _implementations(config: JobConfig) -> dict[str, tuple[str, Callable[[], Callable[[], None]]]]:
    """Return, by implementation, the kernel's name and a function that makes one training step."""
    from torch import Generator

    from lstm_bench.config.objects import cell_maker, make_task
    from lstm_bench.engine.unroll import unroll_of
    from lstm_bench.probes.speed import engine_step, stock_layer, stock_step

    task, trainer = make_task(config), config.trainer
    make_cell = cell_maker(config, task)
    cell = make_cell(Generator())
    ours = partial(engine_step, task, make_cell, trainer.batch_size, trainer.device)
    found = {OURS: (unroll_of(cell).name, ours)}
    layer = stock_layer(cell)
    if layer is not None:
        found[STOCK] = (f"torch.nn.{type(layer).__name__}", partial(stock_step, task, layer, trainer.batch_size, trainer.device))
    return found


def _row(
    contender: Contender, q25: float, median: float, q75: float, memory: int | None, device: str
) -> SpeedRow:
    plan, implementation, kernel = contender
    return SpeedRow(
        task=plan.task,
        variant=plan.variant,
        cell=plan.cell,
        lag=plan.lag,
        length=plan.length,
        hidden_size=plan.hidden_size,
        batch_size=plan.batch_size,
        implementation=implementation,
        kernel=kernel,
        device=device,
        threads=1,
        dtype="float32",
        repeats=ROUNDS,
        sequences_per_s=plan.batch_size / median,
        sequences_per_s_q25=plan.batch_size / q75,
        sequences_per_s_q75=plan.batch_size / q25,
        ms_per_time_step=1e3 * median / plan.length,
        ms_per_time_step_q25=1e3 * q25 / plan.length,
        ms_per_time_step_q75=1e3 * q75 / plan.length,
        flops=plan.flops,
        peak_memory_bytes=memory,
    )
