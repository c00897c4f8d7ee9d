"""The report of a speed study: its numbers, its figures, and what it says of implementations that are missing."""

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd
import pytest
from plain_figures import plain_figures_written
from synthetic_speed import PROCESSES, benchmark_job, benchmark_row, write_benchmark

from lstm_bench.records.plan import JobPlan
from lstm_bench.records.speed import OURS, PLAIN_LOOP, STOCK_THREADS, STOCK_WORKERS, BenchmarkRow
from lstm_bench.report import style
from lstm_bench.report.__main__ import main
from lstm_bench.report.build import build_report

STEP_S = {
    OURS: (1.0, 2.0, 4.0),
    STOCK_WORKERS: (3.0, 3.0, 20.0),
    STOCK_THREADS: (4.0, 8.0, 16.0),
    PLAIN_LOOP: (30,) * 3,
}
Build = Callable[..., Path]


def jobs(cells: Sequence[str] = ("lstm", "gru", "rnn")) -> list[JobPlan]:
    return [benchmark_job(cell, length, hidden) for cell in cells for length in (100, 400) for hidden in (64, 128)]


def rows(planned: Sequence[JobPlan], implementations: Sequence[str] = tuple(PROCESSES)) -> list[BenchmarkRow]:
    """Every implementation takes the same seconds a step at every job, and a core could take half a second."""
    return [benchmark_row(job, name, STEP_S[name], steps=1, limit_s=0.5) for job in planned for name in implementations]


@pytest.fixture
def build(tmp_path: Path) -> Build:
    """Build a report in plain figures and return its folder."""

    def built(planned: Sequence[JobPlan], timed: Sequence[BenchmarkRow], reports: str = "reports") -> Path:
        write_benchmark(tmp_path / "runs" / "speed", planned, timed)
        with plain_figures_written():
            return build_report(tmp_path / "runs" / "speed", tmp_path / reports).parent

    return built


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the report of a study in which every implementation was timed at every job."""
    folder = tmp_path_factory.mktemp("whole")
    write_benchmark(folder / "runs" / "speed", jobs(), rows(jobs()))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(style, "PNG_DPI", 20)
        return build_report(folder / "runs" / "speed", folder / "reports").parent


def test_all_files_are_there_and_the_same_records_give_the_same_bytes(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(style, "PNG_DPI", 20)
    write_benchmark(tmp_path / "runs" / "speed", jobs(), rows(jobs()))
    first, second = whole, build_report(tmp_path / "runs" / "speed", tmp_path / "reports").parent
    files = {str(path.relative_to(first)) for path in first.rglob("*") if path.is_file()}
    assert files == {
        "report.html", "report.md", "results.csv", "receipt.json", "summary.json", "tables/speed_benchmark.csv",
        "tables/speedup.csv",
        "tables/limit_share.csv", "tables/whole_study.csv", "figures/speedup.png", "figures/speedup.svg",
        "figures/limit_share.png", "figures/limit_share.svg",
    }  # fmt: skip
    assert [name for name in files if (first / name).read_bytes() != (second / name).read_bytes()] == []


@pytest.mark.parametrize("file", ["report.html", "report.md"])
def test_both_pages_say_the_numbers(whole: Path, file: str) -> None:
    text = (whole / file).read_text()
    assert "At H = 128, T = 400, B = 32 the engine takes 3.00 (2.25–4.00) lstm training steps while 2 single" in text
    assert "For gru it takes 3.00 (2.25–4.00) steps while 2 single-thread torch.nn workers take one, 4.00" in text
    assert "it runs at 12% (9.4–19%) of what these cores can do" in text  # 0.5 / (2 x 2), of 6.25, 12.5 and 25%
    # ours takes 1, 2 and 4 s a step while the plain loop takes 30: 30, 15 and 7.5 times, whatever is summed
    assert "would take the plain loop 15.0 (11.2–22.5) times as long as the engine" in text
    assert "over plain loop: 15×" in text
    assert "faster at all 12 jobs" in text
    assert "Here 100 GFLOP/s and 2.00 billion nonlinearities a second" in text
    assert "processor: Synthetic CPU @ 2.00GHz; cores: 2" in text
    assert "What is missing" not in text


def test_the_page_loads_nothing_and_its_links_lead_somewhere(whole: Path) -> None:
    html = (whole / "report.html").read_text()
    ids = re.findall(r'\sid="([^"]*)"', html)
    assert len(set(ids)) == len(ids)
    assert not re.search(r"""(src|href)\s*=\s*["']?\s*(\w+:)?//""", html)
    for link in re.findall(r'<a href="([^"]*)"', html):
        assert link[1:] in ids if link.startswith("#") else (whole / link).is_file()
    assert len(re.findall(r'<svg role="img" aria-label="[^"]{30,}"', html)) == 2
    assert html.count("<tr>") == 1 + 48 + 1 + 4  # all rows; two sets of cells at two hidden sizes


