"""The figure of cell against cell: what its finding says, and that it can be drawn of whole and of broken studies."""

import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import synthetic_study
from synthetic_study import SyntheticCell, maker

from lstm_bench.analysis.contrasts import contrasts as table_of
from lstm_bench.analysis.frames import StudyData
from lstm_bench.report import style
from lstm_bench.report.figures import contrasts

Make = Callable[..., StudyData]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(style, "PNG_DPI", 20)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@pytest.fixture
def make(tmp_path: Path) -> Make:
    return maker(tmp_path)


def save(study: StudyData, folder: Path) -> str:
    return style.save(contrasts.draw(study), folder, "figure")


def lstm_solves(cell: str, lag: int, seed: int) -> str:
    return "solved" if cell == "lstm" and lag < 32 else "plateau"


def test_few_members_are_said_not_to_tell_at_any_single_lag(make: Make, tmp_path: Path) -> None:
    study = make(lags=(2, 3, 4, 6, 8, 12, 16, 32), outcome=lstm_solves)
    text = contrasts.finding(study)
    assert "against lstm: rnn solves later (p < 0.0001), sooner in 0% of pairs of members (7 lags)." in text
    assert "No single lag can be significant: 5 members a side reach p = 0.0079 at best, 0.056 after Holm's" in text
    assert "correction for 7 tests; only all lags together can show a difference." in text
    assert "Not tested: at lag 32 nobody solved." in text
    assert "nan" not in text
    assert "nobody solved" in svg_text(study)
    assert save(study, tmp_path).startswith("<?xml")


def svg_text(study: StudyData) -> str:
    return style.lettered_svg(contrasts.draw(study))


def test_single_lags_that_differ_are_named_with_their_side(make: Make) -> None:
    study = make(lags=(2, 4), outcome=lambda c, lag, s: "solved" if (c == "lstm") == (lag == 2) else "plateau")
    text = contrasts.finding(study)
    assert "At single lags p < 0.05 after Holm's correction for 2 tests: rnn sooner at 4 and later at 2." in text
    assert "rnn shows no clear difference (p = 0.93), sooner in 50% of pairs of members (2 lags)." in text


def test_one_lag_has_no_correction(make: Make) -> None:
    text = contrasts.finding(make(lags=(4,), n_seeds=3, outcome=lstm_solves))
    assert "No single lag can be significant: 3 members a side reach p = 0.10 at best." in text
    assert "1.0x" not in text


def test_the_finding_has_the_numbers_of_the_rows(sample: StudyData) -> None:
    table = table_of(sample)
    pooled = table.loc[table["lag"].isna()].iloc[0]
    low, high = (f"{100 * pooled[f'improvement_{end}']:.0f}" for end in ("low", "high"))
    expected = f"sooner in {100 * pooled['improvement']:.0f}% of pairs of members (95% {low}-{high}%, 3 lags)"
    assert expected in contrasts.finding(sample)
    assert contrasts.rows(sample).equals(table)


def test_cells_without_members_are_named(make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(synthetic_study.CELLS, "third", SyntheticCell(4, 8.0, 0.5, 0.9, 9e4))
    cells = ["lstm", "rnn", "third"]
    study = make(
        cells=cells, lags=(2, 4), outcome=lambda c, lag, s: "missing" if (c, lag) == ("third", 4) else "solved"
    )
    text = contrasts.finding(study)
    assert "Not tested: at lag 4 one side has no members (third)." in text
    assert "p after Holm's correction for 2 cells" in text
    save(study, tmp_path)


def test_twelve_cells_fit(make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"{kind}_{place}" for kind in ("lstm", "rnn") for place in range(6)]
    for name in names:
        monkeypatch.setitem(synthetic_study.CELLS, name, SyntheticCell(4, 8.0, 0.5, 0.9, 9e4))
    study = make(cells=names, lags=(4, 8), n_seeds=2, outcome=lambda c, lag, s: "plateau" if c == "rnn_3" else "solved")
    text = contrasts.finding(study)
    assert "rnn_3" in text
    assert "7 other cells nearer to even" in text
    assert len(text) < 2000
    save(study, tmp_path)


def test_nothing_to_compare(make: Make, tmp_path: Path) -> None:
    assert contrasts.finding(make(cells=["lstm"], lags=(2,), n_seeds=1)) == ""
    assert contrasts.finding(make(lags=(2,), n_seeds=1, trained=False)).startswith("Nothing was trained")
    assert contrasts.rows(make(lags=(2,), n_seeds=1, trained=False)).empty
    for status in ("plateau", "missing"):
        study = make(lags=(2, 4), n_seeds=2, outcome=lambda *_, status=status: status)
        assert "no difference can be tested" in contrasts.finding(study)
        save(study, tmp_path)
