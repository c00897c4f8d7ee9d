"""A signal is first a request, then an end."""

import os
import signal
import time
from pathlib import Path

import pytest

from lstm_bench.study import stopping
from lstm_bench.study.stopping import Stop, Stopped


def after_a_moment() -> None:
    for _ in range(100):  # a signal to oneself is heard between two instructions
        time.sleep(0.001)


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_while_no_job_runs_a_signal_ends_the_study_with_its_code(signum: int, code: int) -> None:
    with pytest.raises(Stopped) as stopped, Stop().listening():
        os.kill(os.getpid(), signum)
        after_a_moment()
    assert stopped.value.exit_code == code


def test_while_jobs_run_it_is_a_file_that_they_see_and_the_end_comes_after_them(tmp_path: Path) -> None:
    done = []
    with pytest.raises(Stopped) as stopped, Stop().listening() as stop, stop.asking(tmp_path / "stop"):
        os.kill(os.getpid(), signal.SIGTERM)
        after_a_moment()
        done.append((tmp_path / "stop").exists())
    assert done == [True]
    assert stopped.value.exit_code == 143


def test_a_second_signal_ends_it_at_once(tmp_path: Path) -> None:
    with pytest.raises(Stopped) as stopped, Stop().listening() as stop, stop.asking(tmp_path / "stop"):
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGINT)
            after_a_moment()
        raise AssertionError
    assert stopped.value.exit_code == 130


def test_jobs_that_do_not_end_are_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stopping, "LAUNCH_GRACE_S", 0.05)
    with pytest.raises(Stopped) as stopped, Stop().listening() as stop, stop.asking(tmp_path / "stop"):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(30)
        raise AssertionError
    assert stopped.value.exit_code == 143


def test_an_old_request_is_none_and_others_hear_signals_again_afterwards(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGTERM)
    (tmp_path / "stop").touch()
    with Stop().listening() as stop, stop.asking(tmp_path / "stop"):
        assert not (tmp_path / "stop").exists()
        assert signal.getsignal(signal.SIGTERM) != before
    assert signal.getsignal(signal.SIGTERM) == before
