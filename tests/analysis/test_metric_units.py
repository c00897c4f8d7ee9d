"""Every metric has one unit, whichever version wrote the members."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
from synthetic_study import make_study

from lstm_bench.analysis.frames import StudyData, load_study
from lstm_bench.analysis.results import all_results
from lstm_bench.records.former_metrics import declarations_of
from lstm_bench.records.store import StudyRecords


def test_one_metric_has_one_unit_in_the_results(sample: StudyData) -> None:
    assert (sample.results.groupby("metric")["unit"].nunique() == 1).all()


def test_numbers_that_only_a_whole_study_has_come_with_their_units(sample: StudyData) -> None:
    units = all_results(sample).groupby("metric")["unit"].unique().map(list).to_dict()
    expected = {
        "params/core": "parameters",
        "params/total": "parameters",
        "speed/sequences_per_s": "sequences/s",
        "speed/ms_per_time_step": "ms",
        "speed/peak_memory_bytes": "bytes",
        "memory/t50": "steps",
        "memory/t50_low": "steps",
        "memory/t50_high": "steps",
    }
    assert {key: units[key] for key in expected} == {key: [unit] for key, unit in expected.items()}


def rewritten(folder: Path, is_chosen: Callable[[int], bool]) -> None:
    """Write some records again with the declarations of their metrics, as probes and engine give them."""
    records = StudyRecords(folder)
    units = {job.job: job.units for job in records.read_plan().jobs}
    for identity in records.identities():
        record = records.read_member(identity)
        if is_chosen(record.seed):
            records.write_status(replace(record, declarations=declarations_of(record, units[record.job])))


def test_members_of_this_and_of_an_earlier_version_stand_in_one_study(tmp_path: Path) -> None:
    make_study(tmp_path / "s", lags=(2, 8))
    before = load_study(tmp_path / "s")
    rewritten(tmp_path / "s", lambda seed: seed % 2 == 0)
    after = load_study(tmp_path / "s")
    assert after.problems == []
    pd.testing.assert_frame_equal(after.results, before.results)
    pd.testing.assert_frame_equal(all_results(after), all_results(before))
