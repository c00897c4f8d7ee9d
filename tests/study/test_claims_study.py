"""A study of claims runs what is not in the records, takes over what other studies have, and prints its verdicts."""

import json

import pandas as pd
import pytest

from lstm_bench.cli import main
from lstm_bench.config.composing import Invocation, compose_study
from lstm_bench.records.store import StudyRecords
from lstm_bench.study.claims_study import is_whole
from lstm_bench.study.planning import plan_study

PARTS = ["+studies.first='cell=lstm,rnn task.lag=1'", "+studies.second='cell=lstm task.lag=1,2'"]
TINY = [
    "measure=claims", "study=verdicts", *PARTS, "cell.hidden_size=4", "trainer.steps=4", "trainer.eval_every=2",
    "trainer.eval_size=8", "trainer.confirm_size=8", "trainer.seeds=2", "trainer.learning_rates=[0.01,0.02]",
    "trainer.tuning_seeds=1", "probe=off", "tracking=off", "hydra/launcher=basic", "speed=off",
]  # fmt: skip


@pytest.fixture(scope="module")
def output(tmp_path_factory, one_figure_throughout):
    """The folder of a study of claims that was run once."""
    folder = tmp_path_factory.mktemp("claims")
    assert main([*TINY, f"output={folder}"]) == 0
    return folder


def test_each_part_is_a_study_of_its_own(output):
    plans = {name: StudyRecords(output / "runs" / name).read_plan() for name in ("first", "second", "verdicts")}
    assert [(job.cell, job.lag) for job in plans["first"].jobs] == [("lstm", 1), ("rnn", 1)]
    assert [(job.cell, job.lag) for job in plans["second"].jobs] == [("lstm", 1), ("lstm", 2)]
    assert (plans["verdicts"].studies, plans["verdicts"].jobs) == (["first", "second"], [])
    assert all((output / "reports" / name / "report.html").is_file() for name in plans)


def test_a_member_that_another_study_trained_is_taken_from_there(output):
    first, second = (StudyRecords(output / "runs" / name) for name in ("first", "second"))
    shared = set(first.identities()) & set(second.identities())
    assert len(shared) == 4  # both reported members of the LSTM at lag 1, and the two that tuned it
    for identity in shared:
        assert first.read_member(identity) == second.read_member(identity)


def test_the_report_counts_parameters_and_leaves_the_rest_untested(output):
    claims = pd.read_csv(output / "reports" / "verdicts" / "tables" / "claims.csv").set_index("name")
    assert claims.loc["parameters", "verdict"] in ("supported", "refuted")
    assert claims.loc["same_word", "verdict"] == "not tested"
    core = lambda gates: gates * (4 * 4 + 4 * 10 + 2 * 4)  # noqa: E731
    numbers = pd.read_csv(output / "reports" / "verdicts" / "tables" / "claim_numbers.csv")
    ratio = numbers.loc[numbers["quantity"] == "core parameters, LSTM over RNN", "middle"]
    assert ratio.tolist() == [core(4) / core(1)]


def test_run_again_it_trains_nothing_and_says_so(output, capsys):
    records = StudyRecords(output / "runs" / "first")
    before = {identity: records.read_member(identity).finished for identity in records.identities()}
    report = output / "reports" / "first" / "report.html"
    built = report.stat().st_mtime_ns
    assert main([*TINY, f"output={output}"]) == 0
    printed = capsys.readouterr().out
    assert "1 of 2: first is in the records." in printed
    assert "2 of 2: second is in the records." in printed
    verdicts = pd.read_csv(output / "reports" / "verdicts" / "tables" / "claims.csv")["verdict"]
    assert {verdict: printed.count(verdict) for verdict in set(verdicts)} == verdicts.value_counts().to_dict()
    assert {identity: records.read_member(identity).finished for identity in records.identities()} == before
    assert report.stat().st_mtime_ns == built


def test_a_part_whose_records_hold_more_is_left_as_it_is(output, capsys):
    assert main([*TINY, "trainer.seeds=1", f"output={output}"]) == 0
    assert "first is in the records" in capsys.readouterr().out
    assert StudyRecords(output / "runs" / "first").read_plan().jobs[0].seeds == [0, 1]


@pytest.mark.parametrize(("speed", "whole"), [("off", True), ("default", False)])
def test_a_part_is_whole_only_with_its_speed_unless_that_is_off(output, speed, whole):
    overrides = [override for override in TINY if not override.startswith(("measure=", "study=", "+studies", "speed="))]
    first = ("study=first", "cell=lstm,rnn", "task.lag=1", *overrides, f"speed={speed}", f"output={output}")
    config = compose_study(Invocation(first))
    assert is_whole(config, plan_study(config, first)) == whole


def test_the_receipt_names_every_study(output):
    receipt = json.loads((output / "reports" / "verdicts" / "receipt.json").read_text())
    assert [study["study"] for study in receipt["studies"]] == ["first", "second"]


def test_a_part_that_cannot_be_composed_stops_all_before_anything_runs(tmp_path, capsys):
    bad = [*TINY, "+studies.third='cell=nobody'", f"output={tmp_path}"]
    assert main(bad) == 2
    assert "cell=nobody" in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()


def test_studies_that_are_no_overrides_are_refused(capsys):
    assert main(["measure=claims", "+studies.first=[1]"]) == 2
    assert capsys.readouterr().err.startswith("studies=")


def test_the_receipt_of_a_study_counts_the_members_that_others_trained(output):
    receipts = [json.loads((output / "reports" / name / "receipt.json").read_text()) for name in ("first", "second")]
    counts = [receipt.get("members taken over from other studies") for receipt in receipts]
    assert counts == [None, 4]
