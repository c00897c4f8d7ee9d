"""What a process has imported when it refuses a setting, and when it begins to train: no more than that needs."""

import subprocess
import sys

import pytest

HEAVY = {"torch", "pandas", "scipy", "matplotlib", "mlflow", "seaborn", "sklearn"}
REFUSED = """
import sys
from lstm_bench.cli import main

for arguments in sys.argv[1:]:
    assert main(arguments.split()) == 2, arguments
print(*sys.modules)
"""
FREED = """
import atexit, gc, runpy, sys

atexit.register(lambda: print(gc.get_freeze_count() > 0))
sys.argv = ["lstm_bench", "cell=nope"]
runpy.run_module("lstm_bench", run_name="__main__")
"""


def heavy_imports(code: str, *arguments: str) -> set[str]:
    """Return the heavy packages that a process has imported at the end of some code."""
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=120, check=True
    )
    return HEAVY & set(done.stdout.split())


def test_what_hydra_or_the_schema_refuses_is_refused_without_a_heavy_import():
    arguments = ("cell=nope", "+experiment=nope", "trainer.steps=-1", "study=../up", "--nope", "output=/dev/null/here")
    assert heavy_imports(REFUSED, *arguments) == set()


@pytest.mark.parametrize("arguments", ["+experiment=copy_task task.lag=-1", "+experiment=claims task.n_symbols=0"])
def test_a_task_or_a_cell_is_refused_with_torch_alone(arguments):
    assert heavy_imports(REFUSED, arguments) == {"torch"}


def test_a_study_begins_to_train_with_torch_alone():
    """What the study's own process has imported when it launches its jobs, and a worker when it begins one."""
    code = (
        "import sys, lstm_bench.study.running, lstm_bench.study.worker, lstm_bench.study.job_run; print(*sys.modules)"
    )
    assert heavy_imports(code) == {"torch"}


def test_a_command_that_ends_leaves_nothing_to_search_for_cycles():
    done = subprocess.run([sys.executable, "-c", FREED], capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout.split()) == (2, ["True"])
    assert done.stderr.startswith("cell=nope: allowed: ")


@pytest.mark.parametrize("command", ["lstm_bench.report.__main__", "lstm_bench.tracking.backfill"])
def test_the_name_of_a_study_that_is_not_there_is_refused_without_a_heavy_import(command):
    assert heavy_imports(REFUSED.replace("lstm_bench.cli", command), "nope") == set()
