"""The frames say what the records say: no more, no less."""

import json
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from synthetic_study import BUDGET, LAGS, RATES, likely_outcome, make_job, make_study, write_member

from lstm_bench.analysis.frames import METRIC_COLUMNS, RESULT_COLUMNS, StudyData, load_study, of_all_tasks
from lstm_bench.analysis.results import all_results
from lstm_bench.records.reading import RecordError
from lstm_bench.records.store import StudyRecords


def test_results_hold_every_metric_of_every_reported_member(sample: StudyData, sample_folder: Path) -> None:
    records = [json.loads(path.read_text()) for path in sample_folder.glob("members/report-*/record.json")]
    assert len(records) == 2 * 5 * 5
    written = {(r["job"], r["seed"], metric): value for r in records for metric, value in r["metrics"].items()}
    jobs = {(job.cell, job.lag): job.job for job in sample.plan.jobs}
    read = {
        (jobs[row.cell, row.lag], row.seed, row.metric): row.value for row in sample.results.itertuples()
    }  # fmt: skip
    assert read == written
    assert len(sample.results) == len(written)


def test_results_have_exactly_the_columns_of_the_design(sample: StudyData) -> None:
    assert tuple(sample.results.columns) == (*RESULT_COLUMNS, *METRIC_COLUMNS)
    assert tuple(all_results(sample).columns) == RESULT_COLUMNS
    assert RESULT_COLUMNS == (
        "study", "task", "variant", "cell", "hidden_size", "n_parameters", "lag", "seed", "learning_rate", "step",
        "metric", "value", "unit", "status",
    )  # fmt: skip
    assert not sample.results.isna().any().any()


def test_members_are_one_row_each_and_curves_carry_their_labels(sample: StudyData, sample_folder: Path) -> None:
    assert len(sample.members) == 50
    member = sample.members.iloc[17]
    table = pd.read_parquet(sample_folder / "members" / member["identity"] / "curves.parquet")
    curves = sample.curves
    of_member = curves.loc[
        (curves["cell"] == member["cell"]) & (curves["lag"] == member["lag"]) & (curves["seed"] == member["seed"])
    ]
    assert of_member["value"].tolist() == table["value"].tolist()
    assert set(of_member["status"]) == {member["status"]}


def test_probes_are_kept_everywhere_and_state_norms_at_the_longest_lag(sample: StudyData) -> None:
    assert set(sample.probes["lag"]) == set(LAGS)
    assert set(sample.gradients["lag"]) == {max(LAGS)}


def test_tuning_members_have_their_scores(sample: StudyData) -> None:
    assert len(sample.tuning) == 2 * 5 * len(RATES) * 2
    assert set(sample.tuning["learning_rate"]) == set(RATES)
    assert sample.tuning["score"].between(1, 2).all()  # none solved: 1 and the normalised loss


def test_a_member_without_a_record_is_missing_and_in_no_other_frame(tmp_path: Path) -> None:
    make_study(tmp_path / "s", lags=(2, 4), outcome=lambda cell, lag, seed: "missing" if seed == 3 else "solved")
    study = load_study(tmp_path / "s")
    missing = study.members.loc[study.members["status"] == "missing"]
    assert missing["seed"].tolist() == [3] * 4
    assert missing[["steps", "steps_to_solve", "learning_rate"]].isna().all().all()
    assert 3 not in set(study.results["seed"]) | set(study.curves["seed"])


def test_records_of_older_settings_are_left_out(tmp_path: Path) -> None:
    plan = make_study(tmp_path / "s", lags=(2,), n_seeds=2)
    records = StudyRecords(tmp_path / "s")
    write_member(records, make_job("rnn", 64), 0, "plateau")  # a job that the plan no longer has
    write_member(records, plan.jobs[0], 9, "solved")  # a seed that the plan no longer has
    study = load_study(tmp_path / "s")
    assert set(study.members["lag"]) == {2}
    assert set(study.results["seed"]) == {0, 1}


@pytest.mark.parametrize("damage", ["{", "[]", '{"schema": 0}', '{"schema": 1, "who": 2}'])
def test_an_unreadable_record_is_told_and_the_rest_is_loaded(tmp_path: Path, damage: str) -> None:
    make_study(tmp_path / "s", lags=(2,), n_seeds=3)
    (tmp_path / "s" / "members" / "report-job-copy-rnn-2-1" / "record.json").write_text(damage)
    study = load_study(tmp_path / "s")
    assert len(study.problems) == 1
    assert "report-job-copy-rnn-2-1" in study.problems[0]
    assert (study.members["status"] == "missing").sum() == 1
    assert study.members["status"].isin(["solved", "learning"]).sum() == 5


