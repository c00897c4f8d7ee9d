"""A study with gaps or broken files still gives a report, and what is missing or broken is told."""

import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from synthetic_study import likely_outcome, make_study

from lstm_bench.analysis.frames import load_study
from lstm_bench.report import style
from lstm_bench.report.__main__ import main
from lstm_bench.report.build import build_report

Build = Callable[..., str]


@pytest.fixture
def build(tmp_path: Path, plain_figures: None) -> Build:
    """Build the report of a study made so, its figures rendered, and return its Markdown."""
    return builder(tmp_path)


@pytest.fixture
def words(tmp_path: Path, unrendered_figures: None) -> Build:
    """Do the same without rendering figures."""
    return builder(tmp_path)


def builder(tmp_path: Path) -> Build:
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
    assert "Not run, not counted: copy rnn lag 16 (3 members); copy lstm lag 4 (seed 0)" in text
    assert "Diverged, counted as not solved: copy lstm lag 8 (seed 0); copy rnn lag 8 (seed 0)" in text
    assert "Left out: " in text
    assert "report-job-copy-lstm-4-0/record.json: cannot be read: EOF" in text
    assert "not run<br>3 missing" in text
    assert "Speed was not measured. Core parameters: lstm 19,456 and rnn 4,864." in text
    assert "Not measured: rnn." in text
    assert "With 3 members a side, no difference" in text


def test_nothing_ran(build: Build) -> None:
    text = build(lags=(2, 4), n_seeds=2, outcome=lambda *_: "missing", timed=False, tuned=False)
    assert "no member has run to its end yet" in text
    assert "Of 4 planned members" not in text
    assert "Of 8 planned members, 8 have no record (not run)." in text
    assert "No gradient flow was measured." in text
    assert "nothing was tuned" in text


def test_one_cell_one_lag_nothing_solved(build: Build) -> None:
    text = build(cells=["rnn"], lags=[8], n_seeds=2, outcome=lambda *_: "plateau", tuned=False)
    assert "rnn reaches less than lag 8, solving no lag tried" in text
    assert "One cell, hidden size H = 64" in text
    assert "Spans that the lags tried leave open: rnn on copy (arjovsky, 3 symbols): < 8." in text


def test_what_probes_could_not_measure_is_told_with_its_reason(words: Build) -> None:
    def damage(folder: Path) -> None:
        reason = "a weight is not finite: allowed: finite numbers"
        for seed, moments in ((0, ("final",)), (1, ("initial", "final"))):
            path = folder / "members" / f"report-job-copy-rnn-8-{seed}" / "record.json"
            errors = {f"{p} {m}": f"{p}: {reason}" for p in ("lyapunov", "memory_capacity") for m in moments}
            path.write_text(json.dumps(json.loads(path.read_text()) | {"probe_errors": errors, "sha256": ""}))

    text = words(damage, lags=(2, 8), n_seeds=2)
    assert (
        "Not measured by lyapunov and memory capacity (a weight is not finite: allowed: finite numbers) for 2 members, "
        "trained and at the start: copy rnn lag 8 (seeds 0, 1)." in text
    )


def test_a_study_without_training_tells_what_it_looked_at(build: Build) -> None:
    text = build(lags=(2, 8), n_seeds=2, trained=False, timed=False)
    assert "nothing was trained. At initialisation, lag 8, each step back multiplies the gradient" in text
    assert "Of 8 planned members, 8 were measured, not trained." in text
    assert "| not trained |" in text
    assert "Spans that the lags tried leave open" not in text
    assert "- Budget: None: members were measured at initialisation." in text
    assert text.count("Nothing was trained: the members were measured at initialisation.") == 6


def test_a_study_without_probes_says_what_is_not_measured(words: Build) -> None:
    text = words(lags=(2, 8), n_seeds=2, probed=False)
    for phrase in ("Forgetting was not measured", "State and gates were not measured", "Gates were not measured"):
        assert phrase in text
    assert "Lags other than those trained at were not measured" in text


def test_two_tasks_have_a_part_each(words: Build, only_figures: Callable[..., None]) -> None:
    only_figures("solve_rates", "spans")
    text = words(lags=(2, 8), n_seeds=2, tasks=("copy", "adding"), outcome=lambda *_: "solved", tuned=False)
    assert "## copy (arjovsky, 3 symbols)" in text
    assert "## adding (half)" in text
    assert "figures/adding_half_solve_rates.png" in text
    assert text.count("## How far back does each cell remember?") == 2
    assert "Mean squared error at most 0.01" in text


