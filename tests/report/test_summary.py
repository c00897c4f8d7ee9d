"""What a report says of itself for the gallery."""

from pathlib import Path

from lstm_bench.report.document import Details, Document, FigureBlock, Section
from lstm_bench.report.summary import Summary, read_summary, summarise, summary_text


def figure(table: str, name: str) -> FigureBlock:
    return FigureBlock(f"{table}?", f"{table}.", f"a chart of {table}", table, name, "<svg></svg>")


def page(*figures: FigureBlock, in_short: str = "") -> Document:
    blocks = [Section("first", [Details("folded", "", figures[:1])]), Section("second", figures[1:])]
    return Document("study", "speed", "2026-11-29", ["It is fast.", "It is small."], blocks, in_short=in_short)


def test_the_figure_is_that_of_solve_rates_wherever_it_stands() -> None:
    document = page(figure("speed", "speed"), figure("solve_rates", "copy_solve_rates"), figure("solve_rates", "other"))
    expected = Summary(
        "speed", "It is fast.", "copy_solve_rates", "solve_rates?", "solve_rates.", "a chart of solve_rates"
    )
    assert summarise(document) == expected


def test_without_solve_rates_it_is_the_first_that_was_drawn() -> None:
    document = page(figure("solve_rates", ""), figure("speed", "speed"), figure("rates", "rates"))
    assert summarise(document).figure == "speed"
    assert summarise(page(figure("solve_rates", ""))) == Summary("speed", "It is fast.")


def test_a_page_may_say_its_finding_in_short() -> None:
    assert summarise(page(in_short="Of 2 claims 1 is supported.")).finding == "Of 2 claims 1 is supported."
    assert summarise(Document("study", "study", "", [], [])) == Summary("study", "")


def test_it_is_read_as_it_was_written(tmp_path: Path) -> None:
    summary = Summary("study", 'lstm holds "a memory" \u00d7 2', "solve_rates", "How far?", "Far.", "A chart.")
    (tmp_path / "summary.json").write_text(summary_text(summary), encoding="utf-8")
    assert read_summary(tmp_path / "summary.json") == summary
