"""The section on what a study cost: its parts are all that there was, and it says how near the limit training came."""

from dataclasses import replace

from lstm_bench.records.speed import MachineLimit, StudyCost
from lstm_bench.report.document import Paragraph, Table, plain_text
from lstm_bench.report.pages.cost import cost_section

COST = StudyCost(
    cores=2, available_s=1000.0, jobs_s=900.0, training_s=500.0, tuning_s=200.0, evaluation_s=100.0, probes_s=20.0,
    limit_s=420.0, limit=MachineLimit(117e9, 2.26e9, "by hand"),
)  # fmt: skip


def text_and_rows(cost: StudyCost) -> tuple[str, dict[str, tuple[str, str]]]:
    (section,) = cost_section(cost)
    paragraph, table = section.blocks
    assert isinstance(paragraph, Paragraph)
    assert isinstance(table, Table)
    rows = {name.text: (seconds.text, share.text) for name, seconds, share in table.rows}
    return plain_text(paragraph.text), {str(name): values for name, values in rows.items()}


def test_the_parts_are_all_core_seconds_that_were_available() -> None:
    _, rows = text_and_rows(COST)
    assert list(rows.values()) == [
        ("500", "50%"), ("200", "20%"), ("100", "10%"), ("20", "2.0%"), ("80", "8.0%"), ("100", "10%")
    ]  # fmt: skip


def test_the_share_of_the_limit_is_of_the_steps_and_of_the_whole_study() -> None:
    text, _ = text_and_rows(COST)
    assert text.startswith("2 cores for 500 s.")
    assert "(117 GFLOP/s and 2.26 billion nonlinearities a second)" in text
    assert "take 420 core-seconds: 60% of the time that they took, and 42% of all" in text


def test_a_limit_that_is_not_known_is_said() -> None:
    text, _ = text_and_rows(replace(COST, limit_s=None))
    assert "is not known, since a cell is not of the package" in text


def test_a_study_whose_cost_is_not_known_has_no_section() -> None:
    assert cost_section(None) == []
