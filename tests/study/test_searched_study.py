"""A whole study that finds its lags by itself."""

import json
import re
import shutil
from dataclasses import asdict, replace

import pandas as pd
import pytest

from lstm_bench import cli
from lstm_bench.analysis.frames import load_study
from lstm_bench.analysis.span_trials import searches, trials
from lstm_bench.config.composing import Invocation, compose_study
from lstm_bench.merge import main as main_of_merge
from lstm_bench.records.store import StudyRecords
from lstm_bench.report.figures import span_trials
from lstm_bench.report.pages.protocol import protocol
from lstm_bench.status import main as main_of_status
from lstm_bench.study.claims_study import is_whole
from lstm_bench.study.planning import plan_study

SEARCHED = [
    "study=searched", "cell=rnn,gru", "task.lag=auto", "cell.hidden_size=8", "trainer.steps=80",
    "trainer.eval_every=20", "trainer.eval_size=50", "trainer.confirm_size=50", "trainer.learning_rates=[0.01,0.03]",
    "trainer.tuning_seeds=1", "span.max_lag=8", "span.members=6", "span.at_once=1", "hydra/launcher=basic",
    "probe=off", "speed=off",
]  # fmt: skip


@pytest.fixture(scope="module")
def ran(tmp_path_factory, one_figure_throughout):
    """The folder of the study, and what it says."""
    output = tmp_path_factory.mktemp("searched")
    with pytest.MonkeyPatch.context() as patched:
        said: list[str] = []
        patched.setattr("lstm_bench.study.watching.Watcher._say", lambda _, text: said.append(text))
        assert cli.main([*SEARCHED, f"output={output}"]) == 0
    return output, said


@pytest.fixture(scope="module")
def study(ran):
    return load_study(ran[0] / "runs" / "searched")


def test_every_pack_is_trained_and_reported(ran, study):
    plan = StudyRecords(ran[0] / "runs" / "searched").read_plan()
    for search in plan.searches:
        cell = search.candidates[0].cell
        begun = sorted((pack.lag, seed) for pack in search.packs for seed in pack.seeds)
        assert search.ended == "members"
        assert len(begun) == 6
        members = study.members.loc[study.members["cell"] == cell]
        assert sorted(zip(members["lag"], members["seed"], strict=True)) == begun
        assert set(members["learning_rate"]) <= {0.01, 0.03}
    results = pd.read_csv(ran[0] / "reports" / "searched" / "results.csv")
    assert set(results["lag"]) == set(study.members["lag"])


def test_the_screen_says_what_is_known_and_what_comes_next(ran):
    _, said = ran
    assert any(re.fullmatch(r"copy rnn: [\d.]+ \([\d.]+-[\d.]+\), (next|tuning for) lag \d+", line) for line in said)
    ends = [line for line in said if "all 6 members are used up" in line]
    assert [line.split(":")[0] for line in ends] in (["copy rnn", "copy gru"], ["copy gru", "copy rnn"])


def test_the_report_shows_the_trials_in_order(study):
    table = trials(study)
    assert table.groupby("cell")["pack"].apply(list).to_dict() == {"rnn": [0, 1, 2, 3], "gru": [0, 1, 2, 3]}
    assert table["attempts"].dropna().tolist() == [2.0] * 6
    assert table.groupby("cell")["reason"].last().to_dict() == {"rnn": "members", "gru": "members"}
    assert "from 6 members, limited by its members" in span_trials.finding(study)
    assert len(span_trials.draw(study).axes) == 2
    summary = searches(study).set_index("cell")
    assert summary["members"].to_dict() == {"rnn": 6, "gru": 6}
    spent = study.members.groupby("cell")["train_s"].sum() + study.tuning.groupby("cell")["train_s"].sum()
    assert summary["core_s"].to_dict() == pytest.approx(spent.to_dict())


def test_the_protocol_says_how_rates_were_tuned(study):
    rates = dict(protocol(study))["Learning rates"]
    assert "0.01 and 0.03 on 1 tuning seed each" in rates
    assert "whole octaves" in rates


def test_a_second_start_trains_nothing(ran, capsys):
    output, _ = ran
    folder = output / "runs" / "searched"
    records = {path: path.read_bytes() for path in folder.glob("members/*/record.json")}
    before = StudyRecords(folder).read_plan()
    assert cli.main([*SEARCHED, "tracking=off", "report=off", f"output={output}"]) == 0
    assert "12 are already finished and are kept" in capsys.readouterr().out
    assert {path: path.read_bytes() for path in folder.glob("members/*/record.json")} == records
    after = StudyRecords(folder).read_plan()
    assert (after.jobs, after.searches) == (before.jobs, before.searches)


