"""Turns of a speed study against numbers worked out by hand."""

import json
import math
from pathlib import Path

import pandas as pd
import pytest
from synthetic_speed import LIMIT, benchmark_job, benchmark_row, write_benchmark

from lstm_bench.analysis.speed_benchmark import (
    SpeedBenchmark,
    cell_sets,
    implementation_frame,
    load_benchmark,
    reference_rows,
    round_frame,
    whole_study,
)
from lstm_bench.analysis.speed_headline import percent, speed_headline
from lstm_bench.records.plan import JobPlan
from lstm_bench.records.reading import RecordError
from lstm_bench.records.speed import OURS, PLAIN_LOOP, STOCK_THREADS, STOCK_WORKERS, BenchmarkRow

LSTM = benchmark_job("lstm", 100)


def one(frame: pd.DataFrame, implementation: str) -> pd.Series:
    (found,) = (row for _, row in frame.loc[frame["implementation"] == implementation].iterrows())
    return found


def loaded(folder: Path, rows: list[BenchmarkRow], *jobs: JobPlan) -> SpeedBenchmark:
    write_benchmark(folder, jobs, rows)
    return load_benchmark(folder)


def test_what_a_round_says_of_the_whole_machine_and_of_one_process() -> None:
    # 2 processes of 1 thread do 80 member-steps of 32 sequences of 100 steps in 0.5 s; 1e9 operations and 2 ms at least
    rounds = round_frame([benchmark_row(LSTM, OURS, [0.5])])
    row = rounds.iloc[0]
    assert row["step_s"] == pytest.approx(0.00625)
    assert row["steps_per_s"] == pytest.approx(160)
    assert row["sequences_per_s"] == pytest.approx(5120)
    assert row["ms_per_time_step"] == pytest.approx(0.125)  # 500 ms x 2 / (80 x 100)
    assert row["gflops_per_s"] == pytest.approx(160)
    assert row["limit_share"] == pytest.approx(0.16)  # 2 ms x 80 / (500 ms x 2 cores)
    assert row["peak_memory_mib"] == 3
    assert math.isnan(row["speedup"])


def test_one_process_of_two_threads_uses_two_cores_and_is_one_process() -> None:
    row = round_frame([benchmark_row(LSTM, PLAIN_LOOP, [0.5])]).iloc[0]  # 5 steps
    assert row["steps_per_s"] == pytest.approx(10)
    assert row["ms_per_time_step"] == pytest.approx(1.0)  # 500 ms x 1 / (5 x 100)
    assert row["limit_share"] == pytest.approx(0.01)  # 2 ms x 5 / (500 ms x 2 cores)
    assert math.isnan(row["peak_memory_mib"])


def test_speedup_is_paired_by_round_and_not_a_ratio_of_medians() -> None:
    # seconds a step: ours 1, 2, 4; theirs 3, 3, 20. Ratios 3, 1.5, 5: median 3. Medians 3 and 2 would give 1.5.
    rows = implementation_frame(
        round_frame(
            [
                benchmark_row(LSTM, OURS, [10, 20, 40], steps=10),
                benchmark_row(LSTM, STOCK_WORKERS, [12, 12, 80], steps=4),
            ]
        )
    )
    theirs = one(rows, STOCK_WORKERS)
    assert theirs["speedup"] == pytest.approx(3.0)
    assert theirs["speedup_q25"] == pytest.approx(2.25)  # halfway from 1.5 to 3
    assert theirs["speedup_q75"] == pytest.approx(4.0)  # halfway from 3 to 5
    assert math.isnan(one(rows, OURS)["speedup"])
    ours = one(rows, OURS)
    assert (ours["steps_per_s"], ours["steps_per_s_q25"], ours["steps_per_s_q75"]) == pytest.approx((0.5, 0.375, 0.75))
    assert ours["rounds"] == 3


def test_rounds_of_other_jobs_do_not_pair_and_without_ours_there_is_no_speedup() -> None:
    other = benchmark_job("lstm", 400)
    rows = [benchmark_row(LSTM, OURS, [1, 1], steps=1), benchmark_row(other, STOCK_THREADS, [5, 5], steps=1)]
    assert implementation_frame(round_frame(rows))["speedup"].isna().all()


def test_no_rows_give_empty_frames() -> None:
    rounds = round_frame([])
    assert len(rounds) == len(implementation_frame(rounds)) == len(whole_study(rounds, ("rnn",))) == 0


def pair_of_cells() -> list[BenchmarkRow]:
    """Seconds a step of two rounds: rnn ours 1, 1 theirs 2, 4; lstm ours 3, 1 theirs 6, 4; lstm T = 400 has no rnn."""
    times = {("rnn", 100): ([1, 1], [2, 4]), ("lstm", 100): ([3, 1], [6, 4]), ("lstm", 400): ([9, 9], [9, 9])}
    return [
        benchmark_row(benchmark_job(cell, length), who, rounds, steps=1)
        for (cell, length), both in times.items()
        for who, rounds in zip((OURS, PLAIN_LOOP), both, strict=True)
    ]


def test_a_whole_study_sums_seconds_over_cells_round_by_round() -> None:
    # round 0: (2 + 6) / (1 + 3) = 2; round 1: (4 + 4) / (1 + 1) = 4; lag 400 is left out, since rnn lacks it
    (row,) = whole_study(round_frame(pair_of_cells()), ("rnn", "lstm")).to_dict("records")
    assert (row["implementation"], row["lags"], row["cells"]) == (PLAIN_LOOP, (100,), ("rnn", "lstm"))
    assert (row["hidden_size"], row["batch_size"]) == (64, 32)
    assert (row["speedup"], row["speedup_q25"], row["speedup_q75"]) == pytest.approx((3.0, 2.5, 3.5))


