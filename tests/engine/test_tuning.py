"""The learning rate is chosen by who solves, then how soon, then how well; the worse half is dropped half-way."""

import itertools
import math
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from torch import Generator

from lstm_bench.cells.contract import Cell
from lstm_bench.cells.rnn import RNNCell
from lstm_bench.engine.run import Run
from lstm_bench.engine.seeds import Member
from lstm_bench.engine.settings import TrainingSettings
from lstm_bench.engine.training import Training, rate_share, train
from lstm_bench.engine.tuning import Trial, best_first, half_decade, rate_beyond, surviving_rates
from lstm_bench.tasks.copy import CopyTask

BUDGET = 1000
GRID = (3e-4, 1e-3, 3e-3, 1e-2, 3e-2)
TASK = CopyTask(lag=3, n_symbols=1)
SETTINGS = TrainingSettings(batch_size=8, steps=20, eval_every=5, eval_size=20, confirm_size=20, halving=True)
CANDIDATES = [Member("tuning", seed, rate) for rate in GRID for seed in (0, 1)]


def cell(stream: Generator) -> Cell:
    return RNNCell(TASK.input_size, 6, generator=stream)


@pytest.mark.parametrize(
    ("trials", "order"),
    [
        ([(1e-2, 900, 0.0), (1e-3, None, 0.2)], [1e-2, 1e-3]),
        ([(1e-2, 900, 0.0), (1e-2, None, 0.9), (1e-3, 950, 0.0), (1e-3, 960, 0.0)], [1e-3, 1e-2]),  # 2 before 1
        ([(1e-2, 400, 0.0), (1e-2, None, 1.0), (1e-3, 500, 0.0), (1e-3, None, 0.0)], [1e-2, 1e-3]),  # 700 before 750
        ([(1e-2, None, 0.5), (1e-3, None, 0.4)], [1e-3, 1e-2]),
        ([(1e-2, None, 7.0), (1e-2, None, 0.4), (1e-3, None, 1.3)], [1e-2, 1e-3]),  # above 2 counts as 2: 1.2, 1.3
        ([(1e-2, None, math.nan), (1e-2, None, 0.4), (1e-3, None, 1.3)], [1e-2, 1e-3]),  # diverged counts as 2
        ([(1e-2, None, 1.0), (1e-3, None, 1.0)], [1e-3, 1e-2]),  # a tie: the smaller
        ([(1e-2, 1200, 0.0), (1e-3, None, 0.9)], [1e-2, 1e-3]),  # solved after the budget is not solved: by its loss
    ],
)
def test_rates_are_ranked_by_members_solved_then_mean_steps_then_loss(trials, order):
    ranked = [Trial(*trial) for trial in trials]
    assert best_first(ranked, BUDGET) == order
    assert best_first(ranked[::-1], BUDGET) == order


def test_one_lucky_seed_does_not_decide():
    lucky, steady = [(1e-3, 100), (1e-3, None), (1e-3, None)], [(1e-2, 900), (1e-2, 900), (1e-2, None)]
    trials = [Trial(rate, steps, 0.5) for rate, steps in (*lucky, *steady)]
    assert best_first(trials, BUDGET)[0] == 1e-2


def test_the_better_half_survives_with_the_middle_one():
    trials = [Trial(rate, None, 0.1 * place) for place, rate in enumerate(GRID)]
    assert surviving_rates(trials, BUDGET) == list(GRID[:3])
    assert surviving_rates(trials[:4], BUDGET) == list(GRID[:2])
    assert surviving_rates(trials[:1], BUDGET) == [GRID[0]]


def test_a_grid_is_extended_by_half_a_decade_where_its_best_rate_lies_at_an_end():
    assert rate_beyond(3e-4, GRID) == 1e-4
    assert rate_beyond(3e-2, GRID) == 0.1
    assert [rate_beyond(rate, GRID) for rate in GRID[1:-1]] == [None] * 3
    assert rate_beyond(1e-3, (1e-3, 3e-3)) is None  # two rates have no inside


@pytest.mark.parametrize(("rate", "below", "above"), [(1e-3, 3e-4, 3e-3), (0.03, 0.01, 0.1), (2e-3, 1e-3, 1e-2)])
def test_half_decades_are_1_and_3_times_powers_of_ten(rate, below, above):
    assert (half_decade(rate, -1), half_decade(rate, 1)) == (below, above)


def runs_of(settings: TrainingSettings) -> dict[Member, Run]:
    return {run.member: run for run in train(TASK, cell, CANDIDATES, settings)}