def test_unreadable_curves_and_speed_are_told_and_the_member_stays(tmp_path: Path) -> None:
    make_study(tmp_path / "s", lags=(2,), n_seeds=3)
    (tmp_path / "s" / "members" / "report-job-copy-lstm-2-0" / "curves.parquet").write_bytes(b"no parquet")
    (tmp_path / "s" / "speed.json").write_text('[{"cell": "rnn"}]')
    study = load_study(tmp_path / "s")
    assert [Path(problem.split(":")[0]).name for problem in study.problems] == ["curves.parquet", "speed.json"]
    assert study.problems[0].endswith("(curves of report member copy lstm lag 2 seed 0)")
    assert not (study.members["status"] == "missing").any()
    assert study.speed.empty


def test_a_failed_member_has_its_traceback_and_no_numbers(tmp_path: Path) -> None:
    make_study(tmp_path / "s", lags=(2,), outcome=lambda cell, lag, seed: "failed" if cell == "rnn" else "solved")
    study = load_study(tmp_path / "s")
    failed = study.members.loc[study.members["status"] == "failed"]
    assert len(failed) == 5
    assert failed["error"].str.contains("MemoryError").all()
    assert set(study.results["cell"]) == set(study.curves["cell"]) == {"lstm"}


def test_what_a_probe_could_not_measure_is_a_row_with_its_reason(tmp_path: Path) -> None:
    make_study(tmp_path / "s", lags=(2,), n_seeds=2)
    spoil(tmp_path / "s" / "members" / "report-job-copy-rnn-2-1", {"lyapunov final": "lyapunov: no: allowed: yes"})
    (row,) = load_study(tmp_path / "s").unmeasured.to_dict("records")
    assert (row["cell"], row["seed"], row["probe"], row["moment"]) == ("rnn", 1, "lyapunov", "final")
    assert row["reason"] == "lyapunov: no: allowed: yes"


def spoil(member: Path, errors: dict[str, str]) -> None:
    record = json.loads((member / "record.json").read_text())
    (member / "record.json").write_text(json.dumps(record | {"probe_errors": errors, "sha256": ""}))


def test_a_study_with_two_tasks_falls_into_one_a_task(tmp_path: Path) -> None:
    make_study(tmp_path / "s", lags=(2, 8), n_seeds=2, tasks=("copy", "adding"))
    both = load_study(tmp_path / "s")
    copy, adding = both.by_task()
    assert (copy.task, adding.task) == ("copy (arjovsky, 3 symbols)", "adding (half)")
    assert set(adding.results["metric"]) & {"eval/explained", "eval/recall_ce"} == {"eval/explained"}
    assert len(copy.members) + len(adding.members) == len(both.members)
    assert len(copy.speed) == len(adding.speed) == 8
    assert of_all_tasks(both, lambda one: one.speed)["task"].tolist() == ["copy"] * 8 + ["adding"] * 8
    assert of_all_tasks(both, lambda one: one.speed if one is adding else one.speed.iloc[:0]) is adding.speed


def test_a_study_of_one_task_is_its_own_narrowed_study(sample: StudyData) -> None:
    assert sample.by_task() == [sample]
    assert of_all_tasks(sample, lambda one: one.curves) is sample.curves


def test_the_rows_of_one_final_metric(sample: StudyData) -> None:
    finals = sample.final("eval/recall_ce")
    pd.testing.assert_frame_equal(finals, sample.results.loc[sample.results["metric"] == "eval/recall_ce"])
    assert len(finals) == len(sample.members)
    assert list(sample.final("eval/unheard_of").columns) == [*RESULT_COLUMNS, *METRIC_COLUMNS]
    assert sample.final("eval/unheard_of").empty


def test_text_written_by_older_versions_of_pandas_and_whole_numbers_are_read_with_the_rest(tmp_path: Path) -> None:
    make_study(tmp_path / "s", lags=(2,), cells=["rnn"], n_seeds=2)
    curves = tmp_path / "s" / "members" / "report-job-copy-rnn-2-0" / "curves.parquet"
    older = pa.table({"step": [0], "metric": pa.array(["eval/loss"], pa.string()), "value": pa.array([2], pa.int64())})
    pq.write_table(older, curves)
    record = json.loads(curves.with_name("record.json").read_text()) | {"files": {}, "sha256": ""}
    curves.with_name("record.json").write_text(json.dumps(record))
    study = load_study(tmp_path / "s")
    assert study.problems == []
    first = study.curves.loc[study.curves["seed"] == 0, ["step", "metric", "value"]]
    assert first.to_dict("records") == [{"step": 0, "metric": "eval/loss", "value": 2.0}]
    assert study.curves["value"].dtype == float


def test_no_study_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="nowhere"):
        load_study(tmp_path / "nowhere")


def test_the_synthetic_study_is_as_it_says() -> None:
    assert [likely_outcome("rnn", lag, 2) for lag in LAGS] == ["solved", "learning", "plateau", "plateau", "plateau"]
    assert make_job("rnn", 2).steps == BUDGET
