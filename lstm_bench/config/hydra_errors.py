"""Turn the errors of Hydra and of yaml files into ConfigErrors of one line."""

import inspect
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

from hydra import compose
from hydra.core.config_loader import ConfigLoader
from hydra.core.global_hydra import GlobalHydra
from hydra.core.object_type import ObjectType
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import ConfigCompositionException, HydraException, OverrideParseException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException, ValidationError
from yaml import MarkedYAMLError, YAMLError
from yaml.reader import ReaderError

from lstm_bench.config.building import TARGET
from lstm_bench.config.errors import ConfigError, not_allowed
from lstm_bench.config.importing import import_target
from lstm_bench.config.schema import check_root_keys

# Hydra raises the last four where a yaml file or an override has a form that it does not expect.
REFUSED = (HydraException, OmegaConfBaseException, YAMLError, OSError, ValueError, TypeError, AttributeError)
UNKNOWN_FILE = re.compile(
    r"Could not find '(.+?)'\s+Available options in '(.+?)':\s+(.+?)\s*(?:Config search|$)", re.DOTALL
)
UNKNOWN_KEY = re.compile(r"(?:Could not override|Error merging override) '?([^'\s]+)'?")
CHOSEN_TWICE = re.compile(r"Multiple values for ([^\s]+)\. To override")
OF_ONE_FILE = ("task", "cell")  # groups of which a job has one yaml
LAUNCHERS = "hydra/launcher"
OF_EXTRAS = {"submitit_local": "slurm", "submitit_slurm": "slurm"}  # launchers whose yaml an extra brings


@contextmanager
def one_line_errors(typed: Sequence[str], job: Sequence[str] = ()) -> Iterator[None]:
    """Turn what Hydra raises in the block into a ConfigError of one line; Hydra has to be initialized.

    Args:
        typed: the overrides of the study.
        job: the overrides of the job that is composed in the block.
    """
    try:
        yield
    except REFUSED as error:
        raise _in_one_line(error, typed, job) from error


def check_choices(job: Sequence[str]) -> None:
    """Check that each override of a job that chooses a yaml names one inside its group.

    Raises: ConfigError for the first that does not.
    """
    for override in filter(_chooses_a_file, job):
        group, _, text = override.lstrip("+~").partition("=")
        value = None if override.startswith("~") else OverridesParser.create().parse_override(override).value()
        names = [str(name) for name in (value if isinstance(value, list) else [value])]
        if any(".." in name.split("/") or name.startswith("/") for name in names):
            raise _unknown_file(group, ",".join(names))
        if isinstance(value, list) and group in OF_ONE_FILE:
            raise _unknown_file(group, text)


def _in_one_line(error: Exception, typed: Sequence[str], job: Sequence[str]) -> ConfigError:
    if (of_choice := _of_a_choice(str(error), typed, job)) is not None:
        return of_choice
    if isinstance(error, ConfigCompositionException) and (key := UNKNOWN_KEY.search(str(error))):
        return _wrong_key(key.group(1), typed, job, error.__cause__)
    if place := _file_and_line(error, _folders()):
        return ConfigError(" ".join(place.split()))
    return ConfigError(_hydras_own(error))


def _of_a_choice(text: str, typed: Sequence[str], job: Sequence[str]) -> ConfigError | None:
    """Return the error of a yaml file that cannot be chosen, None for another error."""
    if no_name := [override for override in job if _chooses_a_file(override) and not _names_a_file(override)]:
        return _unknown_file(*no_name[0].lstrip("+").split("=", maxsplit=1))
    if unknown := UNKNOWN_FILE.search(text):
        path, group, _ = unknown.groups()
        return _unknown_file(group, path.removeprefix(f"{group}/"))
    if twice := CHOSEN_TWICE.search(text):
        choices = [override for override in typed if override.lstrip("+").startswith(f"{twice[1]}=")]
        return ConfigError(
            f"{' '.join(choices) or twice[1]}: chosen twice: allowed: {twice[1]}=NAME, once and without +"
        )
    return None


def _hydras_own(error: Exception) -> str:
    """Return what Hydra says, in one line."""
    text = str(error).split("\nSee http", maxsplit=1)[0].split("\nConfig search path", maxsplit=1)[0]
    line = " ".join(text.split())
    if isinstance(error, OverrideParseException):
        return f"{error.override}: allowed: key=value, key=value1,value2 to sweep ({_reason(line)})"
    if isinstance(error, TypeError | AttributeError):
        return f"config.yaml, or a yaml that it chooses: not in the form that Hydra reads ({line[:200]})"
    return line[:300]


