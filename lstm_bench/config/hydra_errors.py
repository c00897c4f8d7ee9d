"""What Hydra refuses, in one line."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from hydra import compose
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import ConfigCompositionException, HydraException, OverrideParseException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from lstm_bench.config.building import TARGET
from lstm_bench.config.errors import ConfigError, not_allowed

REFUSED = (HydraException, OmegaConfBaseException, YAMLError, OSError, UnicodeError)  # the last two: of a file
UNKNOWN_FILE = re.compile(
    r"Could not find '(.+?)/([^/']+)'\s+Available options in '.+?':\s+(.+?)\s*Config search", re.DOTALL
)
UNKNOWN_KEY = re.compile(r"(?:Could not override|Error merging override) '?([^'\s]+)'?")


@contextmanager
def told_in_one_line(typed: Sequence[str], job: Sequence[str] = ()) -> Iterator[None]:
    """Turn what Hydra raises in the block, while it is initialized, into ConfigError.

    Args:
        typed: the overrides of the study.
        job: those of the job that is composed in the block.
    """
    try:
        yield
    except REFUSED as error:
        raise _in_one_line(error, typed, job) from error


def _in_one_line(error: Exception, typed: Sequence[str], job: Sequence[str]) -> ConfigError:
    text = str(error)
    if unknown := UNKNOWN_FILE.search(text):
        group, name, options = unknown.groups()
        return not_allowed(group, name, ", ".join(options.split()))
    if isinstance(error, ConfigCompositionException) and (key := UNKNOWN_KEY.search(text)):
        return _unknown_key(key.group(1), typed, job)
    line = " ".join(text.split("\nSee http", maxsplit=1)[0].split("\nConfig search path", maxsplit=1)[0].split())
    if isinstance(error, OverrideParseException):
        return ConfigError(f"{error.override}: allowed: key=value, key=value1,value2 to sweep ({line[:120]})")
    return ConfigError(line[:300])


def _unknown_key(path: str, typed: Sequence[str], job: Sequence[str]) -> ConfigError:
    """Say which keys there are, with the yaml files that the job has chosen."""
    override = next((o for o in typed if o.lstrip("+~").startswith(path.lstrip("+~"))), path)
    key, _, value = override.partition("=")
    parent = key.lstrip("+~").rpartition(".")[0]
    config = compose("config", overrides=[override for override in job if _chooses_a_file(override)])
    node = OmegaConf.select(config, parent) if parent else config
    allowed = ", ".join(str(name) for name in node if name != TARGET) if OmegaConf.is_dict(node) else "a known group"
    return not_allowed(key, value, f"the keys {allowed}")


def _chooses_a_file(override: str) -> bool:
    group = re.split("[=@]", override.lstrip("+~"), maxsplit=1)[0]
    return bool(GlobalHydra.instance().config_loader().get_group_options(group))
