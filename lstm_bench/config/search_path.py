"""Where Hydra looks for a yaml file: in the user's folder, then in ours, then among its own."""

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

HYDRA, MAIN = "hydra", "main"  # as Hydra calls who provides a folder


class UsersFolderFirst(SearchPathPlugin):
    """Puts our folder behind the main one, and Hydra's own files, which Hydra looks for first, behind both."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        """Change Hydra's search path as it is made."""
        search_path.append("lstm_bench", f"file://{conf_dir()}")
        folders = search_path.get_path()
        (hydras,) = [folder for folder in folders if folder.provider == HYDRA]
        folders.remove(hydras)
        folders.append(hydras)


def is_ours(config_dir: Path) -> bool:
    """Tell whether the user's folder is our own."""
    return config_dir.samefile(conf_dir())


def main_folder(config_dir: Path | None) -> str:
    """Return the folder that Hydra is to take as its main one, and see to it that ours comes next.

    Args:
        config_dir: the user's folder.
    """
    Plugins.instance().register(UsersFolderFirst)
    return f"{config_dir or conf_dir()}/"  # with a slash, since Hydra refuses what looks like a file: my.yaml


@contextmanager
def searching(config_dir: Path | None) -> Iterator[None]:
    """Let Hydra compose, during the block, from the user's folder and ours."""
    with initialize_config_dir(version_base="1.3", config_dir=main_folder(config_dir)):
        yield


def files_used(jobs: Iterable[Sequence[str]]) -> list[str]:
    """Return the files that jobs are composed of, as paths without their suffix within the folders that are searched.

    Args:
        jobs: the overrides of each.
    """
    loader = GlobalHydra.instance().config_loader()
    defaults = [
        default for job in jobs for default in loader.compute_defaults_list("config", list(job), RunMode.RUN).defaults
    ]
    return sorted({default.config_path for default in defaults if default.config_path})


def replaced(files: Iterable[str]) -> tuple[str, ...]:
    """Return those files that the main folder has in place of our or Hydra's file of that name."""
    sources = GlobalHydra.instance().config_loader().get_sources()
    homes = {file: [source.provider for source in sources if source.is_config(file)] for file in files}
    return tuple(f"{file}.yaml" for file, providers in homes.items() if providers[:1] == [MAIN] and providers[1:])


def unread(files: Iterable[str], config_dir: Path | None) -> tuple[str, ...]:
    """Return those files that the user has as .yml alone, which Hydra does not read."""
    if config_dir is None:
        return ()
    unread = [file for file in files if not (config_dir / f"{file}.yaml").is_file()]
    return tuple(f"{file}.yml" for file in unread if (config_dir / f"{file}.yml").is_file())


def told_of_files(config_dir: Path | None, replaced: Iterable[str], unread: Iterable[str]) -> list[str]:
    """Return what a user is told of the files of their folder, a line for those used and a line for those not."""
    used, missed = ", ".join(dict.fromkeys(replaced)), ", ".join(dict.fromkeys(unread))
    return [
        *([f"Your own yaml files in {config_dir} are used in place of ours: {used}."] if used else []),
        *([f"Not read, since Hydra reads .yaml alone: {missed} in {config_dir}."] if missed else []),
    ]
