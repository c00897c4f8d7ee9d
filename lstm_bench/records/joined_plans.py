"""Join the plans of one study that several machines run, each a part of its jobs or of its seeds."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from lstm_bench.records.plan import JobPlan, SpanPlan, StudyPlan

NOT_COMPARED = ("seeds", "device", "kernel")  # of the trainer: which members train, where, and by which kernel
ANY_LAG = ("cell", "trainer")  # groups of settings that a cell has at all lags
LONGEST = 40  # characters of a setting that an error repeats


class PlansError(Exception):
    """Plans that do not belong together; the message says in a line what differs, and what is allowed."""


def joined(plan: StudyPlan, other: StudyPlan) -> StudyPlan:
    """Return a plan with the jobs and seeds of both; everything else is taken from the first.

    Each search is taken from the plan in which it is further ahead, since its records alone decide how it goes on.

    Raises: PlansError where they are not of one study, or of one study with other settings.
    """
    for name in ("study", "experiment", "measure"):
        here, there = getattr(plan, name), getattr(other, name)
        if here != there:
            raise PlansError(f"{name}={there or 'none'}: allowed: {here or 'none'}, as in the first folder")
    if plan.measure not in ("training", "sensitivity"):
        raise PlansError(f"study={plan.study}: a study of {plan.measure}: allowed: studies that train")
    searches = _joined_searches(plan.searches, other.searches)
    searched = {search.contestant for search in searches}
    listed_jobs = _joined_jobs(*([job for job in p.jobs if job.contestant not in searched] for p in (plan, other)))
    searched_jobs = [job for search in searches for job in _jobs_of(search, plan, other)]
    return replace(plan, jobs=[*listed_jobs, *searched_jobs], searches=searches)


def _joined_jobs(here: Sequence[JobPlan], there: Sequence[JobPlan]) -> list[JobPlan]:
    """Return the jobs of both, each once, with the seeds of both."""
    _check_jobs(here, there)
    seeds = {job.job: job.seeds for job in there}
    known = {job.job for job in here}
    grown = [replace(job, seeds=list(dict.fromkeys([*job.seeds, *seeds.get(job.job, ())]))) for job in here]
    return [*grown, *(job for job in there if job.job not in known)]


def _check_jobs(here: Sequence[JobPlan], there: Sequence[JobPlan]) -> None:
    """Check that jobs of one cell, task and lag are the same job, and that a cell has the same settings at all lags."""
    mine = {(*job.contestant, job.lag): job for job in here}
    for job in there:
        same = mine.get((*job.contestant, job.lag), job)
        if same.job != job.job:
            difference = _difference(same.config, job.config) or "another version of lstm_bench or of a plug-in"
            raise PlansError(f"{job.task} {job.cell} lag {job.lag}: {difference}")
    for contestant in {job.contestant for job in here} & {job.contestant for job in there}:
        ours, theirs = (_at_any_lag(jobs, contestant) for jobs in (here, there))
        if len(ours) == len(theirs) == 1 and (difference := _difference(ours[0], theirs[0])):
            raise PlansError(f"{contestant[0]} {contestant[2]}: {difference}")


def _at_any_lag(jobs: Sequence[JobPlan], contestant: tuple[str, str, str]) -> list[dict[str, Any]]:
    """Return the different settings that a cell has at its lags."""
    settings: list[dict[str, Any]] = []
    for job in (job for job in jobs if job.contestant == contestant):
        of_job = {group: job.config[group] for group in ANY_LAG}
        if not any(_difference(of_job, known) == "" for known in settings):
            settings.append(of_job)
    return settings


def _difference(here: Mapping[str, Any], there: Mapping[str, Any]) -> str:
    """Return the first setting that differs, "" where none does: "trainer.steps=200: allowed: 100, as in the ..."."""
    mine, other = dict(_flat(here)), dict(_flat(there))
    key = next((key for key in {**mine, **other} if mine.get(key) != other.get(key)), None)
    if key is None:
        return ""
    return f"{key}={_short(other.get(key))}: allowed: {_short(mine.get(key))}, as in the first folder"


def _flat(settings: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in settings.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        elif prefix != "trainer." or key not in NOT_COMPARED:
            yield f"{prefix}{key}", value


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


def _joined_searches(here: Sequence[SpanPlan], there: Sequence[SpanPlan]) -> list[SpanPlan]:
    """Return each search from the plan in which it is further ahead."""
    others = {_settings_of(search): search for search in there}
    if {_settings_of(search) for search in here} != others.keys():
        raise PlansError("task.lag=auto: searches of other cells or settings: allowed: the same in all folders")
    return [max(search, others[_settings_of(search)], key=_how_far) for search in here]


def _settings_of(search: SpanPlan) -> tuple[object, ...]:
    jobs = tuple(job.job for job in search.candidates)
    return jobs, search.precision, search.members, search.core_hours, search.at_once


def _how_far(search: SpanPlan) -> tuple[bool, int]:
    return bool(search.ended), len(search.packs)


def _jobs_of(search: SpanPlan, *plans: StudyPlan) -> list[JobPlan]:
    """Return the jobs that a search has added."""
    plan = next(plan for plan in plans if search in plan.searches)
    return [job for job in plan.jobs if job.contestant == search.contestant]
