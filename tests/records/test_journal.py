"""The journal: whole lines are kept, a torn one costs itself alone."""

import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lstm_bench.records.journal import Journal


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journal.jsonl")


def events(journal: Journal, start: int = 0) -> list[str]:
    return [line["event"] for line in journal.read(start)[0]]


def test_what_is_noted_is_read_back_in_order(journal: Journal) -> None:
    journal.note("began", command="a ü b")
    journal.note("ended", code=1)
    first, second = journal.read()[0]
    assert (first["event"], first["command"]) == ("began", "a ü b")
    assert (second["event"], second["code"]) == ("ended", 1)


def test_there_is_nothing_to_read_before_anything_was_noted(journal: Journal) -> None:
    assert journal.read() == ([], 0)


def test_a_line_that_the_disk_takes_half_of_is_an_error_and_costs_itself_alone(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal.note("began")
    with monkeypatch.context() as full_disk:
        write = os.write
        full_disk.setattr(os, "write", lambda descriptor, content: write(descriptor, content[: len(content) // 2]))
        with pytest.raises(OSError, match="No space left on device"):
            journal.note("lost")
    journal.note("ended")
    assert events(journal) == ["began", "ended"]


@pytest.mark.parametrize("cut", range(1, 40, 3))
def test_a_torn_last_line_costs_one_record_at_most(journal: Journal, cut: int) -> None:
    for name in ("one", "two", "three"):
        journal.note(name)
    journal.path.write_bytes(journal.path.read_bytes()[:-cut])
    assert events(journal) == ["one", "two"]
    journal.note("four")
    assert events(journal)[-1] == "four"
    assert events(journal)[:2] == ["one", "two"]


def test_bytes_that_are_no_text_cost_their_line_alone(journal: Journal) -> None:
    journal.note("one")
    with journal.path.open("ab") as file:
        file.write(b'\xff\xfe{"event"\n[1, 2]\n')
    journal.note("two")
    assert events(journal) == ["one", "two"]


def test_reading_goes_on_where_it_ended_and_waits_for_whole_lines(journal: Journal) -> None:
    journal.note("one")
    _, place = journal.read()
    line = json.dumps({"event": "two"}) + "\n"
    with journal.path.open("a") as file:
        file.write(line[:5])
    assert journal.read(place) == ([], place)
    with journal.path.open("a") as file:
        file.write(line[5:])
    assert events(journal, place) == ["two"]


def test_many_writers_lose_no_line(journal: Journal) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda k: journal.note("counted", k=k, filler="x" * (k % 700)), range(200)))
    assert sorted(line["k"] for line in journal.read()[0]) == list(range(200))
