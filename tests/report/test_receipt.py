"""What the receipt on the page says: versions, machine, times, commands, seeds and settings."""

from pathlib import Path
from typing import Any

import pytest
from synthetic_study import make_job, make_plan, make_study

from lstm_bench.report.receipt import make_receipt, receipt_items, seed_items, setting_items


def job(task: str = "copy", cell: str = "lstm", /, **sections: dict[str, Any]) -> dict[str, Any]:
    return {"task": task, "cell": cell, "seeds": [0], "tuning_seeds": [], "config": sections}


def test_the_page_names_all_that_a_result_can_be_checked_against(tmp_path: Path) -> None:
    plan = make_study(tmp_path / "small", cells=["lstm"], lags=[2, 8], n_seeds=1, tuned=False, timed=False)
    items = dict(receipt_items(make_receipt(plan, {}, {"note": "from a test"})))
    assert items["lstm_bench"] == "0.1.0"
    assert items["packages"] == "torch 2.13.0, numpy 2.4.6"
    assert (items["device"], items["threads per worker"], items["dtype"]) == ("cpu", "1", "float32")
    assert (items["processor"], items["cores"]) == ("Synthetic CPU @ 2.00GHz", "2")
    assert (items["commit"], items["wall time of the last run"]) == ("0123456789ab", "7 min 12 s")
    assert items["command"] == "python -m lstm_bench +experiment=copy_task"
    assert items["rebuild"] == "python -m lstm_bench.report small"
    assert items["seeds"] == "0"
    assert "tuning seeds" not in items
    assert items["task"] == "class lstm_bench.tasks.copy.CopyTask; lag 2, 8; dialect arjovsky"
    assert items["cell"].endswith("hidden_size 64; init orthogonal; forget_bias 3; chrono 2, 8")
    assert "steps 4000; eval_every 200;" in items["trainer"]
    assert "learning_rates [0.01];" in items["trainer"]
    assert items["note"] == "from a test"


def test_every_setting_of_every_job_is_told() -> None:
    jobs = [make_job(cell, lag, task=task) for task in ("copy", "adding") for cell in ("lstm", "rnn") for lag in (2, 8)]
    receipt = make_receipt(make_plan("whole", jobs), {}, None)
    values = " ".join(f"{text};" for _, text in receipt_items(receipt))
    for one in jobs:
        for section in one.config.values():
            for name in section:
                assert f"{'class' if name == '_target_' else name} " in values


@pytest.mark.parametrize(
    ("reported", "tuning", "told"),
    [
        ([[0, 1, 2, 3]], [[]], {"seeds": "0 to 3"}),
        ([[0, 1], [2]], [[5, 3]], {"seeds": "0 to 2", "tuning seeds": "3, 5, which share no draw with the report's"}),
        ([[7]], [[0, 1]], {"seeds": "7", "tuning seeds": "0, 1, which share no draw with the report's"}),
        ([], [], {}),
    ],
)
def test_seeds_are_told_as_a_range_where_none_is_missing(
    reported: list[list[int]], tuning: list[list[int]], told: dict[str, str]
) -> None:
    jobs = [{"seeds": seeds, "tuning_seeds": tuning[0]} for seeds in reported]
    assert dict(seed_items(jobs)) == told


def test_owners_with_the_same_settings_share_a_line_and_values_stand_in_order() -> None:
    jobs = [
        job("copy", "lstm", task={"lag": 32}, cell={"init": None}, trainer={"clip": 1.0}),
        job("copy", "rnn", task={"lag": 4}, cell={"init": None}, trainer={"clip": 1.0}),
        job("adding", "gru", task={"lag": 4}, cell={"init": "zero"}, trainer={"clip": 1.0}),
    ]
    assert setting_items(jobs) == [
        ("task (copy)", "lag 4, 32"),
        ("task (adding)", "lag 4"),
        ("cell (lstm, rnn)", "init none"),
        ("cell (gru)", "init zero"),
        ("trainer", "clip 1"),
    ]


def test_nested_settings_are_told_by_their_whole_name() -> None:
    probe = {"flow": {"_target_": "a.b", "at": ["initial", "final"]}, "capacity": {"at": ["final"]}}
    assert setting_items([job(probe=probe)]) == [
        ("probe", "flow.class a.b; flow.at [initial, final]; capacity.at [final]")
    ]