def test_cells_that_share_no_lag_are_drawn_and_not_compared(build: Build) -> None:
    def damage(folder: Path) -> None:
        plan = json.loads((folder / "study.json").read_text())
        plan["jobs"] = [job for job in plan["jobs"] if (job["cell"] == "rnn") == (job["lag"] == 8)]
        (folder / "study.json").write_text(json.dumps(plan))

    text = build(damage, lags=(2, 8), n_seeds=2, tuned=False)
    assert "No other cell was trained at a lag of rnn, so no difference can be tested." in text
    assert "No cell measured at lag 8 has a state of several parts" in text


def test_what_records_say_is_escaped(words: Build, tmp_path: Path) -> None:
    words(cells=["rnn"], lags=[2], n_seeds=1, outcome=lambda *_: "failed", timed=False, tuned=False)
    page = (tmp_path / "reports" / "partial" / "report.html").read_text()
    assert "no room for &lt;T = 64&gt;" in page
    assert "<T = 64>" not in page


def test_tuning_alone_tells_no_span(build: Build) -> None:
    def damage(folder: Path) -> None:
        for member in folder.glob("members/report-*"):
            shutil.rmtree(member)

    text = build(damage, lags=(2, 8), n_seeds=2, timed=False)
    assert "no member has run to its end yet" in text
    assert "Of 8 planned members, 8 have no record (not run)." in text
    assert text.count("not run<br>2 missing") == 4
    assert "Not run, not counted: copy lstm lag 8 (seeds 0, 1); copy rnn lag 8 (seeds 0, 1); " in text


def test_a_cell_that_never_ran_is_named(build: Build) -> None:
    def outcome(cell: str, lag: int, seed: int) -> str:
        return "missing" if cell == "rnn" else likely_outcome(cell, lag, seed)

    text = build(lags=(2, 8), n_seeds=2, outcome=outcome)
    assert "Not measured: rnn." in text
    assert text.count("not run<br>2 missing") == 2
    assert "At lag 8 rnn did not run." in text


def test_a_lag_that_never_ran_is_marked(words: Build) -> None:
    def outcome(cell: str, lag: int, seed: int) -> str:
        return "missing" if lag == 8 else likely_outcome(cell, lag, seed)

    text = words(lags=(2, 8, 32), n_seeds=2, outcome=outcome)
    assert "Of 12 planned members, 3 solved" in text
    assert text.count("not run<br>2 missing") == 2
    assert "Not run, not counted: copy lstm lag 8 (seeds 0, 1); copy rnn lag 8 (seeds 0, 1)." in text


REPORTED, LONGEST = "members/report-job-copy-lstm-2-0", "members/report-job-copy-lstm-8-0"
TUNED = "members/tuning-job-copy-lstm-2-0-0.003"
STATUSES = "solved, learning, plateau, diverged, dropped, untrained, running, interrupted, out_of_memory, failed"


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def unsigned(damage: Callable[[Path], None]) -> Callable[[Path], None]:
    """Do damage that no SHA-256 gives away, as in records of a version that had none."""

    def change(path: Path) -> None:
        record = path.with_name("record.json")
        record.write_text(json.dumps(json.loads(record.read_text()) | {"files": {}, "sha256": ""}))
        damage(path)

    return change


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def gone(path: Path) -> None:
    path.unlink()


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def with_fields(**changed: object) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        path.write_text(json.dumps(json.loads(path.read_text()) | changed))

    return change


def without(field: str) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        content = json.loads(path.read_text())
        del content[field]
        path.write_text(json.dumps(content))

    return change


def table(**columns: object) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        pd.DataFrame({name: [value] for name, value in columns.items()}).to_parquet(path)

    return write


def text(content: str) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        path.write_text(content)

    return write


def first_row(**changed: object) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        first, *rest = json.loads(path.read_text())
        path.write_text(json.dumps([first | changed, *rest]))

    return change


def first_job(**changed: object) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        plan = json.loads(path.read_text())
        plan["jobs"][0] |= changed
        path.write_text(json.dumps(plan))

    return change


