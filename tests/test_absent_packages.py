"""Each module imports in a process that lacks the packages its wing does without."""

import subprocess
import sys

from test_architecture import EVERYWHERE, FRAMES, LEFT_WING, MODULES, RIGHT_WING, SETTINGS, room

WITH_TORCH_ALONE = """
import importlib, sys, traceback
from importlib.machinery import SourceFileLoader

read_code, codes = SourceFileLoader.get_code, {{}}

def get_code(loader, name):
    if name not in codes:
        codes[name] = read_code(loader, name)
    return codes[name]

SourceFileLoader.get_code = get_code  # a module that is imported again is not compiled again

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {absent!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Absent())
for name in {modules!r}:
    for loaded in [m for m in sys.modules if m.partition(".")[0] == "lstm_bench"]:
        del sys.modules[loaded]
    try:
        importlib.import_module(name)
    except Exception:
        print(name, traceback.format_exc())
"""


def complaints(modules: list[str], absent: set[str]) -> str:
    """Import each module as the first of its kind in a process that lacks some packages; return what went wrong."""
    code = WITH_TORCH_ALONE.format(absent=absent, modules=modules)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    return done.stdout + done.stderr


def test_the_left_wing_imports_with_torch_alone() -> None:
    left = [module for module in MODULES if room(module) in LEFT_WING | EVERYWHERE]
    assert complaints(left, SETTINGS | FRAMES | {"mlflow", "sklearn"}) == ""


def test_the_right_wing_imports_without_torch() -> None:
    right = [module for module in MODULES if room(module) in RIGHT_WING and "__main__" not in module]
    assert complaints(right, {"torch", "mlflow", "hydra", "omegaconf"}) == ""


def test_an_absent_package_would_be_noticed() -> None:
    assert "No module named 'torch'" in complaints(["lstm_bench.cells.rnn"], {"torch"})
