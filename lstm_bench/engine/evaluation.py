"""Score members on fresh sequences."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from lstm_bench.engine.drawing import Drawing
from lstm_bench.engine.population import Population
from lstm_bench.engine.seeds import Member, Purpose, cell_seeds, cell_streams
from lstm_bench.tasks.contract import Batch, Task, scored

CHUNK = 250  # sequences drawn at a time: keeps the working set of an evaluation below that of training
PIECE_BYTES = 256 * 2**20  # of outputs, where a task reads many steps


def evaluate(
    population: Population,
    members: Sequence[Member],
    indices: Sequence[int],
    study_seed: int,
    purpose: Purpose,
    step: int,
    size: int,
) -> list[dict[str, float]]:
    """Return the task's metrics of the members at `indices`, each on `size` sequences drawn for this use alone.

    Where a task holds examples out, the sequences are drawn from these. On a CPU each member is scored apart, as the
    last bits of a batched product or sum depend on how many members it takes. A metric is the mean over chunks,
    weighted by their sequences; where these have different numbers of answers, it differs by some 2e-5 from the mean
    over answers.
    """
    scored_members = [members[index] for index in indices]
    drawing = Drawing(study_seed, scored_members, purpose, step, population.device)
    cell_generators = cell_streams(study_seed, scored_members, purpose, step)
    task = scored(population.task)
    totals: dict[str, Tensor] = {}
    for start in range(0, size, CHUNK):
        count = min(CHUNK, size - start)
        batch = drawing.batch(task, count)
        for piece in _pieces(batch, population.output_bytes(len(indices))):
            predictions = population.predict(piece.inputs, indices, cell_seeds(cell_generators))
            metrics = _metrics(task, predictions, piece.targets)
            for name, value in metrics.items():
                totals[name] = totals.get(name, 0) + value.double() * piece.inputs.shape[2]
    return [{name: float(total[k]) / size for name, total in totals.items()} for k in range(len(indices))]


def _metrics(task: Task, predictions: Tensor, targets: Tensor) -> dict[str, Tensor]:
    """Return the task's metrics [M] of predictions [S, M, B, C] for targets [S, M, B]."""
    if predictions.device.type != "cpu":
        return task.metrics(predictions, targets)
    apart = [task.metrics(predictions[:, [k]], targets[:, [k]]) for k in range(predictions.shape[1])]
    return {name: torch.cat([metrics[name] for metrics in apart]) for name in apart[0]}


def _pieces(batch: Batch, sequence_bytes: int) -> Iterator[Batch]:
    """Yield a batch in pieces whose outputs, of `sequence_bytes` a sequence, take PIECE_BYTES at most."""
    width = max(1, PIECE_BYTES // sequence_bytes)
    for inputs, targets in zip(batch.inputs.split(width, dim=2), batch.targets.split(width, dim=2), strict=True):
        yield Batch(inputs, targets)
