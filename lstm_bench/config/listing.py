"""List what can be run, from the yaml files."""

from pathlib import Path

from lstm_bench.conf_folder import conf_dir
from lstm_bench.config.entry_points import named_entry_points

USAGE = """\
python -m lstm_bench +experiment=NAME [key=value ...]     run a study: records, MLflow, report
python -m lstm_bench.report STUDY [STUDY ...]             write a report again from records, or compare studies
python -m lstm_bench.tracking.backfill STUDY [STUDY ...]  write missing records to MLflow
python -m lstm_bench.anatomy step | walk                  one LSTM step, or a walk of seven words, number by number
python -m lstm_bench.check my_pkg.MyCell [key=value ...]  check a cell of your own; --all: every cell

A comma sweeps (task.lag=10,20 cell=rnn,lstm); --config-dir FOLDER adds your own yaml files;
--cfg job prints the configuration. tracking=off leaves out MLflow, speed=off the measurement of speed,
report=off the report; the same command without these adds what was left out, from the same records."""
EXAMPLES = """\
examples
  python -m lstm_bench +experiment=smoke
  python -m lstm_bench +experiment=smoke trainer.seeds=6
  python -m lstm_bench task=adding cell=rnn,lstm task.lag=5,10 trainer.steps=1500 study=mine"""


def listing(*folders: Path | None) -> str:
    """Return usage, and every experiment, task, cell and set of probes with the first line of its yaml or its class.

    Args:
        folders: folders of yaml files; a file of a later folder replaces one of the same name.
    """
    config_dirs = [folder for folder in folders if folder is not None]
    groups = [_group(group, config_dirs) for group in ("experiment", "task", "cell", "probe")]
    return "\n\n".join([USAGE, *groups, EXAMPLES])


def names_of(group: str, folder: Path | None = None) -> list[str]:
    """Return the names in a group such as "cell": of built-in yaml files, those in a folder, and installed packages."""
    installed = [name for kind, name, _ in named_entry_points() if kind == group]
    return sorted({*_files(group, [conf_dir(), *([] if folder is None else [folder])]), *installed})


def _files(group: str, folders: list[Path]) -> dict[str, Path]:
    return {
        path.relative_to(folder / group).with_suffix("").as_posix(): path
        for folder in folders
        for path in (folder / group).rglob("*.yaml")
        if path.is_file()
    }


def _group(group: str, folders: list[Path]) -> str:
    files = _files(group, folders)
    texts = {name: f"{path}, of an installed package" for kind, name, path in named_entry_points() if kind == group}
    texts |= {name: describe(path) for name, path in files.items()}
    width = max((len(name) for name in texts), default=0)
    lines = [f"  {name:<{width}}  {text}" for name, text in sorted(texts.items())]
    key = "+experiment=" if group == "experiment" else f"{group}="
    return "\n".join([f"{group}s ({key}NAME)", *lines])


def describe(path: Path) -> str:
    """Return the first comment of a yaml that is not a directive of Hydra, "" without one."""
    lines = path.read_text("utf-8", errors="replace").splitlines()
    comments = [line.lstrip("# ") for line in lines if line.startswith("#")]
    return next((comment for comment in comments if not comment.startswith("@package")), "")
