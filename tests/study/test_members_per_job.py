"""A study whose members are dealt to several jobs has the results of one whose jobs are whole."""

import json
import threading
from dataclasses import asdict
from pathlib import Path

import pytest

from lstm_bench import cli
from lstm_bench.metrics import SECONDS
from lstm_bench.records.identity import content_hash
from lstm_bench.records.job_parts import dealt
from lstm_bench.records.locking import held, job_lock
from lstm_bench.records.schema import MemberRecord
from lstm_bench.records.store import StudyRecords
from lstm_bench.study import job_run
from lstm_bench.study.heartbeat import NoHeartbeat
from lstm_bench.study.job_run import run_job
from lstm_bench.study.planning import job_config
from lstm_bench.study.study_status import study_status

STUDY = [
    "study=dealt", "cell=gru,rnn", "task.lag=3", "task.n_symbols=1", "cell.hidden_size=8", "trainer.steps=120",
    "trainer.eval_every=20", "trainer.eval_size=60", "trainer.confirm_size=60", "trainer.seeds=5",
    "trainer.learning_rates=[0.01,0.03]", "trainer.tuning_seeds=2", "tracking=off", "hydra/launcher=basic",
    "probe=off", "speed=off", "report=off",
]  # fmt: skip
OF_TIME = ("train_s", "evaluate_s", "probe_s", "finished", "sha256")


def hashes(records: StudyRecords) -> dict[str, str]:
    """Return the hash of all that a member's record says, its files included, but for what depends on time."""
    return {identity: content_hash(_timeless(records.read_checked(identity))) for identity in records.identities()}


def _timeless(record: MemberRecord) -> dict[str, object]:
    fields = {key: value for key, value in asdict(record).items() if key not in OF_TIME}
    metrics = {key: value for key, value in record.metrics.items() if record.declarations[key].unit != SECONDS}
    return fields | {"metrics": {key: repr(value) for key, value in metrics.items()}}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> StudyRecords:
    output = tmp_path_factory.mktemp("whole")
    assert cli.main([*STUDY, f"output={output}"]) == 0
    return StudyRecords(output / "runs" / "dealt")


def test_every_record_is_that_of_the_whole_job(
    whole: StudyRecords, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main([*STUDY, "members_per_job=2", f"output={tmp_path}"]) == 0
    said, records = capsys.readouterr().out, StudyRecords(tmp_path / "runs" / "dealt")
    jobs = 2 * (1 + 3)
    assert f"2 jobs, 10 members, split into {jobs} jobs of the launcher." in said
    assert f"[{jobs}/{jobs}] copy " in said
    assert hashes(records) == hashes(whole)
    assert len(hashes(whole)) == 2 * (2 * 2 + 5) + _further(whole)
    assert {part.state for part in study_status(records.folder).parts} == {"done"}
    events = [line["event"] for line in records.journal.read()[0]]
    assert events.count("job_ended") == jobs
    assert not list((records.folder / "checkpoints").glob("*"))


def _further(records: StudyRecords) -> int:
    plan = records.read_plan()
    return sum(records.has_member(member.identity) for job in plan.jobs for member in job.further_members())


def test_jobs_come_when_their_rate_is_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    launched: list[str] = []
    monkeypatch.setattr(cli, "_launch", lambda arguments, _: launched.append(arguments[-1]) or 0)
    assert cli.main([*STUDY, "members_per_job=4", f"output={tmp_path}"]) == 1  # nothing ran: Hydra is not there
    assert launched == ["+job=0,1", "+job=2,4,3,5"]  # gru first, which has more to compute


@pytest.fixture
def planned(whole: StudyRecords, tmp_path: Path) -> StudyRecords:
    """The plan of the study, of which nothing has run."""
    records = StudyRecords(tmp_path / "runs" / "dealt")
    records.write_plan(whole.read_plan())
    return records


def test_a_part_tunes_by_itself_what_a_dead_process_has_left(planned: StudyRecords, whole: StudyRecords) -> None:
    part = dealt(planned.read_plan().jobs, 2)[-1]
    config = job_config(part.job)
    outcome = run_job(config, planned, 30.0, None, part.job.seeds, part.name, part.tuned_by)
    assert outcome == ("done", "")
    made = hashes(planned)
    assert made == {identity: digest for identity, digest in hashes(whole).items() if identity in made}
    assert sum(planned.read_member(identity).role == "report" for identity in made) == len(part.job.seeds)


class Impatient(NoHeartbeat):
    """A heartbeat whose supervisor requests the end at the third beat."""

    def __init__(self) -> None:
        self.beats = 0

    def beat(self) -> None:
        self.beats += 1

    def stop_requested(self) -> bool:
        return self.beats > 2


def test_a_part_waits_while_another_process_tunes_and_ends_where_it_is_requested_to(planned: StudyRecords) -> None:
    part = dealt(planned.read_plan().jobs, 2)[-1]
    heartbeat = Impatient()
    with held(job_lock(planned.folder, part.tuned_by), "tuning"):
        outcome = run_job(job_config(part.job), planned, 30.0, heartbeat, part.job.seeds, part.name, part.tuned_by)
    assert (outcome.status, heartbeat.beats) == ("interrupted", 3)
    assert planned.identities() == []


def test_parts_that_begin_together_tune_once(
    planned: StudyRecords, whole: StudyRecords, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_run, "BETWEEN_LOOKS_S", 0.05)
    *_, first, second, _ = dealt(planned.read_plan().jobs, 2)
    assert first.tuned_by == second.tuned_by
    threads = [
        threading.Thread(target=run_job, args=(job_config(p.job), planned, 30.0, None, p.job.seeds, p.name, p.tuned_by))
        for p in (first, second)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ended = [line["identity"] for line in planned.journal.read()[0] if line["event"] == "member_ended"]
    assert len(ended) == len(set(ended))
    assert {identity: hashes(whole)[identity] for identity in ended} == hashes(planned)


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("members_per_job=0", "members_per_job=0: allowed: an integer of at least 1, or all\n"),
        ("members_per_job=some", "members_per_job=some: allowed: an integer of at least 1, or all\n"),
        (
            "members_per_job=2 task.lag=auto",
            "members_per_job=2: allowed: all, with task.lag=auto: a search trains two members a job\n",
        ),
    ],
)
def test_what_cannot_be_dealt_is_refused_in_a_line(
    override: str, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = [each for each in STUDY if not ("lag" in override and each.startswith("task.lag"))]
    assert cli.main([*settings, *override.split(), f"output={tmp_path}"]) == 2
    assert capsys.readouterr().err == told
    assert list(tmp_path.iterdir()) == []


def test_kernels_that_batch_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(cli, "_launch", lambda *_: 0)
    monkeypatch.setattr("lstm_bench.study.base_study.PlannedStudy.say", lambda _, text: said.append(text))
    settings = [each for each in STUDY if not each.startswith("cell")]
    cli.main([*settings, "cell=rnn,min_gru", "members_per_job=2", f"output={tmp_path}"])
    assert (
        "Split into jobs, members of min_gru differ in the last bits from members trained in one job, "
        "because their kernels batch members."
    ) in said
    plan = json.loads((tmp_path / "runs" / "dealt" / "study.json").read_text())
    assert plan["members_per_job"] == 2
