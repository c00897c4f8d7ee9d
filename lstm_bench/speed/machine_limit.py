"""Measure the limit of a core, from which follows the least time that one core could take for a training step.

    limit = floating-point operations of the products / rate of multiply-adds in registers
          + evaluations of sigmoid and tanh            / rate of logistic functions in cache

Memory accesses and all other work of a step count as free, so no implementation reaches the limit.
"""

import ctypes
import statistics
import time

import torch
from torch import Generator

from lstm_bench.config.schema import JobConfig
from lstm_bench.engine.compiled.build import library
from lstm_bench.engine.compiled.layout import pointer
from lstm_bench.engine.kernel_dispatch import why_not_compiled
from lstm_bench.records.plan import JobPlan
from lstm_bench.records.speed import MachineLimit
from lstm_bench.speed.implementation import task_and_cells
from lstm_bench.speed.operations import training_work

COMPILED_HOW = "multiply-adds in registers and logistic functions in cache, compiled with the kernels"
TORCH_HOW = "torch.mm of 1024 x 1024 and torch.sigmoid in cache, since no kernel could be compiled"
IN_REGISTERS = 32  # operations per lane and round of `multiply_add`
ROUNDS, SIZE, PASSES = 2_000_000, 2048, 400  # about 10 and 0.4 ms; 8 KiB
EDGE, PRODUCTS = 1024, 2
LIMIT_ROUNDS = 9


def core_rates() -> tuple[float, float]:
    """Measure this core; return (floating-point operations, nonlinearities) per second in float32."""
    return _compiled_rates() if why_not_compiled() is None else _torch_rates()


def limit_of_this_core() -> MachineLimit:
    """Return the median speed of this core in several measurements, whatever other cores do."""
    core_rates()
    operations, nonlinearities = zip(*(core_rates() for _ in range(LIMIT_ROUNDS)), strict=True)
    return MachineLimit(statistics.median(operations), statistics.median(nonlinearities), how_measured())


def least_step_s(job: JobConfig, plan: JobPlan, limit: MachineLimit) -> float | None:
    """Return the least time that one core could take for a member-step of a job; None where its work is not known."""
    _, make_cell = task_and_cells(job)
    work = training_work(make_cell(Generator()), plan.batch_size, plan.length)
    if work is None:
        return None
    operations, nonlinearities = work
    return operations / limit.flops_per_s + nonlinearities / limit.nonlinearities_per_s


def how_measured() -> str:
    """Return a description of what `core_rates` runs on this machine."""
    return COMPILED_HOW if why_not_compiled() is None else TORCH_HOW


def _compiled_rates() -> tuple[float, float]:
    kernels = library("float")
    lanes, x = kernels.lanes(), torch.zeros(SIZE)
    out = torch.zeros(lanes)
    started = time.perf_counter()
    kernels.multiply_add(ctypes.c_long(ROUNDS), pointer(out))
    between = time.perf_counter()
    kernels.apply_logistic(ctypes.c_long(PASSES), ctypes.c_long(SIZE), pointer(x))
    ended = time.perf_counter()
    return IN_REGISTERS * lanes * ROUNDS / (between - started), SIZE * PASSES / (ended - between)


def _torch_rates() -> tuple[float, float]:
    a, x = torch.ones(EDGE, EDGE), torch.zeros(SIZE)
    out = torch.empty_like(a)
    started = time.perf_counter()
    for _ in range(PRODUCTS):
        torch.mm(a, a, out=out)
    between = time.perf_counter()
    for _ in range(PASSES):
        x.sigmoid_()
    ended = time.perf_counter()
    return 2 * EDGE**3 * PRODUCTS / (between - started), SIZE * PASSES / (ended - between)
