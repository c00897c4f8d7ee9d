"""python -m lstm_bench.sync: the former name of `python -m lstm_bench.tracking.backfill`, which it runs."""

import sys
from collections.abc import Sequence

from lstm_bench.text_encoding import restart_in_utf8
from lstm_bench.tracking import backfill

RENAMED = f"python -m lstm_bench.sync is now python -m {backfill.PROGRAM}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the new name on stderr, and run the command."""
    print(RENAMED, file=sys.stderr)
    return backfill.main(arguments)


if __name__ == "__main__":
    restart_in_utf8()
    sys.exit(main())
