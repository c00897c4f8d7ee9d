"""`python -m lstm_bench`."""

import atexit
import gc
import sys

from lstm_bench.cli import main
from lstm_bench.text_encoding import restart_in_utf8

if __name__ == "__main__":
    restart_in_utf8()
    atexit.register(gc.freeze)  # Python would search all of torch and MLflow for cycles before it ends: a second
    sys.exit(main(sys.argv[1:]))
