"""Turn a job's settings into a task and a cell, and refuse what this machine cannot hold."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, cast, get_args

import psutil
import torch
from torch import Generator, nn

from lstm_bench.cells.contract import Cell, CellError, cell_failure
from lstm_bench.cells.reals import count_reals
from lstm_bench.config.building import TARGET, build, check_types, defaults_left
from lstm_bench.config.errors import ConfigError, not_allowed
from lstm_bench.config.importing import import_target
from lstm_bench.config.schema import JobConfig
from lstm_bench.engine.evaluation import CHUNK as SEQUENCES_AT_ONCE
from lstm_bench.engine.generic import GenericKernel
from lstm_bench.engine.kernel_dispatch import kernel_type
from lstm_bench.engine.model import MakeCell
from lstm_bench.engine.trial import try_cell
from lstm_bench.probes.contract import Probe
from lstm_bench.tasks.contract import Task

BYTES = 4  # float32
BLOCKS = 4  # weights, gradients and Adam's two moments
SUPPLIED_TO_CELLS = {"input_size", "generator"}
SUPPLIED_TO_PROBES = {"model", "task", "generator"}
OF_A_CELL = ("input_size", "hidden_size", "initial_state", "step")
Moment = Literal["initial", "milestones", "final", "solved"]  # solved: final, of a member that solved
_tried: dict[tuple[type, str], list[str]] = {}  # notes on the cells of this process, by class and settings
MOST_OF_A_PROBE = 10**6  # sequences, steps, delays, ... of a built-in probe
TOO_LARGE = re.compile("allocate memory|not enough memory|out of memory|overflow", re.IGNORECASE)  # torch's own words
KEPT_WIDTHS = 8  # numbers per unit that the widest kernel keeps of a step: four gates, h, c, tanh(c), and one to spare


def make_task(job: JobConfig) -> Task:
    """Return the task at its lag."""
    settings, target = _split(job.task, "task")
    try:
        return cast(Task, build(target, settings, "task"))
    except (ConfigError, MemoryError):
        raise
    except (Exception, SystemExit) as error:
        why = " ".join(f"{type(error).__name__}: {error}".split())
        raise ConfigError(f"task {target.__module__}.{target.__qualname__}: its constructor raised {why}") from error


def cell_maker(job: JobConfig, task: Task) -> MakeCell:
    """Return a function that draws a fresh cell for this task, and raises CellError where its constructor fails."""
    settings, target = _split(job.cell, "cell")

    def make_cell(generator: Generator) -> Cell:
        try:
            return cast(Cell, build(target, settings, "cell", input_size=task.input_size, generator=generator))
        except (ConfigError, MemoryError, torch.OutOfMemoryError):
            raise
        except (Exception, SystemExit) as error:
            raise cell_failure(target, "its constructor", error) from error

    return make_cell


def cell_defaults(job: JobConfig) -> dict[str, Any]:
    """Return the settings of a job's cell that its yaml leaves to the constructor, as recorded: in JSON's types."""
    settings, target = _split(job.cell, "cell")
    unset = defaults_left(target, settings, SUPPLIED_TO_CELLS)
    recorded: dict[str, Any] = json.loads(json.dumps(unset, default=lambda value: getattr(value, "name", str(value))))
    return recorded


@dataclass(frozen=True)
class ChosenProbe:
    """A probe with its settings, and the moments at which it is used."""

    probe: Probe
    at: Sequence[Moment]


def chosen_probes(job: JobConfig) -> dict[str, ChosenProbe]:
    """Return the probes of a job by name.

    Raises: ConfigError for a probe that does not exist, or a setting that it does not have.
    """
    return {name: _chosen(f"probe.{name}", node) for name, node in job.probe.items()}


def _chosen(key: str, node: Any) -> ChosenProbe:
    if not isinstance(node, dict) or TARGET not in node or "at" not in node:
        raise not_allowed(key, node, f"the keys {TARGET}, at, and the settings of that probe")
    settings, target = _split(node, key)
    moments = settings.pop("at")
    if not isinstance(moments, list) or not set(moments) <= set(get_args(Moment)):
        raise not_allowed(f"{key}.at", moments, f"a list of {', '.join(get_args(Moment))}")
    checked = check_types(target, settings, key, SUPPLIED_TO_PROBES)
    if target.__module__.startswith("lstm_bench."):  # a whole number of a plug-in need not be a count
        for name, value in checked.items():
            if isinstance(value, int) and value > MOST_OF_A_PROBE:
                raise not_allowed(f"{key}.{name}", value, f"at most {MOST_OF_A_PROBE:,}, as a probe delays its member")
    return ChosenProbe(partial(target, **checked), moments)


def _split(node: Mapping[str, Any], key: str) -> tuple[dict[str, Any], Any]:
    settings = {name: value for name, value in node.items() if name != TARGET}
    return settings, import_target(node[TARGET], key)


def check_job(job: JobConfig) -> tuple[Task, Cell]:
    """Return the task and a cell without storage, after checking both, the device and the memory they need.

    Raises: ConfigError where one of them cannot be used here.
    """
    chosen_probes(job)
    task, cell = build_job(job)
    _check_device(job.trainer.device)
    _check_memory(job, task, cell)
    cell_notes(job, task, cell)
    return task, cell


def cell_notes(job: JobConfig, task: Task, cell: Cell) -> list[str]:
    """Return the warnings from a trial of a job's cell, one sentence each; see `try_cell`.

    `task` and `cell` are those of `build_job`. A cell with a kernel of its own is built in and is not tried.

    Raises: ConfigError for a cell whose numbers would be wrong.
    """
    device = torch.device(job.trainer.device)
    if kernel_type(cell, device, job.trainer.kernel) is not GenericKernel:
        return []
    settings = json.dumps([job.cell, task.input_size, str(device)], sort_keys=True, default=str)
    key = type(cell), settings  # a class that was imported again is another one
    if key not in _tried:
        try:
            _tried[key] = try_cell(cell_maker(job, task), device, type(cell))
        except CellError as error:
            raise ConfigError(str(error)) from error
    return _tried[key]


def build_job(job: JobConfig) -> tuple[Task, Cell]:
    """Return the task and a cell on the meta device, or on the CPU where its constructor needs values.

    Raises: ConfigError for a cell that cannot be made or does not fulfil the contract.
    """
    task = make_task(job)
    try:
        cell = _example_cell(cell_maker(job, task))
    except ConfigError as error:
        if str(error).startswith(f"cell.{TARGET}="):  # names the class
            raise
        raise ConfigError(f"{error} (cell={job.cell_name})") from error
    except (CellError, MemoryError, torch.OutOfMemoryError) as error:
        if isinstance(error, CellError) and not TOO_LARGE.search(str(error)):
            raise ConfigError(str(error)) from error
        fits = f"what fits in {psutil.virtual_memory().available / 2**30:.0f} GiB (cell={job.cell_name})"
        raise not_allowed(*_largest_setting(job), fits) from error
    if not isinstance(cell, nn.Module) or any(not hasattr(cell, name) for name in OF_A_CELL):
        raise not_allowed(f"cell.{TARGET}", job.cell[TARGET], f"a torch.nn.Module with {', '.join(OF_A_CELL)}")
    return task, cell


def _example_cell(make_cell: MakeCell) -> Cell:
    try:
        with torch.device("meta"):  # shapes without storage: a cell of any size is made at once
            return make_cell(Generator(device="cpu"))
    except CellError:  # the constructor may read values
        return make_cell(Generator(device="cpu"))


def _check_memory(job: JobConfig, task: Task, cell: Cell) -> None:
    weights, states = memory_needed(job, task, cell)
    available = psutil.virtual_memory().available
    if weights + states <= available:
        return
    key, value = _largest_setting(job, {"cell.hidden_size": cell.hidden_size, "task.lag": task.lag})
    members = f"{_members(job)} members of batch {job.trainer.batch_size}"
    needed = f"{(weights + states) / 2**30:,.0f} GiB with {members}"
    raise not_allowed(key, value, f"what fits in {available / 2**30:.0f} GiB, not {needed} (cell={job.cell_name})")


def _largest_setting(job: JobConfig, sizes: Mapping[str, Any] | None = None) -> tuple[str, int]:
    """Return the key and value of the largest whole number that makes a job large; `sizes` has further ones."""
    settings = {
        **{f"cell.{name}": value for name, value in job.cell.items()},
        **{f"task.{name}": value for name, value in job.task.items()},
        "trainer.batch_size": job.trainer.batch_size,
        "trainer.seeds": len(job.trainer.seed_list),
        "trainer.tuning_seeds": job.trainer.tuning_seeds,
        **(sizes or {}),
    }
    numbers = {key: value for key, value in settings.items() if isinstance(value, int)}
    key = max(numbers, key=lambda name: numbers[name])
    return key, numbers[key]


def memory_needed(job: JobConfig, task: Task, cell: Cell) -> tuple[int, int]:
    """Return estimates in bytes of the weights, and of the sequences with their states, of all members of a job.

    Training keeps the states of its sequences, an evaluation no more than the sequences themselves.
    """
    trainer, inputs = job.trainer, task.length * task.input_size
    weights = BLOCKS * total_parameters(task, cell)
    states = trainer.batch_size * (inputs + task.length * KEPT_WIDTHS * cell.hidden_size)
    evaluated = min(SEQUENCES_AT_ONCE, max(trainer.eval_size, trainer.confirm_size)) * inputs
    return BYTES * _members(job) * weights, BYTES * _members(job) * max(states, evaluated)


def _members(job: JobConfig) -> int:
    return max(len(job.trainer.seed_list), len(job.trainer.rates) * job.trainer.tuning_seeds)


def n_parameters(cell: Cell) -> int:
    """Count the trained real numbers of a cell, without the read-out; a complex number is two."""
    return sum(count_reals(parameter) for _, parameter in cell.named_parameters() if parameter.requires_grad)


def total_parameters(task: Task, cell: Cell) -> int:
    """Count the trained numbers of a cell and of the read-out that the task needs."""
    return n_parameters(cell) + (cell.hidden_size + 1) * task.output_size


def _check_device(device: str) -> None:
    if not _can_compute(device):
        cuda = [f"cuda:{index}" for index in range(torch.cuda.device_count())] if torch.cuda.is_available() else []
        raise not_allowed("trainer.device", device, ", ".join(["cpu", *(["cuda", *cuda] if cuda else [])]))


def _can_compute(device: str) -> bool:
    try:
        torch.ones(1, device=device).add(1).item()  # a device without numbers, such as meta, raises here
    except Exception:  # each backend has its own
        return False
    return device == "cpu" or torch.device(device).type != "cpu"
