"""`python -m lstm_bench`."""

import sys

from lstm_bench.cli import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
