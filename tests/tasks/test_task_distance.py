"""How long a memory is held, for every task: the closed form against sequences drawn, and against counting by hand."""

from collections.abc import Callable
from statistics import median
from typing import Any

import pytest
import torch
from test_every_task import CASES, has_lags
from torch import Generator, Tensor

from lstm_bench.study.planning import distance_of
from lstm_bench.tasks.adding import AddingTask
from lstm_bench.tasks.context import ContextTask
from lstm_bench.tasks.contract import median_of
from lstm_bench.tasks.copy import CopyTask
from lstm_bench.tasks.marked_pairs import MarkedPairsTask
from lstm_bench.tasks.segments import SegmentsTask
from lstm_bench.tasks.temporal_order import TemporalOrderTask

SEQUENCES = 20_000
FOUR_STANDARD_ERRORS = 4 * 0.5 / SEQUENCES**0.5  # of a share of one half


def first(found: Tensor) -> Tensor:
    """Return the first step [B] at which something is found [T, B]."""
    return found.int().argmax(dim=0)


def from_letters_to_the_marker(task: Any, inputs: Tensor) -> Tensor:
    """The first letter is recalled a step after the first marker (symbol 9), in s4 at it; others follow at its pace."""
    return first(inputs[..., 9] == 1) + (task.dialect != "s4") - first(inputs[..., :8].sum(dim=-1) == 1)


def from_the_first_marker_to_the_last_step(_: Any, inputs: Tensor) -> Tensor:
    return len(inputs) - 1 - first(inputs[..., 1] == 1)


def from_the_first_mark_to_the_end_mark(_: Any, inputs: Tensor) -> Tensor:
    ends = torch.where(inputs[..., 1] == -1, torch.arange(len(inputs)).unsqueeze(1), 0).amax(dim=0)
    return ends - first(inputs[..., 1] == 1)


def from_the_first_x_or_y_to_the_trigger(_: Any, inputs: Tensor) -> Tensor:
    return first(inputs[..., 7] == 1) - first(inputs[..., 4] + inputs[..., 5] == 1)


def from_cues_to_their_questions(_: Any, inputs: Tensor) -> Tensor:
    """The first clause of sequences with a cue there: words 0 to 3; the question is word 8, the boundary word 9."""
    in_the_first = inputs[..., 9].cumsum(dim=0) == 0
    cues = (inputs[..., :4].sum(dim=-1) == 1) & in_the_first
    return (first(inputs[..., 8] == 1) - first(cues))[cues.any(dim=0)]


def from_the_last_a_or_boundary(_: Any, inputs: Tensor) -> Tensor:
    """At letters that are neither "a" (symbol 0) nor boundary (symbol 4)."""
    decides = inputs[..., 0] + inputs[..., 4] == 1
    steps = torch.arange(len(inputs)).unsqueeze(1).expand_as(decides)
    return (steps - torch.where(decides, steps, 0).cummax(dim=0).values)[~decides]


def from_the_cue_to_the_end_of_the_inner_string(_: Any, inputs: Tensor) -> Tensor:
    """Of the first string: its cue is at step 1, and what follows the first "E" (symbol 6) must be the cue again."""
    return first(inputs[..., 6] == 1) - 1


def from_the_first_step_to_each_answer(task: Any, inputs: Tensor) -> Tensor:
    lasts = (inputs.sum(dim=-1) > 0).sum(dim=0) - 1
    if task.asked == "last_step":
        return lasts
    return torch.cat([lasts[lasts >= step].clamp_max(step) for step in range(1, len(inputs))])


def from_the_marked_symbol_to_the_question(_: Any, inputs: Tensor) -> Tensor:
    return first(inputs[..., 9] == 1) - first(inputs[..., 8] == 1)


def from_each_letter_to_its_turn(_: Any, inputs: Tensor) -> Tensor:
    """Letters are symbols 0 to 7; the first is recalled at the first marker (symbol 9), others in turn."""
    is_letter = (inputs[..., :8].sum(dim=-1) == 1).T
    turn = is_letter.cumsum(dim=1) - 1
    return (first(inputs[..., 9] == 1).unsqueeze(1) + turn - torch.arange(len(inputs)))[is_letter]


def from_each_key_to_its_question(task: Any, inputs: Tensor) -> Tensor:
    """Keys are symbols 0 to 15: shown at even steps of the first 2n, and asked for at later steps."""
    symbols, shown = inputs.argmax(dim=-1), 2 * task.n_pairs
    steps = torch.arange(len(inputs)).unsqueeze(1)
    gaps = [
        torch.where((symbols == symbols[i]) & (steps >= shown), steps, 0).amax(dim=0) - i for i in range(0, shown, 2)
    ]
    return torch.cat(gaps)


