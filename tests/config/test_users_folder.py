"""The user's folder of yaml files (--config-dir): whatever stands in it comes before ours, and is told."""

import pytest
import yaml

from lstm_bench.cli import main
from lstm_bench.conf_folder import conf_dir
from lstm_bench.config.composing import Invocation, compose_study
from lstm_bench.config.errors import ConfigError
from lstm_bench.config.listing import listing
from lstm_bench.config.search_path import file_notices

CELL = "# Mine\n_target_: lstm_bench.cells.lstm.LSTMCell\nhidden_size: 3\nforget_bias: 0.25\n"
OURS = yaml.safe_load((conf_dir() / "config.yaml").read_text())


@pytest.fixture
def folder(tmp_path):
    """A folder whose name means something to Hydra, to a shell and in an address."""
    folder = tmp_path / "my conf #1, ${x} [ü]%20='.yaml"
    folder.mkdir()
    return folder


def write(folder, files):
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text if isinstance(text, str) else yaml.safe_dump(text, sort_keys=False))


def compose(folder, *overrides):
    return compose_study(Invocation(overrides, folder))


def test_a_yaml_of_every_group_stands_in_place_of_ours(folder):
    files = {
        "config.yaml": OURS | {"study": "mine"},
        "cell/lstm.yaml": CELL,
        "experiment/smoke.yaml": "# @package _global_\n# Mine\ndefaults: [{override /task: adding}]\n",
        "hydra/job_logging/none.yaml": "version: 1\n",
        "probe/default.yaml": "{}\n",
        "task/adding.yaml": "_target_: lstm_bench.tasks.adding.AddingTask\nlag: 7\n",
        "tracking/local.yaml": "enabled: false\n",
        "trainer/default.yaml": "clip: 0.125\n",
    }
    write(folder, files)
    study = compose(folder, "+experiment=smoke")
    (job,) = study.jobs
    assert study.study == "mine"
    assert not study.tracking.enabled
    assert (job.task_name, job.task["lag"]) == ("adding", 7)
    assert (job.cell["hidden_size"], job.cell["forget_bias"], job.trainer.clip, job.probe) == (3, 0.25, 0.125, {})
    assert study.replaced == tuple(sorted(files))


def test_the_files_that_are_told_are_those_that_a_job_uses(folder):
    write(folder, {"cell/lstm.yaml": CELL, "cell/rnn.yaml": CELL, "cell/mine.yaml": CELL, "cell/deep/lstm.yaml": CELL})
    assert compose(folder, "cell=mine,deep/lstm,gru").replaced == ()
    assert compose(folder, "cell=gru,lstm").replaced == ("cell/lstm.yaml",)
    assert compose(conf_dir()).replaced == ()
    assert file_notices(folder, ["cell/lstm.yaml", "cell/lstm.yaml"], []) == [
        f"Your own yaml files in {folder} are used in place of ours: cell/lstm.yaml."
    ]


def test_help_shows_the_files_that_a_run_uses(folder):
    write(folder, {"cell/lstm.yaml": CELL, "cell/deep/lstm.yaml": CELL, "cell/gru.yml": CELL})
    lines = [" ".join(line.split()) for line in listing(conf_dir(), folder).splitlines()]
    assert {"lstm Mine", "deep/lstm Mine"} <= set(lines)
    assert "gru Mine" not in lines
    jobs = compose(folder, "cell=lstm,deep/lstm,gru").jobs
    assert [(job.cell_name, job.cell.get("forget_bias")) for job in jobs] == [
        ("lstm", 0.25), ("deep/lstm", 0.25), ("gru", None),
    ]  # fmt: skip


def test_a_yml_is_told_as_not_read(folder):
    write(folder, {"cell/lstm.yml": CELL, "cell/rnn.yml": CELL})
    study = compose(folder)
    assert (study.jobs[0].cell["forget_bias"], study.unread) == (3.0, ("cell/lstm.yml",))
    assert file_notices(folder, [], study.unread) == [
        f"Not read, since Hydra reads only .yaml files: cell/lstm.yml in {folder}."
    ]


def test_a_search_path_of_ones_own_is_searched_beside_the_folder(folder, tmp_path):
    write(folder, {"cell/lstm.yaml": CELL})
    write(tmp_path / "more", {"cell/third.yaml": CELL})
    jobs = compose(folder, "cell=lstm,third,gru", f"hydra.searchpath=[file://{tmp_path / 'more'}]").jobs
    assert [job.cell["hidden_size"] for job in jobs] == [3, 3, 64]


def test_hydra_prints_the_configuration_that_would_run(folder, monkeypatch, capsys):
    write(folder, {"cell/lstm.yaml": CELL})
    monkeypatch.chdir(folder.parent)
    assert main(["--cfg", "job", "--config-dir", folder.name]) == 0
    assert yaml.safe_load(capsys.readouterr().out)["cell"]["forget_bias"] == 0.25


def test_a_config_of_ones_own_that_is_older_than_the_report_key_writes_a_report(folder):
    older = OURS | {"defaults": [choice for choice in OURS["defaults"] if "report" not in choice]}
    write(folder, {"config.yaml": yaml.safe_dump(older)})
    assert compose(folder, "cell=lstm").report.enabled


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({key: value for key, value in OURS.items() if key != "safety"}, "safety is missing: "),
        ({key: value for key, value in OURS.items() if key != "defaults"}, "task is missing: "),
        ({key: value for key, value in OURS.items() if key != "hydra"}, "hydra.mode=: allowed: MULTIRUN"),
        (OURS | {"safety": None}, "safety=: allowed: a mapping of the keys checkpoint_s, "),
        (OURS | {"output": None}, "output=: allowed: the path of a folder"),
        (OURS | {"hydra": None}, "config.yaml, or a yaml that it chooses: not in the form "),
        ("study: [\n", "{folder}/config.yaml, line 2: expected the node content"),
    ],
)
def test_a_config_of_ones_own_that_lacks_something_is_told_in_one_line(config, told, folder, capsys):
    write(folder, {"config.yaml": config})
    assert main([f"--config-dir={folder}", "cell=lstm"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(told.replace("{folder}", str(folder)))
    assert captured.err.count("\n") == 1


def test_the_keys_that_are_allowed_are_those_of_the_chosen_cell(folder):
    write(folder, {"cell/mine.yaml": f"{CELL}depth: 2\n"})
    with pytest.raises(ConfigError, match=r"^cell.dept=3: allowed: the keys hidden_size, forget_bias, depth$"):
        compose(folder, "cell=mine,lstm", "cell.dept=3")
