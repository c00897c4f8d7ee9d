"""What the rest of the house relies on, for every task in lstm_bench.tasks and every choice of its settings."""

import importlib
import inspect
import pkgutil
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from itertools import product
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest
import tiny_mnist
import torch
from scipy import stats
from strings_by_hand import counted
from torch import Generator, Tensor

from lstm_bench import tasks
from lstm_bench.tasks.contract import Batch, scored
from lstm_bench.tasks.masking import valid_mask
from lstm_bench.tasks.pixels import PixelTask

LAG, B, M = 6, 5, 3
MEMBERS = ("sample", "loss", "metrics", "oracle", "solved")


def task_types() -> Iterator[type]:
    for info in pkgutil.iter_modules(tasks.__path__, "lstm_bench.tasks."):
        module = importlib.import_module(info.name)
        for _, candidate in inspect.getmembers(module, inspect.isclass):
            at_home = candidate.__module__ == module.__name__ and not getattr(candidate, "_is_protocol", False)
            at_home = at_home and not inspect.isabstract(candidate)
            if at_home and all(hasattr(candidate, member) for member in MEMBERS):
                yield candidate


def choices(task_type: type) -> Iterator[dict[str, Any]]:
    """Return every combination of the settings that are chosen from a list."""
    hints = get_type_hints(task_type.__init__)
    listed = {name: get_args(hint) for name, hint in hints.items() if get_origin(hint) is Literal}
    for values in product(*listed.values()):
        yield dict(zip(listed, values, strict=True))


# What a yaml chooses beside these, and what a task needs: a file.
OTHER_SETTINGS: dict[str, list[dict[str, Any]]] = {"ModularAdditionTask": [{}, {"modulus": 5}]}
NEEDS: dict[str, Callable[[], dict[str, Any]]] = {
    "MnistTask": lambda: {"lag": tiny_mnist.PIXELS, "file": tiny_mnist.folder()}
}


def has_lags(task_type: type) -> bool:
    """Return whether the task has a lag that one may choose."""
    return not issubclass(task_type, PixelTask)


def cases() -> Iterator[Any]:
    for task_type in task_types():
        name = task_type.__name__
        needed = {"lag": LAG} if has_lags(task_type) else NEEDS.get(name, dict)()
        for chosen in choices(task_type):
            for others in OTHER_SETTINGS.get(name, [{}]):
                settings = chosen | others
                yield pytest.param(task_type(**needed, **settings), id="-".join([name, *map(str, settings.values())]))


def at_lag(task: Any, lag: int) -> Any:
    """Return the task at a lag, or as it is where it has one alone."""
    return task.at_lag(lag if has_lags(type(task)) else task.lag)


CASES = list(cases())
pytestmark = pytest.mark.parametrize("task", CASES)


def seeded(seed: int) -> Generator:
    return Generator().manual_seed(seed)


def guesses(task: Any, *between: int) -> Tensor:
    """Return predictions [S, ..., B, C] of a model that has learnt nothing."""
    return torch.randn(task.predicted_steps, *between, B, task.output_size, generator=seeded(9))


def stacked(task: Any) -> Batch:
    """Return one batch a member: inputs [T, M, B, D], targets [S, M, B]."""
    inputs, targets = zip(*(task.sample(B, seeded(m)) for m in range(M)), strict=True)
    return Batch(torch.stack(inputs, dim=1), torch.stack(targets, dim=1))


def test_shapes_are_as_documented(task: Any) -> None:
    batch = task.sample(B, seeded(0))
    assert task.lag == (LAG if has_lags(type(task)) else task.length)
    assert batch.inputs.shape == (task.length, B, task.input_size)
    assert batch.inputs.dtype == torch.float32
    assert batch.targets.shape == (task.predicted_steps, B)
    assert 1 <= task.predicted_steps <= task.length
    assert task.oracle(batch.inputs).shape == (task.predicted_steps, B, task.output_size)