def test_members_at_dropped_rates_end_half_way_and_the_others_as_if_nothing_had_been_dropped():
    halved, whole = runs_of(SETTINGS), runs_of(replace(SETTINGS, halving=False))
    at_half = [
        Trial(run.member.learning_rate, None, value)
        for run in whole.values()
        for step, name, value in run.curves
        if (step, name) == (10, "eval/recall_ce_share")
    ]
    surviving = surviving_rates(at_half, 10)
    assert Counter(run.status for run in halved.values())["dropped"] == 4
    for member, run in halved.items():
        if member.learning_rate in surviving:
            assert run.steps == 20
            assert run.curves == whole[member].curves
        else:
            assert (run.status, run.steps) == ("dropped", 10)
            assert run.curves == [point for point in whole[member].curves if point[0] <= 10]


def test_training_taken_up_around_the_half_drops_the_same_members():
    uninterrupted = runs_of(SETTINGS)
    for stop in (9, 10, 11):
        training, ended = Training(TASK, cell, CANDIDATES, SETTINGS), []
        while training.step < stop:
            ended += training.advance()
        training = Training.resumed(TASK, cell, training.state(), SETTINGS)
        while training.active:
            ended += training.advance()
        assert {run.member: (run.status, run.steps, run.curves) for run in ended} == {
            member: (run.status, run.steps, run.curves) for member, run in uninterrupted.items()
        }


def test_reported_members_share_a_rate_and_none_is_dropped():
    reported = [Member("report", seed, 1e-3) for seed in range(4)]
    assert {run.steps for run in train(TASK, cell, reported, SETTINGS)} == {20}


def test_a_cosine_brings_the_rate_from_its_whole_to_nothing():
    constant, cosine = SETTINGS, replace(SETTINGS, schedule="cosine")
    assert [rate_share(step, constant) for step in (0, 10, 19)] == [1.0] * 3
    assert [rate_share(step, cosine) for step in (0, 5, 10, 20)] == pytest.approx([1, 0.5 + 0.5**1.5, 0.5, 0])


def test_with_a_cosine_the_first_step_is_that_of_a_constant_rate_and_the_later_ones_are_smaller():
    first, last = Member("report", 0, 1e-3), []
    for schedule in ("constant", "cosine"):
        settings = replace(SETTINGS, schedule=schedule)
        training = Training(TASK, cell, [first], settings)
        weights = [training.state()["population"]["weights"]]
        while training.active:
            training.advance()
            weights.append(training.state()["population"]["weights"])
        last.append([float((b - a).norm()) for a, b in itertools.pairwise(weights)])
    constant, cosine = last
    assert cosine[0] == constant[0]
    assert cosine[15] < 0.5 * constant[15]


def share_dropped(hardness: float, spread: float, seeds: int, draws: int = 1000) -> tuple[float, float]:
    """Return how often halving drops the best rate, and a rate other than the best of five is chosen at the end.

    log10 of the share of the budget that a member needs is `hardness` at the best rate, 0.15 d^2 more d half-decades
    beside it, with a normal spread; before it solves its normalised loss falls with the square root of time.
    """
    generator = np.random.default_rng(0)
    best, dropped, missed = 3, 0, 0
    for _ in range(draws):
        centre = hardness + 0.15 * (np.arange(5) - best)[:, None] ** 2
        needed = BUDGET * 10 ** (centre + spread * generator.standard_normal((5, seeds)))

        def trials(until: float, needed: np.ndarray = needed) -> list[Trial]:
            return [
                Trial(rate, int(n) if n <= until else None, max(0.0, 1 - math.sqrt(min(until, n) / n)))
                for rate, of_rate in zip(GRID, needed, strict=True)
                for n in of_rate
            ]

        surviving = surviving_rates(trials(BUDGET / 2), int(BUDGET / 2))
        dropped += GRID[best] not in surviving
        chosen = next(rate for rate in best_first(trials(BUDGET), BUDGET) if rate in surviving)
        missed += chosen != GRID[best]
    return dropped / draws, missed / draws


@pytest.mark.parametrize("hardness", [-0.3, 0.0, 0.3])  # solved by half of the budget, by its end, after it
def test_halving_seldom_drops_the_best_of_five_rates_with_four_seeds(hardness):
    dropped, missed = share_dropped(hardness, spread=0.2, seeds=4, draws=200)
    assert dropped <= 0.02
    assert dropped <= missed < 0.4  # what four seeds cannot tell apart is missed without halving as well
