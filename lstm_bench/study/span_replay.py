"""The state of a search for a span, and the jobs that it waits for: a function of its plan and the records alone.

A study that is killed and resumed thus makes the same decisions.
"""

import math
from bisect import bisect
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from lstm_bench.analysis.span_information import PACK
from lstm_bench.analysis.span_search import Decision, Pack, SpanSearch, next_pack
from lstm_bench.engine.tuning import Trial
from lstm_bench.lag_grid import nearest, octaves
from lstm_bench.records.plan import JobPlan, PackPlan, SpanPlan
from lstm_bench.records.schema import WITHOUT_RESULT, MemberRecord
from lstm_bench.study.identity import settings_identity
from lstm_bench.study.planning import job_config
from lstm_bench.study.rate_choice import best_rate, further_rate, left_baseline, trial_of

SECONDS_AN_HOUR = 3600.0
Read = Callable[[str], MemberRecord | None]  # returns the record of a member, None where there is none


@dataclass(frozen=True)
class Progress:
    """The state of a search.

    Attributes:
        plan: the search with the packs begun and why it has ended, if it has.
        jobs: those that tune a learning rate, without reported members, then those of the packs, one a lag.
        waiting: jobs with members to train; each is one that tunes, or one pack.
        ended: how many packs have ended.
        lag: the lag of the first pack that has not ended, None where the search has ended.
    """

    plan: SpanPlan
    jobs: list[JobPlan]
    waiting: list[JobPlan]
    ended: int
    lag: int | None

    @property
    def most(self) -> int:
        """The largest possible number of packs."""
        return self.plan.members // PACK


@dataclass(frozen=True)
class _Tuning:
    """The state of tuning at a lag; `rate` is None while it waits for a member.

    `also_at` is another lag whose tuning members were counted in choosing the rate, None without one.
    """

    job: JobPlan
    rate: float | None
    has_left_baseline: bool
    seconds: float
    trials: Sequence[Trial] = ()
    also_at: int | None = None


class SpanReplay:
    """Replay one search, as often as its records have grown."""

    def __init__(self, plan: SpanPlan) -> None:
        """Take the plan of a search; the packs in it are ignored."""
        self._plan = plan
        self._candidates = {job.lag: job for job in plan.candidates}
        lags = list(self._candidates)
        self._octaves = octaves(lags[0], lags[-1])
        lengths = {lag: float(job.length) for lag, job in self._candidates.items()}
        self._search = SpanSearch(
            smallest=lags[0],
            max_lag=lags[-1],
            length=lengths.__getitem__,
            precision=plan.precision,
            members=plan.members,
            core_hours=math.inf if plan.core_hours is None else plan.core_hours,
        )

    @cached_property
    def cell(self) -> str:
        """The task and the cell, as in "copy lstm"."""
        return f"{self._plan.candidates[0].task} {self._plan.candidates[0].cell}"

    def progress(self, read: Read) -> Progress:
        """Return the state of the search by the records that `read` returns."""
        packs, ended, seeds_at = list[PackPlan](), dict[int, Pack](), Counter[int]()
        jobs, tunings, waiting = dict[str, JobPlan](), dict[int, _Tuning](), dict[str, JobPlan]()
        tuned_for = dict[int, _Tuning]()  # by lag, from its first pack on: a lag keeps its rate
        while True:
            lags = [pack.lag for pack in packs]
            decision = next_pack(lags, ended, self._plan.at_once, self._search)
            if decision is None or decision.lag is None:
                break
            lag: int = decision.lag
            first_seed = seeds_at[lag]
            seeds_at[lag] += PACK
            tuned_before = set(tunings)
            if lag not in tuned_for:
                tuned_for[lag] = self._tuned(lag, tunings, read)
            tuned = tuned_for[lag]
            pack = _pack(decision, lag, list(range(first_seed, first_seed + PACK)))
            if tuned.rate is None:
                waiting[tuned.job.job] = tuned.job
            else:
                tunes = len(self._candidates[lag].learning_rates) > 1
                tuned_at = tuned.job.lag if tunes else None
                pack = replace(pack, learning_rate=tuned.rate, tuned_at=tuned_at, tuned_also_at=tuned.also_at)
                job = at_rate(self._candidates[lag], tuned.rate, pack.seeds)
                seeds = [*jobs[job.job].seeds, *job.seeds] if job.job in jobs else job.seeds
                jobs[job.job] = replace(job, seeds=seeds)
                tuning_s = math.fsum(tunings[octave].seconds for octave in set(tunings) - tuned_before)
                result = _result(job, tuning_s, read)
                if result is not None:
                    ended[len(packs)] = result
                elif job.job not in waiting:  # packs of one lag are trained one after another
                    waiting[job.job] = job
            packs.append(pack)
        plan = replace(self._plan, packs=packs)
        if decision is not None:
            plan = replace(plan, ended=decision.reason, median=decision.median, low=decision.low, high=decision.high)
        tuning_jobs = [tuning.job for tuning in tunings.values() if tuning.job.tuning_seeds]
        by_lag = sorted(jobs.values(), key=lambda job: job.lag)
        next_lag = next((pack.lag for number, pack in enumerate(packs) if number not in ended), None)
        return Progress(plan, [*tuning_jobs, *by_lag], list(waiting.values()), len(ended), next_lag)

    def _tuned(self, lag: int, tunings: dict[int, _Tuning], read: Read) -> _Tuning:
        """Return the tuning whose rate a lag takes, or the one that it waits for.

        Octaves are tuned upwards from the first lag, to the first one where no member leaves the baseline. A lag takes
        the rate of the nearest octave, or of the last one below where some member did. A lag between two octaves that
        were tuned when its first pack begins takes the best rate by the members of both. `tunings` gains the octaves
        that were looked up.
        """
        if len(self._candidates[lag].learning_rates) == 1:
            job = self._candidates[lag]
            return _Tuning(job, job.learning_rates[0], has_left_baseline=True, seconds=0.0)
        nearest_octave = nearest(lag, self._octaves)
        first = min(nearest_octave, self._search.first_lag)
        chosen = self._tuning_at(first, tunings, read)
        for octave in (octave for octave in self._octaves if first < octave <= nearest_octave):
            if chosen.rate is None or not chosen.has_left_baseline:
                break
            above = self._tuning_at(octave, tunings, read)
            if above.rate is not None and not above.has_left_baseline:
                break
            chosen = above
        return self._tuned_on_both_sides(lag, chosen, tunings)

    def _tuned_on_both_sides(self, lag: int, nearest_tuning: _Tuning, tunings: dict[int, _Tuning]) -> _Tuning:
        """Return the tuning with the best rate by the members of both octaves around a lag, if both distinguish rates.

        The best rate at the octave below may be too high a little above it, and be chosen there by the fastest members.
        """
        if lag in self._octaves or nearest_tuning.rate is None:
            return nearest_tuning
        place = bisect(self._octaves, lag)
        others = {*self._octaves[max(place - 1, 0) : place + 1]} - {nearest_tuning.job.lag}
        if len(others) != 1 or not others <= tunings.keys():
            return nearest_tuning
        other = tunings[others.pop()]
        if other.rate is None:
            return other  # waits for its members
        if not other.has_left_baseline:
            return nearest_tuning
        rates = {trial.learning_rate for trial in nearest_tuning.trials}
        rates &= {trial.learning_rate for trial in other.trials}
        trials = [trial for trial in (*nearest_tuning.trials, *other.trials) if trial.learning_rate in rates]
        best = best_rate(trials, job_config(nearest_tuning.job).trainer)
        return replace(nearest_tuning, rate=best, also_at=other.job.lag)

    def _tuning_at(self, octave: int, tunings: dict[int, _Tuning], read: Read) -> _Tuning:
        if octave not in tunings:
            tunings[octave] = _tuning(self._candidates[octave], read)
        return tunings[octave]


