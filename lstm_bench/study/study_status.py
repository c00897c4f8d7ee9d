"""The status of a study, from its records alone: on any machine that sees them, whether the study runs or not."""

import platform
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import psutil

from lstm_bench.records.job_parts import JobPart, dealt
from lstm_bench.records.locking import holder, job_lock, study_lock
from lstm_bench.records.plan import StudyPlan
from lstm_bench.records.schema import FAILED, MemberRecord
from lstm_bench.records.snapshot import Snapshot
from lstm_bench.records.store import StudyRecords
from lstm_bench.study.job_progress import seconds_left, share_done, work
from lstm_bench.study.searches import Searches

CLOCK_STEP_S = 2.0  # by which a process may seem to have begun after it took its lock
Event = dict[str, Any]  # a line of the journal
State = Literal["waiting", "running", "done", "failed"]


@dataclass(frozen=True)
class PartStatus:
    """The status of one part of a study.

    Attributes:
        part: the part.
        state: "done" where all of its members have a result; "failed" where its last process failed.
        progress: the last progress of the process that trains it; empty where none trains it.
        host: the host of that process; "" where none trains it, and on this machine.
        silent_s: seconds since the process wrote something.
        reason: why it failed.
    """

    part: JobPart
    state: State
    progress: Mapping[str, Any]
    host: str = ""
    silent_s: float = 0.0
    reason: str = ""


@dataclass(frozen=True)
class StudyStatus:
    """The status of a study.

    Attributes:
        plan: its plan.
        owner: the process that runs it, None where none does.
        parts: the parts of the jobs with given lags.
        lanes: the jobs that searches wait for and that run or have failed.
        spans: the state of each search, in words.
        members_done: how many members have a result, those that tune included.
        members: how many members there are, with those that searches have added so far.
        seconds_left: an upper bound, as in the display of the running study; None where it cannot be estimated.
    """

    plan: StudyPlan
    owner: Mapping[str, Any] | None
    parts: Sequence[PartStatus]
    lanes: Sequence[PartStatus]
    spans: Sequence[str]
    members_done: int
    members: int
    seconds_left: float | None


def study_status(folder: Path) -> StudyStatus:
    """Return the status of the study whose records are in this folder; nothing is written, and no lock is taken.

    Raises: RecordError where its plan cannot be read.
    """
    return _Reader(StudyRecords(folder)).status()


