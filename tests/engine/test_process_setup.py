"""What a process is told before its first tensor."""

import os
import subprocess
import sys

import pytest

from lstm_bench.engine.process_setup import keep_freed_memory


def python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    return done.stdout.strip()


def test_importing_it_does_not_yet_import_torch() -> None:
    """Malloc must be told before torch allocates."""
    assert python("import sys, lstm_bench.engine.process_setup; print('torch' in sys.modules)") == "False"


def test_a_prepared_process_uses_one_thread_and_flushes_subnormal_numbers() -> None:
    code = """
from lstm_bench.engine.process_setup import prepare_process
prepare_process()
import torch
tiny = torch.full((64,), 1e-30)
print(torch.get_num_threads(), float((tiny * 1e-10).sum()), float((tiny * 1e-5).max()) > 0)
"""
    assert python(code) == "1 0.0 True"


CORES = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()


@pytest.mark.skipif(len(CORES) < 2, reason="there is but one core to be bound to")
def test_a_prepared_process_and_what_it_starts_may_use_every_core(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bound to the first core, a study and all of its workers would share it."""
    binding = {"OMP_PROC_BIND": "true", "OMP_PLACES": "cores", "GOMP_CPU_AFFINITY": "0-99", "KMP_AFFINITY": "compact"}
    for variable, value in binding.items():
        monkeypatch.setenv(variable, value)
    code = f"""
import os
before = os.sched_getaffinity(0)
from lstm_bench.engine.process_setup import prepare_process
prepare_process()
import torch
print(os.sched_getaffinity(0) == before, {set(binding)} & set(os.environ))
"""
    assert python(code) == "True set()"


def test_elsewhere_than_on_linux_malloc_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert keep_freed_memory() is False
