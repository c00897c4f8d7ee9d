"""Adding: where the markers stand, what is asked, and what predictors without memory reach."""

import math

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Generator, Tensor

from lstm_bench.tasks.adding import AddingTask
from lstm_bench.tasks.contract import Batch

DIALECTS = pytest.mark.parametrize("dialect", ["half", "anywhere"])


def draw(task: AddingTask, batch_size: int, seed: int = 0) -> Batch:
    return task.sample(batch_size, Generator().manual_seed(seed))


def marked_steps(batch: Batch) -> np.ndarray:
    """Return the marked steps of each sequence, in order [B, 2]."""
    markers = batch.inputs[..., 1].numpy().T
    return np.array([np.flatnonzero(row) for row in markers])


def mse_of(predictor: Tensor, task: AddingTask, batch: Batch) -> float:
    return float(task.metrics(predictor.reshape(1, -1, 1), batch.targets)["loss"])


@DIALECTS
@pytest.mark.parametrize("lag", [2, 3, 8, 51])
def test_two_distinct_markers_and_their_sum(dialect: str, lag: int) -> None:
    batch = draw(AddingTask(lag, dialect), 200)
    values, markers = batch.inputs.numpy().transpose(2, 0, 1)
    assert set(np.unique(markers)) <= {0.0, 1.0}
    assert (markers.sum(axis=0) == 2).all()
    for b, (first, second) in enumerate(marked_steps(batch)):
        assert batch.targets[0, b].item() == pytest.approx(values[first, b] + values[second, b], abs=1e-6)


@pytest.mark.parametrize("lag", [2, 3, 8, 9])
def test_half_puts_one_marker_in_each_half(lag: int) -> None:
    first, second = marked_steps(draw(AddingTask(lag, "half"), 500)).T
    assert first.max() < lag // 2 <= second.min()


def test_half_is_uniform_within_each_half() -> None:
    first, second = marked_steps(draw(AddingTask(11, "half"), 12_000)).T
    assert stats.chisquare(np.bincount(first, minlength=5)).pvalue > 0.001
    assert stats.chisquare(np.bincount(second - 5, minlength=6)).pvalue > 0.001


def test_anywhere_draws_every_pair_alike() -> None:
    first, second = marked_steps(draw(AddingTask(7, "anywhere"), 12_000)).T
    pairs = np.bincount(first * 7 + second, minlength=49).reshape(7, 7)
    assert pairs[np.tril_indices(7)].sum() == 0
    assert stats.chisquare(pairs[np.triu_indices(7, k=1)]).pvalue > 0.001


def test_values_are_uniform_on_the_unit_interval() -> None:
    values = draw(AddingTask(10), 1000).inputs[..., 0].flatten().numpy()
    assert stats.kstest(values, "uniform").pvalue > 0.001


@DIALECTS
def test_the_constant_one_reaches_one_sixth(dialect: str) -> None:
    """(S - 1)^2 for the sum S of two U[0, 1] has mean 1/6 and variance 1/15 - 1/36 = 7/180."""
    task, size = AddingTask(20, dialect), 20_000
    batch = draw(task, size)
    standard_error = math.sqrt(7 / 180 / size)
    expected = {"loss": 1 / 6, "explained": 0.0, "implied_window": 0.0, "within_tenth": 0.19}
    assert task.baselines == pytest.approx(expected)
    assert mse_of(torch.ones(size), task, batch) == pytest.approx(task.baselines["loss"], abs=4 * standard_error)


def test_remembering_one_of_two_values_halves_the_error() -> None:
    """What is left is (V - 1/2)^2 with mean 1/12 and variance 1/80 - 1/144 = 1/180; its share explained is 1/2."""
    task, size = AddingTask(20, "half"), 20_000
    batch = draw(task, size)
    values, markers = batch.inputs.unbind(dim=-1)
    second = (values * markers)[10:].sum(dim=0)
    standard_error = math.sqrt(1 / 180 / size)
    assert mse_of(0.5 + second, task, batch) == pytest.approx(1 / 12, abs=4 * standard_error)
    explained = task.metrics((0.5 + second).reshape(1, -1, 1), batch.targets)["explained"]
    assert float(explained) == pytest.approx(0.5, abs=6 * 4 * standard_error)


