"""A study with gaps still gives a report, and the gaps are marked."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from synthetic_study import likely_outcome, make_study

from lstm_bench.report import style
from lstm_bench.report.build import build_report

Build = Callable[..., str]


@pytest.fixture
def build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Build:
    """Build the report of a study made so, in coarse pictures, and return its Markdown."""
    monkeypatch.setattr(style, "PNG_DPI", 20)

    def built(damage: Callable[[Path], None] = lambda _: None, **settings: object) -> str:
        make_study(tmp_path / "runs" / "partial", **settings)
        damage(tmp_path / "runs" / "partial")
        report = build_report(tmp_path / "runs" / "partial", tmp_path / "reports")
        assert "</html>" in report.read_text()
        return (report.parent / "report.md").read_text()

    return built


def messy(cell: str, lag: int, seed: int) -> str:
    if cell == "rnn" and lag == 16:
        return "missing"
    if lag == 8 and seed < 2:
        return "failed" if seed else "diverged"
    return likely_outcome(cell, lag, seed)


def test_missing_failed_diverged_and_unreadable_members_and_no_speed(build: Build) -> None:
    def damage(folder: Path) -> None:
        (folder / "members" / "report-job-copy-lstm-4-0" / "record.json").write_text("{")

    text = build(damage, lags=(4, 8, 16), n_seeds=3, outcome=messy, timed=False)
    assert "2 diverged, 2 failed with an error and 4 have no record (not run)" in text
    assert "`MemoryError: no room for <T = 64>` (2 members: copy lstm lag 8 (seed 1); copy rnn lag 8 (seed 1))" in text
    assert "Not run, counted as nothing: copy rnn lag 16 (3 members); copy lstm lag 4 (seed 0)" in text
    assert "Diverged, counted as not solved: copy lstm lag 8 (seed 0); copy rnn lag 8 (seed 0)" in text
    assert "Could not be read: member report-job-copy-lstm-4-0" in text
    assert "not run<br>3 missing" in text
    assert "Speed was not measured. Core parameters: lstm 19,456 and rnn 4,864." in text
    assert "rnn not measured" in text
    assert "With 3 members a side no difference" in text


def test_nothing_ran(build: Build) -> None:
    text = build(lags=(2, 4), n_seeds=2, outcome=lambda *_: "missing", timed=False, tuned=False)
    assert "no member has run to its end yet" in text
    assert "Of 4 planned members" not in text
    assert "Of 8 planned members 8 have no record (not run)." in text
    assert "No gradient flow was measured." in text
    assert "nothing was tuned" in text


def test_one_cell_one_lag_nothing_solved(build: Build) -> None:
    text = build(cells=["rnn"], lags=[8], n_seeds=2, outcome=lambda *_: "plateau", tuned=False)
    assert "rnn solves no lag tried, so it remembers fewer than 8 steps" in text
    assert "One cell, hidden size H = 64" in text
    assert "Spans that the lags tried leave open: rnn on copy (arjovsky, 3 symbols): < 8." in text


def test_what_probes_could_not_measure_is_told_with_its_reason(build: Build) -> None:
    def damage(folder: Path) -> None:
        reason = "a weight is not finite: allowed: finite numbers"
        for seed, moments in ((0, ("final",)), (1, ("initial", "final"))):
            path = folder / "members" / f"report-job-copy-rnn-8-{seed}" / "record.json"
            errors = {f"{p} {m}": f"{p}: {reason}" for p in ("lyapunov", "memory_capacity") for m in moments}
            path.write_text(json.dumps(json.loads(path.read_text()) | {"probe_errors": errors}))

    text = build(damage, lags=(2, 8), n_seeds=2)
    assert (
        "Not measured by lyapunov and memory capacity (a weight is not finite: allowed: finite numbers) of 2 members, "
        "trained and at the start: copy rnn lag 8 (seeds 0, 1)." in text
    )


def test_a_study_without_training_tells_what_it_looked_at(build: Build) -> None:
    text = build(lags=(2, 8), n_seeds=2, trained=False, timed=False)
    assert "nothing was trained. At initialisation, lag 8, each step back multiplies the gradient" in text
    assert "Of 8 planned members 8 were looked at, not trained." in text
    assert "| not trained |" in text
    assert "Spans that the lags tried leave open" not in text
    assert "- Budget: None: members were looked at as they start." in text
    assert text.count("Nothing was trained: the members were looked at as they start.") == 5


def test_a_study_without_probes_says_what_is_not_measured(build: Build) -> None:
    text = build(lags=(2, 8), n_seeds=2, probed=False)
    for words in ("Forgetting was not measured", "State and gates were not measured", "Gates were not measured"):
        assert words in text
    assert "Other lags than those trained at were not measured" in text


def test_two_tasks_have_a_part_each(build: Build) -> None:
    text = build(lags=(2, 8), n_seeds=2, tasks=("copy", "adding"), outcome=lambda *_: "solved", tuned=False)
    assert "## copy (arjovsky, 3 symbols)" in text
    assert "## adding (half)" in text
    assert "figures/adding_half_solve_rates.png" in text
    assert text.count("## How far back does each cell remember?") == 2
    assert "Mean squared error at most 0.01" in text


def test_what_records_say_is_escaped(build: Build, tmp_path: Path) -> None:
    build(cells=["rnn"], lags=[2], n_seeds=1, outcome=lambda *_: "failed", timed=False, tuned=False)
    page = (tmp_path / "reports" / "partial" / "report.html").read_text()
    assert "no room for &lt;T = 64&gt;" in page
    assert "<T = 64>" not in page
