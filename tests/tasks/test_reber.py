"""Embedded Reber strings: what the grammar allows, how long the cue is held, and that nothing else tells of it."""

import math
import random
from collections import Counter
from itertools import product

import pytest
import torch
import torch.nn.functional as F
from scipy import stats
from strings_by_hand import BRANCHES, SETS, STRING, SYMBOLS, inner_string, set_at
from torch import Generator, Tensor

from lstm_bench.tasks import reber_grammar
from lstm_bench.tasks.contract import Batch
from lstm_bench.tasks.reber import ReberTask
from lstm_bench.tasks.reber_grammar import FOLLOWING, held_chain, median_hold, walk

HAND = "BTBPVVETEBPBTSXSEPE"  # two strings
HAND_SETS = ["TP", "B", "TP", "TV", "PV", "E", "T", "E", "B", "TP", "B", "TP", "SX", "SX", "SX", "E", "P", "E", "B"]


def draw(task: ReberTask, size: int = 300, seed: int = 0) -> Batch:
    return task.sample(size, Generator().manual_seed(seed))


def texts(batch: Batch) -> list[str]:
    """Return the symbols of each sequence, without the zeros at its end."""
    lengths = batch.inputs.sum(dim=(0, 2)).long().tolist()
    return [
        "".join(SYMBOLS[s] for s in column[:n])
        for column, n in zip(batch.inputs.argmax(-1).T.tolist(), lengths, strict=True)
    ]


def split(text: str) -> list[str]:
    """Return the complete strings of a stream; an E that no cue follows ends one."""
    found, rest = [], text
    while match := STRING.match(rest):
        found.append(match.group())
        rest = rest[match.end() :]
    return found


def one_hot(text: str) -> Tensor:
    return F.one_hot(torch.tensor([SYMBOLS.index(s) for s in text]), 7).unsqueeze(1).float()


def test_symbols_and_classes_are_in_the_order_that_the_tests_count_in():
    assert "".join(reber_grammar.SYMBOLS) == SYMBOLS
    assert FOLLOWING == SETS


def test_two_strings_worked_by_hand():
    assert STRING.fullmatch(HAND[:9]) and STRING.fullmatch(HAND[9:])
    predicted = ReberTask(5).oracle(one_hot(HAND))[:, 0].argmax(dim=-1).tolist()
    assert [SETS[i] for i in predicted] == HAND_SETS


@pytest.mark.parametrize("lag", [5, 6, 11, 40])
def test_streams_are_strings_of_the_grammar_that_hold_their_cue_for_the_lag_at_least(lag):
    task = ReberTask(lag)
    for text in texts(draw(task, 60)):
        strings = split(text)
        assert len(text) == task.length
        assert len("".join(strings)) > task.length - (lag + 60)  # what is left is one string, cut
        assert all(len(string) - 4 >= lag for string in strings)
        assert {string[1] for string in strings} <= {"T", "P"}


def test_targets_are_the_sets_that_follow():
    batch = draw(ReberTask(5), 40)
    for text, targets in zip(texts(batch), batch.targets.T.tolist(), strict=True):
        expected, node, cue = [], "outer", ""
        for string in split(text):
            cue = string[1]
            expected += ["TP", "B", "TP"]
            node = 1
            for symbol in string[3:-3]:
                node = dict(BRANCHES[node])[symbol]
                expected.append(set_at(node))
            expected += [cue, "E", "B"]
        assert [SETS[i] for i in targets[: len(expected)]] == expected


@pytest.mark.parametrize("distance", [5, 8, 33, 400])
def test_at_a_distance_every_cue_stands_exactly_there(distance):
    task = ReberTask(6, strings=3).at_distance(distance)
    for text in texts(draw(task, 20)):
        strings = split(text)
        assert [len(string) - 4 for string in strings] == [distance] * 3
        assert sum(map(len, strings)) == task.length


def test_inner_strings_of_a_length_are_as_likely_as_in_the_grammar():
    """Enumerate every string of 9 symbols with its probability, two to the minus its branches, and compare."""
    probabilities = {}
    for middle in product("TPSXV", repeat=7):
        text = f"B{''.join(middle)}E"
        if STRING.fullmatch(f"BT{text}TE"):
            probabilities[text] = 2.0 ** -(len(text) - 2)
    assert len(probabilities) > 5
    total = sum(probabilities.values())
    drawn = Counter(text[2:-2] for text in texts(draw(ReberTask(5, "single").at_distance(9), 20_000)))
    assert set(drawn) == set(probabilities)
    observed = [drawn[text] for text in probabilities]
    expected = [20_000 * p / total for p in probabilities.values()]
    assert stats.chisquare(observed, expected).pvalue > 0.001


@pytest.mark.parametrize("dialect", ["continual", "single"])
def test_members_drawn_together_see_what_they_would_see_alone(dialect):
    task = ReberTask(7, dialect)
    together = task.sample_members(6, [Generator().manual_seed(m) for m in range(3)])
    for m in range(3):
        alone = draw(task, 6, seed=m)
        assert torch.equal(together.inputs[:, m], alone.inputs)
        assert torch.equal(together.targets[:, m], alone.targets)


@pytest.mark.parametrize("lag", [5, 9])
def test_inner_strings_have_the_lengths_of_strings_drawn_until_long_enough(lag):
    chance = random.Random(lag)
    by_hand = [min(len(inner_string(chance, lag)[0]), lag + 10) for _ in range(6000)]
    ours = [min(len(text) - 4, lag + 10) for text in texts(draw(ReberTask(lag, "single"), 6000))]
    table = [[Counter(lengths)[n] for n in range(lag, lag + 11)] for lengths in (by_hand, ours)]
    assert stats.chi2_contingency(table).pvalue > 0.001