def test_the_generator_alone_decides_the_batch(task: Any) -> None:
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first, again, other = (task.sample(B, seeded(seed)) for seed in (7, 7, 8))
    assert torch.equal(first.inputs, again.inputs) and not torch.equal(first.inputs, other.inputs)
    asked_first, asked_again, asked_other = (batch.targets.nan_to_num(-9) for batch in (first, again, other))
    assert torch.equal(asked_first, asked_again) and not torch.equal(asked_first, asked_other)
    assert torch.equal(torch.get_rng_state(), before), "torch's global generator was used"


def test_a_generator_gives_fresh_sequences_at_every_draw(task: Any) -> None:
    stream = seeded(0)
    assert not torch.equal(task.sample(B, stream).inputs, task.sample(B, stream).inputs)


def test_sequences_of_a_batch_differ(task: Any) -> None:
    inputs = task.sample(B, seeded(0)).inputs
    assert not torch.equal(inputs[:, 0], inputs[:, 1])


def test_every_metric_has_a_unit_and_a_baseline(task: Any) -> None:
    names = set(task.metrics(guesses(task), task.sample(B, seeded(0)).targets))
    assert names == set(task.units) == set(task.baselines)
    assert {"loss", task.score, task.criterion} <= names
    assert isinstance(task.variant, str)


def test_the_oracle_scores_exactly_one_and_counts_as_solved(task: Any) -> None:
    batch = task.sample(B, seeded(0))
    metrics = {name: float(value) for name, value in task.metrics(task.oracle(batch.inputs), batch.targets).items()}
    assert metrics[task.score] == 1
    assert metrics["loss"] == 0
    assert task.solved(metrics) is True


def test_the_oracle_takes_a_member_axis(task: Any) -> None:
    batch = stacked(task)
    predictions = task.oracle(batch.inputs)
    for m in range(M):
        assert torch.equal(predictions[:, m], task.oracle(batch.inputs[:, m]))


def test_the_baselines_do_not_count_as_solved(task: Any) -> None:
    assert task.solved(task.baselines) is False


def test_the_solved_share_is_where_the_rule_draws_its_line(task: Any) -> None:
    perfect = {name: 1.0 if name == task.score else 0.0 for name in task.baselines}
    line = task.solved_share * task.baselines[task.criterion]
    assert task.solved(perfect | {task.criterion: line * 0.999})
    assert not task.solved(perfect | {task.criterion: line * 1.001})
    assert task.description.endswith(".")
    assert task.solved_rule


def test_metrics_with_a_member_axis_equal_metrics_member_by_member(task: Any) -> None:
    targets, predictions = stacked(task).targets, guesses(task, M)
    together = task.metrics(predictions, targets)
    for name, values in together.items():
        assert values.shape == (M,)
        alone = torch.stack([task.metrics(predictions[:, m], targets[:, m])[name] for m in range(M)])
        torch.testing.assert_close(values, alone, rtol=1e-6, atol=1e-6)


def test_the_trained_loss_is_the_metric_called_loss(task: Any) -> None:
    targets, predictions = stacked(task).targets, guesses(task, M)
    assert torch.equal(task.loss(predictions, targets), task.metrics(predictions, targets)["loss"])


def test_a_nan_in_one_member_stays_there(task: Any) -> None:
    targets, predictions = stacked(task).targets, guesses(task, M)
    clean = task.metrics(predictions, targets)["loss"]
    predictions[:, 1] = torch.nan
    loss = task.metrics(predictions, targets)["loss"]
    assert loss[1].isnan()
    assert torch.equal(loss[[0, 2]], clean[[0, 2]])


def test_the_loss_reads_every_predicted_step_at_which_something_is_asked_and_no_other(task: Any) -> None:
    predictions, targets = guesses(task).requires_grad_(), task.sample(B, seeded(0)).targets
    task.loss(predictions, targets).backward()
    assert predictions.grad is not None
    assert torch.equal(predictions.grad.abs().sum(dim=-1) > 0, valid_mask(targets))