# Found from the inputs alone: a new task adds how to find its farthest cue and its answer.
FINDERS: dict[str, Callable[[Any, Tensor], Tensor]] = {
    "CopyTask": from_letters_to_the_marker,
    "AddingTask": from_the_first_marker_to_the_last_step,
    "MarkedPairsTask": from_the_first_mark_to_the_end_mark,
    "TemporalOrderTask": from_the_first_x_or_y_to_the_trigger,
    "ContextTask": from_cues_to_their_questions,
    "SegmentsTask": from_the_last_a_or_boundary,
    "ReberTask": from_the_cue_to_the_end_of_the_inner_string,
    "ModularAdditionTask": from_the_first_step_to_each_answer,
    "DelayedRecallTask": from_the_marked_symbol_to_the_question,
    "SelectiveCopyTask": from_each_letter_to_its_turn,
    "AssociativeRecallTask": from_each_key_to_its_question,
}


WITH_LAGS = [case for case in CASES if has_lags(type(case.values[0]))]
WITHOUT = [case for case in CASES if case not in WITH_LAGS]


@pytest.mark.parametrize("task", WITHOUT)
def test_a_task_of_natural_data_states_no_distance(task: Any) -> None:
    """Nobody knows which of its steps an answer needs: reports tell its lag."""
    assert not hasattr(task, "distance")
    assert distance_of(task) is None


@pytest.mark.parametrize("lag", [6, 17])
@pytest.mark.parametrize("task", WITH_LAGS)
def test_half_of_the_sequences_hold_their_farthest_cue_for_less_than_the_distance(task: Any, lag: int) -> None:
    assert type(task).__name__ in FINDERS, "add to FINDERS how this task's cue and answer are found"
    at_lag = task.at_lag(lag)
    inputs = at_lag.sample(SEQUENCES, Generator().manual_seed(lag)).inputs
    steps = FINDERS[type(task).__name__](at_lag, inputs).double()
    for is_beyond in (steps < at_lag.distance, steps > at_lag.distance):
        assert float(is_beyond.double().mean()) <= 0.5 + FOUR_STANDARD_ERRORS


@pytest.mark.parametrize(
    ("task", "distance"),
    [
        (CopyTask(1), 4),  # a b c > . . .: a at step 0 is recalled at step 4
        (CopyTask(20, n_symbols=10, dialect="s4"), 30),
        (AddingTask(2), 1),  # both are marked
        (AddingTask(6), 4),  # the first at step 0, 1 or 2, the answer at step 5: 5, 4, 3
        (AddingTask(4), 2.5),  # 3 or 2
        (AddingTask(5), 3.5),  # 4 or 3, the first half having two steps
        (AddingTask(120), 89.5),
        (AddingTask(3, "anywhere"), 2),  # pairs 01, 02, 12: 2, 2, 1
        (AddingTask(4, "anywhere"), 2.5),  # pairs 01, 02, 03: 3; 12, 13: 2; 23: 1
        (MarkedPairsTask(3), 4),  # pairs 0 and 1 of 6 are marked, the 0th counts for nothing
        (MarkedPairsTask(4), 6),  # of 8, and likewise: pairs 01, 10, 12, 21: 6; 02, 20: 5
        (TemporalOrderTask(2), 3),  # E X . Y B would be 3 with the first mark at position 2 of 5
        (TemporalOrderTask(40), 90),  # lengths 100 to 110, first mark at 10 to 20
        (TemporalOrderTask(24, "6b"), 90),
        (ContextTask(4), 4),
        (SegmentsTask(1), 1),
    ],
)
def test_the_distance_at_small_lags_is_what_one_counts_by_hand(task: Any, distance: float) -> None:
    assert task.distance == distance


@pytest.mark.parametrize("lag", [1, 2, 5, 30])
def test_segments_agree_with_the_sum_over_all_steps(lag: int) -> None:
    """The age of the last "a" or boundary at each step, walked forward as a chain of probabilities."""
    length, w = 4 * (lag + 1), (lag / (lag + 1)) ** 2
    chance, total = torch.zeros(length, dtype=torch.double), torch.zeros(length, dtype=torch.double)
    chance[0] = 1.0
    for _ in range(1, length):
        chance = torch.cat((torch.tensor([1 - w]).double(), w * chance[:-1]))
        total += chance
    below = total[1:].cumsum(dim=0) / total[1:].sum()  # ages of 1, 2, ..
    assert SegmentsTask(lag).distance == 1 + int((below < 0.5).sum())


@pytest.mark.parametrize("values", [[3], [1, 2], [1, 1, 2], [1, 2, 2, 5], [1, 1, 4, 9], [7, 3, 3, 8, 2]])
def test_the_median_of_counts_is_the_median_of_the_list(values: list[int]) -> None:
    counts = {value: values.count(value) for value in values} | {0: 0, 6: 0}
    assert median_of(counts) == median(values)


def test_nothing_has_no_median() -> None:
    with pytest.raises(ValueError, match="the median of nothing"):
        median_of({1: 0})
