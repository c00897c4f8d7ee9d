"""`python -m lstm_bench`."""

import atexit
import gc
import sys

from lstm_bench.cli import main

if __name__ == "__main__":
    atexit.register(gc.freeze)  # Python would search all of torch and MLflow for cycles before it ends: a second
    sys.exit(main())
