"""How many jobs a queue is thought to run at a time, and how many lanes that is worth."""

from pathlib import Path

import pytest

from lstm_bench import cli
from lstm_bench.config.composing import Invocation, compose_study
from lstm_bench.config.errors import ConfigError

SLURM = "hydra/launcher=slurm_cpu"


def test_a_queue_runs_as_many_jobs_as_it_is_told() -> None:
    assert compose_study(Invocation((SLURM,))).jobs_at_once == 256
    assert (
        compose_study(Invocation(("hydra/launcher=slurm_gpu", "hydra.launcher.array_parallelism=3"))).jobs_at_once == 3
    )
    with pytest.raises(ConfigError, match=r"^hydra.launcher.array_parallelism=0: allowed: an integer of at least 1$"):
        compose_study(Invocation((SLURM, "hydra.launcher.array_parallelism=0")))


def test_the_gpu_preset_is_that_of_the_cpu_with_a_gpu() -> None:
    cpu, gpu = (compose_study(Invocation((f"hydra/launcher={name}",))).launcher for name in ("slurm_cpu", "slurm_gpu"))
    assert (cpu.get("gpus_per_node"), gpu["gpus_per_node"]) == (None, 1)
    changed = {"gpus_per_node", "cpus_per_task", "array_parallelism"}
    assert {key: value for key, value in gpu.items() if key not in changed} == {
        key: value for key, value in cpu.items() if key not in changed
    }


def test_no_more_lanes_are_started_than_packs_are_trained_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    launched: list[str] = []
    monkeypatch.setattr(cli, "_launch", lambda arguments, _: launched.append(arguments[-1]) or 0)
    monkeypatch.setattr(cli, "check_launcher", lambda _: None)
    searching = ["task.lag=auto", "cell=rnn", "span.max_lag=8", "trainer.steps=20", "trainer.eval_every=10"]
    small = ["cell.hidden_size=4", "tracking=off", "speed=off", "report=off", "probe=off", "span.at_once=3"]
    assert cli.main([*searching, *small, SLURM, f"output={tmp_path}"]) == 1  # nothing ran
    assert launched == ["+job=-1,-2,-3"]