@DIALECTS
@pytest.mark.parametrize("window", [0, 10, 20, 40])
def test_the_implied_window_is_what_a_predictor_of_the_last_k_steps_sees(dialect: str, window: int) -> None:
    """(1/6)(1 - k/T) is the error of adding the marked values in sight and 1/2 for each one out of sight."""
    task, size = AddingTask(40, dialect), 20_000
    batch = draw(task, size)
    values, markers = batch.inputs[task.lag - window :].unbind(dim=-1)
    in_sight = markers.sum(dim=0)
    predictor = (values * markers).sum(dim=0) + 0.5 * (2 - in_sight)
    metrics = task.metrics(predictor.reshape(1, -1, 1), batch.targets)
    standard_error = float((predictor - batch.targets[0]).square().std()) / math.sqrt(size)
    assert float(metrics["loss"]) == pytest.approx((1 - window / 40) / 6, abs=4 * standard_error + 1e-9)
    assert task.lag * float(metrics["explained"]) == pytest.approx(window, abs=40 * 6 * 4 * standard_error + 1e-4)


def test_metrics_worked_by_hand() -> None:
    """Errors 0.05 and -0.35: MSE 0.0625, explained 1 - 0.375, of 5 steps a window of 3.125; one of two within 0.1."""
    targets = torch.tensor([[1.0, 0.5]], dtype=torch.float64)
    predictions = torch.tensor([[[1.05], [0.15]]], dtype=torch.float64)
    metrics = AddingTask(5).metrics(predictions, targets)
    means = {name: float(value) for name, value in metrics.items()}
    expected = {"loss": 0.0625, "explained": 0.625, "implied_window": 3.125, "within_tenth": 0.5}
    assert means == pytest.approx(expected)


