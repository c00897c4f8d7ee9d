import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from span_search_coverage import SEARCH, length, reported_interval, searched, simulated, summary, t50s, trained

from lstm_bench.analysis.memory_span import learned_span
from lstm_bench.analysis.span_information import Grid, information
from lstm_bench.analysis.span_search import Pack, SpanSearch, next_lag, next_pack

CLIMBED = {4: 2, 8: 2, 16: 2, 32: 0}  # of two members each


def pack(lag: int, solved: int, attempts: int = 2, core_hours: float = 1.0) -> Pack:
    return Pack(lag, attempts, (0.5,) * solved, core_hours)


def packs(counts: dict[int, int], attempts: int = 2) -> list[Pack]:
    return [pack(lag, solved, attempts) for lag, solved in counts.items()]


@pytest.mark.parametrize(("smallest", "max_lag", "first"), [(1, 2048, 4), (2, 2048, 4), (10, 2048, 10), (1, 3, 3)])
def test_the_first_lag_is_the_shortest_or_4(smallest: int, max_lag: int, first: int) -> None:
    decision = next_lag([], [], SpanSearch(smallest, max_lag, length))
    assert (decision.lag, decision.reason) == (first, "climb")


@pytest.mark.parametrize(
    ("counts", "lag"),
    [({4: 2}, 8), ({4: 2, 8: 1}, 16), ({4: 0, 8: 2}, 16), ({4: 2, 64: 2}, 100)],
)
def test_it_climbs_an_octave_while_half_or_more_solve_at_the_longest_lag(counts: dict[int, int], lag: int) -> None:
    decision = next_lag(packs(counts), [], SpanSearch(1, 100, length))
    assert (decision.lag, decision.reason) == (lag, "climb")


def test_a_pack_in_flight_is_an_octave_ahead_and_no_more() -> None:
    assert next_lag([], [4], SEARCH).lag == 8
    decisions = [next_lag(packs({4: 2}), [8, *[4] * more], SEARCH) for more in range(3)]
    assert all(each.reason == "refine" and each.lag is not None and each.lag <= 16 for each in decisions)


def test_it_refines_between_the_last_that_solved_and_the_first_that_did_not() -> None:
    decision = next_lag(packs(CLIMBED), [], SEARCH)
    assert decision.reason == "refine"
    assert decision.lag in (19, 23, 27)


def test_it_recovers_from_an_unlucky_pack_while_it_climbs() -> None:
    unlucky = packs({4: 2, 8: 0})
    lags = []
    for _ in range(20):
        decision = next_lag(unlucky, [], SEARCH)
        assert decision.lag is not None
        lags.append(decision.lag)
        if decision.lag >= 64:
            break
        unlucky.append(pack(decision.lag, 2))  # T50 is far above all of them
    assert lags[-1] >= 64
    assert len(lags) <= 10


def test_the_packs_in_flight_make_their_own_lag_less_informative() -> None:
    alone = next_lag(packs(CLIMBED), [], SEARCH).lag
    assert alone is not None
    assert next_lag(packs(CLIMBED), [alone], SEARCH).lag != alone


def test_a_dear_lag_is_tried_only_where_it_tells_more() -> None:
    flat = next_lag(packs({4: 2, 8: 1, 16: 1, 32: 0}), [], replace(SEARCH, length=np.ones_like)).lag
    steep = next_lag(packs({4: 2, 8: 1, 16: 1, 32: 0}), [], replace(SEARCH, length=lambda lag: lag**3.0)).lag
    assert flat is not None
    assert steep is not None
    assert steep < flat


def test_decisions_depend_on_counts_and_not_on_order() -> None:
    done = [*packs({4: 2, 8: 1, 16: 2, 32: 0, 19: 1}), Pack(19, 2, (0.1, 0.7)), Pack(23, 1, (0.3,), 0.1)]
    decisions = {
        next_lag([done[i] for i in order], pending, SEARCH)
        for order in itertools.islice(itertools.permutations(range(len(done))), 0, 5040, 500)
        for pending in ([16, 27, 19], [27, 19, 16])
    }
    assert len(decisions) == 1


