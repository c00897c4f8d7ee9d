"""Training steps, timed side by side."""

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lstm_bench.cells.registry import StockLayer
from lstm_bench.engine.evaluation import stack_batches
from lstm_bench.engine.kernel_dispatch import KernelChoice
from lstm_bench.engine.model import MakeCell, make_model
from lstm_bench.engine.population import Population
from lstm_bench.engine.seeds import Member, generator
from lstm_bench.tasks.contract import Task

LEARNING_RATE, CLIP = 1e-3, 1.0
WARM_UP_CALLS = 3
Step = Callable[[], None]


@dataclass(frozen=True)
class Timing:
    """Seconds a training step, over repeated rounds: quartiles and how many rounds."""

    q25: float
    median: float
    q75: float
    rounds: int


def engine_step(
    task: Task, make_cell: MakeCell, batch_size: int, device: str, members: int, kernel: KernelChoice
) -> Step:
    """Return one training step of some members together in our engine.

    Forward, backward, clipping and optimiser; the batches are drawn before, so only the work is in it.
    """
    each = [_member(seed) for seed in range(members)]
    models = [make_model(task, make_cell, generator(0, member, "initialisation")) for member in each]
    population = Population(task, models, [LEARNING_RATE] * members, torch.device(device), kernel)
    drawn = [task.sample(batch_size, generator(0, member, "probe")) for member in each]
    batch = stack_batches(drawn, torch.device(device))

    def step() -> None:
        population.compute_gradients(batch)
        population.update(CLIP)

    return step


def _member(seed: int) -> Member:
    return Member("report", seed, LEARNING_RATE)


class StockModel(nn.Module):
    """The layer of torch.nn with a linear read-out, as a user would write it."""

    def __init__(self, task: Task, layer: StockLayer) -> None:
        super().__init__()
        self.layer, self.predicted_steps = layer, task.predicted_steps
        self.readout = nn.Linear(layer.hidden_size, task.output_size)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return predictions [S, B, C]."""
        predictions: Tensor = self.readout(self.layer(inputs)[0][-self.predicted_steps :])
        return predictions


def stock_step(task: Task, layer: StockLayer, batch_size: int, device: str) -> Step:
    """Return one training step of the stock layer: the same work, through autograd."""
    model = StockModel(task, layer).to(device)
    adam = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE, fused=True)
    inputs, targets = (t.to(device) for t in task.sample(batch_size, generator(0, _member(0), "probe")))

    def step() -> None:
        adam.zero_grad()
        task.loss(model(inputs), targets).backward()
        nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        adam.step()

    return step


def time_in_turns(steps: Mapping[str, Step], rounds: int, round_s: float, device: str) -> dict[str, Timing]:
    """Time each step function in turns, so that a busy moment of the machine hits all of them alike.

    After a warm-up, each round runs every function for about `round_s` seconds and notes the mean of that round.
    """
    for step in steps.values():
        _time(step, WARM_UP_CALLS, device)
    calls = {name: max(1, round(round_s / _time(step, 2, device))) for name, step in steps.items()}
    noted: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(rounds):
        for name, step in steps.items():
            noted[name].append(_time(step, calls[name], device))
    return {name: _timing(times) for name, times in noted.items()}


def _time(step: Step, calls: int, device: str) -> float:
    _synchronise(device)
    started = time.perf_counter()
    for _ in range(calls):
        step()
    _synchronise(device)
    return (time.perf_counter() - started) / calls


def _synchronise(device: str) -> None:
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)


def _timing(times: list[float]) -> Timing:
    q25, median, q75 = statistics.quantiles(times, n=4, method="inclusive")
    return Timing(q25, median, q75, len(times))


def training_flops(cell: object, batch_size: int, length: int) -> float:
    """Return floating-point operations of one training step by formula: 6 a weight, step and sequence.

    A multiply and an add forwards and twice that backwards, for each entry of each weight matrix; element-wise work
    and the read-out are left out. An entry that is complex counts as four, since a product of complex numbers is four
    of real ones. (The framework's own counter reports 0 for a fused LSTM on a CPU.)
    """
    matrices = [p for p in cell.parameters() if p.dim() > 1] if isinstance(cell, nn.Module) else []
    entries = sum(matrix.numel() * (4 if matrix.is_complex() else 1) for matrix in matrices)
    return 6.0 * entries * batch_size * length