@pytest.mark.parametrize(
    ("more", "is_there"), [((), True), (("span.members=8",), False), (("trainer.steps=100",), False)]
)
def test_a_study_of_claims_knows_whether_its_searches_have_ended(ran, more, is_there):
    config = compose_study(Invocation((*SEARCHED, *more, f"output={ran[0]}")))
    assert is_whole(config, plan_study(config, [])) is is_there


def test_a_search_begins_where_its_cell_can_be_made():
    chrono, rnn = plan_study(compose_study(Invocation((*SEARCHED, "cell=lstm_chrono,rnn"))), []).searches
    assert [search.candidates[0].lag for search in (chrono, rnn)] == [2, 1]  # forget gates over 1 step cannot be spread


def test_members_of_a_search_are_reused_by_another_study(ran, capsys):
    output, _ = ran
    overrides = [each for each in SEARCHED if not each.startswith(("study=", "cell=rnn"))]
    assert cli.main([*overrides, "study=another", "cell=rnn", "tracking=off", "report=off", f"output={output}"]) == 0
    assert re.search(r"\(\d+ members reused from other studies", capsys.readouterr().out)
    assert "member_ended" not in (output / "runs" / "another" / "journal.jsonl").read_text()


def test_a_plan_of_earlier_versions_has_no_searches(ran, tmp_path):
    plan = asdict(StudyRecords(ran[0] / "runs" / "searched").read_plan())
    del plan["searches"]
    (tmp_path / "study.json").write_text(json.dumps(plan))
    assert StudyRecords(tmp_path).read_plan().searches == []


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("span.precision=1", "span.precision=1: allowed: a number above 1"),
        ("span.members=3", "members=3: allowed: "),
        ("span.max_lag=0", "max_lag=0: allowed: "),
        ("span.core_hours=0", "core_hours=0: allowed: a number above 0, or null"),
        ("span.at_once=5", "at_once=5: allowed: an integer from 1 to 4, or null"),
        ("trainer.steps=0", "task.lag=auto: allowed: a lag, as members that are not trained have no span"),
        (
            "task=adding task.dialect=half span.max_lag=1",
            "span.max_lag=1: allowed: at least 2, the shortest lag that is possible",
        ),
        ("task=digits", "task.lag=auto: allowed: a task of several lags (task.lag=65: allowed: 64, "),
        ("task.lag=auto,10", "task.lag=auto,10: allowed: auto alone, or lags"),
        ("measure=speed", "task.lag=auto: allowed: a lag, with measure=speed"),
    ],
)
def test_what_no_search_can_do_is_refused_in_a_line(override, told, tmp_path, capsys):
    assert cli.main([*SEARCHED, f"output={tmp_path}", *override.split()]) == 2
    error = capsys.readouterr().err.strip()
    assert "\n" not in error
    assert told in error
    assert list(tmp_path.iterdir()) == []


def test_the_status_says_what_is_known_of_each_span(ran, capsys):
    output, said = ran
    assert main_of_status(["searched", "--runs", str(output / "runs")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert set(lines) >= {line for line in said if "are used up" in line}
    plan = StudyRecords(output / "runs" / "searched").read_plan()
    members = sum(len(job.members()) for job in plan.jobs)
    assert f"Members: {members} of {members} have a result, tuning included" in lines


def test_a_search_goes_on_from_where_another_machine_has_come(ran, tmp_path, capsys):
    whole = StudyRecords(ran[0] / "runs" / "searched")
    first = StudyRecords(tmp_path / "runs" / "searched")
    shutil.copytree(whole.folder, first.folder)
    plan = whole.read_plan()
    tuning = [job for job in plan.jobs if not job.seeds]
    begun = [replace(search, packs=search.packs[:1], ended="") for search in plan.searches]
    first.write_plan(replace(plan, jobs=tuning, searches=begun))
    for member in (member for job in plan.jobs for member in job.reported()):
        shutil.rmtree(first.member_folder(member.identity))
    assert main_of_merge([str(first.folder), str(whole.folder)]) == 0
    assert capsys.readouterr().out.startswith(f"{whole.folder}: 12 results copied, ")
    assert (first.read_plan().jobs, first.read_plan().searches) == (plan.jobs, plan.searches)
    assert main_of_status([str(first.folder)]) == 0
    assert sum("are used up" in line for line in capsys.readouterr().out.splitlines()) == 2
