"""Read the tensors of a file: a state dict, nested or not, a member of a study, or a checkpoint of one."""

import pickle
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lstm_bench.anatomy.gates.steps import BLOCKS, Mode
from lstm_bench.config.errors import ConfigError, not_allowed
from lstm_bench.records.plan import JobPlan
from lstm_bench.records.reading import RecordError
from lstm_bench.records.store import StudyRecords

CELLS: Mapping[str, Mode] = {
    "lstm_bench.cells.lstm.LSTMCell": "LSTM",
    "lstm_bench.cells.gru.GRUCell": "GRU",
    "lstm_bench.cells.rnn.RNNCell": "RNN_TANH",
}
REFUSALS = (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, LookupError, TypeError, AttributeError)
STATE_DICT = "torch.save(model.state_dict(), FILE): tensors and plain containers alone are loaded (weights_only)"


@dataclass(frozen=True, eq=False)
class ModelFile:
    """Tensors by name, what the model is in words, and the nonlinearity where records state it."""

    tensors: dict[str, Tensor]
    description: str
    nonlinearity: str | None = None


def read_model(path: Path, member: int | None = None) -> ModelFile:
    """Return the tensors of a file, with a description from the study's records where it lies in their folder.

    Args:
        path: a state dict, the folder of a member or its weights.pt, or a checkpoint of a study.
        member: which of the members in a checkpoint, from 1.

    Raises: ConfigError where the file cannot be read or holds anything but tensors and plain containers, and where it
        belongs to a cell of a study other than an LSTM, a GRU or an RNN.
    """
    path = path / "weights.pt" if path.is_dir() else path
    content = _load(path)
    folder, study = path.absolute().parent.parent, path.absolute().parent.parent.parent
    kind = folder.name if (study / "study.json").is_file() else ""
    training = _training_state(content)
    if training is not None and kind != "checkpoints":
        raise not_allowed("MODEL", path, "a checkpoint in the folder of its study, runs/STUDY/checkpoints/JOB/")
    if training is None and member is not None:
        raise not_allowed("--member", member, "no member with a file of one model")
    try:
        if training is not None:
            return _checkpoint(path, training, StudyRecords(study), member or 1)
        tensors = dict(_tensors(content))
        return _member(path, tensors, StudyRecords(study)) if kind == "members" else ModelFile(tensors, path.name)
    except RecordError as error:
        raise ConfigError(str(error)) from error


def _load(path: Path) -> Any:
    try:
        with warnings.catch_warnings(action="ignore"):  # about foreign pickles, which are refused anyway
            return torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise not_allowed("MODEL", path, f"a file that can be read ({error.strerror or 'damaged'})") from error
    except REFUSALS as error:
        raise not_allowed("MODEL", path, STATE_DICT) from error


def _training_state(content: Any) -> Mapping[str, Any] | None:
    """Return the state of a training that a checkpoint holds; None for other content."""
    state = content.get("state") if isinstance(content, Mapping) else None
    is_training = isinstance(state, Mapping) and {"population", "runs", "step"} <= state.keys()
    return state if is_training else None


def _tensors(content: Any, prefix: str = "") -> Iterator[tuple[str, Tensor]]:
    """Yield the tensors of nested dicts by their names, joined by dots."""
    if isinstance(content, Mapping):
        for name, value in content.items():
            if isinstance(value, Tensor):
                yield f"{prefix}{name}", value
            else:
                yield from _tensors(value, f"{prefix}{name}.")


def _member(path: Path, tensors: dict[str, Tensor], records: StudyRecords) -> ModelFile:
    record = records.read_member(path.absolute().parent.name)
    jobs = [job for job in records.read_plan().jobs if job.job == record.job]
    if not jobs:
        raise ConfigError(f"{path}: job={record.job}: allowed: a job of the plan of {records.folder.name}")
    _, nonlinearity = _cell_of(path, jobs[0])
    details = f"seed {record.seed}, {record.status} after {record.steps:,} steps"
    return ModelFile(tensors, f"{_job_in_words(jobs[0], records)}, {details}", nonlinearity)


def _checkpoint(path: Path, state: Mapping[str, Any], records: StudyRecords, member: int) -> ModelFile:
    """Return the weights of one member; those of its cell come first in its row of the block, as in `Population`."""
    identity = path.absolute().parent.name.rpartition("-")[0]
    jobs = [job for job in records.read_plan().jobs if job.job == identity]
    if not jobs:
        raise ConfigError(f"{path}: job={identity}: allowed: a job of the plan of {records.folder.name}")
    mode, nonlinearity = _cell_of(path, jobs[0])
    runs, rows = state["runs"], state["population"]["weights"]
    if not 1 <= member <= len(rows):
        raise not_allowed("--member", member, f"1 to {len(rows)}, the members in the checkpoint")
    units, blocks = jobs[0].hidden_size, BLOCKS[mode]
    inputs = jobs[0].n_parameters_core // (blocks * units) - units - 2  # from G (H^2 + H D + 2 H)
    rows_each = blocks * units
    shapes = {
        "weight_ih": torch.Size((rows_each, inputs)),
        "weight_hh": torch.Size((rows_each, units)),
        "bias_ih": torch.Size((rows_each,)),
        "bias_hh": torch.Size((rows_each,)),
    }
    sizes = [shape.numel() for shape in shapes.values()]
    pieces = rows[member - 1][: sum(sizes)].split(sizes)
    tensors = {f"cell.{name}": piece.view(shapes[name]) for name, piece in zip(shapes, pieces, strict=True)}
    entry = runs[member - 1]["member"]
    details = f"seed {entry['seed']}, learning rate {entry['learning_rate']:g}, at step {state['step']:,}"
    return ModelFile(tensors, f"{_job_in_words(jobs[0], records)}, {details}", nonlinearity)


def _cell_of(path: Path, job: JobPlan) -> tuple[Mode, str]:
    """Return the mode of a job's cell and its nonlinearity.

    Raises: ConfigError for another cell, whose weights may have the same names.
    """
    settings = job.cell_defaults | job.config["cell"]
    target = str(settings.get("_target_", ""))
    if target not in CELLS:
        raise ConfigError(f"{path}: cell={target}: allowed: {', '.join(CELLS)}")
    return CELLS[target], str(settings.get("nonlinearity", "tanh"))


def _job_in_words(job: JobPlan, records: StudyRecords) -> str:
    return f"{job.cell} of study {records.folder.name}, {job.task} at lag {job.lag}"
