"""An LSTM step and a walk through a few words, as tables, diagrams and a page: `python -m lstm_bench.anatomy`."""
