"""A launcher that cannot run jobs here is refused in one line before anything begins."""

import socket
from importlib import util
from pathlib import Path

import pytest

from lstm_bench import cli
from lstm_bench.launchers import checking, slurm
from lstm_bench.launchers.errors import LauncherError

TINY = ["cell=rnn", "task.lag=2", "trainer.steps=4", "trainer.eval_every=2", "tracking=off"]


def refusal(tmp_path: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Return what the command says on its way out; it must leave nothing behind."""
    assert cli.main([*TINY, *arguments, f"output={tmp_path}"]) == 2
    assert list(tmp_path.iterdir()) == []
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    return said.strip()


@pytest.mark.parametrize(
    ("launcher", "told"),
    [
        ("slurm_cpu", "hydra/launcher: submitit is not installed: pip install 'lstm_bench[slurm]'"),
        ("slurm_gpu", "hydra/launcher: submitit is not installed: pip install 'lstm_bench[slurm]'"),
        ("ray", "hydra/launcher: ray is not installed: pip install 'lstm_bench[ray]'"),
    ],
)
def test_an_extra_that_is_missing_is_named_with_its_command(
    launcher: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(checking, "find_spec", lambda _: None)
    assert refusal(tmp_path, capsys, f"hydra/launcher={launcher}") == told


@pytest.mark.skipif(util.find_spec("submitit") is not None, reason="the extra is installed")
def test_a_yaml_that_an_extra_brings_is_named_with_its_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = "hydra/launcher=submitit_local: not installed: pip install 'lstm_bench[slurm]'"
    assert refusal(tmp_path, capsys, "hydra/launcher=submitit_local") == told


def test_an_unknown_launcher_is_told_those_that_there_are(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = refusal(tmp_path, capsys, "hydra/launcher=kubernetes")
    assert said.startswith("hydra/launcher=kubernetes: allowed: basic, joblib, ray, slurm_cpu, slurm_gpu")


def test_what_slurm_refuses_is_told_in_its_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(settings: dict[str, object]) -> None:
        assert settings["partition"] == "nope"
        assert settings["name"] == "adhoc"
        raise LauncherError("invalid partition specified: nope")

    monkeypatch.setattr(checking, "find_spec", lambda _: object())
    monkeypatch.setattr(slurm, "check", refuse)
    told = "hydra.launcher: SLURM takes no job with these settings: invalid partition specified: nope"
    assert refusal(tmp_path, capsys, "hydra/launcher=slurm_cpu", "hydra.launcher.partition=nope") == told


@pytest.mark.parametrize(
    ("setting", "allowed"),
    [
        ("timeout_min=abc", "an integer of at least 1"),
        ("timeout_min=0", "an integer of at least 1"),
        ("cpus_per_task=1.5", "an integer of at least 1"),
        ("nodes=true", "an integer of at least 1"),
        ("max_requeues=many", "an integer of at least 0"),
        ("signal_delay_s=-1", "an integer of at least 0"),
        ("signal_delay_s=14400", "less than the 14400 s of timeout_min"),
        ("mem_gb=lots", "a number of at least 0, which is all of a node's memory"),
        ("setup=module", "a list of lines of shell"),
        ("additional_parameters=exclusive", "options of sbatch with their values"),
    ],
)
def test_a_value_that_slurm_would_misread_is_told_what_is_allowed(
    setting: str, allowed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(checking, "find_spec", lambda _: object())
    monkeypatch.setattr(slurm, "check", lambda _: None)
    said = refusal(tmp_path, capsys, "hydra/launcher=slurm_cpu", f"hydra.launcher.{setting}")
    assert said.lower() == f"hydra.launcher.{setting}: allowed: {allowed}".lower()


@pytest.mark.parametrize("setting", ["timeout_min=null", "mem_gb=0.5", "setup=[module load python]", "max_requeues=0"])
def test_a_value_that_slurm_takes_is_left_to_slurm(
    setting: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(_: object) -> None:
        raise LauncherError("asked")

    monkeypatch.setattr(checking, "find_spec", lambda _: object())
    monkeypatch.setattr(slurm, "check", refuse)
    said = refusal(tmp_path, capsys, "hydra/launcher=slurm_cpu", f"hydra.launcher.{setting}")
    assert said == "hydra.launcher: SLURM takes no job with these settings: asked"


def test_a_ray_cluster_has_to_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(checking, "find_spec", lambda _: object())
    with socket.socket() as taken:  # bound, and nothing listens
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        said = refusal(tmp_path, capsys, "hydra/launcher=ray", f"hydra.launcher.address={address}")
    assert said.startswith(f"hydra.launcher.address={address}: no Ray cluster answers there (")
    said = refusal(tmp_path, capsys, "hydra/launcher=ray", "hydra.launcher.address=nowhere")
    assert said == "hydra.launcher.address=nowhere: allowed: HOST:PORT of a Ray cluster, or null"


def test_launchers_of_this_machine_need_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking, "find_spec", lambda _: None)
    checking.check_launcher({"_target_": "hydra._internal.core_plugins.basic_launcher.BasicLauncher"})
