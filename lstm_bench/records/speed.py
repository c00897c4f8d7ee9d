"""The records of speed, field by field: of the cells of a study, of its cores, and of a benchmark."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import AliasChoices, Field, with_config

from lstm_bench.records.schema import NO_OTHER_FIELDS, SCHEMA

OURS, STOCK = "lstm_bench", "torch.nn"  # implementations whose speed is compared
STOCK_WORKERS = "torch.nn, one worker a core"
STOCK_THREADS = "torch.nn, one process"
PLAIN_LOOP = "plain loop"


@dataclass(frozen=True)
class MachineLimit:
    """The measured speed of one core while all are busy: multiply-adds in registers, logistic functions in cache.

    `flops_per_s` counts a multiply-add as two. `how` describes the measurement.
    """

    flops_per_s: float
    nonlinearities_per_s: float
    how: str


@dataclass(frozen=True)
class StudyCost:
    """How the invocation that ended a study used its cores, in core-seconds.

    `available_s` is its wall time on all `cores` that it could use. `training_s` and `tuning_s` went into the steps of
    reported and of tuning members, `evaluation_s` into their evaluations, `probes_s` into probes; `jobs_s` is the whole
    time of the jobs, which includes these. `limit_s` is the least time that the steps could take on this machine, from
    the `limit` of one core; None where the work of a cell is not known.
    """

    cores: int
    available_s: float
    jobs_s: float
    training_s: float
    tuning_s: float
    evaluation_s: float
    probes_s: float
    limit_s: float | None
    limit: MachineLimit


@with_config(NO_OTHER_FIELDS)
@dataclass(frozen=True)
class SpeedRow:
    """The speed of one implementation of one cell at one lag: medians and quartiles over repeated timings.

    `implementation` is "lstm_bench" or "torch.nn", `kernel` the name of its kernel. A cell can have several rows of
    "lstm_bench" at a lag: one of the kernel that trained it, and one of a kernel that it shares with another cell.

    `members` are trained together in a step, in one process. `sequences_per_s` counts the sequences of all of them,
    `members` x `batch_size` a step; `ms_per_time_step` and `flops` (of a training step, by formula) are one member's
    share.

    `peak_memory_bytes` is the growth of the process's memory with all members, None where the system does not report
    it or it was not measured. `job` is the identity of the job that was timed, which changes with the source of a
    plug-in. It is empty in earlier records.
    """

    task: str
    variant: str
    cell: str
    lag: int
    length: int
    hidden_size: int
    batch_size: int
    implementation: str
    kernel: str
    device: str
    threads: int
    dtype: str
    repeats: int
    sequences_per_s: float
    sequences_per_s_q25: float
    sequences_per_s_q75: float
    ms_per_time_step: float
    ms_per_time_step_q25: float
    ms_per_time_step_q75: float
    flops: float
    peak_memory_bytes: int | None
    members: int = 1
    job: str = ""


@dataclass(frozen=True)
class BenchmarkRow:
    """One implementation at one job of a speed study: how it was run, and the wall time of each of its rounds.

    In each round the implementations of a job are timed one after another; nothing else runs meanwhile. `kernel` names
    what computes. `threads` and `members` (trained together) are those of each of `processes`; `steps` are the
    member-steps that all processes together do in one round: a member-step is draw a batch, forward, backward, clip,
    update, for one model. `flops` are of one member-step by formula; `limit_s` is the least time that
    one core could take for one, from `MachineLimit`, None for a cell whose work is not known, such as a plug-in.
    `peak_memory_bytes` is the growth of one process beyond what it held before the model was made, None where the
    system does not report it.
    """

    job: str
    task: str
    cell: str
    lag: int
    length: int
    hidden_size: int
    batch_size: int
    implementation: Annotated[str, Field(validation_alias=AliasChoices("implementation", "contender"))]
    kernel: str
    processes: int
    threads: int
    members: int
    steps: int
    rounds_s: Annotated[list[float], Field(validation_alias=AliasChoices("rounds_s", "turns_s"))]
    flops: float
    limit_s: float | None
    peak_memory_bytes: int | None


@with_config(NO_OTHER_FIELDS)
@dataclass(frozen=True)
class BenchmarkRecord:
    """What a speed study measured: the limit of the machine, and every implementation at every job."""

    limit: MachineLimit
    rows: list[BenchmarkRow]
    schema: int = SCHEMA
