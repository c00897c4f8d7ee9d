"""Cells are matched at hidden sizes that they allow; where none is near, they are compared as configured."""

import pytest

from lstm_bench.config.composing import Invocation, compose_study
from lstm_bench.config.errors import ConfigError
from lstm_bench.study.hidden_sizes import Sizes
from lstm_bench.study.matching import compared


@pytest.mark.parametrize(
    ("allowed", "target", "found"),
    [
        (lambda size: True, 1000, [27, 28]),
        (lambda size: size % 4 == 0, 1000, [24, 28]),
        (lambda size: size % 64 == 0, 100_000, [256, 320]),
        (lambda size: size.bit_count() == 1, 10_000, [64, 128]),
        (lambda size: size <= 512, 10**9, [512]),
        (lambda size: size >= 64, 1000, [64]),
    ],
    ids=["all", "heads", "many_heads", "powers", "no_more", "no_fewer"],
)
def test_those_around_a_number_of_parameters_are_among_those_that_a_cell_allows(allowed, target, found):
    tried = []

    def count(size: int) -> int:
        tried.append(size)
        if not allowed(size):
            raise ConfigError(f"hidden_size={size}")
        return size * size + 10 * size

    sizes = Sizes(count, 64)
    assert sizes.around(target) == {size: size * size + 10 * size for size in found}
    assert (sizes.refusal is None) == (found == [27, 28])
    assert len(tried) == len(set(tried))  # a constructor may be slow


HEADED = """
from lstm_bench.cells.rnn import RNNCell


class Headed(RNNCell):
    def __init__(self, input_size: int, hidden_size: int, heads: int, *, generator=None) -> None:
        {check}
        super().__init__(input_size, hidden_size, generator=generator)
        self.heads = heads

    def step(self, x, state):
        {check_step}
        return super().step(x, state)
"""
CHECKS = {
    "value": "if hidden_size % heads: raise ValueError(f'hidden_size={hidden_size}: allowed: a multiple of {heads}')",
    "assertion": "assert hidden_size % heads == 0, 'heads'",
    "anything": "{}[hidden_size % heads] if hidden_size % heads else None",
}


@pytest.fixture
def headed(tmp_path, monkeypatch):
    """Return a function that composes a study of a cell with heads and a larger LSTM."""
    (tmp_path / "cell").mkdir()
    monkeypatch.syspath_prepend(str(tmp_path))

    def config(check: str, heads: int, *overrides: str):
        steps = "assert self.hidden_size % self.heads == 0" if check == "step" else "pass"
        source = HEADED.format(check=CHECKS.get(check, "pass"), check_step=steps)
        (tmp_path / f"headed_{check}.py").write_text(source)
        yaml = f"# With heads\n_target_: headed_{check}.Headed\nhidden_size: 120\nheads: {heads}\n"
        (tmp_path / "cell" / "headed.yaml").write_text(yaml)
        return compose_study(Invocation(("cell=headed,lstm", "cell.hidden_size=120", *overrides), tmp_path))

    return config


@pytest.mark.parametrize("check", CHECKS)
def test_a_cell_that_refuses_most_hidden_sizes_is_matched_at_one_that_it_allows(check, headed):
    matched = compared(headed(check, 3, "comparison=both"))
    (resized,) = [job for job in matched.jobs if job.matched]
    assert resized.cell["hidden_size"] == 243
    assert matched.unmatched == ()


@pytest.mark.parametrize("check", CHECKS)
def test_one_without_such_a_hidden_size_near_is_compared_as_configured_and_told_why(check, headed):
    study = compared(headed(check, 40, "comparison=both"))
    assert [job.cell_name for job in study.jobs] == ["headed", "lstm"]
    (reason,) = study.unmatched
    assert reason.startswith("headed with hidden_size=240, the nearest, has ")
    assert "allowed: within 1%, but a size between is refused: cell" in reason


def test_a_hidden_size_at_which_no_step_can_be_taken_does_not_refuse_the_study(headed):
    study = compared(headed("step", 40, "comparison=both"))
    assert [job.cell_name for job in study.jobs] == ["headed", "lstm"]
    (reason,) = study.unmatched
    assert reason.startswith(
        "headed with hidden_size=244, the nearest, is refused: cell headed_step.Headed: step raised"
    )


def test_an_error_about_a_hidden_size_that_was_typed_names_the_cell(headed):
    with pytest.raises(ConfigError, match=r"^cell\.hidden_size=120: allowed: a multiple of 7 \(cell=headed\)$"):
        compared(headed("value", 7, "comparison=both"))
