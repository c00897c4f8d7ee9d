"""Ctrl-C ends a study cleanly, keeps what is finished and says how to go on."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

PATIENCE_S = 300  # seconds: more than a busy machine takes
# A test runner in the background may itself ignore SIGINT, and pass that on to what it starts.
AS_FROM_A_TERMINAL = """
import runpy, signal
signal.signal(signal.SIGINT, signal.default_int_handler)
runpy.run_module("lstm_bench", run_name="__main__")
"""
LONG_STUDY = [
    "study=long", "cell=rnn", "task.lag=1,40", "task.n_symbols=1", "cell.hidden_size=8", "trainer.seeds=2",
    "trainer.learning_rates=0.02", "trainer.steps=1000000", "trainer.eval_every=100", "trainer.eval_size=100",
    "trainer.confirm_size=100", "tracking=off", "hydra/launcher=basic", "speed=off", "report=off",
]  # fmt: skip


def wait_for(pattern: str, folder: Path, count: int) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while len(list(folder.glob(pattern))) < count:
        assert time.monotonic() < deadline, f"no {pattern} in {folder}"
        time.sleep(0.1)


@contextmanager
def started(folder: Path, *more: str) -> Iterator[subprocess.Popen]:
    command = [sys.executable, "-c", AS_FROM_A_TERMINAL, *LONG_STUDY, *more]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as study:
        try:
            yield study
        finally:
            study.kill()


def listening(pid: int) -> list[tuple[str, int]]:
    """Return the addresses at which a process or one that it started waits for others."""
    family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    return [
        connection.laddr
        for process in family
        for connection in process.net_connections()
        if connection.status == psutil.CONN_LISTEN or connection.type == socket.SOCK_DGRAM
    ]


def test_a_study_that_trains_listens_on_no_address(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as ours:
        assert ours.getsockname() in listening(os.getpid())  # it would be seen
    with started(tmp_path, "hydra/launcher=joblib") as study:
        wait_for("runs/long/members/*/record.json", tmp_path, count=2)
        assert len(psutil.Process(study.pid).children(recursive=True)) >= 2
        assert listening(study.pid) == []


def test_ctrl_c_keeps_what_is_finished_and_tells_the_command(tmp_path):
    both_at_once = ("hydra/launcher=joblib", "hydra.launcher.n_jobs=2")  # one of them never ends
    with started(tmp_path, *both_at_once) as study:
        wait_for("runs/long/members/*/weights.pt", tmp_path, count=2)
        wait_for("runs/long/members/*/record.json", tmp_path, count=4)  # the other job's members are running, too
        study.send_signal(signal.SIGINT)
        out, err = study.communicate(timeout=PATIENCE_S)
    assert study.returncode == 130
    assert out.endswith(f"  python -m lstm_bench {' '.join((*LONG_STUDY, *both_at_once))}\n")
    assert "Traceback" not in out + err
    records = [json.loads(path.read_text()) for path in tmp_path.glob("runs/long/members/*/record.json")]
    assert sorted(record["status"] for record in records) == ["interrupted", "interrupted", "solved", "solved"]