@pytest.mark.parametrize(
    ("counts", "attempts", "search", "reason"),
    [
        ({4: 6, 8: 6, 16: 6, 19: 6, 23: 0, 32: 0}, 6, replace(SEARCH, members=100), "precision"),
        ({4: 2, 8: 2, 16: 2, 32: 0}, 2, replace(SEARCH, members=9), "members"),
        ({4: 2, 8: 2, 16: 2, 32: 0}, 2, replace(SEARCH, core_hours=4.0), "core_hours"),
        ({4: 4, 8: 4, 16: 4}, 4, replace(SEARCH, max_lag=16), "max_lag"),
        ({10: 0}, 4, replace(SEARCH, smallest=10), "smallest lag"),
    ],
)
def test_it_stops_and_says_why(counts: dict[int, int], attempts: int, search: SpanSearch, reason: str) -> None:
    decision = next_lag(packs(counts, attempts), [], search)
    assert (decision.lag, decision.reason) == (None, reason)


def test_a_narrow_interval_outside_the_lags_is_no_reason_to_stop() -> None:
    assert next_lag(packs({16: 6, 19: 6}, 6), [], SEARCH).lag is not None
    assert next_lag(packs({16: 0, 19: 0}, 6), [], SEARCH).lag is not None


def test_one_unlucky_member_at_the_longest_lag_is_no_reason_to_stop() -> None:
    assert next_lag(packs({4: 2, 8: 2, 16: 1}), [], replace(SEARCH, max_lag=16)).lag is not None


def test_a_wide_interval_is_given_a_lag_beyond_it() -> None:
    shallow = {2: 3, 3: 3, 4: 3, 5: 2, 6: 1}
    decision = next_lag(packs(shallow, 4), [], replace(SEARCH, members=20))
    assert decision.high > 6 * math.sqrt(2)
    assert (decision.lag, decision.reason) == (11, "reach")


def test_the_interval_is_that_of_learned_span() -> None:
    counts = {4: 2, 8: 2, 16: 1, 32: 1, 64: 0}
    decision = next_lag(packs(counts), [], replace(SEARCH, smallest=4, max_lag=64))
    span = learned_span(list(counts), list(counts.values()), [2] * 5)
    assert [decision.low, decision.median, decision.high] == pytest.approx([span.low, span.median, span.high], rel=0.03)


def test_the_reported_interval_of_the_simulation_is_that_of_learned_span() -> None:
    rng = np.random.default_rng(0)
    for s in (0.05, 0.3, 2.0):
        trials = {lag: len(trained(lag, 6, 13.0, s, rng).shares) for lag in (4, 8, 11, 13, 16, 32)}
        span = learned_span(list(trials), list(trials.values()), [6] * len(trials))
        ends = reported_interval({lag: (solved, 6) for lag, solved in trials.items()})
        assert ends == pytest.approx((span.low, span.high), rel=0.02)


def test_information_is_the_mutual_information_of_the_joint_distribution() -> None:
    grid = Grid.between(4, 16, 2, 3)
    posterior = grid.posterior({4: (2, 2), 16: (0, 2)})
    p = grid.solve_probability([4, 8])
    for each, told in zip(p, information(posterior, p), strict=True):
        joint = np.array(
            [
                [
                    math.comb(2, k) * (each[t] ** k * (1 - each[t]) ** (2 - k) * posterior[t]).sum()
                    for t in range(len(posterior))
                ]
                for k in range(3)
            ]
        )
        entropies = [-(q * np.log(q)).sum() for q in (joint.sum(axis=0), joint.sum(axis=1), joint)]
        assert told == pytest.approx(entropies[0] + entropies[1] - entropies[2], abs=1e-5)


def test_outcomes_of_packs_in_flight_average_to_the_posterior() -> None:
    grid = Grid.between(4, 64, 8, 5)
    posterior = grid.posterior({4: (2, 2), 64: (0, 2)})
    outcomes = grid.outcomes(posterior, [16, 8])
    assert len(outcomes) == 9
    assert sum(weight for weight, _ in outcomes) == pytest.approx(1)
    assert sum(weight * after for weight, after in outcomes) == pytest.approx(posterior)
    assert len(grid.outcomes(posterior, [16, 8, 11, 11])) == 9


