"""The context task: who stands where, and what a leak over the boundary costs."""

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from lstm_bench.tasks.context import BOUNDARY, CUES, NO_CUE, QUESTION, SILENT, WORDS, ContextTask

TASK = ContextTask(lag=3)


def drawn(size: int = 4000) -> tuple[Tensor, Tensor]:
    inputs, targets = TASK.sample(size, Generator().manual_seed(1))
    return inputs.argmax(dim=-1), targets


def test_each_clause_has_one_question_and_the_boundary_lies_between_them():
    words, targets = drawn()
    middle = TASK.clause_length
    assert (words[middle] == BOUNDARY).all()
    assert (words == BOUNDARY).sum() == words.shape[1]
    for clause in (slice(0, middle), slice(middle + 1, None)):
        assert ((words[clause] == QUESTION).sum(dim=0) == 1).all()
    assert torch.equal(words == QUESTION, targets != SILENT)


def test_the_answer_is_the_cue_that_stands_the_lag_before_the_question_in_the_same_clause():
    words, targets = drawn()
    steps, sequences = torch.nonzero(words == QUESTION, as_tuple=True)
    cues, answers = words[steps - TASK.lag, sequences], targets[steps, sequences]
    assert torch.equal(torch.where(cues < len(CUES), cues, NO_CUE), answers)
    assert not ((words < len(CUES)).sum(dim=0) > 2).any(), "a cue stands elsewhere"


def test_whoever_answers_with_the_cue_of_the_clause_before_where_there_is_none_is_wrong():
    """An answer that carries over is wrong in the second clause wherever there is no cue but was one: 4/25 of them."""
    words, targets = drawn(20_000)
    steps = torch.arange(len(words)).unsqueeze(1)
    last_cue = torch.where(words < len(CUES), steps, -1).cummax(dim=0).values
    carried = torch.where(last_cue >= 0, words.gather(0, last_cue.clamp_min(0)), NO_CUE)
    predictions = torch.where(words == QUESTION, carried, SILENT)
    recall = TASK.recall(
        F.one_hot(predictions, TASK.output_size).double(), TASK.sample(20_000, Generator().manual_seed(1))
    )
    first, second = (1 + 4 * recall) / 5  # back to accuracies
    assert float(first) == 1
    assert abs(float(second) - (1 - 4 / 25)) < 5 * (4 / 25 * 21 / 25 / 20_000) ** 0.5
    assert targets.shape == words.shape


def test_the_explainers_two_sentences_are_sequences_of_the_task():
    words = [WORDS.index(word) for word in ["Deep", "learning", "is", "fun", ".", "I", "love", "learning", "so"]]
    inputs = F.one_hot(torch.tensor(words), len(WORDS)).unsqueeze(1).float()
    predictions = ContextTask(lag=1).oracle(inputs)[:, 0].argmax(dim=-1).tolist()
    assert predictions == [SILENT, 0, *[SILENT] * 5, 1, SILENT]
    assert len(words) == ContextTask(lag=1).length


def test_the_content_of_a_clause_is_its_cue_from_the_cue_to_the_boundary():
    words = [WORDS.index(word) for word in ["is", "slow", "learning", ".", "I", "hate", "learning", "so"]]
    content = TASK.content(F.one_hot(torch.tensor(words), len(WORDS)).unsqueeze(1).float())[:, 0]
    cues = [None, "slow", "slow", None, None, "hate", "hate", "hate"]
    assert content.tolist() == [[float(cue == named) for named in CUES] for cue in cues]
    assert all(WORDS[filler] in ("is", "fun", "I", "so") for filler in TASK.fillers)
