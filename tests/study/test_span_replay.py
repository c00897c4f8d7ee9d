"""A search replayed from records that are made by hand: a member solves where its lag is at most the span."""

import itertools
from collections.abc import Mapping
from dataclasses import replace

import pytest

from lstm_bench.analysis.span_search import Pack, SpanSearch, next_pack
from lstm_bench.config.composing import Invocation, compose_study
from lstm_bench.metrics import normalised_loss
from lstm_bench.records.plan import JobPlan, SpanPlan, StudyPlan
from lstm_bench.records.schema import MemberRecord
from lstm_bench.study.identity import job_identity
from lstm_bench.study.planning import plan_study
from lstm_bench.study.searches import with_former_depth
from lstm_bench.study.span_replay import SpanReplay, at_rate, packs_at_octaves

SPAN = 21
SETTINGS = (
    "task=copy", "task.lag=auto", "cell=rnn", "cell.hidden_size=4", "trainer.steps=100", "trainer.eval_every=50",
    "trainer.learning_rates=[0.003,0.01,0.03]", "trainer.tuning_seeds=1", "span.max_lag=128", "span.members=20",
)  # fmt: skip


class Records:
    """Records by identity, each made when a search asks for its job."""

    def __init__(
        self,
        best_rate: float = 0.01,
        span: int = SPAN,
        seconds: float = 0.0,
        losses: Mapping[tuple[int, float], float] | None = None,
    ) -> None:
        """Take the losses of members that do not solve by lag and rate; others keep that without memory."""
        self.by_identity: dict[str, MemberRecord] = {}
        self.losses = losses or {}
        self.best_rate, self.span, self.seconds = best_rate, span, seconds

    def read(self, identity: str) -> MemberRecord | None:
        return self.by_identity.get(identity)

    def train(self, job: JobPlan) -> None:
        wanted = [*job.members(), *(job.further_members() if not job.seeds else [])]
        for identity, role, seed, rate in wanted:
            chosen = job.learning_rates[0] if rate is None else rate
            solves = job.lag <= self.span and chosen == self.best_rate
            record = MemberRecord(identity, job.job, role, seed, chosen, "solved" if solves else "plateau")
            loss = self.losses.get((job.lag, chosen), 1.0)
            self.by_identity[identity] = replace(
                record,
                steps=100,
                steps_to_solve=50 if solves else None,
                train_s=self.seconds,
                metrics={normalised_loss(job.criterion): loss},
            )


def planned(*overrides: str) -> StudyPlan:
    return plan_study(compose_study(Invocation((*SETTINGS, *overrides))), [])


@pytest.fixture(scope="module")
def plan() -> SpanPlan:
    (search,) = planned("span.at_once=1").searches
    return search


def run_to_its_end(plan: SpanPlan, records: Records, most: int = 100) -> list[JobPlan]:
    """Train whatever the search waits for, one job at a time; return the jobs in order."""
    replay, trained = SpanReplay(plan), list[JobPlan]()
    while (waiting := replay.progress(records.read).waiting) and len(trained) < most:
        records.train(waiting[0])
        trained.append(waiting[0])
    return trained


def test_it_trains_the_packs_that_the_search_decides_on(plan):
    records = Records()
    run_to_its_end(plan, records)
    search = SpanSearch(1, 128, {job.lag: job.length for job in plan.candidates}.__getitem__, members=20)
    lags: list[int] = []
    ended: dict[int, Pack] = {}
    while (decision := next_pack(lags, ended, 1, search)) is not None and decision.lag is not None:
        ended[len(lags)] = Pack(decision.lag, 2, (0.5, 0.5) if decision.lag <= SPAN else ())
        lags.append(decision.lag)
    progress = SpanReplay(plan).progress(records.read)
    assert [pack.lag for pack in progress.plan.packs] == lags
    assert decision is not None
    assert (progress.plan.ended, progress.plan.low) == (decision.reason, decision.low)
    assert progress.plan.low < SPAN < progress.plan.high
    assert progress.lag is None


def test_packs_of_one_lag_have_the_next_seeds_and_share_a_job(plan):
    records = Records()
    run_to_its_end(plan, records)
    progress = SpanReplay(plan).progress(records.read)
    for lag, packs in itertools.groupby(sorted(progress.plan.packs, key=lambda pack: pack.lag), lambda pack: pack.lag):
        seeds = [seed for pack in packs for seed in pack.seeds]
        assert seeds == list(range(len(seeds)))
        assert [job.seeds for job in progress.jobs if job.lag == lag and job.seeds] == [seeds]
    assert max(len(job.seeds) for job in progress.jobs) >= 4