def test_of_every_sequence_something_is_asked_at_its_last_step_and_nothing_after(task: Any) -> None:
    batch = task.sample(200, seeded(0))
    for b, length in enumerate(batch.lengths.tolist()):
        (steps,) = valid_mask(batch.targets[:, b]).nonzero(as_tuple=True)
        assert int(steps[-1]) + task.length - task.predicted_steps == length - 1


def test_what_stands_behind_the_end_of_a_sequence_is_nothing_and_changes_nothing(task: Any) -> None:
    batch = task.sample(200, seeded(0))
    behind = torch.arange(task.length).unsqueeze(1) >= batch.lengths
    assert bool(behind.any()) is hasattr(task, "shortest")
    assert batch.inputs[behind].eq(0).all()
    steps = torch.arange(task.length - task.predicted_steps, task.length).unsqueeze(1)
    predictions = torch.randn(task.predicted_steps, 200, task.output_size, generator=seeded(1))
    otherwise = torch.where((steps >= batch.lengths).unsqueeze(-1), 1e6, predictions)
    for name, value in task.metrics(predictions, batch.targets).items():
        assert torch.equal(value, task.metrics(otherwise, batch.targets)[name]), name


def test_lengths_are_uniform_up_to_the_longest(task: Any) -> None:
    longer = at_lag(task, 24)
    shortest = getattr(longer, "shortest", longer.length)
    counts = longer.sample(6000, seeded(0)).lengths.bincount()
    assert counts[:shortest].sum() == 0
    assert len(counts) == longer.length + 1
    assert stats.chisquare(counts[shortest:]).pvalue > 0.001 or shortest == longer.length


def eight_letters_at_the_recall(task: Any, inputs: Tensor) -> Tensor:
    """Return copy's memoryless predictor: certain blanks (class 8), then one chance in eight for each letter."""
    predictions = torch.full((task.predicted_steps, inputs.shape[1], task.output_size), -1000.0)
    recall = task.predicted_steps - task.n_symbols
    predictions[:recall, :, 8] = 0
    predictions[recall:, :, :8] = 0
    return predictions


def always_one(task: Any, inputs: Tensor) -> Tensor:
    """Return adding's memoryless predictor: the mean of the sum."""
    return torch.ones(task.predicted_steps, inputs.shape[1], task.output_size)


def five_answers_at_the_question(_: Any, inputs: Tensor) -> Tensor:
    """Return context's memoryless predictor: silence (class 5), but at the word 8 one chance in five each."""
    asked = inputs.argmax(dim=-1, keepdim=True) == 8
    answers, silence = torch.tensor([0.0] * 5 + [-1000.0]), torch.tensor([-1000.0] * 5 + [0.0])
    return torch.where(asked, answers, silence)


def no_unless_it_is_an_a(task: Any, inputs: Tensor) -> Tensor:
    """Return segments' memoryless predictor: no at a boundary (4), yes at an "a" (0), else by the clock, see P_t below.

    Found by walking the chain of what a step can be: no "a" yet in this segment, or one.
    """
    p, chances, yet = 1 / (task.lag + 1), [1.0], 0.0  # yet: the share of streams with an "a" so far
    for _ in range(1, task.length):
        chances.append(1 - yet)
        yet = (1 - p) * (yet + (1 - yet) * p)
    symbols, clock = inputs.argmax(dim=-1), torch.tensor(chances).unsqueeze(1)
    no = torch.where(symbols == 4, 1.0, torch.where(symbols == 0, 0.0, clock))
    return torch.stack((no, 1 - no), dim=-1).log().clamp_min(-1000.0)


