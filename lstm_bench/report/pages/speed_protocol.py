"""The protocol of a speed study: the rounds, the implementations, the limit, the machine, and what is missing."""

from typing import Any

from lstm_bench.analysis.settings_in_words import value_in_words, values_in_words
from lstm_bench.analysis.speed_benchmark import IMPLEMENTATIONS, SpeedBenchmark
from lstm_bench.analysis.wording import counted, listed, significant, span_of
from lstm_bench.records.plan import JobPlan
from lstm_bench.records.speed import OURS, PLAIN_LOOP, STOCK_THREADS, STOCK_WORKERS, MachineLimit

WHO = {
    OURS: "Our engine, one worker a core with one thread each. Each worker trains several models at once, as a study "
    "does, and also records the gradient norms ||dL/ds_t|| of every time step.",
    STOCK_WORKERS: "The layer of torch.nn with autograd, one single-thread worker a core, one model each, with the "
    "process settings of our workers. It is timed where torch.nn has the cell.",
    STOCK_THREADS: "The layer of torch.nn with autograd, one model in one process with all cores as threads, with the "
    "process settings of our workers. It is timed where torch.nn has the cell.",
    PLAIN_LOOP: "experiments/speed/plain_loop.py: torch.nn's layer in a loop as a user writes it, one model after "
    "another in one process, with PyTorch's defaults. It is timed where torch.nn has the cell, the task is adding "
    "(half) and the file exists, as it does in a checkout but not in an installed wheel.",
}
MACHINE = ("processor", "cores", "usable_cores", "memory_gib", "system", "device", "dtype", "compiled_kernels")
NAMED = 4  # jobs that a note names; more are counted
DEFINITIONS = {
    "Steps/s": "Member-steps a second of all usable cores: steps of a round over its wall time. Median and quartiles "
    "over rounds, as for every number here.",
    "Speedup": "Ours over the other: in each round, wall time a member-step of the other over that of ours; median "
    "and quartiles of these ratios, so that a machine that slows down for a while slows both.",
    "Of the limit": "Least time of a member-step on one core, over the core time that it took, which is wall time a "
    "member-step x processes x threads. Not known for a cell that is not of the package.",
    "GFLOP/s": "Floating-point operations of a member-step, by formula, times steps/s: of all usable cores.",
    "Sequences/s": "Steps/s times B: of all usable cores.",
    "Time step": "Wall milliseconds that one process is busy for one time step of one model's training step, forward "
    "and backward: wall time of a round x processes / (steps x T). A process is one core where it has one thread.",
    "Memory": "Peak growth of one process, beyond what it held before the model was made.",
    "Whole study": "Seconds a member-step summed over cells and lags, theirs over ours, for each round. A lag that a "
    "cell lacks is left out for all.",
}


def speed_protocol(benchmark: SpeedBenchmark) -> list[tuple[str, str]]:
    """Return the protocol of a speed study as (heading, text)."""
    return [
        ("Rounds", _rounds(benchmark)),
        (
            "Member-step",
            "Draw a batch, forward, backward, clip, update: one training step of one model. Models that train together "
            "take one each at the same time.",
        ),
        *(
            (name, WHO.get(name, "Not described."))
            for name in dict.fromkeys([*IMPLEMENTATIONS, *benchmark.implementations])
        ),
        ("The limit", _limit(benchmark.limit)),
        ("Machine", _machine(benchmark.plan.environment)),
        ("Jobs", _jobs(benchmark.plan.jobs)),
    ]


def _rounds(benchmark: SpeedBenchmark) -> str:
    if benchmark.rows.empty:
        return "None were taken."
    return (
        f"The implementations of a job are timed in turn, {span_of(benchmark.rows['rounds'])} rounds of about "
        f"{significant(float(benchmark.rounds['round_s'].median()), 2)} s each; nothing else runs meanwhile. The wall "
        "time of a round runs from the start of all its processes until the last has ended. It excludes making the "
        "models and the first step."
    )


def _limit(limit: MachineLimit) -> str:
    return (
        "The least time for a member-step on one core: every floating-point operation of the products at the speed of "
        "multiply-adds in registers, plus every nonlinearity at the speed of logistic functions in cache; nothing for "
        f"memory. Here {significant(limit.flops_per_s / 1e9)} GFLOP/s and "
        f"{significant(limit.nonlinearities_per_s / 1e9)} billion nonlinearities a second for each core while all are "
        f"busy ({limit.how})."
    )


def _machine(environment: dict[str, Any]) -> str:
    known = [name for name in MACHINE if environment.get(name) is not None]
    facts = [f"{name.replace('_', ' ')}: {value_in_words(environment[name])}" for name in known]
    torch = environment.get("packages", {}).get("torch")
    return "; ".join([*facts, *([f"torch {torch}"] if torch else [])]) + "."


def _jobs(jobs: list[JobPlan]) -> str:
    tasks = listed(list(dict.fromkeys(f"{job.task} ({job.variant})" for job in jobs)))
    names = ("lag", "hidden_size", "batch_size")
    lags, hidden, batches = (values_in_words(getattr(job, name) for job in jobs) for name in names)
    return f"{tasks}; lags {lags}; H = {hidden}; B = {batches}; {counted(len(jobs), 'job')}."


def missing(benchmark: SpeedBenchmark) -> list[str]:
    """Return, for each known implementation, the planned jobs at which it was not timed, in words."""
    return [note for name in IMPLEMENTATIONS if (note := _absent(benchmark, name))]


def _absent(benchmark: SpeedBenchmark, name: str) -> str:
    timed = set(benchmark.rows.loc[benchmark.rows["implementation"] == name, "job"])
    absent = [job for job in benchmark.plan.jobs if job.job not in timed]
    if not absent:
        return ""
    if not timed:
        return f"{name}: timed at no job."
    places = [f"{job.cell}, H = {job.hidden_size}, T = {job.length}, B = {job.batch_size}" for job in absent]
    more = f" and {len(absent) - NAMED:,} more" if len(absent) > NAMED else ""
    return f"{name}: not timed at {counted(len(absent), 'job')}: {'; '.join(places[:NAMED])}{more}."
