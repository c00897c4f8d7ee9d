"""A signal is first a request, then an end."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lstm_bench.study import stopping
from lstm_bench.study.stopping import REQUESTS, Stop, Stopped


@pytest.fixture(autouse=True)
def as_from_a_terminal() -> Iterator[None]:
    """A test runner in the background may itself ignore signals."""
    before = {signum: signal.signal(signum, signal.default_int_handler) for signum in (signal.SIGINT, *REQUESTS)}
    yield
    for signum, handler in before.items():
        signal.signal(signum, handler)


def wait(until: Callable[[], bool] = lambda: False) -> None:
    """Wait until something holds, or a signal ends it: one to oneself is heard between two instructions."""
    for _ in range(100_000):
        if until():
            return
        time.sleep(0.001)


@pytest.mark.parametrize(
    ("signum", "code"),
    [
        *((signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)),
        *((signal.SIGUSR1, 128 + signal.SIGUSR1), (signal.SIGUSR2, 128 + signal.SIGUSR2)),
    ],
)
def test_while_no_job_runs_a_signal_ends_the_study_with_its_code(signum: int, code: int) -> None:
    with pytest.raises(Stopped) as stopped, Stop().listening():
        os.kill(os.getpid(), signum)
        wait()
    assert stopped.value.exit_code == code


def test_while_jobs_run_it_is_a_file_that_they_see_and_the_end_comes_after_them(tmp_path: Path) -> None:
    done = []
    with pytest.raises(Stopped) as stopped, Stop().listening() as stop, stop.forwarding(tmp_path / "stop"):
        os.kill(os.getpid(), signal.SIGTERM)
        wait((tmp_path / "stop").exists)
        done.append((tmp_path / "stop").exists())
    assert done == [True]
    assert stopped.value.exit_code == 143


@pytest.mark.parametrize("signum", [signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGUSR1])
def test_what_is_ignored_at_the_start_stays_ignored(signum: int) -> None:
    signal.signal(signum, signal.SIG_IGN)
    with Stop().listening():
        os.kill(os.getpid(), signum)
        time.sleep(0.01)
        assert signal.getsignal(signum) == signal.SIG_IGN
    assert signal.getsignal(signum) == signal.SIG_IGN


def test_a_second_signal_ends_it_at_once(tmp_path: Path) -> None:
    with pytest.raises(Stopped) as stopped, Stop().listening() as stop, stop.forwarding(tmp_path / "stop"):
        os.kill(os.getpid(), signal.SIGINT)
        wait((tmp_path / "stop").exists)
        os.kill(os.getpid(), signal.SIGINT)
        wait()
        raise AssertionError
    assert stopped.value.exit_code == 130


def test_jobs_that_do_not_end_are_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stopping, "LAUNCH_GRACE_S", 0.05)
    with pytest.raises(Stopped) as stopped, Stop().listening() as stop, stop.forwarding(tmp_path / "stop"):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(30)
        raise AssertionError
    assert stopped.value.exit_code == 143


def test_an_old_request_is_none_and_others_hear_signals_again_afterwards(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGTERM)
    (tmp_path / "stop").touch()
    with Stop().listening() as stop, stop.forwarding(tmp_path / "stop"):
        assert not (tmp_path / "stop").exists()
        assert signal.getsignal(signal.SIGTERM) != before
    assert signal.getsignal(signal.SIGTERM) == before


WHAT_JOBLIB_STARTS = """
import signal, threading
from multiprocessing import resource_tracker
from pathlib import Path
from lstm_bench.study.stopping import Stop

threading.Thread(target=threading.Event().wait, daemon=True).start()
with Stop().listening() as stop, stop.forwarding(Path("stop")):
    resource_tracker.ensure_running()
    print(signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, []))
print(signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, []))
"""


def test_ctrl_c_stays_blocked_for_a_launchers_processes_whatever_the_launcher_starts_first(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", WHAT_JOBLIB_STARTS], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert ran.stdout.split() == ["True", "False"], ran.stderr


SIGNALLED = """
import os, signal, sys, threading, time
from multiprocessing import resource_tracker
from pathlib import Path
from joblib.externals.loky.backend import resource_tracker as of_joblib
from lstm_bench.study.stopping import Stop

threading.Thread(target=threading.Event().wait, daemon=True).start()
trackers = [module._resource_tracker for module in (resource_tracker, of_joblib)]
with Stop().forwarding(Path(sys.argv[1])):
    for tracker in trackers:
        os.kill(tracker._pid, signal.SIGUSR1)
    time.sleep(0.3)
    print([tracker._check_alive() for tracker in trackers])
"""


def test_what_cleans_up_behind_joblib_outlives_a_signal_to_the_group(tmp_path: Path) -> None:
    command = [sys.executable, "-c", SIGNALLED, str(tmp_path / "stop")]
    ran = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert (ran.stdout, ran.stderr) == ("[True, True]\n", "")
