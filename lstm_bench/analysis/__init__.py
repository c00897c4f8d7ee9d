"""From records to numbers: tidy frames, memory span, intervals, the comparison and its headline."""
