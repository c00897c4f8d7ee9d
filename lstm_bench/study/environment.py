"""The environment of a study: versions, machine and commit, for its receipt."""

import platform
import subprocess
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil
import torch

from lstm_bench.config.schema import JobConfig
from lstm_bench.cores import machine_cores, usable_cores
from lstm_bench.engine.kernel_dispatch import why_not_compiled
from lstm_bench.engine.memory_plan import plan_for

PACKAGES = (
    "torch",
    "numpy",
    "scipy",
    "pandas",
    "hydra-core",
    "hydra-joblib-launcher",
    "mlflow",
    "seaborn",
    "matplotlib",
)


def describe_environment(device: str) -> dict[str, Any]:
    """Return versions, machine, commit, and everything else that changes the last bits of a result, for the receipt."""
    plan = plan_for(torch.device(device))
    return {
        "lstm_bench": version("lstm_bench"),
        "python": platform.python_version(),
        "packages": {name: version(name) for name in PACKAGES},
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": machine_cores(),
        "usable_cores": usable_cores(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "device": device if device == "cpu" else torch.cuda.get_device_name(device),
        "threads_per_worker": 1,
        "dtype": "float32",
        "flush_denormal": True,
        "compiled_kernels": why_not_compiled() or "built",
        "chunk_bytes": plan.chunk_bytes,
        "tape_bytes": plan.tape_bytes,
        "commit": _commit(),
    }


def slower_kernels(jobs: Sequence[JobConfig]) -> str | None:
    """Return in one line why compiled kernels that jobs would use are missing here; None where none is missing."""
    uses_compiled = any(job.trainer.kernel == "auto" and job.trainer.device == "cpu" for job in jobs)
    reason = why_not_compiled() if uses_compiled else None
    return reason and f"No compiled kernels ({reason}): torch operations replace them, about half as fast."


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def _commit() -> str | None:
    """Return the commit of the checkout, with a + where files differ from it; None outside a checkout."""
    folder = Path(__file__).resolve().parents[2]
    if not (folder / ".git").exists():
        return None
    command = ["git", "-C", str(folder), "describe", "--always", "--abbrev=12", "--dirty=+"]
    try:
        completed = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    return completed.stdout.strip() or None