BROKEN = [  # what is broken, how, and what is told after the path of the file
    (f"{REPORTED}/record.json", truncated, "cannot be read: EOF while parsing"),
    (f"{REPORTED}/record.json", emptied, "cannot be read: EOF while parsing"),
    (f"{REPORTED}/record.json", a_folder, "cannot be read: Is a directory"),
    (f"{REPORTED}/record.json", text("[]"), "content=[]: allowed: an object"),
    (f"{REPORTED}/record.json", text('"\\ud800"'), "cannot be read: "),
    (f"{REPORTED}/record.json", with_fields(schema=2), "schema=2: allowed: 1"),
    (f"{REPORTED}/record.json", without("schema"), "schema=None: allowed: 1"),
    (f"{REPORTED}/record.json", without("seed"), "seed is missing"),
    (f"{REPORTED}/record.json", with_fields(who="me"), "who is not known: allowed: the fields of schema 1"),
    (f"{REPORTED}/record.json", with_fields(steps=1.5), "steps=1.5: allowed: a valid integer"),
    (f"{REPORTED}/record.json", with_fields(metrics=[1]), "metrics=[1]: allowed: an object"),
    (f"{REPORTED}/record.json", with_fields(status="winning"), f"status=winning: allowed: {STATUSES}"),
    (f"{REPORTED}/record.json", with_fields(role="guest"), "role=guest: allowed: report, tuning"),
    (f"{REPORTED}/record.json", with_fields(identity="other"), "identity=other: allowed: report-job-copy-lstm-2-0"),
    (f"{TUNED}/record.json", truncated, "cannot be read: EOF while parsing"),
    (f"{REPORTED}/record.json", with_fields(steps=7), "damaged: its SHA-256 does not match"),
    (f"{REPORTED}/curves.parquet", truncated, "damaged: its SHA-256 does not match (curves of report "),
    (f"{REPORTED}/curves.parquet", unsigned(truncated), "cannot be read: not a complete parquet file"),
    (f"{REPORTED}/curves.parquet", unsigned(emptied), "cannot be read: not a complete parquet file"),
    (f"{REPORTED}/curves.parquet", gone, "cannot be read: No such file or directory"),
    (f"{REPORTED}/probes.parquet", a_folder, "cannot be read: Is a directory (probes of report member "),
    (f"{LONGEST}/gradients.parquet", gone, "cannot be read: No such file or directory (gradients of report member "),
    (f"{REPORTED}/curves.parquet", unsigned(table(a=1)), "columns a: allowed: step, metric, value"),
    (
        f"{REPORTED}/curves.parquet",
        unsigned(table(step=1, metric="eval/loss", value="low")),
        "value=low: allowed: numbers",
    ),
    (f"{REPORTED}/curves.parquet", unsigned(table(step=1, metric=2.5, value=0.5)), "metric=2.5: allowed: words"),
    ("speed.json", truncated, "cannot be read: EOF while parsing"),
    ("speed.json", text("{}"), "content={}: allowed: a valid array"),
    ("speed.json", first_row(colour="red"), "0.colour is not known: allowed: the fields of schema 1"),
    ("speed.json", first_row(lag="long"), "0.lag=long: allowed: a valid integer"),
    ("speed.json", a_folder, "cannot be read: Is a directory"),
]


