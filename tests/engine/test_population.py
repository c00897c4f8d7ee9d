"""A population is its members trained each alone: by torch.optim.Adam, clip_grad_norm_ and torch.nn's layers."""

import functools
from collections.abc import Mapping, Sequence
from typing import Any, get_args

import pytest
import torch
from torch import Generator, Tensor

from lstm_bench.cells.gru import GRUCell
from lstm_bench.cells.lstm import LSTMCell
from lstm_bench.cells.rnn import RNNCell
from lstm_bench.engine.model import Model, make_model
from lstm_bench.engine.population import Population
from lstm_bench.engine.settings import KernelChoice
from lstm_bench.tasks.adding import AddingTask
from lstm_bench.tasks.contract import Batch
from lstm_bench.tasks.copy import CopyTask

H, B = 5, 4
RATES = [1e-2, 3e-3, 1e-2]
CLIPS = 0.05  # a norm that every gradient here exceeds
TASKS = [CopyTask(lag=3, n_symbols=2), CopyTask(lag=3, n_symbols=2, dialect="s4"), AddingTask(lag=7)]
SETTINGS = pytest.mark.parametrize(
    ("task", "cell_type"),
    [
        pytest.param(task, cell_type, id=f"{type(task).__name__}-{task.variant}-{cell_type.__name__}")
        for task in TASKS
        for cell_type in (RNNCell, GRUCell, LSTMCell)
    ],
)
CELLS = pytest.mark.parametrize("cell_type", [RNNCell, GRUCell, LSTMCell])
CHOICES = pytest.mark.parametrize("kernel", get_args(KernelChoice))


def double(batch: Batch) -> Batch:
    return Batch(batch.inputs.double(), batch.targets.double() if batch.targets.is_floating_point() else batch.targets)


def built(
    task: Any,
    cell_type: type,
    rates: Sequence[float],
    seeds: Sequence[int],
    dtype: torch.dtype = torch.float64,
    kernel: KernelChoice = "auto",
    hidden_size: int = H,
) -> Population:
    def make_cell(generator: Generator) -> Any:
        return cell_type(task.input_size, hidden_size, generator=generator)

    models = [make_model(task, make_cell, Generator().manual_seed(seed)) for seed in seeds]
    models = [Model(model.cell.to(dtype), model.readout.to(dtype)) for model in models]
    return Population(task, models, rates, torch.device("cpu"), kernel)


def data(task: Any, seeds: Sequence[int], step: int, dtype: torch.dtype = torch.float64) -> Batch:
    """Return one batch a member, a function of the member's seed and the step."""
    draws = [task.sample(B, Generator().manual_seed(1000 * seed + step)) for seed in seeds]
    batch = Batch(torch.stack([d.inputs for d in draws], dim=1), torch.stack([d.targets for d in draws], dim=1))
    return double(batch) if dtype == torch.float64 else batch


def advance(population: Population, task: Any, seeds: Sequence[int], steps: range, clip: float = 1.0) -> None:
    for step in steps:
        population.compute_gradients(data(task, seeds, step, population.weights.dtype))
        population.update(clip)


def same_weights(ours: dict[str, Tensor], theirs: dict[str, Tensor], tolerance: float) -> None:
    assert set(ours) == set(theirs)
    for name, tensor in ours.items():
        torch.testing.assert_close(tensor, theirs[name], rtol=tolerance, atol=tolerance)


class Stock:
    """A member's own model of torch.nn with its own torch.optim.Adam."""

    def __init__(self, stock_model: Any, weights: dict[str, Tensor], rate: float) -> None:
        self.model = stock_model(weights)
        self._adam = torch.optim.Adam(self.model.parameters(), lr=rate)

    def step(self, task: Any, inputs: Tensor, targets: Tensor, clip: float) -> tuple[Tensor, Tensor]:
        """Return loss and gradient norm, and take the step."""
        self._adam.zero_grad()
        loss = self.model.loss(task, inputs, targets)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), clip if clip else torch.inf)
        self._adam.step()
        return loss.detach(), norm


