"""Ctrl-C ends a study cleanly, keeps what is finished and says how to go on."""

import signal
import subprocess
import sys
import time
from pathlib import Path

PATIENCE_S = 60
LONG_STUDY = [
    "study=long", "cell=rnn", "task.lag=1,40", "task.n_symbols=1", "cell.hidden_size=8", "trainer.seeds=2",
    "trainer.learning_rates=0.02", "trainer.steps=1000000", "trainer.eval_every=100", "trainer.eval_size=100",
    "trainer.confirm_size=100", "tracking=off", "hydra/launcher=basic",
]  # fmt: skip


def wait_for(pattern: str, folder: Path, count: int) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while len(list(folder.glob(pattern))) < count:
        assert time.monotonic() < deadline, f"no {pattern} in {folder}"
        time.sleep(0.1)


def test_ctrl_c_keeps_what_is_finished_and_tells_the_command(tmp_path):
    command = [sys.executable, "-m", "lstm_bench", *LONG_STUDY]
    study = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_for("runs/long/members/*/record.json", tmp_path, count=2)
    study.send_signal(signal.SIGINT)
    out, err = study.communicate(timeout=PATIENCE_S)
    assert study.returncode == 130
    assert out.endswith(f"  python -m lstm_bench {' '.join(LONG_STUDY)}\n")
    assert "Traceback" not in out + err
    assert len(list(tmp_path.glob("runs/long/members/*/record.json"))) == 2
