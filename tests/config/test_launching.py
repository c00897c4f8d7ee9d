"""How many jobs a launcher runs at a time, by which a study's end is promised."""

import pytest

from lstm_bench.config import composing
from lstm_bench.config.composing import Invocation, compose_study
from lstm_bench.config.errors import ConfigError


@pytest.mark.parametrize(
    ("launcher", "at_once"),
    [
        ((), 6),
        (("hydra/launcher=basic",), 1),
        (("hydra.launcher.n_jobs=1",), 1),
        (("hydra.launcher.n_jobs=4",), 4),
        (("hydra.launcher.n_jobs=64",), 6),
        (("hydra.launcher.n_jobs=-2",), 5),
        (("hydra.launcher.n_jobs=-64",), 1),
    ],
)
def test_jobs_run_on_as_many_cores_as_the_launcher_takes(launcher, at_once, monkeypatch):
    monkeypatch.setattr(composing, "usable_cores", lambda: 6)
    assert compose_study(Invocation(launcher)).jobs_at_once == at_once


def test_a_variable_that_counts_no_cores_is_told_in_one_line(monkeypatch):
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "all")
    with pytest.raises(ConfigError, match=r"^LOKY_MAX_CPU_COUNT=all: allowed: an integer of at least 1$"):
        compose_study(Invocation(()))
