"""Two generations of checkpoints, each held against the SHA-256 in its name."""

from pathlib import Path

import pytest

from lstm_bench.records.checkpoints import Checkpoints


@pytest.fixture
def checkpoints(tmp_path: Path) -> Checkpoints:
    return Checkpoints(tmp_path / "job-report")


def contents(checkpoints: Checkpoints) -> list[tuple[int, bytes | None]]:
    return [(checkpoint.step, checkpoint.content) for checkpoint in checkpoints.newest_first()]


def test_the_newest_two_are_kept_newest_first(checkpoints: Checkpoints) -> None:
    for step in (1, 20, 300):
        checkpoints.write(step, b"at %d" % step)
    assert contents(checkpoints) == [(300, b"at 300"), (20, b"at 20")]


def test_steps_of_more_digits_are_later(checkpoints: Checkpoints) -> None:
    checkpoints.write(999_999_999, b"a")
    checkpoints.write(1_000_000_000, b"b")
    assert [step for step, _ in contents(checkpoints)] == [1_000_000_000, 999_999_999]


@pytest.mark.parametrize("kept", [0, 1, 25, 50, 99])
def test_a_truncated_one_has_no_content_and_the_one_before_it_has(checkpoints: Checkpoints, kept: int) -> None:
    checkpoints.write(1, bytes(100))
    checkpoints.write(2, bytes(range(100)))
    newest = next(checkpoints.newest_first()).path
    newest.write_bytes(newest.read_bytes()[:kept])
    assert contents(checkpoints) == [(2, None), (1, bytes(100))]


@pytest.mark.parametrize("bit", range(0, 800, 37))
def test_one_flipped_bit_is_found(checkpoints: Checkpoints, bit: int) -> None:
    checkpoints.write(2, bytes(range(100)))
    path = next(checkpoints.newest_first()).path
    content = bytearray(path.read_bytes())
    content[bit // 8] ^= 1 << bit % 8
    path.write_bytes(content)
    assert contents(checkpoints) == [(2, None)]


def test_what_was_never_finished_is_not_seen(checkpoints: Checkpoints) -> None:
    checkpoints.write(1, b"whole")
    (checkpoints.folder / ".step-000000002.abc.pt.77.tmp").write_bytes(b"ha")
    (checkpoints.folder / "step-000000003.pt").write_bytes(b"no digest")
    assert contents(checkpoints) == [(1, b"whole")]


def test_cleared_there_are_none(checkpoints: Checkpoints) -> None:
    assert not checkpoints.exist()
    checkpoints.write(1, b"a")
    assert checkpoints.exist()
    checkpoints.clear()
    assert not checkpoints.exist()
    assert contents(checkpoints) == []