def follow(
    populations: Mapping[str, Population], stock: Sequence[Stock], steps: int, clip: float, tolerance: float
) -> list[Tensor]:
    """Train all; losses, norms before clipping and final weights agree. Return the norms [M] of each step.

    Args:
        populations: the same models, by the kernel that trains them.
        stock: each member's own model of torch.nn.
        steps: how many.
        clip: the norm to which gradients are shortened; 0 for none.
        tolerance: relative and absolute.
    """
    seeds, expected_norms = range(len(stock)), []
    task, dtype = next((one.task, one.weights.dtype) for one in populations.values())
    for step in range(steps):
        batch = data(task, seeds, step, dtype)
        by_member = [s.step(task, batch.inputs[:, m], batch.targets[:, m], clip) for m, s in enumerate(stock)]
        losses, norms = (torch.stack(values) for values in zip(*by_member, strict=True))
        expected_norms.append(norms)
        for kernel, population in populations.items():
            ours = population.compute_gradients(batch)[0], population.gradient_norms()
            population.update(clip)
            torch.testing.assert_close(
                ours,
                (losses, norms),
                rtol=tolerance,
                atol=tolerance,
                msg=lambda text, kernel=kernel: f"{kernel}: {text}",
            )
    for population in populations.values():
        for m, other in enumerate(stock):
            same_weights(population.member_weights(m), other.model.weights(), tolerance)
    return expected_norms


def stock_of(population: Population, stock_model: Any, rates: Sequence[float]) -> list[Stock]:
    return [Stock(stock_model, population.member_weights(m), rate) for m, rate in enumerate(rates)]


@SETTINGS
@pytest.mark.parametrize("clip", [0.0, CLIPS, 1e6])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-10), (torch.float32, 1e-4)])
def test_adam_steps_equal_torch(
    task: Any, cell_type: type, clip: float, dtype: torch.dtype, tolerance: float, stock_model: Any
) -> None:
    by_kernel = {choice: built(task, cell_type, RATES, [0, 1, 2], dtype, choice) for choice in get_args(KernelChoice)}
    norms = follow(by_kernel, stock_of(by_kernel["auto"], stock_model, RATES), 4, clip, tolerance)
    assert clip != CLIPS or (torch.stack(norms) > clip).all()


@CELLS
@CHOICES
def test_a_clip_that_some_exceed_shortens_the_gradients_of_those(
    cell_type: type, kernel: KernelChoice, stock_model: Any
) -> None:
    """Each member at its own rate, clipped by its own norm, whatever the others' are."""
    task, rates = AddingTask(lag=7), [1e-2, 5e-4, 3e-3]
    population = built(task, cell_type, rates, [0, 1, 2], kernel=kernel)
    population.compute_gradients(data(task, [0, 1, 2], 0))
    clip = float(population.gradient_norms().median()) * 0.999
    norms = follow({kernel: population}, stock_of(population, stock_model, rates), 6, clip, 1e-10)
    assert (norms[0] > clip).tolist().count(True) == 2


CURVE_TASK = AddingTask(lag=5)
TOLERANCES = {torch.float64: 1e-9, torch.float32: 1e-5}


@functools.cache
def stock_curve(cell_type: type, dtype: torch.dtype, stock_model: Any, steps: int) -> Tensor:
    """Return the losses of torch.nn's layer under clipping and Adam."""
    start = built(CURVE_TASK, cell_type, [3e-3], [0], dtype, hidden_size=16)
    stock = Stock(stock_model, start.member_weights(0), 3e-3)
    batches = [data(CURVE_TASK, [0], step, dtype) for step in range(steps)]
    return torch.stack([stock.step(CURVE_TASK, b.inputs[:, 0], b.targets[:, 0], clip=1.0)[0] for b in batches])


@CELLS
@CHOICES
@pytest.mark.parametrize("dtype", TOLERANCES)
def test_loss_curves_equal_torch_over_200_steps(
    cell_type: type, kernel: KernelChoice, dtype: torch.dtype, stock_model: Any
) -> None:
    population, losses = built(CURVE_TASK, cell_type, [3e-3], [0], dtype, kernel, hidden_size=16), []
    for step in range(200):
        losses.append(population.compute_gradients(data(CURVE_TASK, [0], step, dtype))[0])
        population.update(clip=1.0)
    expected, tolerance = stock_curve(cell_type, dtype, stock_model, 200), TOLERANCES[dtype]
    torch.testing.assert_close(torch.cat(losses), expected, rtol=tolerance, atol=tolerance)
    assert expected[-50:].mean() < 0.8 * expected[:50].mean()  # it learnt, so there was something to get wrong


