"""Turn Hydra's errors into ConfigErrors of one line."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from hydra import compose
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import ConfigCompositionException, HydraException, OverrideParseException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException, ValidationError
from yaml import YAMLError

from lstm_bench.config.building import TARGET
from lstm_bench.config.errors import ConfigError, not_allowed
from lstm_bench.config.schema import check_root_keys

# Hydra raises the last four where a yaml file or an override has a form that it does not expect.
REFUSED = (HydraException, OmegaConfBaseException, YAMLError, OSError, ValueError, TypeError, AttributeError)
UNKNOWN_FILE = re.compile(
    r"Could not find '(.+?)/([^/']+)'\s+Available options in '.+?':\s+(.+?)\s*Config search", re.DOTALL
)
UNKNOWN_KEY = re.compile(r"(?:Could not override|Error merging override) '?([^'\s]+)'?")


@contextmanager
def one_line_errors(typed: Sequence[str], job: Sequence[str] = ()) -> Iterator[None]:
    """Turn what Hydra raises in the block, while it is initialized, into a ConfigError of one line.

    Args:
        typed: the overrides of the study.
        job: the overrides of the job that is composed in the block.
    """
    try:
        yield
    except REFUSED as error:
        raise _in_one_line(error, typed, job) from error


def _in_one_line(error: Exception, typed: Sequence[str], job: Sequence[str]) -> ConfigError:
    text = str(error)
    if no_name := [override for override in job if _chooses_a_file(override) and not _names_a_file(override)]:
        group, _, value = no_name[0].lstrip("+").partition("=")
        return not_allowed(group, value, ", ".join(_options(group)))
    if unknown := UNKNOWN_FILE.search(text):
        group, name, options = unknown.groups()
        return not_allowed(group, name, ", ".join(options.split()))
    if isinstance(error, ConfigCompositionException) and (key := UNKNOWN_KEY.search(text)):
        return _wrong_key(key.group(1), typed, job, error.__cause__)
    line = " ".join(text.split("\nSee http", maxsplit=1)[0].split("\nConfig search path", maxsplit=1)[0].split())
    if isinstance(error, OverrideParseException):
        return ConfigError(f"{error.override}: allowed: key=value, key=value1,value2 to sweep ({line[:120]})")
    if isinstance(error, TypeError | AttributeError):
        return ConfigError(f"config.yaml, or a yaml that it chooses: not in the form that Hydra reads ({line[:200]})")
    return ConfigError(line[:300])


def _wrong_key(path: str, typed: Sequence[str], job: Sequence[str], cause: BaseException | None) -> ConfigError:
    """Return an error that lists the keys of the chosen yaml files, or says why a key does not take its value."""
    override = next((o for o in typed if o.lstrip("+~").startswith(path.lstrip("+~"))), path)
    key, _, value = override.partition("=")
    parent, _, name = key.lstrip("+~").rpartition(".")
    chosen = [override for override in job if _chooses_a_file(override)]
    config = compose("config", overrides=chosen, return_hydra_config=parent.startswith("hydra"))
    check_root_keys(config)
    node = OmegaConf.select(config, parent) if parent else config
    if isinstance(cause, ValidationError) and OmegaConf.is_dict(node) and name in node:
        return not_allowed(key, value, f"a value of its type ({str(cause).splitlines()[0]})")
    allowed = ", ".join(str(name) for name in node if name != TARGET) if OmegaConf.is_dict(node) else "a known group"
    return not_allowed(key, value, f"the keys {allowed}")


def _chooses_a_file(override: str) -> bool:
    return bool(_options(re.split("[=@]", override.lstrip("+~"), maxsplit=1)[0]))


def _names_a_file(override: str) -> bool:
    value = OverridesParser.create().parse_override(override).value()
    return override.startswith("~") or isinstance(value, str | list)


def _options(group: str) -> list[str]:
    return GlobalHydra.instance().config_loader().get_group_options(group)
