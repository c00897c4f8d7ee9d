"""The messages that a study prints before it runs and when it has ended."""

import math
from collections.abc import Sequence
from textwrap import shorten
from typing import NamedTuple

from lstm_bench.analysis.matching import matched_parameters
from lstm_bench.analysis.wording import counted
from lstm_bench.config.schema import TrackingConfig
from lstm_bench.config.tracking_address import FROM_ENVIRONMENT
from lstm_bench.engine.compiled.kernel import CompiledKernel
from lstm_bench.records.job_parts import dealt
from lstm_bench.records.plan import JobPlan, StudyPlan
from lstm_bench.records.schema import ROLES, WITHOUT_RESULT, MemberRecord
from lstm_bench.records.snapshot import Snapshot
from lstm_bench.records.store import StudyRecords
from lstm_bench.study.searches import searches_text
from lstm_bench.tracking.addresses import how_to_look, others_line, without_credentials
from lstm_bench.tracking.background import BackgroundMirror

LONGEST_REASON = 300  # characters of the reason why a probe failed


def plan_text(plan: StudyPlan, records: StudyRecords, snapshot: Snapshot, left_running: int) -> str:
    """Return a sentence on the work of a study, and on how much of it is already in the records.

    Args:
        plan: the plan of the study.
        records: its records.
        snapshot: its members as they are now.
        left_running: how many members were left running by a process that died.
    """
    finished = sum(len(snapshot.finished_seeds(job)) for job in plan.jobs)
    details = f"; {finished} are already finished and are kept" if finished else ""
    if plan.taken_over:
        details += f" ({counted(plan.taken_over, 'member')} reused from other studies in runs/, tuning included)"
    if resumable := _with_checkpoint(plan, records, snapshot):
        details += f"; {counted(resumable, 'job')} resume{'s' * (resumable == 1)} from a checkpoint"
    if left_running:
        details += f" ({left_running} left running by a process that died)"
    return f"Study {plan.study}: {', '.join(_parts(plan))}{details}."


def _parts(plan: StudyPlan) -> list[str]:
    searched = {search.contestant for search in plan.searches}
    fixed_jobs = [job for job in plan.jobs if job.contestant not in searched]
    parts = [f"{len(fixed_jobs)} jobs, {sum(len(job.seeds) for job in fixed_jobs)} members"] if fixed_jobs else []
    if plan.members_per_job is not None:
        parts.append(f"split into {counted(len(dealt(plan.jobs, plan.members_per_job)), 'job')} of the launcher")
    return [*parts, searches_text(plan.searches)] if plan.searches else parts


def _with_checkpoint(plan: StudyPlan, records: StudyRecords, snapshot: Snapshot) -> int:
    """Return the number of unfinished jobs, or parts of jobs, that have a checkpoint."""
    parts = dealt(plan.jobs, plan.members_per_job)
    waiting = [part.name for part in parts if not snapshot.is_whole(part.job)]
    return sum(any(records.checkpoints(name, role).exist() for role in ROLES) for name in waiting)


def last_bits_line(plan: StudyPlan) -> str | None:
    """Return a line on cells whose results depend in their last bits on how members are dealt to jobs, or None."""
    jobs = plan.jobs if plan.members_per_job is not None else []
    cells = dict.fromkeys(job.cell for job in jobs if job.kernel != CompiledKernel.name)
    if not cells:
        return None
    return (
        f"Split into jobs, members of {', '.join(cells)} differ in the last bits from members trained in one job, "
        "because their kernels batch members."
    )


def matching_lines(jobs: Sequence[JobPlan], unmatched: Sequence[str]) -> list[str]:
    """Return lines on how well the cells are matched in parameters, and on those without a match."""
    matched = matched_parameters(jobs)
    return [*([matched] if matched else []), *(f"At the configured hidden size only: {reason}" for reason in unmatched)]


def mirror_lines(plan: StudyPlan, mirror: BackgroundMirror, uri: str) -> list[str]:
    """Return lines on where the runs are in MLflow and how long logging took, or on how to write missing runs."""
    if mirror.error is not None:
        missing = f"{counted(mirror.unwritten, 'run')} not yet written ({type(mirror.error).__name__}: {mirror.error})"
        return [
            f"MLflow:  {missing}",
            f"         to write them from the records: python -m lstm_bench.tracking.backfill {plan.study}",
        ]
    share = mirror.seconds / (plan.wall_s or math.inf)
    lines = [*how_to_look(uri, mirror.experiment), *([others_line(mirror.n_others)] if mirror.n_others else [])]
    lines.append(f"logging took {mirror.seconds:.1f} s of processor time, {share:.1%} of the study's time")
    return [f"{'' if number else 'MLflow:':9}{line}" for number, line in enumerate(lines)]