def results(t50: float, s: float) -> list[dict[int, Pack]]:
    """Return what pack number j gives at each lag, drawn beforehand."""
    rng = np.random.default_rng(1)
    lags = [next_lag([], [], SEARCH).lag, *range(1, 300)]
    return [{lag: trained(lag, 2, t50, s, rng) for lag in lags if lag} for _ in range(20)]


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_the_sequence_of_lags_does_not_depend_on_the_timing(depth: int) -> None:
    drawn = results(20.0, 0.3)
    sequences = set()
    for seed in range(3):
        rng = np.random.default_rng(seed)
        lags: list[int] = []
        ended: dict[int, Pack] = {}
        while True:
            decision = next_pack(lags, ended, depth, SEARCH)
            if decision and decision.lag is None:
                break
            flying = [number for number in range(len(lags)) if number not in ended]
            if decision and decision.lag and (not flying or rng.random() < 0.5):  # a slow lane waits with its start
                lags.append(decision.lag)
                assert len(flying) < 2 * depth
            else:
                number = int(rng.choice(flying))
                ended[number] = drawn[number][lags[number]]
        assert sorted(ended) == list(range(len(lags)))
        sequences.add((*lags, decision.reason))
    assert len(sequences) == 1


def test_a_pack_waits_for_the_results_that_it_is_chosen_by() -> None:
    assert next_pack([4], {}, 1, SEARCH) is None
    assert next_pack([4, 8], {1: pack(8, 2)}, 2, SEARCH) is None
    decision = next_pack([4, 8], {0: pack(4, 2)}, 2, SEARCH)
    assert decision == next_pack([4, 8], {0: pack(4, 2), 1: pack(8, 0)}, 2, SEARCH)
    assert decision == next_lag([pack(4, 2)], [8], SEARCH)


def test_a_stop_is_final_only_when_all_packs_have_ended() -> None:
    ended = dict(enumerate(packs({4: 6, 8: 6, 16: 6, 19: 6, 23: 0, 32: 0}, 6)))
    search = replace(SEARCH, members=100)
    lags = [*(each.lag for each in ended.values()), 27, 27, 27]
    assert next_pack(lags, ended, 4, search) is None
    surprised = next_pack(lags, ended | {number: pack(27, 2) for number in (6, 7, 8)}, 4, search)
    assert surprised is not None
    assert surprised.lag is not None


def test_a_pack_whose_members_failed_says_nothing_and_counts() -> None:
    failed = pack(16, 0, attempts=0)
    assert next_lag([*packs({4: 2, 8: 2}), failed], [], SEARCH).lag == 16
    assert next_lag([failed] * 20, [], SEARCH).reason == "members"


def test_decisions_do_not_hang_on_the_grid() -> None:
    fine = replace(SEARCH, points_per_octave=64, widths=41)
    pairs = []
    for s, t50 in ((0.05, 21.0), (0.3, 100.0), (1.0, 10.0)):
        rng = np.random.default_rng(2)
        done: list[Pack] = []
        while (lag := next_lag(done, [], SEARCH).lag) is not None:
            pairs.append((lag, next_lag(done, [], fine).lag))
            done.append(trained(lag, 2, t50, s, rng))
    assert np.mean([a == b for a, b in pairs]) > 0.95


def test_it_finds_spans_that_are_covered_for_less_than_a_grid() -> None:
    coverage, octaves, cost, members = summary(simulated(0.3, 1, 30))
    assert coverage >= 0.88
    assert octaves < 0.8
    assert cost < 35  # members at T50; 2, 4 ... 512 with 5 members each cost 50 or more
    assert members <= 40


@pytest.mark.parametrize("depth", [2, 4])
def test_more_packs_in_flight_find_the_span_too(depth: int) -> None:
    rng = np.random.default_rng(4)
    studies = [searched(t50, 0.1, depth, SEARCH, rng) for t50 in t50s(2, 512, 6, rng)]
    assert sum(study.covered for study in studies) >= 5
    assert max(study.octaves for study in studies) < 1
