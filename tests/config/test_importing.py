"""A target is imported by its path; whatever its module does while it is imported is told in one line."""

import logging
import random
import subprocess
import sys

import numpy as np
import pytest
import torch

from lstm_bench.cli import main
from lstm_bench.config.errors import ConfigError
from lstm_bench.config.importing import import_target
from lstm_bench.tasks.copy import CopyTask


def test_a_target_is_imported_by_its_path():
    assert import_target("lstm_bench.tasks.copy.CopyTask", "task") is CopyTask


def test_what_a_module_draws_while_it_is_imported_is_the_same_in_every_process(tmp_path, monkeypatch):
    source = "import random\nimport numpy\nimport torch\n\n\ndef DRAWN():\n    pass\n\n\n"
    source += "DRAWN.values = [random.random(), numpy.random.random(), float(torch.rand(()))]\n"
    (tmp_path / "draws_on_import.py").write_text(source)
    monkeypatch.syspath_prepend(str(tmp_path))
    values = []
    for seed in (1, 2):
        random.seed(seed)
        np.random.seed(seed)
        torch.manual_seed(seed)
        values.append(import_target("draws_on_import.DRAWN", "cell").values)
        del sys.modules["draws_on_import"]
        assert random.random() == random.Random(seed).random()  # ours are left alone
    assert values[0] == values[1]


FAILING = {
    "colon": ("class Unit\n    pass\n", "{file}:1: SyntaxError: expected ':'"),
    "name": ("SIZE = WIDTH * 2\n", "{file}:1: NameError: name 'WIDTH' is not defined"),
    "lacking": ("import no_such_library\n", "{file}:1: ModuleNotFoundError: No module named 'no_such_library'"),
    "inner": ("def f():\n    raise RuntimeError('two\\nlines')\n\n\nf()\n", "{file}:5: RuntimeError: two"),
    "leaves": ("import sys\n\nsys.exit(0)\n", "{file}:3: SystemExit: 0"),
    "bare": ("raise SystemExit\n", "{file}:1: SystemExit"),
    "parses": (
        "import argparse\np = argparse.ArgumentParser('p')\np.add_argument('--n', required=True)\np.parse_args([])\n",
        "{file}:4: SystemExit: 2, after printing: p: error: the following arguments are required: --n",
    ),
}


@pytest.mark.parametrize("key", ["cell", "task", "probe.lyapunov"])
@pytest.mark.parametrize("name", FAILING)
def test_a_module_that_fails_at_import_is_told_with_its_line(name, key, tmp_path, monkeypatch, capsys):
    source, told = FAILING[name]
    file = tmp_path / f"fails_{name}.py"
    file.write_text(source)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert main([f"{key}._target_=fails_{name}.Unit", f"output={tmp_path / 'out'}"]) == 2
    captured = capsys.readouterr()
    allowed = f"allowed: the import path of a class ({told.format(file=file)})"
    assert (captured.out, captured.err) == ("", f"{key}._target_=fails_{name}.Unit: {allowed}\n")


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("no_such_module.Unit", "No module named 'no_such_module'"),
        ("lstm_bench.cells.lstm.Nope", "module 'lstm_bench.cells.lstm' has no attribute 'Nope'"),
        ("math.pi", "this is of the type float"),
        (".relative.Unit", "the 'package' argument is required to perform a relative import for '.relative'"),
        (None, "Empty module name"),
    ],
)
def test_a_path_that_leads_to_nothing_is_refused(path, told):
    with pytest.raises(ConfigError) as refused:
        import_target(path, "cell")
    shown = "" if path is None else path
    assert str(refused.value) == f"cell._target_={shown}: allowed: the import path of a class ({told})"


def test_what_a_module_prints_while_it_is_imported_and_later_through_its_logger_is_kept(tmp_path, monkeypatch, capsys):
    (tmp_path / "talks.py").write_text(
        "import logging, sys\nprint('hello', file=sys.stderr)\nlog = logging.getLogger('talks')\n"
        "log.addHandler(logging.StreamHandler())\n\n\ndef Unit():\n    pass\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    import_target("talks.Unit", "cell")
    logging.getLogger("talks").warning("later")
    assert capsys.readouterr().err == "hello\nlater\n"


def test_a_module_beside_the_user_is_found_where_python_does_not_look_there(tmp_path):
    """As for the console script, whose folder Python searches in place of the working folder."""
    (tmp_path / "beside_me.py").write_text("class Unit:\n    pass\n")
    code = "import sys; from lstm_bench.cli import main; sys.exit(main())"
    command = [sys.executable, "-P", "-c", code, "cell._target_=beside_me.Unit", f"output={tmp_path / 'out'}"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("cell._target_=beside_me.Unit: allowed: a class whose constructor takes input_size")
