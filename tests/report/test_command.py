"""python -m lstm_bench.report"""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import synthetic_study
from synthetic_speed import benchmark_job, benchmark_row, write_benchmark
from synthetic_study import make_study

from lstm_bench.records.speed import OURS
from lstm_bench.report import build, fonts, style
from lstm_bench.report.__main__ import main
from lstm_bench.report.pdf import NO_BROWSER

CHECK = """
import sys
from lstm_bench.report.__main__ import main
from lstm_bench.report.pdf import NO_BROWSER
code = main(sys.argv[1:])
print(sorted({"torch", "mlflow", "hydra", "omegaconf"} & set(sys.modules)))
sys.exit(code)
"""
Run = Callable[..., tuple[int, list[str], list[str]]]


def make_small(folder: Path, **settings: object) -> None:
    make_study(folder, **{"cells": ["rnn"], "lags": [2], "n_seeds": 1, "tuned": False, "timed": False, **settings})


@pytest.fixture
def run(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    only_figures: Callable[..., None],
) -> Run:
    """Run the command where runs/ stands, with one figure in coarse pictures; return code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(style, "PNG_DPI", 20)
    only_figures("solve_rates")

    def ran(*arguments: str) -> tuple[int, list[str], list[str]]:
        code = main(arguments)
        out, err = capsys.readouterr()
        return code, out.splitlines(), err.splitlines()

    return ran


def test_a_report_is_made_from_records_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the user's matplotlib is set to."""
    monkeypatch.setenv("MPLBACKEND", "module://of_a_notebook_elsewhere")
    monkeypatch.setenv("MATPLOTLIBRC", str(tmp_path / "nowhere"))
    (tmp_path / "matplotlibrc").write_bytes(b"text.usetex: True\nno.such.key: 1\n# \xe9\n")
    make_small(tmp_path / "runs" / "small")
    command = [sys.executable, "-W", "error", "-c", CHECK, "small", "--runs", "runs"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [str(Path("reports") / "small" / "report.html"), "[]"]
    assert (tmp_path / "reports" / "small" / "report.html").is_file()


def test_a_study_through_a_sentence_has_the_given_walk_and_its_records_may_hold_one(run: Run, tmp_path: Path) -> None:
    plan_file = tmp_path / "runs" / "small" / "study.json"
    make_small(plan_file.parent)
    plan = json.loads(plan_file.read_text())
    assert run("small")[0] == 0
    assert 'id="walk"' not in (tmp_path / "reports" / "small" / "report.html").read_text()
    plan["jobs"][0] |= {"sentence": ["Deep", "learning"], "answers": ["Deep", "-"]}
    plan_file.write_text(json.dumps(plan | {"walk": {"sentences": ["of an earlier version"]}}))
    assert run("small") == (0, ["reports/small/report.html"], [])
    page = (tmp_path / "reports" / "small" / "report.html").read_text()
    assert [page.count(f'<article id="t={t}"') for t in range(1, 9)] == [1] * 7 + [0]
    assert "18 of the 35 printed numbers are not what the equations give." in page


def test_a_study_is_named_or_given_as_a_path(run: Run, tmp_path: Path) -> None:
    make_small(tmp_path / "runs" / "small")
    make_small(tmp_path / "elsewhere" / "other")
    assert run("small") == (0, ["reports/small/report.html"], [])
    assert run("other", "--runs", "elsewhere", "--reports", "pages") == (0, ["pages/other/report.html"], [])
    assert run("elsewhere/other") == (0, ["reports/other/report.html"], [])


def test_a_report_takes_the_name_that_it_is_given_and_says_what_makes_it(run: Run, tmp_path: Path) -> None:
    make_small(tmp_path / "runs" / "small")
    assert run("small", "--name", "mine") == (0, ["reports/mine/report.html"], [])
    receipt = json.loads((tmp_path / "reports" / "mine" / "receipt.json").read_text())
    assert (receipt["study"], receipt["rebuild"]) == ("mine", "python -m lstm_bench.report small --name mine")


@pytest.mark.parametrize("name", ["", "../up", "a b", "x" * 101, ".hidden"])
def test_a_name_that_is_none_is_refused(run: Run, tmp_path: Path, name: str) -> None:
    make_small(tmp_path / "runs" / "a")
    make_small(tmp_path / "runs" / "b")
    rule = "up to 100 letters (a to z), digits, '.', '_' and '-', the first a letter or a digit"
    assert run("a", "b", "--name", name) == (2, [], [f"name={name}: allowed: {rule}"])
    assert not (tmp_path / "reports").exists()


def test_an_unknown_study_is_refused_in_one_line(run: Run, tmp_path: Path) -> None:
    make_small(tmp_path / "runs" / "sample")
    assert run("smaple") == (2, [], ["study=smaple: allowed: sample"])
    assert not (tmp_path / "reports").exists()


def test_a_folder_without_studies_is_said(run: Run, tmp_path: Path) -> None:
    assert run("sample") == (2, [], ["study=sample: allowed: none, since runs holds no study"])
    assert run("sample", "--runs", str(tmp_path)) == (
        2, [], [f"study=sample: allowed: none, since {tmp_path} holds no study"]
    )  # fmt: skip


def test_a_folder_of_studies_in_the_place_of_a_study_names_the_option(run: Run, tmp_path: Path) -> None:
    make_small(tmp_path / "there" / "small")
    assert run("small", "there") == (2, [], ["study=there: this folder holds studies: allowed: --runs there"])


def test_a_study_beside_itself_is_refused(run: Run, tmp_path: Path) -> None:
    make_small(tmp_path / "runs" / "small")
    assert run("small", "runs/small") == (2, [], ["study=small: named twice: allowed: each study once"])


def test_several_studies_make_one_report(run: Run, tmp_path: Path) -> None:
    make_small(tmp_path / "runs" / "a")
    make_small(tmp_path / "runs" / "b", lags=[2, 4])
    assert run("a", "b") == (0, ["reports/a_vs_b/report.html"], [])
    receipt = json.loads((tmp_path / "reports" / "a_vs_b" / "receipt.json").read_text())
    assert receipt["rebuild"] == "python -m lstm_bench.report a b"
    assert [job["cell"] for job in receipt["jobs"]] == ["rnn [a]", "rnn [b]", "rnn [b]"]
    assert receipt["members"] == {"learning": 3}


def test_the_same_study_in_two_folders_is_told_apart_by_its_path(run: Run, tmp_path: Path) -> None:
    make_small(tmp_path / "runs" / "small")
    make_small(tmp_path / "old" / "small")
    assert run("small", "old/small") == (0, ["reports/small_small_vs_old-small/report.html"], [])
    text = (tmp_path / "reports" / "small_small_vs_old-small" / "report.md").read_text()
    assert "rnn [old/small]" in text


def test_what_cannot_be_read_is_told_and_the_others_stand_side_by_side(run: Run, tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        make_small(tmp_path / "runs" / name)
    (tmp_path / "runs" / "b" / "study.json").write_text("{")
    code, out, err = run("a", "b", "c", "d")
    assert (code, out) == (2, ["reports/a_vs_c/report.html"])
    assert err[0].startswith("runs/b/study.json: cannot be read: EOF")
    assert err[1:] == ["study=d: allowed: a, b, c"]


def test_one_study_that_is_left_has_its_own_report(run: Run, tmp_path: Path) -> None:
    make_small(tmp_path / "runs" / "a")
    assert run("a", "b") == (2, ["reports/a/report.html"], ["study=b: allowed: a"])
    receipt = json.loads((tmp_path / "reports" / "a" / "receipt.json").read_text())
    assert receipt["rebuild"] == "python -m lstm_bench.report a"


@pytest.mark.parametrize("asked", [("small", "fast"), ("fast", "small"), ("fast", "faster")])
def test_a_study_of_speed_stands_beside_nothing(run: Run, tmp_path: Path, asked: tuple[str, str]) -> None:
    make_small(tmp_path / "runs" / "small")
    job = benchmark_job("lstm", 100)
    for name in ("fast", "faster"):
        write_benchmark(tmp_path / "runs" / name, [job], [benchmark_row(job, OURS, [1.0])])
    assert run(*asked) == (2, [], ["study=fast: a study of speed: allowed: side by side, studies that train"])


def test_a_report_that_fails_is_told_in_a_line(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_small(tmp_path / "runs" / "small")

    def fail(*_: object) -> None:
        raise ValueError("no such glyph\nin a long story")

    monkeypatch.setattr(build, "study_page", fail)
    assert run("small") == (1, [], ["No report: ValueError: no such glyph"])
    assert {path.name for path in (tmp_path / "reports" / "small").iterdir()} == {
        "receipt.json",
        "results.csv",
        "tables",
    }
    (tmp_path / "reports" / "small" / "results.csv").write_text("old")
    assert run("small")[0] == 1
    assert (tmp_path / "reports" / "small" / "results.csv").read_text() == "old"


def test_letters_that_no_font_has_are_told_in_a_line(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fonts, "font_families", lambda: [fonts.FAMILY])  # whatever is installed here
    monkeypatch.setitem(synthetic_study.CELLS, "\u95e8\u63a7 $$", synthetic_study.CELLS["rnn"])
    make_small(tmp_path / "runs" / "small", cells=["\u95e8\u63a7 $$"])
    line = "Figures: no font here has \u63a7\u95e8, which they show as boxes; the tables have these letters."
    assert run("small") == (0, [str(Path("reports/small/report.html"))], [line])


def test_the_comparison_is_printed_where_it_is_asked_for(run: Run, tmp_path: Path) -> None:
    make_small(tmp_path / "runs" / "small")
    code, out, err = run("small", "--text")
    assert (code, out[-1], err) == (0, "reports/small/report.html", [])
    assert out[0] == "copy (arjovsky, 3 symbols), one cell, hidden size H = 64"
    make_small(tmp_path / "runs" / "untrained", trained=False)
    assert run("untrained", "--text")[1][0] == "Nothing was trained, so there is nothing to compare."


def test_a_page_that_is_too_large_is_told_in_a_line_and_embeds_no_file(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_small(tmp_path / "runs" / "small")
    assert run("small")[2] == []
    page = tmp_path / "reports" / "small" / "report.html"
    limit = page.stat().st_size - 1
    assert page.read_text().count("<template data-file") > 5
    monkeypatch.setattr(build, "LARGEST_PAGE", limit)
    assert run("small")[2] == []
    assert limit - 40_000 < page.stat().st_size <= limit, "the largest file alone is left out"
    monkeypatch.setattr(build, "LARGEST_PAGE", 1000)
    (line,) = run("small")[2]
    size = f"{page.stat().st_size / 1e3:.0f} kB"
    assert line == f"reports/small/report.html: {size}, more than 1 kB even without embedded files."
    assert "<template data-file" not in page.read_text()


def test_the_index_shows_what_reports_there_are(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("small", "tiny"):
        make_small(tmp_path / "runs" / name)
        run(name)
    assert run("--index") == (0, ["reports/index.html"], [])
    page = (tmp_path / "reports" / "index.html").read_text()
    assert page.count('<svg role="img"') == 2
    (tmp_path / "reports" / "tiny" / "receipt.json").write_text("{")
    shown: list[str] = []
    monkeypatch.setattr("webbrowser.open", lambda address: not shown.append(address))
    code, out, err = run("--index", "--open")
    assert (code, out) == (2, ["reports/index.html"])
    assert err[0].startswith("reports/tiny/receipt.json: cannot be read: EOF")
    assert len(err) == len(shown) == 1


def test_an_index_of_one_study_or_of_no_folder_is_refused(run: Run, tmp_path: Path) -> None:
    line = "--index small: allowed: --index without STUDY, since it shows all"
    assert run("small", "--index") == (2, [], [line])
    line = "--index --text --pdf: allowed: --index with --reports and --open"
    assert run("--index", "--pdf", "--text") == (2, [], [line])
    assert run("--index", "--reports", "nowhere") == (2, [], ["reports=nowhere: allowed: a folder of reports"])
    assert list(tmp_path.iterdir()) == []


def test_neither_study_nor_index_is_refused(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        run()
    assert ended.value.code == 2
    assert capsys.readouterr().err.splitlines()[-1].endswith("allowed: the name of a study; or --index alone")


def test_the_page_is_shown_in_the_browser_where_there_is_one(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_small(tmp_path / "runs" / "small")
    shown: list[str] = []
    monkeypatch.setattr("webbrowser.open", lambda address: shown.append(address) or len(shown) == 1)
    page = tmp_path / "reports" / "small" / "report.html"
    assert run("small", "--open")[2] == []
    assert run("small", "--open")[2] == ["--open: no browser here; the page is reports/small/report.html"]
    assert shown == [page.as_uri()] * 2


def test_without_a_browser_a_pdf_is_refused_with_what_to_install(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_small(tmp_path / "runs" / "small")
    monkeypatch.setattr("shutil.which", lambda _: None)
    code, out, err = run("small", "--pdf")
    assert (code, out) == (2, [])
    assert err == [f"--pdf: allowed: {NO_BROWSER}"]
    assert not (tmp_path / "reports").exists()


def test_a_browser_that_fails_is_named_in_a_line(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_small(tmp_path / "runs" / "small")
    broken = tmp_path / "chromium"
    broken.write_text("#!/bin/sh\necho starting >&2\necho no display >&2\nexit 3\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    code, out, err = run("small", "--pdf")
    assert (code, out) == (1, ["reports/small/report.html"])
    assert err == [f"--pdf: {broken}: no display"]