@CELLS
@CHOICES
@pytest.mark.parametrize("members", [1, 2])
def test_the_smallest_problem_equals_torch(
    cell_type: type, kernel: KernelChoice, members: int, stock_model: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One sequence of two steps and one unit."""
    monkeypatch.setattr("test_population.B", 1)
    rates = RATES[:members]
    population = built(AddingTask(lag=2), cell_type, rates, range(members), kernel=kernel, hidden_size=1)
    follow({kernel: population}, stock_of(population, stock_model, rates), 5, 1.0, 1e-10)


@CELLS
@CHOICES
def test_two_runs_are_the_same_bit_by_bit(cell_type: type, kernel: KernelChoice) -> None:
    runs = [built(CURVE_TASK, cell_type, RATES, [0, 1, 2], torch.float32, kernel) for _ in range(2)]
    for population in runs:
        advance(population, CURVE_TASK, [0, 1, 2], range(5))
    assert torch.equal(runs[0].weights, runs[1].weights)


@SETTINGS
@CHOICES
def test_predictions_equal_torch(task: Any, cell_type: type, kernel: KernelChoice, stock_model: Any) -> None:
    population = built(task, cell_type, RATES, [0, 1, 2], kernel=kernel)
    inputs = data(task, [0, 1, 2], 0).inputs
    predictions = population.predict(inputs, [0, 1, 2])
    of_two = population.predict(inputs[:, [2, 0]], [2, 0])
    for m in range(3):
        expected = stock_model(population.member_weights(m))(inputs[:, m])[-task.predicted_steps :].detach()
        torch.testing.assert_close(predictions[:, m], expected, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(of_two, predictions[:, [2, 0]], rtol=1e-12, atol=1e-12)


@CELLS
def test_clipping_shortens_each_gradient_and_keeps_its_direction(cell_type: type) -> None:
    task = CopyTask(lag=3)
    population = built(task, cell_type, RATES, [0, 1, 2])
    population.compute_gradients(data(task, [0, 1, 2], 0))
    before, norms = population.gradients.clone(), population.gradient_norms()
    clip = float(norms.sort().values[:2].mean())  # between the smallest and the next
    population.update(clip)
    after = population.gradient_norms()
    expected = norms.clamp(max=clip)
    torch.testing.assert_close(after, expected, rtol=1e-4, atol=0)
    assert (after <= clip * (1 + 1e-12)).all()
    torch.testing.assert_close(population.gradients / after[:, None], before / norms[:, None], rtol=1e-9, atol=1e-12)


def test_clip_zero_never_clips() -> None:
    task = CopyTask(lag=3)
    population = built(task, RNNCell, RATES, [0, 1, 2])
    population.compute_gradients(data(task, [0, 1, 2], 0))
    population.gradients.mul_(1e6)
    before = population.gradients.clone()
    population.update(clip=0.0)
    assert torch.equal(population.gradients, before)


@SETTINGS
def test_keeping_some_members_keeps_their_weights_and_their_adam_state(task: Any, cell_type: type) -> None:
    """A, B, C train together, then C and A go on: each ends where it ends alone."""
    together = built(task, cell_type, RATES, [0, 1, 2])
    advance(together, task, [0, 1, 2], range(5))
    before = together.weights.clone()
    together.keep([2, 0])
    assert len(together) == 2
    assert torch.equal(together.weights, before[[2, 0]])
    advance(together, task, [2, 0], range(5, 10))
    for index, seed in enumerate([2, 0]):
        alone = built(task, cell_type, [RATES[seed]], [seed])
        advance(alone, task, [seed], range(10))
        same_weights(together.member_weights(index), alone.member_weights(0), 1e-10)


def test_gradients_computed_before_keeping_are_used_after_it() -> None:
    task = AddingTask(lag=5)
    together, alone = built(task, LSTMCell, [1e-2, 3e-3], [0, 1]), built(task, LSTMCell, [3e-3], [1])
    together.compute_gradients(data(task, [0, 1], 0))
    together.keep([1])
    together.update(clip=1.0)
    advance(alone, task, [1], range(1))
    same_weights(together.member_weights(0), alone.member_weights(0), 1e-10)


@CELLS
@CHOICES
@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
def test_an_input_that_is_not_finite_harms_its_own_member_alone(
    cell_type: type, kernel: KernelChoice, bad: float
) -> None:
    task, seeds = AddingTask(lag=5), [0, 1, 2]
    clean, poisoned = (built(task, cell_type, RATES, seeds, torch.float32, kernel) for _ in range(2))
    for step in range(3):
        batch = data(task, seeds, step, torch.float32)
        clean.compute_gradients(batch)
        batch.inputs[2, 1, 0] = bad
        poisoned.compute_gradients(batch)
        assert not poisoned.gradient_norms()[1].isfinite()
        for population in (clean, poisoned):
            population.update(clip=1.0)
    assert torch.equal(poisoned.weights[[0, 2]], clean.weights[[0, 2]])


@CELLS
@CHOICES
def test_a_nan_in_one_member_leaves_the_others_as_they_were(cell_type: type, kernel: KernelChoice) -> None:
    task = CopyTask(lag=3)
    clean, poisoned = (built(task, cell_type, RATES, [0, 1, 2], kernel=kernel) for _ in range(2))
    poisoned.weights[1] = torch.nan
    for population in (clean, poisoned):
        advance(population, task, [0, 1, 2], range(3))
    assert poisoned.weights[1].isnan().all()
    assert torch.equal(poisoned.weights[[0, 2]], clean.weights[[0, 2]])


@CELLS
@CHOICES
def test_a_frozen_parameter_stays_and_the_others_get_their_gradients(cell_type: type, kernel: KernelChoice) -> None:
    task = AddingTask(lag=5)

    def gradients(trained: bool) -> dict[str, Tensor]:
        model = make_model(task, lambda g: cell_type(2, H, generator=g), Generator().manual_seed(0))
        model.cell.weight_hh.requires_grad_(trained)
        population = Population(task, [model], [1e-2], torch.device("cpu"), kernel)
        population.compute_gradients(data(task, [0], 0, torch.float32))
        return population._named_gradients

    partly, fully = gradients(False), gradients(True)
    assert set(fully) - set(partly) == {"cell.weight_hh"}
    assert all(torch.equal(gradient, fully[name]) for name, gradient in partly.items())


def test_member_weights_are_a_copy() -> None:
    population = built(AddingTask(lag=5), RNNCell, RATES, [0, 1, 2])
    weights = population.member_weights(1)
    kept = {name: tensor.clone() for name, tensor in weights.items()}
    advance(population, population.task, [0, 1, 2], range(2))
    assert all(torch.equal(tensor, kept[name]) for name, tensor in weights.items())
    assert not torch.equal(population.member_weights(1)["cell.weight_hh"], kept["cell.weight_hh"])


def test_one_learning_rate_moves_each_member_by_its_own_rate() -> None:
    """Adam's first step is rate * sign(gradient), wherever the gradient is far above its epsilon."""
    task = CopyTask(lag=3)
    population = built(task, RNNCell, [1e-2, 5e-4, 0.0], [0, 1, 2])
    before = population.weights.clone()
    advance(population, task, [0, 1, 2], range(1), clip=0.0)
    moved, clear = (population.weights - before).abs(), population.gradients.abs() > 1e-3
    for m, rate in enumerate([1e-2, 5e-4, 0.0]):
        assert clear[m].sum() > 20
        torch.testing.assert_close(moved[m][clear[m]], torch.full_like(moved[m][clear[m]], rate), rtol=1e-4, atol=0)


@CELLS
def test_models_are_drawn_from_the_generator(cell_type: type) -> None:
    task = AddingTask(lag=5)
    first, again, other = (built(task, cell_type, [1e-2], [seed]).weights for seed in (3, 3, 4))
    assert torch.equal(first, again)
    assert (first != other).all()


def test_the_read_out_starts_within_one_over_root_hidden_size() -> None:
    weights = built(CopyTask(lag=3), RNNCell, [1e-2], [0]).member_weights(0)
    assert weights["readout.weight"].shape == (9, H)
    scaled = weights["readout.weight"].abs().max() * H**0.5
    assert 0.8 < float(scaled) <= 1


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@SETTINGS
def test_a_gpu_trains_as_the_cpu_does(task: Any, cell_type: type) -> None:
    here = built(task, cell_type, RATES, [0, 1, 2])
    models = [
        make_model(task, lambda g: cell_type(task.input_size, H, generator=g), Generator().manual_seed(m))
        for m in range(3)
    ]
    there = Population(task, [(c.double(), r.double()) for c, r, _ in models], RATES, torch.device("cuda"))
    for step in range(4):
        batch = data(task, [0, 1, 2], step)
        for population in (here, there):
            moved = Batch(*(tensor.to(population.device) for tensor in batch))
            population.compute_gradients(moved)
            population.update(clip=0.05)
    there.keep([2, 0])
    torch.testing.assert_close(there.weights.cpu(), here.weights[[2, 0]], rtol=1e-9, atol=1e-9)