@pytest.fixture
def one_figure(monkeypatch: pytest.MonkeyPatch, only_figures: Callable[..., None]) -> None:
    monkeypatch.setattr(style, "PNG_DPI", 20)
    only_figures("solve_rates")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of runs with one study in which nothing is missing or broken."""
    runs = tmp_path_factory.mktemp("whole")
    make_study(runs / "s", lags=(2, 8), n_seeds=2)
    return runs


@pytest.fixture
def runs(whole: Path, tmp_path: Path) -> Path:
    """A copy of it to break."""
    return Path(shutil.copytree(whole, tmp_path / "runs"))


def rebuild(runs: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, list[str]]:
    """Return the exit code of the command and its lines of errors."""
    code = main(["s", "--runs", str(runs), "--reports", str(runs.parent / "reports")])
    return code, capsys.readouterr().err.splitlines()


@pytest.mark.parametrize(("name", "damage", "told"), BROKEN, ids=lambda value: str(getattr(value, "__name__", value)))
def test_a_broken_file_is_a_problem_of_the_study_in_a_line(
    runs: Path, name: str, damage: Callable[[Path], None], told: str
) -> None:
    damage(runs / "s" / name)
    (problem,) = load_study(runs / "s").problems
    assert problem.startswith(f"{runs / 's' / name}: {told}")
    assert "\n" not in problem


@pytest.mark.usefixtures("one_figure")
@pytest.mark.parametrize(
    ("name", "damage"),
    [
        (f"{REPORTED}/record.json", text("[]")),
        (f"{TUNED}/record.json", truncated),
        (f"{REPORTED}/curves.parquet", unsigned(table(a=1))),
        ("speed.json", first_row(colour="red")),
    ],
)
def test_a_problem_is_told_on_the_screen_and_on_the_page_and_the_rest_is_rendered(
    runs: Path, capsys: pytest.CaptureFixture[str], name: str, damage: Callable[[Path], None]
) -> None:
    damage(runs / "s" / name)
    code, errors = rebuild(runs, capsys)
    assert code == 2
    assert errors == load_study(runs / "s").problems
    for page in ("report.html", "report.md"):
        text = (runs.parent / "reports" / "s" / page).read_text().replace("\\", "")
        assert f"Left out: {runs / 's' / name}: " in text


@pytest.mark.usefixtures("one_figure")
def test_whole_records_are_told_nothing_of(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert rebuild(runs, capsys) == (0, [])


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (truncated, "cannot be read: EOF while parsing"),
        (emptied, "cannot be read: EOF while parsing"),
        (a_folder, "cannot be read: Is a directory"),
        (text("not json"), "cannot be read: expected "),
        (text("[]"), "content=[]: allowed: an object"),
        (with_fields(schema=99), "schema=99: allowed: 1"),
        (without("schema"), "schema=None: allowed: 1"),
        (without("jobs"), "jobs is missing"),
        (with_fields(jobs=[]), "jobs=[]: allowed: one job or more"),
        (with_fields(jobs=[{"job": "a"}]), "jobs.0.task is missing"),
        (first_job(config={"cell": None}), "jobs.0.config.cell=None: allowed: an object"),
        (with_fields(colour="red"), "colour is not known: allowed: the fields of schema 1"),
        (with_fields(measure="weight"), "measure=weight: allowed: 'training', 'sensitivity', 'speed'"),
        (with_fields(study="../s"), "study=../s: allowed: up to 100 letters"),
    ],
    ids=lambda value: str(getattr(value, "__name__", value)),
)
def test_a_broken_plan_is_told_in_a_line_and_leaves_the_old_report(
    runs: Path, capsys: pytest.CaptureFixture[str], damage: Callable[[Path], None], told: str
) -> None:
    old = runs.parent / "reports" / "s" / "report.html"
    old.parent.mkdir(parents=True)
    old.write_text("old")
    damage(runs / "s" / "study.json")
    code, errors = rebuild(runs, capsys)
    assert code == 2
    assert len(errors) == 1
    assert errors[0].startswith(f"{runs / 's' / 'study.json'}: {told}")
    assert [path for path in (runs.parent / "reports").rglob("*") if path.is_file()] == [old]
    assert old.read_text() == "old"


def test_all_figures_are_drawn_of_what_is_left(
    runs: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(style, "PNG_DPI", 20)
    members = runs / "s" / "members"
    truncated(runs / "s" / "speed.json")
    gone(members / "report-job-copy-rnn-8-0" / "curves.parquet")
    truncated(members / "report-job-copy-lstm-8-1" / "probes.parquet")
    for seed in (0, 1):
        emptied(members / f"report-job-copy-lstm-8-{seed}" / "gradients.parquet")
    unsigned(with_fields(metrics={}))(members / "report-job-copy-lstm-2-1" / "record.json")
    code, errors = rebuild(runs, capsys)
    assert (code, len(errors)) == (2, 5)
    page = (runs.parent / "reports" / "s" / "report.html").read_text()
    assert page.count("Left out: ") == 5
    assert "Speed was not measured" in page


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_numbers_that_are_none_are_drawn_around(
    runs: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, value: float
) -> None:
    monkeypatch.setattr(style, "PNG_DPI", 20)
    for member in sorted((runs / "s" / "members").glob("report-job-copy-lstm-*")):
        metrics = json.loads((member / "record.json").read_text())["metrics"]
        unsigned(with_fields(metrics=dict.fromkeys(metrics, value)))(member / "record.json")
        for name, column in (("curves", "value"), ("gradients", "norm")):
            path = member / f"{name}.parquet"
            pd.read_parquet(path).assign(**{column: value}).to_parquet(path)
    assert rebuild(runs, capsys) == (0, [])


@pytest.mark.usefixtures("one_figure")
def test_speed_of_older_settings_is_left_out(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = json.loads((runs / "s" / "speed.json").read_text())
    older = [row | {"cell": "gru"} for row in rows] + [row | {"hidden_size": 8} for row in rows]
    (runs / "s" / "speed.json").write_text(json.dumps(older))
    assert rebuild(runs, capsys) == (0, [])
    assert "Speed was not measured." in (runs.parent / "reports" / "s" / "report.md").read_text()
