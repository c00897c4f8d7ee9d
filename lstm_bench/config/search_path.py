"""The folders in which Hydra looks for a yaml file: the user's, then the built-in one, then Hydra's own."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from hydra import initialize_config_dir
from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.global_hydra import GlobalHydra
from hydra.core.plugins import Plugins
from hydra.plugins.search_path_plugin import SearchPathPlugin
from hydra.types import RunMode

from lstm_bench.conf_folder import conf_dir
from lstm_bench.config.entry_points import offer_entry_points

HYDRA, MAIN = "hydra", "main"  # Hydra's names for the providers of a folder


class UsersFolderFirst(SearchPathPlugin):
    """Put the built-in folder after the main one, and Hydra's own files, which come first by default, after both."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        """Change Hydra's search path, as Hydra's plug-in interface defines."""
        search_path.append("lstm_bench", f"file://{conf_dir()}")
        folders = search_path.get_path()
        (hydra_folder,) = [folder for folder in folders if folder.provider == HYDRA]
        folders.remove(hydra_folder)
        folders.append(hydra_folder)


def is_ours(config_dir: Path) -> bool:
    """Tell whether the user's folder is the built-in one."""
    return config_dir.samefile(conf_dir())


def main_folder(config_dir: Path | None) -> str:
    """Register the search path and entry points, and return Hydra's main folder: the user's, or else the built-in one.

    Args:
        config_dir: the user's folder.
    """
    Plugins.instance().register(UsersFolderFirst)
    offer_entry_points([config_dir or conf_dir(), conf_dir()])
    return f"{config_dir or conf_dir()}/"  # with a slash, since Hydra refuses a folder named my.yaml


@contextmanager
def searching(config_dir: Path | None) -> Iterator[None]:
    """Initialise Hydra for the block, with the user's folder and the built-in one."""
    with initialize_config_dir(version_base="1.3", config_dir=main_folder(config_dir)):
        yield


def files_used(jobs: Iterable[Sequence[str]]) -> list[str]:
    """Return the files that jobs are composed of, as paths without suffix, relative to the searched folders.

    Args:
        jobs: the overrides of each job.
    """
    loader = GlobalHydra.instance().config_loader()
    defaults = [
        default for job in jobs for default in loader.compute_defaults_list("config", list(job), RunMode.RUN).defaults
    ]
    return sorted({default.config_path for default in defaults if default.config_path})


def replaced(files: Iterable[str]) -> tuple[str, ...]:
    """Return those files of the main folder that replace a built-in one, or Hydra's, of the same name."""
    sources = GlobalHydra.instance().config_loader().get_sources()
    homes = {file: [source.provider for source in sources if source.is_config(file)] for file in files}
    return tuple(f"{file}.yaml" for file, providers in homes.items() if providers[:1] == [MAIN] and providers[1:])


def unread(files: Iterable[str], config_dir: Path | None) -> tuple[str, ...]:
    """Return those files that the user has only as .yml, which Hydra does not read."""
    if config_dir is None:
        return ()
    unread = [file for file in files if not (config_dir / f"{file}.yaml").is_file()]
    return tuple(f"{file}.yml" for file in unread if (config_dir / f"{file}.yml").is_file())


def file_notices(config_dir: Path | None, replaced: Iterable[str], unread: Iterable[str]) -> list[str]:
    """Return the lines to print about the user's files: one for those in use, one for those that are not read."""
    in_use, not_read = ", ".join(dict.fromkeys(replaced)), ", ".join(dict.fromkeys(unread))
    return [
        *([f"Your own yaml files in {config_dir} are used in place of ours: {in_use}."] if in_use else []),
        *([f"Not read, since Hydra reads only .yaml files: {not_read} in {config_dir}."] if not_read else []),
    ]
