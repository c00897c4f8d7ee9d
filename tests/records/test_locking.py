"""A lock has one holder at a time, says who it is, and is free when that one has died."""

import errno
import fcntl
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lstm_bench import cli
from lstm_bench.records.locking import HeldError, LockError, held, holder, is_held, is_job_held, job_lock

HOLD = """
import sys, time
from pathlib import Path
from lstm_bench.records.locking import held
with held(Path(sys.argv[1]), "the first command"):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    return tmp_path / "locks" / "study.lock"


def test_a_lock_is_held_during_the_block_alone(lock: Path) -> None:
    assert not is_held(lock)
    with held(lock, "me"):
        assert is_held(lock)
        lock_holder = holder(lock)
        assert lock_holder is not None
        assert (lock_holder["pid"], lock_holder["command"]) == (os.getpid(), "me")
    assert not is_held(lock)
    assert holder(lock) is None


def test_the_second_is_refused_and_told_who_is_first_until_that_one_is_killed(lock: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLD, str(lock)], stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "held\n"
        with (
            pytest.raises(HeldError, match=rf"process {first.pid} on .* since .* \(the first command\)"),
            held(lock, "me"),
        ):
            raise AssertionError
        first.send_signal(signal.SIGKILL)
    with held(lock, "me"):
        lock_holder = holder(lock)
        assert lock_holder is not None
        assert lock_holder["pid"] == os.getpid()


def test_a_patient_one_gets_it_when_it_is_given_back(lock: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLD, str(lock)], stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout is not None
        first.stdout.readline()
        first.kill()
        with held(lock, "me", patience_s=20):
            assert is_held(lock)


def test_what_the_block_raises_comes_out_and_the_lock_is_free(lock: Path) -> None:
    with pytest.raises(ZeroDivisionError), held(lock, "me"):
        raise ZeroDivisionError
    assert not is_held(lock)


@pytest.fixture
def without_locks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system whose locks fail with this number."""

    def fail(*_: object) -> None:
        raise OSError(request.param, os.strerror(request.param))

    monkeypatch.setattr(fcntl, "flock", fail)


@pytest.mark.parametrize("without_locks", [errno.ENOLCK, errno.EOPNOTSUPP], indirect=True)
@pytest.mark.usefixtures("without_locks")
def test_a_folder_that_cannot_be_locked_is_told_with_its_file_system(
    lock: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = rf"{re.escape(str(lock.parent))} cannot be locked \([^;]+; file system \w+\): allowed: one with locks"
    with pytest.raises(LockError, match=told), held(lock, "me"):
        raise AssertionError
    settings = ["study=s", "cell=rnn", "task.lag=1", "cell.hidden_size=4", "trainer.steps=0", "tracking=off"]
    assert cli.main([*settings, f"output={tmp_path}"]) == 2
    line = f"output={tmp_path}: {tmp_path / 'runs' / '.locks'} cannot be locked ("
    assert capsys.readouterr().err.startswith(line)


@pytest.mark.parametrize("without_locks", [errno.ENOSYS], indirect=True)
@pytest.mark.usefixtures("without_locks")
@pytest.mark.filterwarnings("ignore:flock not supported")  # as `locking` has it outside of tests
def test_without_the_systems_call_the_presence_of_a_file_is_the_lock(lock: Path) -> None:
    with held(lock, "me"):
        assert is_held(lock)
    assert not is_held(lock)


def test_a_holder_on_another_machine_may_have_died_so_the_second_is_told_how_to_free_the_lock(lock: Path) -> None:
    with held(lock, "the first command"):
        note = lock.with_name(f"{lock.name}.holder")
        note.write_text(json.dumps(json.loads(note.read_text()) | {"host": "elsewhere"}))
        told = rf"on elsewhere since .* \(the first command\); if it has ended, remove {re.escape(str(lock))}$"
        with pytest.raises(HeldError, match=told), held(lock, "me"):
            raise AssertionError


@pytest.mark.parametrize(("part", "is_running"), [("ab", True), ("ab.tuning", True), ("ab.4", True), ("abc", False)])
def test_a_job_runs_where_it_or_a_part_of_it_is_held(tmp_path: Path, part: str, is_running: bool) -> None:
    records = tmp_path / "study[1]"
    assert not is_job_held(records, "ab")
    with held(job_lock(records, part), "the job"):
        assert is_job_held(records, "ab") is is_running
    assert not is_job_held(records, "ab")
