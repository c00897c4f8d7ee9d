"""A study of claims hands what it was asked for on to the studies it is composed of."""

from pathlib import Path

from lstm_bench.config.composing import Invocation, substudy_invocations

STUDIES = {"copy_task": "+experiment=copy_task", "short": "+experiment=copy_task cell=rnn task.lag=2"}


def test_each_part_is_an_invocation_of_its_own_name():
    parts = substudy_invocations(STUDIES, Invocation(("+experiment=claims",), Path("conf")))
    assert [part.overrides for part in parts] == [
        ("+experiment=copy_task", "study=copy_task"),
        ("+experiment=copy_task", "cell=rnn", "task.lag=2", "study=short"),
    ]
    assert {part.config_dir for part in parts} == {Path("conf")}


def test_what_was_asked_of_the_whole_holds_for_every_part_in_place_of_its_own():
    asked = ("+experiment=claims", "study=mine", "trainer.seeds=3", "task.lag=4", "studies.copy_task=x", "output=/x")
    parts = substudy_invocations(STUDIES, Invocation(asked))
    assert parts[1].overrides == (
        "+experiment=copy_task", "cell=rnn", "study=short", "trainer.seeds=3", "task.lag=4", "output=/x",
    )  # fmt: skip


def test_a_part_that_sets_its_budget_keeps_it_and_the_others_have_that_of_the_whole():
    studies = STUDIES | {"words": "+experiment=anatomy budget=quick"}
    parts = substudy_invocations(studies, Invocation(("+experiment=claims", "budget=published", "trainer.seeds=3")))
    assert [part.overrides for part in parts[::2]] == [
        ("+experiment=copy_task", "study=copy_task", "budget=published", "trainer.seeds=3"),
        ("+experiment=anatomy", "budget=quick", "study=words", "trainer.seeds=3"),
    ]