def test_rates_are_tuned_at_octaves_up_to_the_first_that_tells_nothing(plan):
    records = Records()
    trained = run_to_its_end(plan, records)
    tuned = [job.lag for job in trained if not job.seeds]
    assert tuned == [4, 8, 16, 32]
    packs = SpanReplay(plan).progress(records.read).plan.packs
    assert {pack.learning_rate for pack in packs} == {0.01}
    assert any(pack.lag > 48 for pack in packs)
    assert {pack.tuned_at for pack in packs if pack.lag >= 23} == {16}  # at 32 no tuning member left the baseline
    assert {pack.tuned_at for pack in packs if pack.lag in (4, 8, 16)} == {4, 8, 16}


def test_a_loss_below_the_baseline_is_enough_to_choose_a_rate_by(plan):
    records = Records(losses={(32, 0.03): 0.9, (32, 0.01): 0.94})
    run_to_its_end(plan, records)
    packs = SpanReplay(plan).progress(records.read).plan.packs
    above = [pack for pack in packs if pack.lag >= 32]
    assert {(pack.learning_rate, pack.tuned_at) for pack in above} == {(0.03, 32)}
    barely = Records(losses={(32, 0.03): 0.95})
    run_to_its_end(plan, barely)
    packs = SpanReplay(plan).progress(barely.read).plan.packs
    assert {pack.tuned_at for pack in packs if pack.lag >= 23} == {16}


class FastButFragile(Records):
    """The rate 0.01 solves first up to lag 8 and nowhere above; 0.003 solves up to 16, for reported members to 11."""

    def train(self, job: JobPlan) -> None:
        super().train(job)
        for identity, record in self.by_identity.items():
            if record.job == job.job:
                steps = self._steps(job.lag, record)
                status = "plateau" if steps is None else "solved"
                self.by_identity[identity] = replace(record, status=status, steps_to_solve=steps)

    def _steps(self, lag: int, record: MemberRecord) -> int | None:
        longest = {0.003: 16 if record.role == "tuning" else 11, 0.01: 8}.get(record.learning_rate or 0.0, 0)
        return {0.003: 60, 0.01: 20}[record.learning_rate or 0.0] if lag <= longest else None


def test_between_two_tuned_octaves_the_rate_is_the_best_by_the_members_of_both(plan):
    records = FastButFragile()
    run_to_its_end(plan, records)
    packs = SpanReplay(plan).progress(records.read).plan.packs
    chosen = {pack.lag: (pack.learning_rate, pack.tuned_at, pack.tuned_also_at) for pack in packs}
    assert {lag: chosen[lag] for lag in (4, 8, 16)} == {4: (0.01, 4, None), 8: (0.01, 8, None), 16: (0.003, 16, None)}
    between = {lag: rate for lag, rate in chosen.items() if 8 < lag < 16}
    assert 11 in between or 10 in between
    assert set(between.values()) <= {(0.003, 8, 16), (0.003, 16, 8)}, (
        "0.01 is the faster at 8, and solves nothing above"
    )
    assert all(pack.tuned_also_at is None for pack in packs if pack.lag > 16), "at 32 no rate tells anything"


def test_a_rate_beyond_the_end_of_the_grid_is_waited_for(plan):
    records = Records(best_rate=0.03)
    (tuning,) = SpanReplay(plan).progress(records.read).waiting
    for identity, role, seed, rate in tuning.members():
        solves = rate == 0.03
        record = MemberRecord(identity, tuning.job, role, seed, rate, "solved" if solves else "plateau", 100)
        records.by_identity[identity] = replace(record, steps_to_solve=50 if solves else None)
    progress = SpanReplay(plan).progress(records.read)
    assert [job.seeds for job in progress.waiting] == [[]]
    records.train(tuning)  # the further ones as well
    assert SpanReplay(plan).progress(records.read).plan.packs[0].learning_rate == 0.03


