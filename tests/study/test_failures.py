"""One job's failure is told and kept, and takes no other job along."""

import json
import sys

import pytest

from lstm_bench.cli import main

BROKEN = '''
import torch


class Broken(torch.nn.Module):
    """A plug-in that works until it is trained."""

    def __init__(self, input_size: int, hidden_size: int, *, generator=None) -> None:
        super().__init__()
        self.input_size, self.hidden_size = input_size, hidden_size
        self.weight = torch.nn.Parameter(torch.zeros(hidden_size, input_size))

    def initial_state(self, batch_size):
        return self.weight.new_zeros(batch_size, self.hidden_size)

    def step(self, x, state):
        if len(x) > 8:
            raise RuntimeError("the plug-in broke")
        return state + x @ self.weight.T, state
'''
TINY = [
    "study=mixed", "cell=broken,rnn", "task.lag=1", "cell.hidden_size=4", "trainer.steps=4", "trainer.eval_every=2",
    "trainer.eval_size=8", "trainer.confirm_size=8", "trainer.seeds=2", "trainer.learning_rates=0.01", "tracking=off",
    "hydra/launcher=basic", "speed=off",
]  # fmt: skip


@pytest.fixture
def own_config(tmp_path, monkeypatch):
    """A folder with a plug-in cell and its yaml, from which the study is started."""
    (tmp_path / "broken_plug_in.py").write_text(BROKEN)
    (tmp_path / "conf" / "cell").mkdir(parents=True)
    yaml = "# Fails when trained\n_target_: broken_plug_in.Broken\nhidden_size: 4\n"
    (tmp_path / "conf" / "cell" / "broken.yaml").write_text(yaml)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path / "conf"
    sys.modules.pop("broken_plug_in", None)


@pytest.mark.usefixtures("one_figure")
def test_a_failing_cell_is_reported_and_the_others_go_on_and_it_is_tried_again(own_config, tmp_path, capsys):
    assert main([*TINY, f"--config-dir={own_config}"]) == 1
    records = [json.loads(p.read_text()) for p in tmp_path.glob("runs/mixed/members/*/record.json")]
    by_status = {status: [r for r in records if r["status"] == status] for status in {r["status"] for r in records}}
    assert len(by_status.pop("failed")) == 2
    assert sum(len(rest) for rest in by_status.values()) == 2
    assert "RuntimeError: the plug-in broke" in capsys.readouterr().out
    assert "the plug-in broke" in (tmp_path / "reports" / "mixed" / "report.html").read_text()
    fixed = BROKEN.replace('raise RuntimeError("the plug-in broke")', "pass")
    (tmp_path / "broken_plug_in.py").write_text(fixed)
    sys.modules.pop("broken_plug_in")
    assert main([*TINY, "report=off", f"--config-dir={own_config}"]) == 0


@pytest.mark.usefixtures("one_figure")
def test_a_parameter_that_no_gradient_reaches_is_told_on_the_screen_and_in_the_report(own_config, tmp_path, capsys):
    spare = BROKEN.replace("        if len(x) > 8:", "        if False:").replace(
        "    def initial_state", "        self.spare = torch.nn.Parameter(torch.zeros(7))\n\n    def initial_state"
    )
    (tmp_path / "broken_plug_in.py").write_text(spare)
    looked_at = [*TINY, "cell=broken", "trainer.steps=0", "probe=off", f"--config-dir={own_config}"]
    assert main([override for override in looked_at if override != "trainer.steps=4"]) == 0
    reason = "cell broken_plug_in.Broken: no gradient reaches spare in 3 steps (7 numbers"
    assert f"Note: {reason}" in capsys.readouterr().out
    assert reason in (tmp_path / "reports" / "mixed" / "report.md").read_text()
