"""Turns of a speed study against numbers worked out by hand."""

import json
import math
from pathlib import Path

import pandas as pd
import pytest
from synthetic_contest import LIMIT, contest_job, contest_row, write_contest

from lstm_bench.analysis.contest import (
    Contest,
    cell_sets,
    contest_frame,
    load_contest,
    reference_rows,
    turn_frame,
    whole_study,
)
from lstm_bench.analysis.contest_wording import contest_headline, percent
from lstm_bench.records.reading import RecordError
from lstm_bench.records.schema import OURS, PLAIN_LOOP, STOCK_THREADS, STOCK_WORKERS, ContestRow, JobPlan

LSTM = contest_job("lstm", 100)


def one(frame: pd.DataFrame, contender: str) -> pd.Series:
    (found,) = (row for _, row in frame.loc[frame["contender"] == contender].iterrows())
    return found


def loaded(folder: Path, rows: list[ContestRow], *jobs: JobPlan) -> Contest:
    write_contest(folder, jobs, rows)
    return load_contest(folder)


def test_what_a_turn_says_of_the_whole_machine_and_of_one_process() -> None:
    # 2 processes of 1 thread do 80 member-steps of 32 sequences of 100 steps in 0.5 s; 1e9 operations and 2 ms at least
    turns = turn_frame([contest_row(LSTM, OURS, [0.5])])
    row = turns.iloc[0]
    assert row["step_s"] == pytest.approx(0.00625)
    assert row["steps_per_s"] == pytest.approx(160)
    assert row["sequences_per_s"] == pytest.approx(5120)
    assert row["ms_per_time_step"] == pytest.approx(0.125)  # 500 ms x 2 / (80 x 100)
    assert row["gflops_per_s"] == pytest.approx(160)
    assert row["limit_share"] == pytest.approx(0.16)  # 2 ms x 80 / (500 ms x 2 cores)
    assert row["peak_memory_mib"] == 3
    assert math.isnan(row["speedup"])


def test_one_process_of_two_threads_uses_two_cores_and_is_one_process() -> None:
    row = turn_frame([contest_row(LSTM, PLAIN_LOOP, [0.5])]).iloc[0]  # 5 steps
    assert row["steps_per_s"] == pytest.approx(10)
    assert row["ms_per_time_step"] == pytest.approx(1.0)  # 500 ms x 1 / (5 x 100)
    assert row["limit_share"] == pytest.approx(0.01)  # 2 ms x 5 / (500 ms x 2 cores)
    assert math.isnan(row["peak_memory_mib"])


def test_speedup_is_paired_by_turn_and_not_a_ratio_of_medians() -> None:
    # seconds a step: ours 1, 2, 4; theirs 3, 3, 20. Ratios 3, 1.5, 5: median 3. Medians 3 and 2 would give 1.5.
    rows = contest_frame(
        turn_frame(
            [contest_row(LSTM, OURS, [10, 20, 40], steps=10), contest_row(LSTM, STOCK_WORKERS, [12, 12, 80], steps=4)]
        )
    )
    theirs = one(rows, STOCK_WORKERS)
    assert theirs["speedup"] == pytest.approx(3.0)
    assert theirs["speedup_q25"] == pytest.approx(2.25)  # halfway from 1.5 to 3
    assert theirs["speedup_q75"] == pytest.approx(4.0)  # halfway from 3 to 5
    assert math.isnan(one(rows, OURS)["speedup"])
    ours = one(rows, OURS)
    assert (ours["steps_per_s"], ours["steps_per_s_q25"], ours["steps_per_s_q75"]) == pytest.approx((0.5, 0.375, 0.75))
    assert ours["turns"] == 3


def test_turns_of_other_jobs_do_not_pair_and_without_ours_there_is_no_speedup() -> None:
    other = contest_job("lstm", 400)
    rows = [contest_row(LSTM, OURS, [1, 1], steps=1), contest_row(other, STOCK_THREADS, [5, 5], steps=1)]
    assert contest_frame(turn_frame(rows))["speedup"].isna().all()


def test_no_rows_give_empty_frames() -> None:
    turns = turn_frame([])
    assert len(turns) == len(contest_frame(turns)) == len(whole_study(turns, ("rnn",))) == 0


def pair_of_cells() -> list[ContestRow]:
    """Seconds a step of two rounds: rnn ours 1, 1 theirs 2, 4; lstm ours 3, 1 theirs 6, 4; lstm T = 400 has no rnn."""
    times = {("rnn", 100): ([1, 1], [2, 4]), ("lstm", 100): ([3, 1], [6, 4]), ("lstm", 400): ([9, 9], [9, 9])}
    return [
        contest_row(contest_job(cell, length), who, turns, steps=1)
        for (cell, length), both in times.items()
        for who, turns in zip((OURS, PLAIN_LOOP), both, strict=True)
    ]


def test_a_whole_study_sums_seconds_over_cells_round_by_round() -> None:
    # round 0: (2 + 6) / (1 + 3) = 2; round 1: (4 + 4) / (1 + 1) = 4; lag 400 is left out, since rnn lacks it
    (row,) = whole_study(turn_frame(pair_of_cells()), ("rnn", "lstm")).to_dict("records")
    assert (row["contender"], row["lags"], row["cells"]) == (PLAIN_LOOP, "100", "rnn, lstm")
    assert (row["hidden_size"], row["batch_size"]) == (64, 32)
    assert (row["speedup"], row["speedup_q25"], row["speedup_q75"]) == pytest.approx((3.0, 2.5, 3.5))


