"""Match cells in their number of parameters, by their hidden size."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from lstm_bench.analysis.matching import MATCHED_WITHIN
from lstm_bench.config.errors import ConfigError
from lstm_bench.config.objects import build_job, cell_notes, total_parameters
from lstm_bench.config.schema import JobConfig, StudyConfig
from lstm_bench.study.duplicates import differing
from lstm_bench.study.hidden_sizes import Sizes

HIDDEN_SIZE = "hidden_size"
ALWAYS_NEAR = 100  # H^2 parameters grow by 2/H from one H to the next, and the worst mismatch is half of that


def compared(config: StudyConfig) -> StudyConfig:
    """Return a study with the jobs of its `comparison`.

    `parameters` gives every cell the integer hidden size whose number of parameters, read-out included, is nearest to
    the study's `parameters`, or else to that of the largest cell at the same task and lag, which keeps its size. `both`
    adds these jobs to the configured ones, after the others of their task and lag; a cell that cannot be matched is
    then compared at its configured size alone, and `unmatched` says why. Where hidden sizes are swept, cells are
    matched among those of one configured hidden size.

    Raises:
        ConfigError: with `parameters`, a cell has no hidden size to set, or the nearest one misses by more than 1%; or
            jobs that differ in their hidden sizes alone get the same one.
    """
    if config.comparison == "hidden":
        return config
    groups = [(group, _matched(group, config.parameters)) for group in _groups(config.jobs)]
    _check_sizes(config, [job_pair for group in groups for job_pair in zip(*group, strict=True)])
    unmatched = tuple(
        dict.fromkeys(str(job) for _, matched in groups for job in matched if isinstance(job, ValueError))
    )
    if config.comparison == "both":
        jobs = [job for group, matched in groups for job in (*group, *_new(matched, config.jobs))]
        return replace(config, jobs=jobs, unmatched=unmatched)
    if unmatched:
        key = f"parameters={config.parameters}" if config.parameters else f"comparison={config.comparison}"
        raise ConfigError(f"{key}: {unmatched[0]}")
    return replace(config, jobs=[job for _, matched in groups for job in matched if isinstance(job, JobConfig)])


def _groups(jobs: Sequence[JobConfig]) -> list[list[JobConfig]]:
    """Return the jobs whose cells are compared with each other: those of one task, lag and, if swept, hidden size."""
    sizes = {(job.cell_name, job.cell.get(HIDDEN_SIZE)) for job in jobs}
    is_swept = len(sizes) > len({job.cell_name for job in jobs})
    groups: dict[tuple[str, str], list[JobConfig]] = defaultdict(list)
    for job in jobs:
        groups[str(sorted(job.task.items())), str(job.cell.get(HIDDEN_SIZE)) if is_swept else ""].append(job)
    return list(groups.values())


def _check_sizes(config: StudyConfig, pairs: Sequence[tuple[JobConfig, JobConfig | ValueError]]) -> None:
    """Check that no two jobs become one when they are matched.

    Raises: ConfigError for the first that do.
    """
    resized = [(configured, job) for configured, job in pairs if isinstance(job, JobConfig) and job.matched]
    for _, job in resized:
        merged = [configured for configured, other in resized if other == job]
        if len(merged) > 1:
            size = f"comparison={config.comparison} gives each {HIDDEN_SIZE}={job.cell[HIDDEN_SIZE]}"
            raise ConfigError(f"{differing(merged)}: {size}: allowed: one of these")


def _new(matched: Sequence[JobConfig | ValueError], configured: Sequence[JobConfig]) -> list[JobConfig]:
    resized = [job for job in matched if isinstance(job, JobConfig) and job.matched]
    return [job for job in resized if replace(job, matched=False) not in configured]


def _matched(group: Sequence[JobConfig], parameters: int | None) -> list[JobConfig | ValueError]:
    """Return each job of a group with `parameters`, or as many as the largest has, or the reason why it cannot."""
    if parameters is not None:
        return [_attempt(job, parameters, None) for job in group]
    sizes = [_size(job) for job in group]
    target = max(sizes)
    largest = group[sizes.index(target)].cell_name
    return [job if size == target else _attempt(job, target, largest) for job, size in zip(group, sizes, strict=True)]


def _attempt(job: JobConfig, target: int, owner: str | None) -> JobConfig | ValueError:
    try:
        return _resized(job, target, owner)
    except ValueError as error:
        return error


def _size(job: JobConfig) -> int:
    """Return the number of parameters of a job's model."""
    return total_parameters(*build_job(job))


def _resized(job: JobConfig, target: int, owner: str | None) -> JobConfig:
    """Return a job with the hidden size whose number of parameters is nearest to a target.

    `owner` is the cell that has this number, None where the user set it.
    """
    if HIDDEN_SIZE not in job.cell:
        raise ValueError(f"cell={job.cell_name} has no {HIDDEN_SIZE} to set: allowed: comparison=hidden")
    sizes = Sizes(lambda hidden_size: _size(_with_hidden_size(job, hidden_size)), job.cell[HIDDEN_SIZE])
    near = sizes.around(target)
    nearest = min(near, key=lambda hidden_size: abs(near[hidden_size] - target))
    if abs(mismatch := near[nearest] / target - 1) > MATCHED_WITHIN:
        counts = " or ".join(f"{count:,} ({HIDDEN_SIZE}={size})" for size, count in near.items())
        advice = f"such as {counts}" if owner is None else f"which a cell.{HIDDEN_SIZE} of {ALWAYS_NEAR} or more gives"
        if sizes.refusal is not None:
            advice = f"but a size between is refused: {sizes.refusal}"
        missed = f"{abs(mismatch):.1%} {'more' if mismatch > 0 else 'fewer'} parameters than {owner or 'asked for'}"
        raise ValueError(
            f"{job.cell_name} with {HIDDEN_SIZE}={nearest}, the nearest, has {missed}: allowed: within "
            f"{MATCHED_WITHIN:.0%}, {advice}"
        )
    resized = _with_hidden_size(job, nearest)
    try:
        cell_notes(resized, *build_job(resized))
    except ConfigError as error:  # a step may refuse what the constructor takes
        raise ValueError(f"{job.cell_name} with {HIDDEN_SIZE}={nearest}, the nearest, is refused: {error}") from error
    return resized


def _with_hidden_size(job: JobConfig, hidden_size: int) -> JobConfig:
    return replace(job, cell={**job.cell, HIDDEN_SIZE: hidden_size}, matched=True)
