"""Every wrong setting ends with exit code 2 and one line that names the key, the value and what is allowed."""

from types import SimpleNamespace

import pytest

from lstm_bench.cli import main

BAD = [
    ("task.lag=0", "task.lag=0: allowed: an integer of at least 1"),
    ("task.lag=-1", "task.lag=-1: allowed: an integer of at least 1"),
    ("task.lag=1.5", "task.lag=1.5: allowed: a valid integer"),
    ("task.lag=abc", "task.lag=abc: allowed: a valid integer"),
    ("task.lag=", "task.lag=: allowed: a valid integer"),
    ("task.lag=[]", "task.lag=[]: allowed: a valid integer"),
    ("task.lag=10,10", "task.lag=10,10: a value twice: allowed: each job once"),
    ("task.lag=10,0", "task.lag=0: allowed: an integer of at least 1"),
    ("task=adding task.lag=1", "task.lag=1: allowed: an integer of at least 2"),
    ("task.dialect=nope", "task.dialect=nope: allowed: 'arjovsky', 'bai' or 's4'"),
    ("cell.hidden_size=0", "cell.hidden_size=0: allowed: an integer of at least 1"),
    ("cell.hidden_size=-1", "cell.hidden_size=-1: allowed: an integer of at least 1"),
    ("cell.hidden_size=4.0", "cell.hidden_size=4.0: allowed: a valid integer"),
    ("cell.hidden_size=true", "cell.hidden_size=True: allowed: a valid integer"),
    ("cell.hidden_size=100000000", "cell.hidden_size=100000000: allowed: what fits in"),
    ("cell.hidden_size=1000000000", "cell.hidden_size=1000000000: allowed: what fits in"),
    ("cell.hidden_size=1000000000000000000", "cell.hidden_size=1000000000000000000: allowed: what fits in"),
    ("task.lag=1000000000", "task.lag=1000000000: allowed: what fits in"),
    ("task.n_symbols=1000000000", "task.n_symbols=1000000000: allowed: what fits in"),
    ("trainer.batch_size=1000000000", "trainer.batch_size=1000000000: allowed: what fits in"),
    ("cell.init=nope", "cell.init=nope: allowed: 'pytorch', 'orthogonal' or 'identity'"),
    ("cell.chrono=50", "cell.forget_bias=3.0 with chrono=50: allowed: one of the two, the other null"),
    ("cell=nope", "cell=nope: allowed: gated_delta, gru, "),
    ("cell=zoo/nope", "cell=zoo/nope: allowed: zoo/antisymmetric, zoo/atr, "),
    ("published=none.csv", "published=none.csv: none.csv: "),
    ("parameters=9", "parameters=9: allowed: null, unless comparison=parameters"),
    ("budget=full", "budget=full: allowed: null, as this experiment has no budgets"),
    ("task=nope", "task=nope: allowed: adding, associative_recall, context, copy, "),
    ("+experiment=nope", "experiment=nope: allowed: ablation, adding_task, "),
    ("task.nope=1", "task.nope=1: allowed: the keys lag, n_symbols, dialect"),
    ("+cell.nope=1", "cell.nope=1: allowed: the keys hidden_size, "),
    ("nope=1", "nope=1: allowed: the keys "),
    ("+nope=1", "nope=1: allowed: the keys study, "),
    ("cell._target_=nope.Cell", "cell._target_=nope.Cell: allowed: the import path of a class"),
    ("trainer.batch_size=0", "trainer.batch_size=0: allowed: an integer of at least 1"),
    ("trainer.batch_size=-1", "trainer.batch_size=-1: allowed: an integer of at least 1"),
    ("trainer.learning_rates=0", "trainer.learning_rates=0.0: allowed: a number above 0"),
    ("trainer.learning_rates=-1", "trainer.learning_rates=-1.0: allowed: a number above 0"),
    ("trainer.learning_rates=nan", "trainer.learning_rates=nan: allowed: a finite number"),
    ("trainer.learning_rates=inf", "trainer.learning_rates=inf: allowed: a finite number"),
    ("trainer.learning_rates=[0.1,0.1]", "trainer.learning_rates=[0.1, 0.1]: allowed: "),
    ("trainer.clip=-1", "trainer.clip=-1.0: allowed: a number of at least 0"),
    ("trainer.steps=-1", "trainer.steps=-1: allowed: an integer of at least 0"),
    ("probe.gradient_flow.at=[now]", "probe.gradient_flow.at=['now']: allowed: a list of initial, milestones, final"),
    ("probe.gradient_flow.at=final", "probe.gradient_flow.at=final: allowed: a list of initial, milestones, final"),
    ("+probe.lyapunov.step=3", "probe.lyapunov.step=3: allowed: the keys exponents, steps, settling"),
    ("probe.lyapunov._target_=no.such", "probe.lyapunov._target_=no.such: allowed: the import path of a class"),
    ("+probe.mine=3", "probe.mine=3: allowed: the keys _target_, at, and the settings of that probe"),
    ("trainer.eval_every=9999", "trainer.eval_every=9999: allowed: at most trainer.steps, which is 5000"),
    ("trainer.seeds=-1", "trainer.seeds=-1: allowed: how many (at least 1)"),
    ("trainer.seeds=1.5", "trainer.seeds=1.5: allowed: a valid integer or a valid list"),
    ("trainer.seeds=[1,1]", "trainer.seeds=[1, 1]: allowed: how many (at least 1), or a list of seeds >= 0, each once"),
    ("trainer.seeds=[]", "trainer.seeds=[]: allowed: how many"),
    ("trainer.seeds=", "trainer.seeds=: allowed: a valid integer or a valid list"),
    ("trainer.seeds=1000000000", "trainer.seeds=1000000000: allowed: at most 10,000, as each is a training run"),
    ("trainer.seeds=[0,9223372036854775808]", "trainer.seeds=[0, 9223372036854775808]: allowed: seeds of at most 9,22"),
    ("trainer.seeds=10000 cell.hidden_size=4096", "trainer.seeds=10000: allowed: what fits in"),
    ("trainer.tuning_seeds=1000000000", "trainer.tuning_seeds=1000000000: allowed: at most 10,000, as each is a"),
    ("trainer.tuning_seeds=10000 cell.hidden_size=4096", "trainer.tuning_seeds=10000: allowed: what fits in"),
    ("trainer.study_seed=9223372036854775808", "trainer.study_seed=9223372036854775808: allowed: at most 9,223,372,03"),
    ("trainer.steps=1000000000000", "trainer.steps=1000000000000: allowed: at most 1,000,000,000, which take weeks"),
    ("trainer.steps=1000000000", "trainer.eval_every=200: allowed: at least 10,000, as each evaluation is a point"),
    ("trainer.eval_size=100000000000", "trainer.eval_size=100000000000: allowed: at most 1,000,000, which measure a"),
    ("trainer.confirm_size=1000001", "trainer.confirm_size=1000001: allowed: at most 1,000,000, which measure a share"),
    ("speed.rounds=100000000000", "speed.rounds=100000000000: allowed: at most 10,000, as each is a turn of every"),
    ("speed.turn_s=1e9", "speed.turn_s=1000000000.0: allowed: a number above 0 and at most 3600, an hour"),
    ("+probe.lyapunov.steps=1000001", "probe.lyapunov.steps=1000001: allowed: at most 1,000,000, as a probe delays"),
    ("hydra.launcher.n_jobs=1000000000", "hydra.launcher.n_jobs=1000000000: allowed: an integer of at most 1,000;"),
    ("task.lag=range(1,1000000000)", "task.lag=range(1,1000000000): allowed: a sweep of at most 10,000 jobs"),
    ("task.lag=range(1,201) trainer.study_seed=range(0,51)", "trainer.study_seed=range(0,51): allowed: a sweep of at"),
    ("trainer.device=warp", "trainer.device=warp: allowed: cpu"),
    ("trainer.device=meta", "trainer.device=meta: allowed: cpu"),
    ("trainer.device=cpu:1", "trainer.device=cpu:1: allowed: cpu"),
    ("trainer.device=xla", "trainer.device=xla: allowed: cpu"),
    ("trainer.device=cpu,meta", "trainer.device=meta: allowed: cpu"),
    ("trainer.device=cpu,cpu:0", "trainer.device=cpu,cpu:0: a value twice: allowed: each job once"),
    ("trainer.tuning_share=0", "trainer.tuning_share=0.0: allowed: a number above 0 and at most 1"),
    ("study=../up", "study=../up: allowed: up to 100 letters (a to z), digits"),
    ("study=", "study=: allowed: up to 100 letters (a to z), digits"),
    ("output=/proc/nowhere", "output=/proc/nowhere: allowed: a folder that can be written"),
    ("comparison=size", "comparison=size: allowed: 'hidden', 'parameters' or 'both'"),
    ("comparison=", "comparison=: allowed: 'hidden', 'parameters' or 'both'"),
    ("+experiment=speed comparison=both", "comparison=both: allowed: hidden"),
    (
        "cell=lstm,rnn cell.hidden_size=4 comparison=parameters",
        "comparison=parameters: rnn with hidden_size=10, the nearest, has 6.0% more parameters than lstm: allowed: ",
    ),
    ("tracking.uri=1", "tracking.uri=1: allowed: sqlite:///FILE"),
    ("tracking.uri=file:///x", "tracking.uri=file:///x: allowed: sqlite:///FILE"),
    ("tracking.uri=nonsense://x", "tracking.uri=nonsense://x: allowed: sqlite:///FILE"),
    ("not-an-override", "not-an-override: allowed: key=value"),
    ("--nope", "--nope: allowed: --help, --config-dir FOLDER"),
    ("--config-dir=nowhere", "--config-dir=nowhere: allowed: an existing folder"),
]


@pytest.mark.parametrize(("arguments", "told"), BAD, ids=[arguments for arguments, _ in BAD])
def test_bad_input_is_told_in_one_line_and_leaves_nothing(arguments, told, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(arguments.split(" ")) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(told)
    assert captured.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_an_evaluation_that_does_not_fit_is_refused_though_training_fits(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("psutil.virtual_memory", lambda: SimpleNamespace(available=2**30))
    small = ("cell=rnn", "cell.hidden_size=1", "task.lag=10000", "trainer.batch_size=1", "trainer.seeds=20")
    assert main([*small, "trainer.learning_rates=0.01"]) == 2
    assert "task.lag=10000: allowed: what fits in 1 GiB, not 2 GiB" in capsys.readouterr().err


def test_bad_value_inside_an_experiment_is_found_before_any_job_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["+experiment=copy_task", "task.lag=64,32,0"]) == 2
    assert capsys.readouterr().err == "task.lag=0: allowed: an integer of at least 1\n"
    assert list(tmp_path.iterdir()) == []