def the_mean_of_the_answers(task: Any, inputs: Tensor) -> Tensor:
    """Return the memoryless predictor of sum and product: the mean answer, for the product from a million draws.

    The first pair, whose value does not count, is marked with probability q.
    """
    if task.operation == "sum":
        return torch.full((task.predicted_steps, inputs.shape[1], 1), 0.5)
    window = min(10, task.lag - 1)
    q = 1 / window + (1 - 1 / window) / (task.lag - 2)
    return torch.full((task.predicted_steps, inputs.shape[1], 1), (1 - q) / 4 + q / 2)


def where_most_answers_are(task: Any, inputs: Tensor) -> Tensor:
    """Return the constant around which most answers lie: the density of a product is highest at 0."""
    return torch.full((task.predicted_steps, inputs.shape[1], 1), 0.5 if task.operation == "sum" else 0.04)


def all_classes_alike(task: Any, inputs: Tensor) -> Tensor:
    """Return even chances for every class."""
    return torch.zeros(task.predicted_steps, inputs.shape[1], task.output_size)


def always_the_first_class(task: Any, inputs: Tensor) -> Tensor:
    """Return certainty of one class, which is right as often as any."""
    predictions = torch.zeros(task.predicted_steps, inputs.shape[1], task.output_size)
    predictions[..., 0] = 1000.0
    return predictions


def what_follows_the_symbol(task: Any, inputs: Tensor) -> Tensor:
    """Return reber's memoryless predictor: how often each set follows the present symbol, from strings drawn by hand.

    Zeros, behind the end of a single string, are followed by B (class 0).
    """
    frequencies = counted(task.lag, task.length, task.dialect).log().clamp_min(-1000.0)
    after_zeros = torch.tensor([0.0] + [-1000.0] * 7)
    is_zero = inputs.sum(dim=-1, keepdim=True) == 0
    return torch.where(is_zero, after_zeros, frequencies[inputs.argmax(dim=-1)])


def one_cue_or_the_other(task: Any, inputs: Tensor) -> Tensor:
    """Return reber's best guess of an answer: even chances for T (class 2) and P (class 3) alone."""
    cues = torch.tensor([0.0 if c in (2, 3) else -1000.0 for c in range(8)])
    return cues.expand(task.predicted_steps, inputs.shape[1], 8)


def classes_behind_the_last_pixel(task: Any, inputs: Tensor) -> Tensor:
    """Return the pixel tasks' memoryless predictor: how often each class has the last pixel that is seen.

    Counted one by one over the images of evaluation; steps behind the image show background, whatever it was.
    """
    _, images = task.images
    shown = len(inputs) == task.lag
    order = pixel_order(task)
    by_value: dict[int, Counter[int]] = defaultdict(Counter)
    for image, label in zip(images.pixels.tolist(), images.labels.tolist(), strict=True):
        by_value[image[order[-1]] if shown else 0][label] += 1
    seen = (inputs[-1, :, 0] * images.white).round().int().tolist()
    shares = [[by_value[value][c] / by_value[value].total() for c in range(10)] for value in seen]
    return torch.tensor(shares).log().clamp_min(-1000.0).unsqueeze(0)


def pixel_order(task: Any) -> list[int]:
    """Return which pixel stands at each step."""
    return list(range(task.lag)) if task.order == "rows" else torch.randperm(task.lag, generator=seeded(0)).tolist()