def _reason(line: str) -> str:
    """Return why an override cannot be parsed, without the name of the parser's exception."""
    if line.startswith("LexerNoViableAlt"):
        return "a value with characters other than letters, digits and -_./ needs quotes: 'key=\"value\"'"
    return line[:120]


def _unknown_file(group: str, name: str) -> ConfigError:
    error = not_allowed(group, name, ", ".join(_choices(group, name)))
    if group == LAUNCHERS and (extra := OF_EXTRAS.get(name)) is not None:
        return ConfigError(f"{group}={name}: not installed: pip install 'lstm_bench[{extra}]'")
    for folder in _folders():
        misplaced, unread = folder / f"{name}.yaml", folder / group / f"{name}.yml"
        if misplaced.is_file():
            return ConfigError(f"{error}; {misplaced} is next to {group}/: move it into that folder")
        if unread.is_file():
            return ConfigError(f"{error}; {unread} is not read: name it {name}.yaml")
    return error


def _choices(group: str, name: str) -> list[str]:
    """Return the yaml files of the folder that a name is in, or else of its group, with folders as FOLDER/NAME."""
    inner: list[str] = GlobalHydra.instance().config_loader().get_group_options(group, ObjectType.GROUP)
    folder = name.rpartition("/")[0]
    if folder in inner:
        return [f"{folder}/{option}" for option in _options(f"{group}/{folder}")]
    return [*_options(group), *(f"{folder}/NAME" for folder in inner)]


def _folders() -> list[Path]:
    """Return the folders in which Hydra searches, the user's first."""
    sources = GlobalHydra.instance().config_loader().get_sources()
    return [Path(source.path) for source in sources if source.scheme() == "file" and Path(source.path).is_dir()]


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
    if not OmegaConf.is_dict(node):
        return not_allowed(key, value, f"a key that the chosen yaml files have, and {parent} is not among them")
    keys = [str(name) for name in node if name != TARGET]
    allowed = f"the keys {', '.join(keys)}" if keys else f"no key, as the {parent or 'settings'} chosen has none"
    if not key.startswith("+") and TARGET in node and name in _arguments(node[TARGET]):
        allowed += f"; or +{override}, which its constructor takes but its yaml does not have"
    return not_allowed(key, value, allowed)


def _arguments(target: Any) -> Collection[str]:
    """Return the parameter names of a class or function, none where it cannot be imported."""
    try:
        return inspect.signature(import_target(target, "")).parameters
    except (ConfigError, TypeError, ValueError):
        return ()


def _chooses_a_file(override: str) -> bool:
    return bool(_options(re.split("[=@]", override.lstrip("+~"), maxsplit=1)[0]))


def _names_a_file(override: str) -> bool:
    value = OverridesParser.create().parse_override(override).value()
    return override.startswith("~") or isinstance(value, str | list)


def _options(group: str) -> list[str]:
    return _options_of(GlobalHydra.instance().config_loader(), group)


@lru_cache(maxsize=256)  # Hydra lists the folders anew at each call; a loader lives as long as one command composes
def _options_of(loader: ConfigLoader, group: str) -> list[str]:
    return loader.get_group_options(group)


def _file_and_line(error: Exception, folders: Iterable[Path]) -> str | None:
    """Return "file, line 3: what is wrong", None for an error that is not about the text of a yaml file.

    Args:
        error: what reading a configuration raised.
        folders: where its files may be.
    """
    if isinstance(error, MarkedYAMLError) and (mark := error.problem_mark or error.context_mark):
        context = f", {error.context} from line {error.context_mark.line + 1}" if error.context_mark else ""
        return f"{mark.name}, line {mark.line + 1}: {error.problem or 'not YAML'}{context}"
    if isinstance(error, ReaderError):
        return _at(Path(error.name), error.position, f"the character U+{_code(error.character):04X} is not allowed")
    if isinstance(error, UnicodeDecodeError):
        file = next((file for file in _files(folders) if file.read_bytes().startswith(error.object)), None)
        byte = f"the byte 0x{error.object[error.start]:02X} is not UTF-8: save the file in that encoding"
        return None if file is None else _at(file, error.start, byte)
    return str(error) if isinstance(error, YAMLError) else None


def _at(file: Path, position: int, problem: str) -> str:
    line = file.read_bytes()[:position].count(b"\n") + 1 if file.is_file() else 1
    return f"{file}, line {line}: {problem}"


def _code(character: int | str) -> int:
    return character if isinstance(character, int) else ord(character)


def _files(folders: Iterable[Path]) -> Iterable[Path]:
    return (file for folder in folders for file in sorted(folder.rglob("*.yaml")) if file.is_file())