def tracking_line(tracking: TrackingConfig) -> str | None:
    """Return a line on where runs go, None without tracking and for the store in the output folder."""
    if not tracking.enabled or tracking.address is None:
        return None
    reason = "" if tracking.uri else f", the {FROM_ENVIRONMENT} of the environment"
    return f"MLflow:  runs go to {without_credentials(tracking.address)}{reason}."


class FailureSummary(NamedTuple):
    """A line for each job and reason, and how many members have no result."""

    lines: list[str]
    without_result: int


def summarise_failures(snapshot: Snapshot, jobs: Sequence[JobPlan]) -> FailureSummary:
    """Return the members that have no result or diverged, one line for each job, status and reason."""
    lines, without_result = list[str](), 0
    for job in jobs:
        seeds_by_outcome: dict[tuple[str, str], list[int]] = {}
        for member in job.reported():
            if (outcome := _outcome(snapshot, member.identity)) is not None:
                seeds_by_outcome.setdefault(outcome, []).append(member.seed)
        lines += [_line(status, job, seeds, reason) for (status, reason), seeds in seeds_by_outcome.items()]
        without_result += sum(len(seeds) for (status, _), seeds in seeds_by_outcome.items() if status != "diverged")
        tuning = [member for member in job.members() if member.role == "tuning"]
        missing = [member for member in tuning if not snapshot.has_result(member.identity)]
        if missing and not seeds_by_outcome:  # else a line above has the reason
            lines.append(f"No record: {counted(len(missing), 'member')} that tuned {job.task} {job.cell} lag {job.lag}")
            without_result += len(missing)
    return FailureSummary(lines, without_result)


def _outcome(snapshot: Snapshot, identity: str) -> tuple[str, str] | None:
    """Return a member's status and reason, None where it has a result and did not diverge."""
    if identity in snapshot.problems:
        return "damaged", snapshot.problems[identity]
    if identity not in snapshot.members:
        return "never ran", "its job ended before"
    record = snapshot.members[identity]
    if record.status not in (*WITHOUT_RESULT, "diverged"):
        return None
    reason = (record.error or "no reason recorded").strip().splitlines()[-1]
    return record.status, reason.partition(" at step ")[0] if record.status == "diverged" else reason


def probe_lines(snapshot: Snapshot, jobs: Sequence[JobPlan]) -> list[str]:
    """Return the probes that failed on every member of a cell and task, one line for each reason.

    Members that diverged do not count: what is not finite cannot be measured.
    """
    members: dict[tuple[str, str], list[MemberRecord]] = {}
    for job in jobs:
        known = [snapshot.members[member.identity] for member in job.reported() if snapshot.has_result(member.identity)]
        members.setdefault((job.task, job.cell), []).extend(record for record in known if record.status != "diverged")
    return [
        f"Probe{'s' * (len(names) > 1)} {', '.join(names)} failed for {_all_of(records)} of {task} {cell}: {reason}"
        for (task, cell), records in members.items()
        for reason, names in _failed_for_all(records).items()
    ]


def _failed_for_all(records: Sequence[MemberRecord]) -> dict[str, list[str]]:
    """Return the probes that failed on each of these members, by the reason of the first one."""
    failed = [
        {reading.rpartition(" ")[0]: reason for reading, reason in record.probe_errors.items()} for record in records
    ]
    names_by_reason: dict[str, list[str]] = {}
    for name, reason in failed[0].items() if failed else ():
        if all(name in others for others in failed):
            line = shorten(reason.removeprefix(f"{name}: "), LONGEST_REASON, placeholder=" ...").rstrip(": ")
            names_by_reason.setdefault(line, []).append(name)
    return names_by_reason


def _all_of(records: Sequence[MemberRecord]) -> str:
    return f"all {len(records)} members" if len(records) > 1 else "the only member"


def _line(status: str, job: JobPlan, seeds: Sequence[int], reason: str) -> str:
    seeds_text = f"seed{'s' * (len(seeds) > 1)} {', '.join(map(str, seeds))}"
    return f"{status.replace('_', ' ').capitalize()}: {job.task} {job.cell} lag {job.lag} ({seeds_text}): {reason}"