# Built here, not taken from the task: a new task adds the predictor that its baselines speak of.
MEMORYLESS: dict[str, Callable[[Any, Tensor], Tensor]] = {
    "CopyTask": eight_letters_at_the_recall,
    "AddingTask": always_one,
    "ContextTask": five_answers_at_the_question,
    "SegmentsTask": no_unless_it_is_an_a,
    "MarkedPairsTask": the_mean_of_the_answers,
    "TemporalOrderTask": all_classes_alike,
    "ReberTask": what_follows_the_symbol,
    "ModularAdditionTask": all_classes_alike,
    "DelayedRecallTask": all_classes_alike,
    "SelectiveCopyTask": all_classes_alike,
    "AssociativeRecallTask": all_classes_alike,
    "DigitsTask": classes_behind_the_last_pixel,
    "MnistTask": classes_behind_the_last_pixel,
}
# Where another predictor does better by one metric alone.
BEST_BY: dict[tuple[str, str], Callable[[Any, Tensor], Tensor]] = {
    ("MarkedPairsTask", "correct"): where_most_answers_are,
    ("TemporalOrderTask", "correct"): always_the_first_class,
    ("ModularAdditionTask", "accuracy"): always_the_first_class,
    ("DelayedRecallTask", "accuracy"): always_the_first_class,
    ("SelectiveCopyTask", "accuracy"): always_the_first_class,
    ("AssociativeRecallTask", "accuracy"): always_the_first_class,
    ("ReberTask", "recall_ce"): one_cue_or_the_other,
    ("ReberTask", "recall_accuracy"): one_cue_or_the_other,
}


def test_the_best_memoryless_predictor_reaches_the_baselines(task: Any) -> None:
    """Within 5 standard errors, taken from the spread over 40 batches of 500 sequences."""
    assert type(task).__name__ in MEMORYLESS, "add the memoryless predictor of this task to MEMORYLESS"
    stream, kind = seeded(0), type(task).__name__
    drawn = [scored(task).sample(500, stream) for _ in range(40)]
    for name, baseline in task.baselines.items():
        predictor = BEST_BY.get((kind, name), MEMORYLESS[kind])
        values = torch.stack([task.metrics(predictor(task, b.inputs), b.targets)[name] for b in drawn]).double()
        standard_error = float(values.std()) / len(drawn) ** 0.5
        assert float(values.mean()) == pytest.approx(baseline, abs=5 * standard_error + 1e-5), name


def test_cues_stand_at_ascending_distances(task: Any) -> None:
    distances = list(task.cue_distances)
    assert distances == sorted(set(distances))
    assert distances[0] >= 1
    assert len(distances) >= 3


def test_the_oracle_recalls_every_cue_at_every_distance(task: Any) -> None:
    for distance in task.cue_distances:
        at_distance = task.at_distance(distance)
        batch = at_distance.sample(50, seeded(distance))
        recalls = at_distance.recall(at_distance.oracle(batch.inputs), batch)
        assert recalls.dim() == 1
        assert recalls.tolist() == pytest.approx([1.0] * len(recalls), abs=1e-9)


def test_the_best_memoryless_predictor_recalls_nothing_at_any_distance(task: Any) -> None:
    """Within 5 standard errors, taken from the spread over 20 batches of 400 sequences."""
    for distance in task.cue_distances:
        at_distance, stream = scored(task).at_distance(distance), seeded(distance)
        predictor = MEMORYLESS[type(task).__name__]
        drawn = [at_distance.sample(400, stream) for _ in range(20)]
        values = torch.stack([at_distance.recall(predictor(at_distance, b.inputs), b).mean() for b in drawn])
        standard_error = float(values.std()) / len(values) ** 0.5
        assert float(values.mean()) == pytest.approx(0.0, abs=5 * standard_error + 1e-12)


def test_at_another_lag_or_distance_a_model_still_fits(task: Any) -> None:
    for other in (at_lag(task, 9), *(task.at_distance(distance) for distance in task.cue_distances)):
        assert (other.input_size, other.output_size, other.variant) == (
            task.input_size,
            task.output_size,
            task.variant,
        )
        assert type(other) is type(task)
        assert other.sample(B, seeded(0)).inputs.shape == (other.length, B, task.input_size)
    assert at_lag(task, 9).lag == (9 if has_lags(type(task)) else task.lag)
    assert task.at_lag(task.lag) == task


def test_a_lag_or_a_distance_that_the_task_does_not_have_is_refused(task: Any) -> None:
    for refused in (lambda: task.at_lag(0), lambda: task.at_distance(0)):
        with pytest.raises(ValueError, match=r"^\w+=0: allowed: "):
            refused()