def test_a_lag_that_a_implementation_lacks_at_one_cell_is_left_out_for_both() -> None:
    rows = [*pair_of_cells(), benchmark_row(benchmark_job("rnn", 400), OURS, [1, 1], steps=1)]
    (row,) = whole_study(round_frame(rows), ("rnn", "lstm")).to_dict("records")
    assert (row["lags"], row["speedup"]) == ((100,), pytest.approx(3.0))
    assert whole_study(round_frame(rows), ("rnn", "lstm", "gru")).empty


def test_sets_of_cells_are_the_pair_and_all() -> None:
    assert cell_sets(["lstm", "gru", "rnn"]) == [("rnn", "lstm"), ("lstm", "gru", "rnn")]
    assert cell_sets(["lstm", "rnn"]) == [("rnn", "lstm")]
    assert cell_sets(["gru"]) == [("gru",)]


def test_the_page_speaks_first_of_the_commonest_batch_the_largest_and_the_longest() -> None:
    sizes = [(64, 100, 32), (128, 100, 32), (128, 400, 32), (64, 800, 32), (256, 400, 128)]
    rows = [benchmark_row(benchmark_job("lstm", t, h, b), OURS, [1.0]) for h, t, b in sizes]
    (chosen,) = reference_rows(implementation_frame(round_frame(rows))).to_dict("records")
    assert (chosen["hidden_size"], chosen["length"], chosen["batch_size"]) == (128, 400, 32)


def test_headline_has_every_ratio_with_quartiles(tmp_path: Path) -> None:
    gru = benchmark_job("gru", 100)
    rows = [
        benchmark_row(LSTM, OURS, [10, 20, 40], steps=8000),
        benchmark_row(LSTM, STOCK_WORKERS, [12, 12, 80], steps=3200),
        benchmark_row(LSTM, STOCK_THREADS, [40, 80, 160], steps=8000),
        benchmark_row(gru, OURS, [10, 10, 10], steps=8000),
    ]
    first, more = speed_headline(loaded(tmp_path / "speed", rows, LSTM, gru))
    assert first == (
        "At H = 64, T = 100, B = 32 the engine takes 3.00 (2.25-4.00) lstm training steps while 2 single-thread "
        "torch.nn workers take one and 4.00 (4.00-4.00) while one torch.nn process of 2 threads takes one, the "
        "gradient norms of every time step included; it runs at 40% (30-60%) of what these cores can do."
    )
    assert more == "For gru it takes 800 (800-800) steps a second, at 80% of the limit."


def test_a_cell_whose_limit_is_not_known_has_no_share_and_the_headline_says_so(tmp_path: Path) -> None:
    mine = benchmark_job("mine", 100)
    rows = [benchmark_row(job, OURS, [0.5], limit_s=None) for job in (mine, benchmark_job("other", 100))]
    benchmark = loaded(tmp_path / "speed", rows, mine)
    assert benchmark.rows["limit_share"].isna().all()
    first, more = speed_headline(benchmark)
    assert first.endswith("; the limit of these cores is not known for this cell.")
    assert more == "For other it takes 160 (160-160) steps a second, and its limit is not known."


def test_headline_of_ours_alone_and_of_a_whole_study(tmp_path: Path) -> None:
    (alone,) = speed_headline(loaded(tmp_path / "a", [benchmark_row(LSTM, OURS, [0.5])], LSTM))
    assert alone == (
        "At H = 64, T = 100, B = 32 the engine takes 160 (160-160) lstm training steps a second, the gradient norms of "
        "every time step included; it runs at 16% of what these cores can do."
    )
    _, more = speed_headline(
        loaded(tmp_path / "b", pair_of_cells()[:4], benchmark_job("rnn", 100), benchmark_job("lstm", 100))
    )
    assert more.endswith(
        "A study of rnn and lstm over the lag 100 at H = 64, B = 32, as many steps of each, would take the plain loop "
        "3.00 (2.50-3.50) times as long as the engine."
    )


def test_headline_without_ours_or_without_rows(tmp_path: Path) -> None:
    rows = [benchmark_row(LSTM, STOCK_WORKERS, [0.5])]
    assert speed_headline(loaded(tmp_path / "a", rows, LSTM)) == ["The engine itself was not timed."]
    assert speed_headline(loaded(tmp_path / "b", [], LSTM)) == ["Nothing was timed."]


def test_percent_leaves_out_quartiles_that_say_the_same() -> None:
    assert percent(0.912, 0.905, 0.923) == "91% (90-92%)"
    assert percent(0.912, 0.911, 0.913) == "91%"
    assert percent(0.0034, 0.0034, 0.0341) == "0.34% (0.34-3.4%)"
    assert percent(math.nan, math.nan, math.nan) == "n/a"


def test_implementations_are_in_the_order_of_the_page(tmp_path: Path) -> None:
    rows = [benchmark_row(LSTM, name, [1.0]) for name in (PLAIN_LOOP, STOCK_WORKERS, OURS)]
    benchmark = loaded(tmp_path / "speed", rows, LSTM)
    assert benchmark.implementations == [OURS, STOCK_WORKERS, PLAIN_LOOP]
    assert benchmark.limit == LIMIT


def test_records_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "speed"
    write_benchmark(folder, [LSTM], [benchmark_row(LSTM, OURS, [1.0])])
    content = json.loads((folder / "benchmark.json").read_text())
    del content["rows"][0]["steps"]
    (folder / "benchmark.json").write_text(json.dumps(content))
    with pytest.raises(RecordError, match=r"benchmark\.json: rows\.0\.steps is missing"):
        load_benchmark(folder)
    (folder / "benchmark.json").unlink()
    with pytest.raises(RecordError, match="cannot be read"):
        load_benchmark(folder)
