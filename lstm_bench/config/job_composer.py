"""Compose the configuration of one job after another, each from its overrides."""

import pickle
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from hydra import compose
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, OverrideType
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from lstm_bench.config.building import build
from lstm_bench.config.errors import not_allowed
from lstm_bench.config.hydra_errors import check_choices, one_line_errors
from lstm_bench.config.schema import RootConfig, check_root_keys

NAMES = ("study", "output")


@dataclass(frozen=True)
class ComposedJob:
    """The configuration of a job: its settings, the yaml of each group, and the launcher's settings."""

    settings: RootConfig
    choices: dict[str, Any]
    launcher: dict[str, Any]
    sweep: dict[str, Any]  # the values that the yaml files sweep, by key
    resolved: dict[str, str]  # the values of the interpolations in NAMES, by key
    searched: bool = False  # whether the lag is one that a search for the span may try


class Composer:
    """Compose the jobs of an invocation; those that differ in plain values alone share one composition of yaml files.

    Hydra sets the values of the command line after it has merged the files, so the result is the same.
    """

    def __init__(self, typed: Sequence[str]) -> None:
        """Take the overrides of the study, which errors name."""
        self._typed = typed
        self._by_choices: dict[tuple[str, ...], bytes] = {}  # pickled, since loading it is faster than deepcopy
        self._parsed: dict[str, Override] = {}  # by its text: jobs of a sweep share most of their overrides

    def job(self, overrides: list[str]) -> ComposedJob:
        """Return the configuration of a job with these overrides."""
        with one_line_errors(self._typed, overrides):
            check_choices(overrides)
            composed = _as_composed(self._with_values(overrides))
        return _built(composed)

    def with_one_more(self, overrides: list[str]) -> Callable[[str], ComposedJob]:
        """Return a function that composes a job with these overrides and one more, a value in a group as in task.lag=8.

        What these jobs share is composed once.
        """
        with one_line_errors(self._typed, overrides):
            check_choices(overrides)
            shared = pickle.dumps(self._with_values(overrides))

        def with_last(last: str) -> ComposedJob:
            with one_line_errors(self._typed, [*overrides, last]):
                config: DictConfig = pickle.loads(shared)
                try:
                    _set_value(config, self._parse(last))
                except OmegaConfBaseException:
                    config = self._with_values([*overrides, last])
                composed = _as_composed(config)
            return _built(composed)

        return with_last

    def _parse(self, override: str) -> Override:
        if override not in self._parsed:
            (self._parsed[override],) = OverridesParser.create().parse_overrides([override])
        return self._parsed[override]

    def _with_values(self, overrides: list[str]) -> DictConfig:
        """Return Hydra's configuration; where a value cannot be set, let Hydra compose it, which raises the reason."""
        parsed = [self._parse(override) for override in overrides]
        choices = tuple(text for text, override in zip(overrides, parsed, strict=True) if not _is_plain_value(override))
        if choices not in self._by_choices:
            composed = compose("config", overrides=list(choices), return_hydra_config=True)
            self._by_choices[choices] = pickle.dumps(composed)
        config: DictConfig = pickle.loads(self._by_choices[choices])
        try:
            for override in filter(_is_plain_value, parsed):
                _set_value(config, override)
        except OmegaConfBaseException:
            return compose("config", overrides=overrides, return_hydra_config=True)
        return config


class _Composed(NamedTuple):
    """What Hydra composed, with every interpolation resolved."""

    settings: dict[str, Any]
    launcher: dict[str, Any]
    sweep: dict[str, Any] | None
    resolved: dict[str, str]
    choices: dict[str, Any]
    mode: RunMode | None


def _as_composed(config: DictConfig) -> _Composed:
    settings = {str(key): _resolved(node) for key, node in config.items() if key != "hydra"}
    hydra = config.hydra
    launcher, sweep = _resolved(hydra.launcher), _resolved(hydra.sweeper.get("params"))
    resolved = {key: str(settings[key]) for key in NAMES if OmegaConf.is_interpolation(config, key)}
    return _Composed(settings, launcher, sweep, resolved, dict(hydra.runtime.choices), hydra.mode)


def _built(composed: _Composed) -> ComposedJob:
    """Return the job.

    Raises: ConfigError for a key or a value that is not allowed.
    """
    check_root_keys(composed.settings)
    if composed.mode is not RunMode.MULTIRUN:
        raise not_allowed("hydra.mode", composed.mode and composed.mode.name, "MULTIRUN, as in our config.yaml")
    root: RootConfig = build(RootConfig, composed.settings, "")
    return ComposedJob(root, composed.choices, composed.launcher, composed.sweep or {}, composed.resolved)


def _set_value(config: DictConfig, override: Override) -> None:
    """Set a plain value as Hydra does."""
    OmegaConf.update(config, override.key_or_group, override.value(), merge=True)


def _is_plain_value(override: Override) -> bool:
    """Tell whether an override sets a value within a group, as task.lag=8 does, and chooses no yaml."""
    is_within_a_group = "." in override.key_or_group and not override.key_or_group.startswith("hydra")
    return is_within_a_group and override.type is OverrideType.CHANGE and override.package is None


def _resolved(node: Any) -> Any:
    return OmegaConf.to_container(node, resolve=True) if OmegaConf.is_config(node) else node
