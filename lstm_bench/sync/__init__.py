"""The former name of `python -m lstm_bench.tracking.backfill`."""
