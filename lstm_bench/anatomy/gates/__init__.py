"""What the gates and the state of any trained LSTM, GRU or RNN do, step by step, and what the last output feels."""
