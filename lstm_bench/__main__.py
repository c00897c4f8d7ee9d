"""The program `python -m lstm_bench`."""

import atexit
import gc
import sys

from lstm_bench.python_version import BAD_VERSION, refusal

if __name__ == "__main__":
    if refusal():  # before what another version cannot import
        print(refusal(), file=sys.stderr)
        sys.exit(BAD_VERSION)

    from lstm_bench.cli import main
    from lstm_bench.text_encoding import restart_in_utf8

    restart_in_utf8()
    atexit.register(gc.freeze)  # Python would search all of torch and MLflow for cycles before it ends: a second
    sys.exit(main())