class _Reader:
    """Read one study once."""

    def __init__(self, records: StudyRecords) -> None:
        self._records, self._plan = records, records.read_plan()
        searched = {search.contestant for search in self._plan.searches}
        fixed_jobs = [job for job in self._plan.jobs if job.contestant not in searched]
        self._parts = dealt(fixed_jobs, self._plan.members_per_job)
        self._snapshot = Snapshot(records, self._plan.jobs)
        self._searches = Searches(self._plan.searches, fixed_jobs)
        self._searches.look(self._snapshot)
        owner = holder(study_lock(records.folder))
        self._owner = owner if owner is not None and _may_live(owner) else None
        self._read_events()

    def _read_events(self) -> None:
        """Read when the last invocation began, which jobs have ended in it, and which were taken up, at which step."""
        events = _of_last_invocation(self._records.journal.read()[0])
        began = events[0] if events and events[0]["event"] == "study_began" else None
        at = None if began is None else datetime.fromisoformat(began["at"])
        self._began = at and at.replace(microsecond=0)  # records have the time to the second
        self._ended, self._taken_up = dict[tuple[str, int | None], Event](), dict[str, Event]()
        for event in events:
            if event["event"] == "job_ended":
                self._ended[event["job"], event["number"]] = self._ended[event["job"], None] = event
            elif event["event"] == "taken_up" and "part" in event:
                self._taken_up.setdefault(event["part"], event)

    def status(self) -> StudyStatus:
        jobs = self._searches.grown(self._plan).jobs
        members = [member.identity for job in jobs for member in job.members()]
        parts = [self._status_of(number, part) for number, part in enumerate(self._parts)]
        lanes = [self._status_of(None, JobPart(job.job, job)) for job in self._searches.waiting]
        return StudyStatus(
            plan=self._plan,
            owner=self._owner,
            parts=parts,
            lanes=[lane for lane in lanes if lane.state in ("running", "failed")],
            spans=self._searches.words,
            members_done=sum(self._snapshot.has_result(identity) for identity in members),
            members=len(members),
            seconds_left=self._seconds_left(parts),
        )

    def _status_of(self, number: int | None, part: JobPart) -> PartStatus:
        """Return the status of a part; `number` is that in the journal, None for a pack of a search."""
        if self._snapshot.is_whole(part.job):
            return PartStatus(part, "done", {})
        process = holder(job_lock(self._records.folder, part.name))
        if process is not None and _may_live(process):
            host = "" if process["host"] == platform.node() else process["host"]
            return PartStatus(part, "running", self._progress(part), host, self._silent_s(part))
        reason = self._failure(number, part)
        return PartStatus(part, "waiting" if reason is None else "failed", {}, reason=reason or "")

    def _progress(self, part: JobPart) -> dict[str, Any]:
        with suppress(OSError, ValueError):  # it may be removed or written just now
            progress = self._records.read_progress(part.name)
            return progress if progress.get("phase") != "done" else {}
        return {}

    def _silent_s(self, part: JobPart) -> float:
        written = self._records.progress_written(part.name)
        return 0.0 if written is None else max(0.0, time.time() - written)

    def _failure(self, number: int | None, part: JobPart) -> str | None:
        """Return why a part failed; None where it did not, or where the running invocation has not tried it yet."""
        ended = self._ended.get((part.job.job, number))
        if ended is not None:
            return str(ended["reason"]) if ended["outcome"] in FAILED else None
        if self._owner is not None:
            return None
        records = [self._record(member.identity) for member in part.job.members()]
        failed = [record for record in records if record is not None and record.status in FAILED]
        return (failed[0].error or "").strip().rpartition("\n")[2] if failed else None

    def _record(self, identity: str) -> MemberRecord | None:
        return self._snapshot.members.get(identity)

    def _seconds_left(self, parts: Sequence[PartStatus]) -> float | None:
        """Return how long the parts take at most, by the work done since the invocation began."""
        is_running = any(part.state == "running" for part in parts)
        if not is_running or self._searches.progress or self._began is None:
            return None
        done = {"phase": "done"}
        works = [work(part.part.job) for part in parts]
        shares_now = [share_done(part.part.job, done if part.state == "done" else part.progress) for part in parts]
        shares_before = [self._share_before(part) for part in parts]
        share, share_before = (
            sum(map(float.__mul__, shares, works)) / sum(works) for shares in (shares_now, shares_before)
        )
        return seconds_left((datetime.now(UTC) - self._began).total_seconds(), share, share_before)

    def _share_before(self, status: PartStatus) -> float:
        """Return the share of a part's work that was done when the last invocation began."""
        part = status.part
        if (taken_up := self._taken_up.get(part.name)) is not None:
            role, step = taken_up["role"], taken_up["step"]
            steps = (part.job.tuning_steps if role == "tuning" else None) or max(1, part.job.steps)
            return share_done(part.job, {"phase": role, "step": step, "steps": steps})
        if status.state != "done":
            return 0.0
        records = [self._record(member.identity) for member in part.job.members()]
        return 0.0 if any(record is not None and self._is_of_last_invocation(record) for record in records) else 1.0

    def _is_of_last_invocation(self, record: MemberRecord) -> bool:
        return self._began is not None and datetime.fromisoformat(record.finished) >= self._began


def _of_last_invocation(events: Sequence[dict[str, Any]]) -> Sequence[dict[str, Any]]:
    """Return the events from the last beginning on; all of them where there is none."""
    beginnings = [place for place, event in enumerate(events) if event["event"] == "study_began"]
    return events[beginnings[-1] :] if beginnings else events


def _may_live(process: Mapping[str, Any]) -> bool:
    """Tell whether the process that a lock's note names is running; one on another machine counts as running."""
    if process["host"] != platform.node():
        return True
    with suppress(psutil.Error):
        candidate = psutil.Process(process["pid"])
        locked_at = datetime.fromisoformat(process["since"]).timestamp()
        return candidate.status() != psutil.STATUS_ZOMBIE and candidate.create_time() <= locked_at + CLOCK_STEP_S
    return False
