"""Every cell of a yaml file passes the suite that a plug-in has to pass."""

from functools import partial
from typing import Any

import pytest
import torch
import yaml

from lstm_bench.conf_folder import conf_dir
from lstm_bench.config.building import TARGET
from lstm_bench.config.importing import import_target
from lstm_bench.engine.conformance.suite import ALL, TIMED, findings

D, H, LAG = 5, 8, 20
CHECKS = tuple(check for check in ALL if check not in TIMED)
FOLDER = conf_dir() / "cell"
CELLS = sorted(path.relative_to(FOLDER).with_suffix("").as_posix() for path in FOLDER.rglob("*.yaml"))


def maker(name: str, hidden_size: int) -> Any:
    settings = yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))
    settings = {key: LAG if value == "${task.lag}" else value for key, value in settings.items()}
    cell_type = import_target(settings.pop(TARGET), "cell")
    return lambda generator: cell_type(**settings | {"hidden_size": hidden_size}, input_size=D, generator=generator)


@pytest.mark.parametrize("name", CELLS)
def test_a_built_in_cell_is_sound(name: str) -> None:
    told = {
        check: finding.text
        for check, finding in findings(maker(name, H), torch.device("cpu"), partial(maker, name), CHECKS)
        if finding.verdict in ("warning", "fault")
    }
    assert told == {}