@pytest.mark.parametrize(("mse", "solved"), [(0.0, True), (0.01, True), (0.0101, False), (math.nan, False)])
def test_solved_asks_for_a_hundredth(mse: float, solved: bool) -> None:
    assert AddingTask(5).solved({"loss": mse, "explained": 1 - 6 * mse}) is solved


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"lag": 1}, "lag=1: .*at least 2"),
        ({"lag": 5, "dialect": "both"}, "dialect=both: allowed: half, anywhere"),
    ],
)
def test_a_wrong_setting_is_named_with_its_value(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        AddingTask(**settings)


@DIALECTS
@pytest.mark.parametrize("lag", [2, 7, 8])
def test_a_cue_stands_at_its_distance_in_every_sequence_and_the_other_where_the_dialect_says(
    dialect: str, lag: int
) -> None:
    """Distance 1 is the last step. In `half` the other is somewhere in the other half, else anywhere else."""
    for distance in range(1, lag + 1):
        cue = lag - distance
        steps = marked_steps(draw(AddingTask(lag, dialect).at_distance(distance), 300))
        assert (steps == cue).any(axis=1).all()
        others = set(np.where(steps[:, 0] == cue, steps[:, 1], steps[:, 0]))
        halves = [set(range(lag // 2)), set(range(lag // 2, lag))]
        allowed = set(range(lag)) - {cue} if dialect == "anywhere" else halves[cue < lag // 2]
        assert others == allowed


@DIALECTS
def test_with_a_cue_at_its_distance_the_other_is_still_uniform(dialect: str) -> None:
    task = AddingTask(8, dialect).at_distance(6)  # step 2
    steps = marked_steps(draw(task, 12_000))
    others = np.bincount(steps[steps != 2], minlength=8)
    assert stats.chisquare(others[4:] if dialect == "half" else np.delete(others, 2)).pvalue > 0.001


def test_distances_are_spread_evenly_in_the_logarithm_up_to_the_whole_sequence() -> None:
    assert AddingTask(32).cue_distances == [1, 2, 3, 5, 7, 10, 15, 22, 32]
    assert AddingTask(512).cue_distances == [2**k for k in range(10)]
    assert AddingTask(2).cue_distances == [1, 2]


def test_another_lag_frees_the_cue_and_another_distance_moves_it() -> None:
    task = AddingTask(8, "anywhere", cue_distance=5)
    assert task.at_lag(20) == AddingTask(20, "anywhere")
    assert task.at_distance(8) == AddingTask(8, "anywhere", cue_distance=8)


@pytest.mark.parametrize("distance", [-1, 0, 6])
def test_a_distance_outside_the_sequence_is_named_with_what_is_allowed(distance: int) -> None:
    with pytest.raises(ValueError) as refused:
        AddingTask(5).at_distance(distance)
    assert str(refused.value) == f"cue_distance={distance}: allowed: 1 to the lag, which is 5, or null"


def cue_and_other(task: AddingTask, batch: Batch) -> tuple[np.ndarray, np.ndarray]:
    values, markers = batch.inputs.double().numpy().transpose(2, 0, 1)
    cue = values[task.lag - (task.cue_distance or 0)]
    return cue, (values * markers).sum(axis=0) - cue


def recall_of(answer: np.ndarray, task: AddingTask, batch: Batch) -> float:
    (recall,) = task.recall(torch.as_tensor(answer).reshape(1, -1, 1), batch).tolist()
    return recall


def partial_r_squared(y: np.ndarray, x: np.ndarray, given: np.ndarray) -> float:
    """Return the squared partial correlation from the three plain ones."""
    r_yx, r_yz, r_xz = (np.corrcoef(a, b)[0, 1] for a, b in ((y, x), (y, given), (x, given)))
    return (r_yx - r_yz * r_xz) ** 2 / ((1 - r_yz**2) * (1 - r_xz**2))


@DIALECTS
def test_saying_the_cue_alone_is_recalling_it_whatever_the_scale(dialect: str) -> None:
    task = AddingTask(10, dialect, cue_distance=7)
    batch = draw(task, 200)
    cue, other = cue_and_other(task, batch)
    for answer in (cue, cue + other, 3 - 0.01 * cue, cue - 5 * other):
        assert recall_of(answer, task, batch) == pytest.approx(1.0, abs=1e-12)


@DIALECTS
def test_saying_the_other_value_alone_or_one_number_is_no_recall(dialect: str) -> None:
    task = AddingTask(10, dialect, cue_distance=7)
    batch = draw(task, 200)
    _, other = cue_and_other(task, batch)
    for answer in (other, 2 * other - 1, np.full(200, 0.3), np.zeros(200)):
        assert recall_of(answer, task, batch) == 0.0


def test_recall_of_a_noisy_or_bent_answer_is_the_squared_partial_correlation() -> None:
    task, noise = AddingTask(10, cue_distance=7), np.random.default_rng(0).normal(size=5000)
    batch = draw(task, 5000)
    cue, other = cue_and_other(task, batch)
    for answer in (cue + 0.5 * noise, cue**2, cue + other**2, cue * other, noise):
        expected = partial_r_squared(answer, cue, other)
        assert recall_of(answer, task, batch) == pytest.approx(expected, rel=1e-9)
        assert expected < 0.99


@pytest.mark.parametrize("deviation", [0.1, math.sqrt(1 / 12), 1.0])
def test_recall_of_the_cue_in_noise_is_the_share_of_its_variance(deviation: float) -> None:
    """The variance of U[0, 1] is 1/12; r^2 of n pairs has a standard error of 2 r (1 - r^2) / sqrt(n)."""
    task, size = AddingTask(10, cue_distance=7), 10_000
    batch = draw(task, size)
    cue, other = cue_and_other(task, batch)
    expected = 1 / 12 / (1 / 12 + deviation**2)
    answer = cue + other + deviation * np.random.default_rng(1).normal(size=size)
    standard_error = 2 * math.sqrt(expected) * (1 - expected) / math.sqrt(size)
    assert recall_of(answer, task, batch) == pytest.approx(expected, abs=5 * standard_error)


def test_an_answer_without_memory_has_the_recall_of_chance() -> None:
    """1/(n-2): for n = 12 sequences 0.1."""
    task, stream = AddingTask(10, cue_distance=7), Generator().manual_seed(0)
    means = []
    for _ in range(1000):
        batch = task.sample(12, stream)
        answer = torch.rand(12, generator=stream).numpy() + cue_and_other(task, batch)[1]
        means.append(recall_of(answer, task, batch))
    assert np.mean(means) == pytest.approx(0.1, abs=5 * np.std(means) / math.sqrt(1000))


@DIALECTS
def test_where_no_distance_is_set_the_cue_is_the_earlier_value(dialect: str) -> None:
    task = AddingTask(10, dialect)
    batch = draw(task, 200)
    first, second = marked_steps(batch).T
    values = batch.inputs[..., 0].double().numpy()
    assert recall_of(values[first, np.arange(200)], task, batch) == pytest.approx(1.0, abs=1e-12)
    assert recall_of(values[second, np.arange(200)], task, batch) == 0.0