def test_tables_and_results_hold_every_row_and_round(whole: Path) -> None:
    benchmark = pd.read_csv(whole / "tables" / "speed_benchmark.csv")
    assert len(benchmark) == 12 * 4
    assert benchmark.columns[0] == "study"
    workers = benchmark.loc[benchmark["implementation"] == STOCK_WORKERS]
    assert workers["speedup"].tolist() == [3.0] * 12
    rounds = pd.read_csv(whole / "results.csv")
    assert len(rounds) == 12 * 4 * 3
    first = rounds.loc[rounds["implementation"] == STOCK_WORKERS].head(3)
    assert first["speedup"].tolist() == [3.0, 1.5, 5.0]
    over_all = pd.read_csv(whole / "tables" / "whole_study.csv")
    assert set(over_all.loc[over_all["implementation"] == STOCK_THREADS, "speedup"]) == {4.0}
    assert set(over_all["lags"]) == {"100, 400"}
    receipt = json.loads((whole / "receipt.json").read_text())
    assert receipt["limit"]["flops_per_s"] == 100e9
    assert len(receipt["jobs"]) == 12


def test_the_page_without_a_plain_loop_and_with_a_cell_of_our_own(build: Build) -> None:
    planned = jobs(["lstm", "mine"])
    timed = rows(planned[:4], [OURS, STOCK_WORKERS, STOCK_THREADS]) + rows(planned[4:], [OURS])
    text = (build(planned, timed) / "report.md").read_text()
    assert "- plain loop: timed at no job." in text
    assert "- torch.nn, one process: not timed at 4 jobs: mine, H = 64, T = 100, B = 32; mine, H = 128" in text
    assert "For mine it takes 0.500 (0.375–0.750) steps a second, at 12% (9.4–19%) of the limit." in text
    assert "plain loop: 15" not in text


def test_ours_alone_gives_a_page(build: Build) -> None:
    planned = jobs(["lstm"])
    report = build(planned, rows(planned, [OURS]))
    text = (report / "report.md").read_text()
    assert "the engine takes 0.500 (0.375–0.750) lstm training steps a second" in text
    assert "Only the engine was timed, so there is nothing to compare." in text
    assert "whole study?" not in text
    assert {path.name for path in (report / "figures").iterdir()} == {"limit_share.png", "limit_share.svg"}
    assert pd.read_csv(report / "tables" / "whole_study.csv").empty


def test_a_cell_whose_limit_is_not_known_is_named_and_not_drawn(build: Build) -> None:
    lstm, mine = benchmark_job("lstm", 100), benchmark_job("mine", 100)
    unknown = benchmark_row(mine, OURS, STEP_S[OURS], steps=1, limit_s=None)
    report = build([lstm, mine], [*rows([lstm], [OURS]), unknown])
    text = (report / "report.md").read_text()
    assert "No limit is known for mine." in text
    assert "| n/a |" in text
    assert pd.read_csv(report / "tables" / "limit_share.csv")["cell"].tolist() == ["lstm"]
    alone = build([mine], [unknown], "alone")
    assert "No limit is known for mine." in (alone / "report.md").read_text()
    assert not (alone / "figures" / "limit_share.png").exists()


def test_a_benchmark_without_rows_says_so(build: Build) -> None:
    text = (build(jobs(["lstm"]), []) / "report.md").read_text()
    assert "**Nothing was timed.**" in text
    assert "lstm_bench: timed at no job." in text


def test_two_tasks_stand_apart(build: Build) -> None:
    adding = benchmark_job("lstm", 100)
    copy = JobPlan(**{**vars(adding), "task": "copy", "variant": "arjovsky", "job": "copy-lstm"})
    text = (build([adding, copy], rows([adding, copy])) / "report.md").read_text()
    assert "3.00 (2.25–4.00) lstm (adding) training steps" in text
    assert "For lstm (copy) it takes" in text


@pytest.mark.usefixtures("unrendered_figures")
def test_the_command_makes_the_page_that_the_plan_asks_for(
    build: Build, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    planned = jobs(["lstm"])[:1]
    build(planned, rows(planned))
    assert main(["speed", "--runs", str(tmp_path / "runs"), "--reports", str(tmp_path / "made")]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'made' / 'speed' / 'report.html'}\n"
    (tmp_path / "runs" / "speed" / "benchmark.json").unlink()
    assert main(["speed", "--runs", str(tmp_path / "runs"), "--reports", str(tmp_path / "made")]) == 2
    assert "benchmark.json: cannot be read" in capsys.readouterr().err
    assert (tmp_path / "made" / "speed" / "report.html").is_file()


@pytest.mark.usefixtures("unrendered_figures")
def test_records_of_an_earlier_version_give_the_same_report(whole: Path, tmp_path: Path) -> None:
    write_benchmark(tmp_path / "runs" / "speed", jobs(), rows(jobs()))
    before = {path.name: path.read_bytes() for path in (whole / "tables").iterdir()}
    new, former = (tmp_path / "runs" / "speed" / name for name in ("benchmark.json", "contest.json"))
    text = new.read_text("utf-8").replace('"implementation"', '"contender"').replace('"rounds_s"', '"turns_s"')
    former.write_text(text, "utf-8")
    new.unlink()
    again = build_report(tmp_path / "runs" / "speed", tmp_path / "earlier")
    assert {path.name: path.read_bytes() for path in (again.parent / "tables").iterdir()} == before
