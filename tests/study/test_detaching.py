"""A study in the background outlives the command that began it, and the same command collects what it made."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from lstm_bench import cli
from lstm_bench.records.locking import held, holder, study_lock
from lstm_bench.records.store import StudyRecords
from lstm_bench.status import main as main_of_status
from lstm_bench.study.detaching import attached

STUDY = [
    "study=away", "cell=rnn", "task.lag=2,3", "task.n_symbols=1", "cell.hidden_size=4", "trainer.steps=2000",
    "trainer.eval_every=500", "trainer.eval_size=8", "trainer.confirm_size=8", "trainer.seeds=2",
    "trainer.learning_rates=0.000001", "tracking=off", "hydra/launcher=basic", "probe=off", "speed=off", "report=off",
]  # fmt: skip
PATIENCE_S = 300.0  # more than a busy machine takes


def wait_until(holds: Callable[[], object]) -> None:
    until = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.05)


@pytest.fixture
def records(tmp_path: Path) -> Iterator[StudyRecords]:
    """Where the study's records will be; what still runs of it at the end is killed."""
    records = StudyRecords(tmp_path / "runs" / "away")
    yield records
    owner = holder(study_lock(records.folder))
    if owner is not None and owner["pid"] != os.getpid():
        with suppress(OSError):
            os.killpg(owner["pid"], signal.SIGKILL)


def command(records: StudyRecords, *more: str) -> list[str]:
    return [*STUDY, f"output={records.folder.parent.parent}", *more]


def detached(records: StudyRecords) -> tuple[dict[str, Any], str]:
    """Begin the study in the background; return the holder of its lock and what the command said."""
    done = subprocess.run(
        [sys.executable, "-m", "lstm_bench", *command(records, "detach=true")],
        capture_output=True, text=True, timeout=PATIENCE_S, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    owner = holder(study_lock(records.folder))
    assert owner is not None
    return owner, done.stdout


def ended_members(records: StudyRecords) -> int:
    return sum(line["event"] == "member_ended" for line in records.journal.read()[0])


def test_it_goes_on_alone_dies_and_is_collected(records: StudyRecords, capsys: pytest.CaptureFixture[str]) -> None:
    owner, said = detached(records)
    lines = said.splitlines()
    log = records.folder.with_name("away.log")
    assert lines[0] == f"Study away runs in the background (process {owner['pid']}), log {log}"
    assert lines[1].split() == ["to", "follow:", "python", "-m", "lstm_bench.status", str(records.folder)]
    assert lines[3].endswith(f"python -m lstm_bench {' '.join(command(records))}")
    assert os.getsid(owner["pid"]) == owner["pid"] != os.getsid(0)
    with pytest.raises(ChildProcessError):  # nobody waits for it here
        os.waitpid(owner["pid"], os.WNOHANG)
    assert cli.main(command(records, "detach=true")) == 2
    assert "study=away: allowed: one invocation at a time; it is run by process" in capsys.readouterr().err
    wait_until(lambda: list((records.folder / "checkpoints").glob("*/*.pt")))
    assert main_of_status([str(records.folder)]) == 0
    assert f"(process {owner['pid']})" in capsys.readouterr().out

    session = [p for p in psutil.process_iter() if _session(p.pid) == owner["pid"]]
    os.kill(owner["pid"], signal.SIGKILL)
    psutil.wait_procs(session, timeout=PATIENCE_S)
    assert main_of_status([str(records.folder)]) == 0
    assert "no process runs it" in capsys.readouterr().out
    assert cli.main(command(records)) == 0
    assert "from a checkpoint" in capsys.readouterr().out
    assert ended_members(records) == 4
    assert {records.read_checked(identity).steps for identity in records.identities()} == {2000}
    assert cli.main(command(records)) == 0
    assert "4 are already finished and are kept" in capsys.readouterr().out


def _session(pid: int) -> int | None:
    with suppress(OSError):
        return os.getsid(pid)
    return None


def test_what_ends_at_once_says_so_here(records: StudyRecords, monkeypatch: pytest.MonkeyPatch, capfd: Any) -> None:
    monkeypatch.setattr("lstm_bench.study.detaching.attached", lambda arguments: ["cell=nothing"])
    assert cli.main(command(records, "detach=true")) == 2
    assert capfd.readouterr().out.startswith("cell=nothing: allowed: ")
    assert not records.folder.exists()


def test_bad_input_is_refused_before_anything_starts(
    records: StudyRecords, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("lstm_bench.study.base_study.detach", lambda *_: pytest.fail("started"))
    assert cli.main(command(records, "detach=true", "trainer.clip=-1")) == 2
    assert "trainer.clip=-1" in capsys.readouterr().err
    assert cli.main(command(records, "detach=maybe")) == 2
    assert capsys.readouterr().err == "detach=maybe: allowed: true, false\n"
    with held(study_lock(records.folder), "another"):
        assert cli.main(command(records, "detach=true")) == 2
    assert not records.folder.exists()


def test_the_command_that_collects_is_the_same_without_the_key() -> None:
    assert attached(["study=a", "detach=true", "task.lag=2"]) == ["study=a", "task.lag=2"]
    assert attached(["--config-dir=c", "+detach=true"]) == ["--config-dir=c"]
    assert attached(["+experiment=mine"]) == ["+experiment=mine", "detach=false"]  # the yaml has it