def at_rate(job: JobPlan, rate: float, seeds: Sequence[int]) -> JobPlan:
    """Return a job with one learning rate in place of the rates to choose from, and these reported members."""
    if job.learning_rates == [rate]:
        return replace(job, seeds=list(seeds))
    config = job.config | {"trainer": job.config["trainer"] | {"learning_rates": [rate]}}
    identity = settings_identity(config, job.sources)
    fixed = replace(job, job=identity, learning_rates=[rate], tuning_seeds=[], further_rates=[], config=config)
    return replace(fixed, seeds=list(seeds))


def packs_at_octaves(jobs: Sequence[JobPlan], searches: Sequence[SpanPlan]) -> list[JobPlan]:
    """Return the jobs of searches whose lags are whole octaves, each with the members of one pack."""
    grids = {search.contestant: octaves(search.candidates[0].lag, search.candidates[-1].lag) for search in searches}
    return [replace(job, seeds=job.seeds[:PACK]) for job in jobs if job.lag in grids[job.contestant]]


def _pack(decision: Decision, lag: int, seeds: list[int]) -> PackPlan:
    return PackPlan(lag, seeds, decision.reason, decision.median, decision.low, decision.high)


def _result(job: JobPlan, tuning_s: float, read: Read) -> Pack | None:
    """Return the pack of a job's reported members, None until all of them have a result."""
    records = [_with_result(member.identity, read) for member in job.reported()]
    finished = [record for record in records if record is not None]
    if len(finished) < len(records):
        return None
    shares = tuple(record.steps_to_solve / job.steps for record in finished if record.steps_to_solve is not None)
    seconds = math.fsum(record.train_s + record.probe_s for record in finished)
    return Pack(job.lag, len(finished), shares, (seconds + tuning_s) / SECONDS_AN_HOUR)


def _tuning(job: JobPlan, read: Read) -> _Tuning:
    """Return the state of a job's tuning, with the rate beyond an end of the grid where that is to be tried."""
    trainer = job_config(job).trainer
    records = [_with_result(member.identity, read) for member in job.members()]
    finished = [record for record in records if record is not None]
    trials = [trial_of(record, job.criterion) for record in finished]
    if len(finished) == len(records) and (further := further_rate(trials, trainer)) is not None:
        beyond = [_with_result(member.identity, read) for member in job.further_members() if member.rate == further]
        records += beyond
        finished += [record for record in beyond if record is not None]
        trials = [trial_of(record, job.criterion) for record in finished]
    is_whole = len(finished) == len(records)
    rate = best_rate(trials, trainer) if is_whole else None
    return _Tuning(job, rate, left_baseline(trials), math.fsum(record.train_s for record in finished), trials)


def _with_result(identity: str, read: Read) -> MemberRecord | None:
    record = read(identity)
    return None if record is None or record.status in WITHOUT_RESULT else record
