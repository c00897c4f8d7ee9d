"""What the user's own yaml files say reaches the plan and the members that are trained."""

import json
import math

import pytest

from lstm_bench.cli import main

FILES = {
    "cell/lstm.yaml": "_target_: lstm_bench.cells.lstm.LSTMCell\nhidden_size: 32\ninit: pytorch\nforget_bias: 0.25\n",
    "trainer/default.yaml": "clip: 0.125\nsteps: 4\neval_every: 2\neval_size: 8\nconfirm_size: 8\nseeds: 1\n"
    "learning_rates: 0.001\n",
    "probe/default.yaml": "state_and_gates:\n  _target_: lstm_bench.probes.state_and_gates.state_and_gates\n"
    "  at: [initial]\n",
}


def test_a_member_is_trained_as_the_users_files_say(tmp_path, monkeypatch, capsys):
    for name, text in FILES.items():
        (tmp_path / "my_conf" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "my_conf" / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    asked = ["--config-dir", "my_conf", "study=mine", "task.lag=2", "tracking=off", "hydra/launcher=basic"]
    assert main([*asked, "speed=off", "report=off"]) == 0
    notice = f"Your own yaml files in {tmp_path}/my_conf are used in place of ours: {', '.join(sorted(FILES))}.\n"
    assert capsys.readouterr().out.count(notice) == 1
    (job,) = json.loads((tmp_path / "runs" / "mine" / "study.json").read_text())["jobs"]
    assert (job["config"]["cell"]["forget_bias"], job["config"]["trainer"]["clip"]) == (0.25, 0.125)
    (record,) = [json.loads(path.read_text()) for path in tmp_path.glob("runs/mine/members/*/record.json")]
    metrics = record["metrics"]
    assert metrics["gates/f_mean_initial"] == pytest.approx(1 / (1 + math.exp(-0.25)), abs=0.05)  # ours: 0.95
    assert 0.125 < metrics["grad/norm"] < 1  # so that our clip of 1 would leave it alone
    assert metrics["grad/clipped_share"] == 1
