"""A lock has one holder at a time, says who it is, and is free when that one has died."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lstm_bench.records.locking import HeldError, held, holder, is_held

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
