"""Every yaml of conf/ composes and builds."""

import struct
from dataclasses import replace
from itertools import product

import pytest
import torch
from choices import composed, names, whole

from lstm_bench.conf_folder import conf_dir
from lstm_bench.config.objects import check_job
from lstm_bench.config.schema import JobConfig
from lstm_bench.engine.kernel_dispatch import kernel_type

MNIST_PIXELS = 28 * 28


@pytest.fixture(scope="module")
def mnist_folder(tmp_path_factory):
    """Return a folder with files like MNIST's, of two images each: all that its yaml leaves to the user."""
    folder = tmp_path_factory.mktemp("mnist")
    for part in ("train", "t10k"):
        header = struct.pack(">HBBIII", 0, 8, 3, 2, 28, 28)
        (folder / f"{part}-images-idx3-ubyte").write_bytes(header + bytes(2 * MNIST_PIXELS))
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(struct.pack(">HBBI", 0, 8, 1, 2) + bytes([3, 7]))
    return folder


def job_of(cell: str, *task: str) -> JobConfig:
    """Return the job of a task and a cell, from a composition of each; of both where the cell follows the task."""
    if "${" in (conf_dir() / "cell" / f"{cell}.yaml").read_text():
        return composed(*task, f"cell={cell}").jobs[0]
    (of_task,), (of_cell,) = composed(*task).jobs, composed(f"cell={cell}").jobs
    return replace(of_task, cell_name=cell, cell=of_cell.cell)


CELLS = [*names("cell"), *names("cell", "zoo")]
FOLLOWERS = [cell for cell in names("cell") if "${task." in (conf_dir() / "cell" / f"{cell}.yaml").read_text()]


@pytest.mark.parametrize(
    ("task", "cell"),
    [
        *(("copy", cell) for cell in CELLS),
        *product([task for task in names("task") if task != "copy"], ["lstm", "rnn", *FOLLOWERS]),
    ],
)
def test_every_cell_builds_and_every_task_takes_one(task, cell, mnist_folder):
    job = job_of(cell, f"task={task}", *([f"task.file={mnist_folder}"] if task == "mnist" else []))
    assert (job.task_name, job.cell_name) == (task, cell)
    built_task, built_cell = check_job(job)
    assert built_cell.input_size == built_task.input_size
    assert built_cell.hidden_size == job.cell["hidden_size"]
    assert kernel_type(built_cell, torch.device("cpu")).name


@pytest.mark.parametrize("group", ["trainer", "tracking", "speed", "report"])
def test_every_other_option_composes(group):
    for name in names(group):
        assert composed(f"{group}={name}").jobs


def test_every_part_of_the_claims_study_composes_and_names_an_experiment():
    claims = whole("claims")
    assert claims.measure == "claims"
    parts = [composed(*overrides.split()) for overrides in claims.studies.values()]
    assert all(part.experiment and part.measure == "training" and part.jobs for part in parts)
