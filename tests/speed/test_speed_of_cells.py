"""The speed of a study's cells: the members of a job together, and like with like."""

from dataclasses import replace

import pytest

from lstm_bench.analysis.comparison import comparison
from lstm_bench.analysis.frames import load_study
from lstm_bench.analysis.headline import headline
from lstm_bench.analysis.results import derived_metrics
from lstm_bench.analysis.wording import times
from lstm_bench.config.composing import Invocation, compose_study
from lstm_bench.records.schema import MemberRecord
from lstm_bench.records.speed import OURS, STOCK, SpeedRow
from lstm_bench.records.store import StudyRecords
from lstm_bench.report.figures import speed
from lstm_bench.report.pages.comparison import comparison_table
from lstm_bench.speed import study_cells
from lstm_bench.speed.study_cells import is_timed, measure_speed, through_autograd_too
from lstm_bench.study.planning import plan_study

MEMBERS, BATCH = 3, 2
SMALL = (
    "cell=lstm,rnn", "task.lag=1,2", "task.n_symbols=1", "cell.hidden_size=3", f"trainer.batch_size={BATCH}",
    f"trainer.seeds={MEMBERS}", "trainer.learning_rates=0.01",
)  # fmt: skip
COMPILED, TORCH, AUTOGRAD = "compiled BPTT", "BPTT in torch operations", "autograd over step"


def as_plug_in(job):
    """Return the RNN's job with the plug-in in its place."""
    if job.cell_name != "rnn":
        return job
    return replace(job, cell_name="plain", cell={"_target_": "plain_cell.Plain", "hidden_size": 3})


def planned(*overrides):
    config = compose_study(Invocation((*SMALL, *overrides)))
    config = replace(config, jobs=[as_plug_in(job) for job in config.jobs])
    return config, plan_study(config, [])


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """One lag, solved by every LSTM and by no plug-in; all that is timed is measured."""
    config, plan = planned("trainer.kernel=torch", "task.lag=2")
    records = StudyRecords(tmp_path_factory.mktemp("runs") / "s")
    records.write_plan(plan)
    for job in plan.jobs:
        status = "solved" if job.cell == "lstm" else "plateau"
        for member in job.reported():
            solved_after = 9 if status == "solved" else None
            record = MemberRecord(member.identity, job.job, "report", member.seed, 0.01, status, 9, solved_after)
            records.write_member(record, {})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(study_cells, "ROUND_S", 1e-3)
        records.write_speed(measure_speed(list(zip(config.jobs, plan.jobs, strict=True))))
    return load_study(records.folder)


def test_each_cell_is_timed_by_its_kernel_and_where_kernels_differ_by_one_of_both(study):
    rows = study.speed[["cell", "implementation", "kernel", "members"]].itertuples(index=False, name=None)
    assert sorted(rows) == sorted(
        [
            ("lstm", OURS, TORCH, MEMBERS),
            ("lstm", OURS, AUTOGRAD, MEMBERS),
            ("lstm", STOCK, "torch.nn.LSTM", 1),
            ("plain", OURS, AUTOGRAD, MEMBERS),
        ]
    )


def test_sequences_are_those_of_all_members_and_times_those_of_one(study):
    for row in study.speed.itertuples():
        step_s = 1e-3 * row.ms_per_time_step * row.length * row.members
        assert row.sequences_per_s == pytest.approx(row.members * BATCH / step_s)


def test_headline_table_and_caption_compare_autograd_with_autograd_and_say_so(study):
    by_autograd = study.speed.loc[study.speed["kernel"] == AUTOGRAD].set_index("cell")["sequences_per_s"]
    lstm, plain = by_autograd["lstm"], by_autograd["plain"]
    (paragraph,) = headline(study)
    assert f"{times(lstm / plain)} the speed (both {AUTOGRAD})" in paragraph
    assert f"plain {times(plain / lstm)} (both {AUTOGRAD})" in speed.finding(study)
    of_lstm, of_plain = (row[4].below for row in comparison_table(study, comparison(study)).rows)
    assert of_lstm[1:] == (TORCH, "1.0x", "torch.nn's layers 1.0x")
    assert of_plain[1:] == (AUTOGRAD, times(plain / lstm), f"both {AUTOGRAD}")


def test_the_figure_names_the_kernel_and_the_members_of_each_bar(study):
    texts = [text.get_text() for axes in speed.draw(study).axes for text in axes.texts]
    bars = [text.split("  ", 1)[1] for text in texts if "member" in text]
    assert bars == [
        f"{TORCH}, 3 members",
        f"{AUTOGRAD}, 3 members",
        "torch.nn.LSTM, 1 member",
        f"{AUTOGRAD}, 3 members",
    ]


def test_members_have_the_speed_of_the_kernel_that_trained_them(study):
    of_lstm = study.members.loc[study.members["cell"] == "lstm", "identity"]
    by_torch = study.speed.loc[study.speed["kernel"] == TORCH, "sequences_per_s"]
    assert {derived_metrics(study)[name]["speed/sequences_per_s"] for name in of_lstm} == {by_torch.item()}


def test_speed_is_measured_again_where_kernel_or_members_are_others_or_nothing_compares_alike(study):
    plan = study.plan
    rows = [SpeedRow(**row) for row in study.speed.to_dict("records")]
    assert is_timed(plan.jobs, rows)
    assert is_timed(plan.jobs[:1], rows[:1])
    assert not is_timed(plan.jobs, [row for row in rows if (row.cell, row.kernel) != ("lstm", AUTOGRAD)])
    assert not is_timed(plan.jobs, [replace(row, members=1) for row in rows])  # as they once were
    assert not is_timed([replace(job, seeds=[*job.seeds, 3]) for job in plan.jobs], rows)
    assert not is_timed([replace(job, job=f"{job.job} with another source") for job in plan.jobs], rows)
    assert not is_timed([replace(job, kernel=COMPILED) if job.kernel == TORCH else job for job in plan.jobs], rows)


def test_cells_of_one_kernel_are_timed_by_no_other():
    _, plan = planned()
    for kernel in (COMPILED, AUTOGRAD):
        assert through_autograd_too([replace(job, kernel=kernel) for job in plan.jobs]) == []


def test_kernels_that_differ_meet_at_the_longest_lag_of_both_and_task_by_task():
    copy = [replace(job, kernel=COMPILED if job.cell == "lstm" else AUTOGRAD) for job in planned()[1].jobs]
    adding = [replace(job, task="adding", job=f"adding {job.job}") for job in copy]
    first = [job for job in copy if (job.cell, job.lag) != ("plain", 2)]  # which did not get so far
    assert [(job.task, job.cell, job.lag) for job in through_autograd_too([*first, *adding])] == [
        ("copy", "lstm", 1),
        ("adding", "lstm", 2),
    ]
