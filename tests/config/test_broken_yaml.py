"""A yaml that cannot be read, and a choice that is none, are told in one line with file and line, or with the key."""

import pytest

from lstm_bench import __version__
from lstm_bench.cli import main
from lstm_bench.config.composing import Invocation, compose_study

HEAD = b"# Mine\n_target_: lstm_bench.cells.lstm.LSTMCell\n"
BROKEN = {
    "tab": (HEAD + b"\thidden_size: 3\n", "line 3: found character '\\t' that cannot start any token"),
    "bracket": (
        HEAD + b"hidden_size: [3\n",
        "line 4: expected ',' or ']', but got '<stream end>', while parsing a flow",
    ),
    "twice": (HEAD + b"hidden_size: 3\nhidden_size: 4\n", "line 4: found duplicate key hidden_size, while"),
    "latin": (
        HEAD + b"hidden_size: 3 # f\xfcr\n",
        "line 3: the byte 0xFC is not UTF-8: save the file in that encoding",
    ),
    "null": (HEAD + b"hidden_size: 3 # \x00\n", "line 3: the character U+0000 is not allowed"),
}
OPTIONS = "allowed: gated_delta, gru, gru_pytorch, lru, lstm, "
COMMANDS = [[], ["--cfg", "job"], ["--info"]]


def told_in_one_line(arguments, capsys) -> str:
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    return captured.err


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "cell").mkdir()
    return tmp_path


@pytest.mark.parametrize("command", COMMANDS, ids=["run", "cfg", "info"])
@pytest.mark.parametrize("name", BROKEN)
def test_a_yaml_that_cannot_be_read_is_told_by_file_and_line(name, command, folder, capsys):
    content, told = BROKEN[name]
    file = folder / "cell" / "mine.yaml"
    file.write_bytes(content)
    text = told_in_one_line([*command, f"--config-dir={folder}", "cell=mine"], capsys)
    assert text.startswith(f"{file}, {told}")
    assert main([f"--config-dir={folder}", "--help"]) == 0
    assert "Mine" in capsys.readouterr().out


@pytest.mark.parametrize("command", COMMANDS[:2], ids=["run", "cfg"])
@pytest.mark.parametrize(
    ("choice", "told"),
    [
        *((f"cell={name}", f"cell={name}: {OPTIONS}") for name in ("null", "true", "1", "1.5", "nan", "../rnn", "/x")),
        *((f"cell={name}", f"cell={name}: {OPTIONS}") for name in ("[lstm]", "stüdie", "a b")),
        ("cell=", f"cell=: {OPTIONS}"),
        ("task=", "task=: allowed: adding, "),
        ("probe=", "probe=: allowed: anatomy, default, off"),
        ("+experiment=", "experiment=: allowed: ablation, "),
        ("+cell=rnn", "+cell=rnn: chosen twice: allowed: cell=NAME, once and without +"),
    ],
)
def test_a_choice_that_is_none_is_told_by_its_key(choice, told, command, capsys):
    assert told_in_one_line([*command, choice], capsys).startswith(told)


def test_hydra_prints_one_configuration_and_no_sweep(capsys):
    assert told_in_one_line(["--cfg", "job", "cell=rnn,lstm"], capsys) == (
        "cell=rnn,lstm: allowed: one value, not several\n"
    )


def test_the_version_is_our_own(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"lstm_bench {__version__}\n"


@pytest.mark.parametrize("name", ["Nan", "null", "1", "true"])
def test_a_cell_may_have_a_name_that_looks_like_another_value(name, folder):
    (folder / "cell" / f"{name}.yaml").write_bytes(HEAD + b"hidden_size: 3\n")
    jobs = compose_study(Invocation((f"cell={name},lstm",), folder)).jobs
    assert [(job.cell_name, job.cell["hidden_size"]) for job in jobs] == [(name, 3), ("lstm", 64)]


@pytest.mark.parametrize(
    ("place", "hint"),
    [("mine.yaml", "is next to cell/: move it into that folder"), ("cell/mine.yml", "is not read: name it mine.yaml")],
)
def test_a_yaml_in_another_place_is_pointed_to(place, hint, folder, capsys):
    (folder / place).write_bytes(HEAD)
    text = told_in_one_line([f"--config-dir={folder}", "cell=mine"], capsys)
    assert text.startswith(f"cell=mine: {OPTIONS}")
    assert text.endswith(f"; {folder / place} {hint}\n")


def test_a_value_that_needs_quotes_is_told_how(capsys):
    assert told_in_one_line(["task.dialect=grün"], capsys) == (
        "task.dialect=grün: allowed: key=value, key=value1,value2 to sweep "
        "(a value with characters other than letters, digits and -_./ needs quotes: 'key=\"value\"')\n"
    )
    assert told_in_one_line(["study=stüdie"], capsys).startswith(
        "study=stüdie: allowed: up to 100 letters (a to z), digits"
    )


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("cell=rnn cell.forget_bias=1", "cell.forget_bias=1: allowed: the keys hidden_size, nonlinearity, init\n"),
        (
            "task=adding task.dialect=le --config-dir {folder}",
            "task.dialect=le: allowed: the keys lag; or +task.dialect=le, which its constructor takes but",
        ),
        (
            "probe=off probe.lyapunov.steps=3",
            "probe.lyapunov.steps=3: allowed: a key that the chosen yaml files have, ",
        ),
    ],
)
def test_a_hint_is_about_what_was_chosen(typed, told, folder, capsys):
    (folder / "task").mkdir()
    (folder / "task" / "adding.yaml").write_text("# Mine\n_target_: lstm_bench.tasks.adding.AddingTask\nlag: 7\n")
    assert told_in_one_line(typed.format(folder=folder).split(), capsys).startswith(told)


def test_a_setting_of_the_cell_that_an_experiment_sweeps_can_be_given(folder):
    (folder / "experiment").mkdir()
    (folder / "experiment" / "mine.yaml").write_text("# @package _global_\n# Mine\nsweeps: [{cell: 'rnn,rnn_relu'}]\n")
    jobs = compose_study(Invocation(("+experiment=mine", "cell.nonlinearity=relu"), folder)).jobs
    assert [job.cell["nonlinearity"] for job in jobs] == ["relu", "relu"]