@pytest.mark.parametrize("lag", [5, 8, 24])
def test_the_distance_is_the_median_time_for_which_a_cue_is_held(lag):
    held = sorted(len(text) - 4 for text in texts(draw(ReberTask(lag, "single"), 4001)))
    assert ReberTask(lag).distance == held[2000] == median_hold(lag)
    assert ReberTask(lag).at_distance(12).distance == 12


def test_the_uncut_grammar_has_the_closed_form_mean_of_eight_symbols():
    """m_s = 1 + (m_s + m_x)/2, m_t = 1 + (m_t + m_p)/2, m_x = 1 + m_t/2, m_p = 1 + m_x/2, and B, T or P, E give 8."""
    edges = walk(held_chain(5), torch.rand(3000, 20, generator=Generator().manual_seed(0)))
    is_end = held_chain(5).next_state[edges] == reber_grammar.START
    lengths = torch.cat([column.nonzero()[:, 0].diff() for column in is_end.T]).double() - 4
    assert float(lengths.mean()) == pytest.approx(8, abs=5 * float(lengths.std()) / len(lengths) ** 0.5)
    assert len(set(lengths.tolist())) > 15


def test_a_cue_shows_in_nothing_but_its_answer():
    """Within a string and after it, a symbol is as likely for either cue: by position, T against P."""
    batch = draw(ReberTask(5).at_distance(8), 8000)
    symbols = batch.inputs.argmax(dim=-1)
    cue = symbols[1] == SYMBOLS.index("T")
    for t in [*range(2, 10), *range(11, 30)]:
        counts = torch.stack([symbols[t, cue].bincount(minlength=7), symbols[t, ~cue].bincount(minlength=7)])
        seen = counts[:, counts.sum(dim=0) > 0]
        if seen.shape[1] > 1:
            assert stats.chi2_contingency(seen.numpy()).pvalue > 1e-4, t
    assert torch.equal(symbols[10] == SYMBOLS.index("T"), cue)


def test_a_memory_that_is_never_erased_fails_the_stream_and_not_the_single_string():
    """Holding the first cue for good, right where there is one string, is right half the time in those that follow."""
    for dialect, expected in (("single", 1.0), ("continual", 1 / 8 + 7 / 8 / 2)):
        batch = draw(ReberTask(5, dialect).at_distance(8), 4000)
        first = batch.inputs[1].argmax(dim=-1)
        answer = torch.where(first == SYMBOLS.index("T"), SETS.index("T"), SETS.index("P")).expand_as(batch.targets)
        accuracy = float(ReberTask(5).metrics(F.one_hot(answer, 8).float(), batch.targets)["recall_accuracy"])
        assert accuracy == pytest.approx(expected, abs=0.01)


def test_a_single_string_is_followed_by_zeros_after_which_b_may_come():
    batch = draw(ReberTask(8, "single"), 50)
    for text, inputs, targets in zip(texts(batch), batch.inputs.unbind(1), batch.targets.T.tolist(), strict=True):
        assert STRING.fullmatch(text) or len(text) == 32
        assert inputs[len(text) :].sum() == 0
        assert {SETS[i] for i in targets[len(text) :]} <= {"B"}
    streams = draw(ReberTask(8).at_distance(8), 50)
    alone = draw(ReberTask(8, "single").at_distance(8), 50)
    assert alone.inputs.shape == (12, 50, 7) and streams.inputs.shape == (96, 50, 7)


def test_scores_of_the_answers_count_no_other_step():
    task = ReberTask(5, strings=2).at_distance(5)
    batch = draw(task, 200)
    right_but_for_answers = task.oracle(batch.inputs)
    asked = [6, 15]  # the E of each inner string
    right_but_for_answers[asked] = 0.0
    metrics = task.metrics(right_but_for_answers, batch.targets)
    assert float(metrics["recall_ce"]) == pytest.approx(math.log(8))
    assert float(metrics["accuracy"]) == pytest.approx(16 / 18)
    assert float(metrics["recall_accuracy"]) == 0  # class 0 is B


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"lag": 4}, "lag=4: allowed: an integer of at least 5"),
        ({"lag": 5, "strings": 0}, "strings=0: allowed: an integer of at least 1"),
        ({"lag": 5, "dialect": "endless"}, "dialect=endless: allowed: continual, single"),
        ({"lag": 5, "cue_distance": 4}, "cue_distance=4: allowed: an integer of at least 5"),
    ],
)
def test_settings_out_of_range_are_refused(settings, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        ReberTask(**settings)


def test_the_roles_of_steps_are_those_of_strings_written_by_hand() -> None:
    task = ReberTask(5)
    inputs = F.one_hot(torch.tensor([[SYMBOLS.index(symbol)] for symbol in HAND]), len(SYMBOLS)).float()
    roles = task.roles(Batch(inputs, task.oracle(inputs).argmax(dim=-1)))
    steps = {role: is_of_role[:, 0].nonzero().flatten().tolist() for role, is_of_role in roles.items()}
    assert (steps["cue"], steps["recall"], steps["reset"]) == ([1, 10], [6, 16], [9])
    assert steps["elsewhere"] == [step for step in range(len(HAND)) if step != 9]


def test_a_single_string_has_nothing_to_erase() -> None:
    task = ReberTask(5, "single")
    batch = draw(task)
    roles = task.roles(batch)
    assert not roles["reset"].any()
    assert (roles["cue"].sum(dim=0) == 1).all()
    assert not (roles["elsewhere"] & (batch.inputs.sum(dim=-1) == 0)).any()
