"""The members of a study are dealt to the jobs of a launcher, each once."""

from collections import Counter

import pytest

from lstm_bench.config.composing import Invocation, compose_study
from lstm_bench.records.job_parts import dealt
from lstm_bench.records.plan import JobPlan
from lstm_bench.study.planning import plan_study

TINY = ("cell=rnn", "cell.hidden_size=4", "task.lag=2,4", "trainer.tuning_seeds=2")


def jobs_of(*overrides: str) -> list[JobPlan]:
    return plan_study(compose_study(Invocation((*TINY, *overrides))), overrides).jobs


def test_whole_jobs_have_their_own_names() -> None:
    jobs = jobs_of("trainer.learning_rates=[0.1,0.2]")
    assert dealt(jobs, None) == [(job.job, job, "") for job in jobs]


@pytest.mark.parametrize("most", [1, 2, 3, 5, 100])
@pytest.mark.parametrize("rates", ["[0.1,0.2,0.3]", "0.1"])
def test_every_member_is_in_one_part_and_in_no_other(most: int, rates: str) -> None:
    jobs = jobs_of(f"trainer.learning_rates={rates}", "trainer.seeds=5")
    parts = dealt(jobs, most)
    members = Counter(member for part in parts for member in part.job.possible_members())
    assert members == Counter(member for job in jobs for member in job.possible_members())
    assert max(len(part.job.seeds) for part in parts) == min(most, 5)
    assert len({part.name for part in parts}) == len(parts)


def test_parts_that_tune_come_first_and_the_others_name_theirs() -> None:
    first, second = jobs_of("trainer.learning_rates=[0.1,0.2]", "trainer.seeds=[7,3,8]")
    named = [(part.name, part.job.seeds, part.tuned_by) for part in dealt([first, second], 2)]
    assert named == [
        (f"{first.job}.tuning", [], ""),
        (f"{second.job}.tuning", [], ""),
        (f"{first.job}.7", [7, 3], f"{first.job}.tuning"),
        (f"{first.job}.8", [8], f"{first.job}.tuning"),
        (f"{second.job}.7", [7, 3], f"{second.job}.tuning"),
        (f"{second.job}.8", [8], f"{second.job}.tuning"),
    ]


def test_nothing_tunes_where_one_rate_is_given() -> None:
    assert [part.tuned_by for part in dealt(jobs_of("trainer.learning_rates=0.1", "trainer.seeds=2"), 1)] == [""] * 4