def test_a_search_that_was_killed_goes_on_to_the_same_decisions(plan):
    whole = Records()
    trained = run_to_its_end(plan, whole)
    expected = SpanReplay(plan).progress(whole.read).plan
    for n in range(len(trained)):
        partly = Records()
        run_to_its_end(plan, partly, most=n)
        packs = SpanReplay(plan).progress(partly.read).plan.packs
        assert [pack.lag for pack in packs] == [pack.lag for pack in expected.packs[: len(packs)]]
        run_to_its_end(plan, partly)
        assert SpanReplay(plan).progress(partly.read).plan == expected


def test_packs_in_flight_do_not_depend_on_which_of_them_ends_first():
    (search,) = planned("span.at_once=3").searches
    ends = []
    for turn in (0, -1):
        records, replay = Records(), SpanReplay(search)
        while waiting := replay.progress(records.read).waiting:
            records.train(waiting[turn])
        ends.append(replay.progress(records.read).plan)
    assert ends[0] == ends[1]


def test_members_that_failed_are_waited_for(plan):
    records = Records()
    (tuning,) = SpanReplay(plan).progress(records.read).waiting
    records.train(tuning)
    (pack,) = SpanReplay(plan).progress(records.read).waiting
    for identity, role, seed, rate in pack.members():
        records.by_identity[identity] = MemberRecord(identity, pack.job, role, seed, rate, "failed")
    progress = SpanReplay(plan).progress(records.read)
    assert progress.waiting == [pack]
    assert (progress.ended, progress.plan.ended) == (0, "")


def test_core_hours_count_the_packs_and_the_tuning_that_they_needed():
    (search,) = planned("span.at_once=1", "span.core_hours=0.01").searches
    records = Records(seconds=10.0)  # at each octave 5 members tune, 3 rates and those beyond both ends, and 2 report
    run_to_its_end(search, records)
    plan = SpanReplay(search).progress(records.read).plan
    assert plan.ended == "core_hours"
    tuned = sum(record.role == "tuning" and record.learning_rate in (0.003, 0.01, 0.03) for record in _all(records))
    reported = sum(record.role == "report" for record in _all(records))
    assert 10.0 * (tuned + reported) >= 36.0
    assert [pack.lag for pack in plan.packs] == [4]


def _all(records: Records) -> list[MemberRecord]:
    return list(records.by_identity.values())


def test_without_tuning_a_pack_is_that_of_a_job_whose_lag_is_given():
    (search,) = planned("trainer.learning_rates=0.01").searches
    (job,) = SpanReplay(search).progress(Records().read).waiting[:1]
    (given,) = planned("trainer.learning_rates=0.01", f"task.lag={job.lag}").jobs
    assert (job.job, job.seeds, job.learning_rates) == (given.job, [0, 1], [0.01])


def test_a_pack_has_the_identity_of_a_job_with_its_rate(plan):
    (lag,) = (job for job in plan.candidates if job.lag == 8)
    overrides = [each for each in SETTINGS if not each.startswith(("task.lag", "trainer.learning_rates"))]
    (given,) = compose_study(Invocation((*overrides, "task.lag=8", "trainer.learning_rates=0.01"))).jobs
    assert at_rate(lag, 0.01, [4, 5]).job == job_identity(given)


def test_speed_is_timed_at_whole_octaves_with_a_pack(plan):
    records = Records()
    run_to_its_end(plan, records)
    jobs = [job for job in SpanReplay(plan).progress(records.read).jobs if job.seeds]
    timed = packs_at_octaves(jobs, [plan])
    assert [job.lag for job in timed] == [lag for lag in (1, 2, 4, 8, 16, 32, 64) if lag in {job.lag for job in jobs}]
    assert {tuple(job.seeds) for job in timed} == {(0, 1)}


@pytest.mark.parametrize(
    ("cores", "cells", "at_once"), [(1, "rnn", 2), (2, "rnn", 4), (8, "rnn", 4), (2, "rnn,gru", 2)]
)
def test_as_many_packs_are_in_training_as_the_cores_need(cores, cells, at_once):
    config = replace(compose_study(Invocation((*SETTINGS, f"cell={cells}"))), jobs_at_once=cores)
    assert {search.at_once for search in plan_study(config, []).searches} == {at_once}


def test_a_search_goes_on_with_as_many_packs_in_training_as_it_began_with(plan):
    here = planned("span.at_once=4")
    assert with_former_depth(here, [plan]).searches[0].at_once == 1
    other = planned("span.at_once=4", "trainer.steps=150")
    assert with_former_depth(other, [plan]).searches[0].at_once == 4
