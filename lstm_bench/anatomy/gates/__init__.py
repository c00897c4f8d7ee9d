"""The gates and the state of any trained LSTM, GRU or RNN, step by step, and the gradient of its last output."""
