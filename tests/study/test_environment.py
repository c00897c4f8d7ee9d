"""What a receipt says of the kernels, and what a user is told where they cannot be built."""

import pytest

from lstm_bench import cores
from lstm_bench.config.composing import Invocation, compose_study
from lstm_bench.engine import kernel_dispatch
from lstm_bench.engine.compiled.build import CannotBuildError
from lstm_bench.study.environment import describe_environment, slower_kernels


@pytest.fixture
def no_compiler(monkeypatch):
    def refuse(precision):
        raise CannotBuildError("no C compiler found (cc, gcc, clang)")

    monkeypatch.setattr(kernel_dispatch, "library", refuse)
    kernel_dispatch.why_not_compiled.cache_clear()
    yield
    kernel_dispatch.why_not_compiled.cache_clear()


def jobs(*overrides):
    return compose_study(Invocation(overrides)).jobs


def test_without_a_compiler_one_line_says_so(no_compiler):
    note = slower_kernels(jobs())
    assert note is not None
    assert "no C compiler found" in note
    assert "\n" not in note
    assert describe_environment("cpu")["compiled_kernels"] == "no C compiler found (cc, gcc, clang)"


def test_who_asks_for_torch_operations_is_told_nothing(no_compiler):
    assert slower_kernels(jobs("trainer.kernel=torch")) is None


def test_the_receipt_holds_the_cores_that_may_be_used_and_those_of_the_machine(monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: 12)
    monkeypatch.setattr(cores, "cpu_count", lambda: 12)
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "1")
    environment = describe_environment("cpu")
    assert (environment["usable_cores"], environment["cores"]) == (1, 12)


def test_the_receipt_holds_what_changes_last_bits():
    environment = describe_environment("cpu")
    assert environment["threads_per_worker"] == 1
    assert environment["chunk_bytes"] == 64 * 2**20
    assert environment["tape_bytes"] == 2**30
    assert "compiled_kernels" in environment
