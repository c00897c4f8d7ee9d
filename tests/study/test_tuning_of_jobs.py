"""A job tunes on its whole budget, tries one rate beyond an end of the grid, and the plan knows whom it may find."""

import json

import pytest

from lstm_bench import cli
from lstm_bench.analysis.frames import load_study
from lstm_bench.analysis.tuning import choices, fixed_rate_spans
from lstm_bench.records.store import StudyRecords

TUNED = [
    "study=tuned", "cell=rnn", "task.lag=1", "task.n_symbols=1", "cell.hidden_size=8", "trainer.steps=80",
    "trainer.eval_every=20", "trainer.eval_size=50", "trainer.confirm_size=50", "trainer.seeds=2",
    "trainer.tuning_seeds=2", "tracking=off", "hydra/launcher=basic", "probe=off", "speed=off", "report=off",
]  # fmt: skip
TOO_LOW = "trainer.learning_rates=[1e-4,1e-3,1e-2]"  # the highest of them is the best


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tuned")
    assert cli.main([*TUNED, TOO_LOW, f"output={folder}"]) == 0
    return folder / "runs" / "tuned"


def test_the_rate_beyond_the_end_is_tried_and_taken_where_it_is_better(folder):
    study = load_study(folder)
    assert sorted(study.tuning["learning_rate"].unique()) == [1e-4, 1e-3, 1e-2, 3e-2]
    assert study.members["learning_rate"].tolist() == [3e-2, 3e-2]
    assert choices(study)[["lag", "learning_rate", "end"]].values.tolist() == [[1, 3e-2, "high"]]


def test_the_worst_rate_is_dropped_half_way_and_the_others_use_the_whole_budget(folder):
    steps = load_study(folder).tuning.groupby("learning_rate")[["status", "steps"]].first()
    assert steps["steps"].to_dict() == {1e-4: 40, 1e-3: 80, 1e-2: 80, 3e-2: 80}
    assert steps["status"].to_dict()[1e-4] == "dropped"


def test_a_span_at_a_fixed_rate_counts_the_dropped(folder):
    table = fixed_rate_spans(load_study(folder)).set_index("learning_rate")
    assert table["dropped"].to_dict() == {1e-4: 2, 1e-3: 0, 1e-2: 0, 3e-2: 0}
    assert (table["members"] == 2).all()


def test_the_plan_bounds_the_steps_of_tuning(folder):
    (job,) = StudyRecords(folder).read_plan().jobs
    assert job.further_rates == [3e-5, 3e-2]
    assert job.tuning_steps == 80
    taken = sum(json.loads(path.read_text())["steps"] for path in folder.glob("members/*/record.json"))
    assert taken - 2 * 80 == 2 * (40 + 80 + 80 + 80) == job.most_tuning_steps


def test_a_second_start_trains_nothing_and_a_grid_inside_needs_no_extension(folder, capsys):
    records = {path: path.read_bytes() for path in folder.glob("members/*/record.json")}
    assert cli.main([*TUNED, TOO_LOW, f"output={folder.parent.parent}"]) == 0
    assert "2 are already finished" in capsys.readouterr().out
    assert {path: path.read_bytes() for path in folder.glob("members/*/record.json")} == records


def test_where_no_tuning_member_left_the_baseline_the_choice_is_by_chance(tmp_path):
    hopeless = [*TUNED, "trainer.learning_rates=[1e-9,2e-9]", "task.lag=9", f"output={tmp_path}"]
    assert cli.main(hopeless) == 0
    assert choices(load_study(tmp_path / "runs" / "tuned"))[["end", "by_chance"]].values.tolist() == [["", True]]
