"""The searches for spans in a study: the plan with the jobs that they add, and their state in words."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from lstm_bench.analysis.wording import counted
from lstm_bench.records.plan import JobPlan, PackPlan, SpanPlan, StudyPlan
from lstm_bench.records.schema import MemberRecord
from lstm_bench.records.snapshot import Snapshot

if TYPE_CHECKING:
    from lstm_bench.study.span_replay import Progress, SpanReplay

ENDS = {
    "precision": "as precise as asked for",
    "members": "not as precise as asked for: all {search.members} members are used up",
    "core_hours": "not as precise as asked for: {search.core_hours:g} core-hours are used up",
    "max_lag": "beyond the longest lag that may be tried, {longest}",
    "smallest lag": "below the shortest lag that may be tried",
}


class Searches:
    """All searches of a study.

    Attributes:
        fixed_jobs: the jobs of the study that belong to no search.
        progress: the progress of each search, by the records that were read last.
    """

    def __init__(self, searches: Sequence[SpanPlan], fixed_jobs: Sequence[JobPlan] = ()) -> None:
        self.fixed_jobs = list(fixed_jobs)
        self._replays = [_replay(search) for search in searches]
        self.progress: list[Progress] = []

    def look(self, snapshot: Snapshot) -> None:
        """Update the progress from the records, which are read for members without a result in the snapshot."""

        def read(identity: str) -> MemberRecord | None:
            if not snapshot.has_result(identity):
                snapshot.read_member(identity)
            return snapshot.members.get(identity)

        self.progress = [replay.progress(read) for replay in self._replays]

    def grown(self, plan: StudyPlan) -> StudyPlan:
        """Return a plan with the jobs that the searches have added so far, after the fixed jobs."""
        jobs = [job for progress in self.progress for job in progress.jobs]
        return replace(plan, jobs=[*self.fixed_jobs, *jobs], searches=[progress.plan for progress in self.progress])

    @property
    def waiting(self) -> list[JobPlan]:
        """The jobs that the searches wait for, those of the search with the fewest packs that have ended first."""
        least_first = sorted(self.progress, key=lambda progress: progress.ended)
        return [job for progress in least_first for job in progress.waiting]

    @property
    def words(self) -> list[str]:
        """What is known of each span and what is tried next, in words: "copy lstm: 41 (28-66), next lag 48"."""
        return [_in_words(replay, progress) for replay, progress in zip(self._replays, self.progress, strict=True)]


def with_former_depth(plan: StudyPlan, former: Sequence[SpanPlan]) -> StudyPlan:
    """Return a plan whose searches have as many packs in training at a time as when they began.

    The next lag depends on that number, and a search has to resume in the same way on another machine.
    """
    depths = {_key(search): search.at_once for search in former}
    searches = [replace(search, at_once=depths.get(_key(search), search.at_once)) for search in plan.searches]
    return replace(plan, searches=searches)


def have_ended(searches: Sequence[SpanPlan], recorded: Sequence[SpanPlan]) -> bool:
    """Tell whether all searches of a plan have ended in a recorded plan, under the same limits."""
    ended = {(_key(search), *_limits(search)) for search in recorded if search.ended}
    return all((_key(search), *_limits(search)) in ended for search in searches)


def searches_text(searches: Sequence[SpanPlan]) -> str:
    """Return what searches are for and when they end: "2 spans to find, each to a factor of 1.5 in at most ..."."""
    first = searches[0]
    longest = max(search.candidates[-1].lag for search in searches)
    hours = "" if first.core_hours is None else f" and {first.core_hours:g} core-hours"
    limits = f"{first.members} members{hours}, with lags up to {longest}"
    return f"{counted(len(searches), 'span')} to find, each to a factor of {first.precision:g} in at most {limits}"


def _replay(search: SpanPlan) -> "SpanReplay":
    from lstm_bench.study.span_replay import SpanReplay  # scipy takes half a second, and most studies do not need it

    return SpanReplay(search)


def _limits(search: SpanPlan) -> tuple[float | None, ...]:
    return search.precision, search.members, search.core_hours


def _key(search: SpanPlan) -> tuple[str, ...]:
    return tuple(job.job for job in search.candidates)


def _in_words(replay: "SpanReplay", progress: "Progress") -> str:
    plan = progress.plan
    if plan.ended:
        return f"{replay.cell}: {_span(plan)}, {ENDS[plan.ended].format(search=plan, longest=plan.candidates[-1].lag)}"
    last = plan.packs[-1]
    known = f"{_span(last)}, " if progress.ended else ""
    waits_for_rate = any(not job.seeds for job in progress.waiting)
    return f"{replay.cell}: {known}{'tuning for' if waits_for_rate else 'next'} lag {progress.lag}"


def _span(known: PackPlan | SpanPlan) -> str:
    return f"{known.median:.3g} ({known.low:.3g}-{known.high:.3g})"