def test_a_lag_that_a_contender_lacks_at_one_cell_is_left_out_for_both() -> None:
    rows = [*pair_of_cells(), contest_row(contest_job("rnn", 400), OURS, [1, 1], steps=1)]
    (row,) = whole_study(turn_frame(rows), ("rnn", "lstm")).to_dict("records")
    assert (row["lags"], row["speedup"]) == ("100", pytest.approx(3.0))
    assert whole_study(turn_frame(rows), ("rnn", "lstm", "gru")).empty


def test_sets_of_cells_are_the_pair_and_all() -> None:
    assert cell_sets(["lstm", "gru", "rnn"]) == [("rnn", "lstm"), ("lstm", "gru", "rnn")]
    assert cell_sets(["lstm", "rnn"]) == [("rnn", "lstm")]
    assert cell_sets(["gru"]) == [("gru",)]


def test_the_page_speaks_first_of_the_commonest_batch_the_largest_and_the_longest() -> None:
    sizes = [(64, 100, 32), (128, 100, 32), (128, 400, 32), (64, 800, 32), (256, 400, 128)]
    rows = [contest_row(contest_job("lstm", t, h, b), OURS, [1.0]) for h, t, b in sizes]
    (chosen,) = reference_rows(contest_frame(turn_frame(rows))).to_dict("records")
    assert (chosen["hidden_size"], chosen["length"], chosen["batch_size"]) == (128, 400, 32)


def test_headline_has_every_ratio_with_quartiles(tmp_path: Path) -> None:
    gru = contest_job("gru", 100)
    rows = [
        contest_row(LSTM, OURS, [10, 20, 40], steps=8000),
        contest_row(LSTM, STOCK_WORKERS, [12, 12, 80], steps=3200),
        contest_row(LSTM, STOCK_THREADS, [40, 80, 160], steps=8000),
        contest_row(gru, OURS, [10, 10, 10], steps=8000),
    ]
    first, more = contest_headline(loaded(tmp_path / "speed", rows, LSTM, gru))
    assert first == (
        "At H = 64, T = 100, B = 32 the engine takes 3.00 (2.25-4.00) lstm training steps while 2 single-thread "
        "torch.nn workers take one and 4.00 (4.00-4.00) while one torch.nn process of 2 threads takes one, the "
        "gradient norms of every time step included; it runs at 40% (30-60%) of what these cores can do."
    )
    assert more == "For gru it takes 800 (800-800) a second, at 80% of the limit."


def test_a_cell_whose_limit_is_not_known_has_no_share_and_the_headline_says_so(tmp_path: Path) -> None:
    mine = contest_job("mine", 100)
    rows = [contest_row(job, OURS, [0.5], limit_s=None) for job in (mine, contest_job("other", 100))]
    contest = loaded(tmp_path / "speed", rows, mine)
    assert contest.rows["limit_share"].isna().all()
    first, more = contest_headline(contest)
    assert first.endswith("; what these cores could do is not known for this cell.")
    assert more == "For other it takes 160 (160-160) a second, with a limit that is not known."


def test_headline_of_ours_alone_and_of_a_whole_study(tmp_path: Path) -> None:
    (alone,) = contest_headline(loaded(tmp_path / "a", [contest_row(LSTM, OURS, [0.5])], LSTM))
    assert alone == (
        "At H = 64, T = 100, B = 32 the engine takes 160 (160-160) lstm training steps a second, the gradient norms of "
        "every time step included; it runs at 16% of what these cores can do."
    )
    _, more = contest_headline(
        loaded(tmp_path / "b", pair_of_cells()[:4], contest_job("rnn", 100), contest_job("lstm", 100))
    )
    assert more.endswith(
        "A study of rnn and lstm over the lag 100 at H = 64, B = 32, as many steps of each, would take the plain loop "
        "3.00 (2.50-3.50) times as long as the engine."
    )


def test_headline_without_ours_or_without_rows(tmp_path: Path) -> None:
    rows = [contest_row(LSTM, STOCK_WORKERS, [0.5])]
    assert contest_headline(loaded(tmp_path / "a", rows, LSTM)) == ["The engine itself was not timed."]
    assert contest_headline(loaded(tmp_path / "b", [], LSTM)) == ["Nothing was timed."]


def test_percent_leaves_out_quartiles_that_say_the_same() -> None:
    assert percent(0.912, 0.905, 0.923) == "91% (90-92%)"
    assert percent(0.912, 0.911, 0.913) == "91%"
    assert percent(0.0034, 0.0034, 0.0341) == "0.34% (0.34-3.4%)"
    assert percent(math.nan, math.nan, math.nan) == "n/a"


def test_contenders_are_in_the_order_of_the_page(tmp_path: Path) -> None:
    rows = [contest_row(LSTM, name, [1.0]) for name in (PLAIN_LOOP, STOCK_WORKERS, OURS)]
    contest = loaded(tmp_path / "speed", rows, LSTM)
    assert contest.contenders == [OURS, STOCK_WORKERS, PLAIN_LOOP]
    assert contest.limit == LIMIT


def test_records_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "speed"
    write_contest(folder, [LSTM], [contest_row(LSTM, OURS, [1.0])])
    content = json.loads((folder / "contest.json").read_text())
    del content["rows"][0]["steps"]
    (folder / "contest.json").write_text(json.dumps(content))
    with pytest.raises(RecordError, match=r"contest\.json: rows\.0\.steps is missing"):
        load_contest(folder)
    (folder / "contest.json").unlink()
    with pytest.raises(RecordError, match="cannot be read"):
        load_contest(folder)
