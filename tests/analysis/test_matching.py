"""Which cells may be set side by side, on plans whose numbers are chosen."""

from dataclasses import replace

import pytest
from synthetic_study import make_job

from lstm_bench.analysis.comparison import matched_studies
from lstm_bench.analysis.frames import StudyData
from lstm_bench.analysis.matching import matched_parameters, matchings
from lstm_bench.records.plan import JobPlan


def jobs(**sizes: tuple[int, int]) -> list[JobPlan]:
    """Return a job a cell, of a hidden size and a number of parameters."""
    job = make_job("rnn", 32)
    return [replace(job, cell=cell, hidden_size=hidden, n_parameters=n) for cell, (hidden, n) in sizes.items()]


def test_one_hidden_size_matches_all() -> None:
    (one,) = matchings(jobs(lstm=(64, 20_000), rnn=(64, 5_000)))
    assert (one.kind, one.cells, one.text) == ("hidden size", ["lstm", "rnn"], "matched hidden size (H = 64)")


def test_as_many_parameters_match_all() -> None:
    (one,) = matchings(jobs(a=(64, 20_000), b=(130, 20_100)))
    assert (one.kind, one.text) == ("parameters", "matched parameters (20,000 to 20,100, within 0.50%)")
    (exact,) = matchings(jobs(a=(64, 20_000), b=(130, 20_000)))
    assert exact.text == "matched parameters (20,000, within 0.00%)"


def test_a_study_of_both_has_a_comparison_of_each_kind() -> None:
    both = jobs(lstm=(64, 20_000), rnn=(64, 5_000), wide=(130, 20_100))
    assert [(one.kind, one.cells) for one in matchings(both)] == [
        ("hidden size", ["lstm", "rnn"]),
        ("parameters", ["lstm", "wide"]),
    ]


def test_each_swept_hidden_size_is_a_comparison_of_its_own() -> None:
    swept = jobs(lstm_32=(32, 5_000), rnn_32=(32, 1_300), lstm_64=(64, 20_000), rnn_64=(64, 5_200))
    assert [one.cells for one in matchings(swept)] == [["lstm_32", "rnn_32"], ["lstm_64", "rnn_64"]]


def test_a_comparison_that_lies_within_another_is_left_out() -> None:
    variants = jobs(a=(64, 20_000), b=(64, 20_000), wide=(130, 20_100), wider=(130, 20_100))
    assert [(one.kind, one.cells) for one in matchings(variants)] == [("parameters", ["a", "b", "wide", "wider"])]


def test_cells_on_either_side_of_the_largest_stay_together() -> None:
    """0.8% below and 0.8% above the one that they were matched to: 1.6% apart."""
    (one,) = matchings(jobs(low=(130, 9_920), largest=(64, 10_000), high=(75, 10_080)))
    assert one.cells == ["low", "largest", "high"]
    assert one.mismatch == pytest.approx(10_080 / 9_920 - 1)


def test_an_odd_one_out_brings_all_cells_together_as_unequals() -> None:
    by_size, unequal = matchings(jobs(lstm=(64, 20_000), rnn=(64, 5_000), odd=(32, 9_000)))
    assert by_size.cells == ["lstm", "rnn"]
    assert unequal.cells == ["lstm", "rnn", "odd"]
    assert unequal.text == "neither hidden size (H = 32-64) nor parameters (5,000-20,000) matched"
    (alone,) = matchings(jobs(a=(64, 20_000)))
    assert alone.text == "one cell, hidden size H = 64"


def test_how_far_parameters_miss_is_told_in_a_line() -> None:
    cells = jobs(lstm=(64, 20_000), rnn=(64, 5_000), wide=(130, 20_100), wider=(131, 20_100), gru=(75, 19_900))
    assert matched_parameters(cells) == (
        "Matched parameters: wide and wider have 0.50% more and gru has 0.50% fewer than lstm (20,000)."
    )
    assert matched_parameters(jobs(lstm=(64, 20_000), rnn=(64, 5_000))) == ""


def test_the_study_of_a_comparison_holds_its_cells_alone(sample: StudyData) -> None:
    ((_, whole),) = matched_studies(sample)
    assert whole is sample
    rnn = sample.of_cells(["rnn"])
    assert rnn.cells == ["rnn"]
    for frame in (rnn.members, rnn.tuning, rnn.curves, rnn.probes, rnn.speed):
        assert set(frame["cell"]) == {"rnn"}
    assert len(rnn.members) == (sample.members["cell"] == "rnn").sum()


def test_cells_that_were_matched_to_a_number_stay_together_though_none_of_them_has_it() -> None:
    """4,870 was asked for: 0.9% below it twice, and 1.0% above."""
    (one,) = matchings(jobs(rnn=(67, 4_825), lstm=(33, 4_918), gru=(38, 4_827)))
    assert (one.kind, one.cells) == ("parameters", ["rnn", "lstm", "gru"])
    assert one.text == "matched parameters (4,825 to 4,918, within 1.93%)"
    assert matchings(jobs(rnn=(67, 4_800), lstm=(33, 4_918)))[0].kind == "nothing"
