"""Join the records of a study that several machines made: python -m lstm_bench.merge runs/NAME OTHER/runs/NAME ...

The first folder gains what only the others have; the others are only read.
"""

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from lstm_bench.analysis.wording import counted
from lstm_bench.records.locking import HeldError, LockError
from lstm_bench.records.merging import Merged, MergeError, merge
from lstm_bench.records.reading import RecordError
from lstm_bench.records.store import StudyRecords
from lstm_bench.text_encoding import allow_all_letters, restart_in_utf8

PROGRAM = "lstm_bench.merge"
INCOMPLETE, BAD_INPUT = 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Join folders of records, print what was taken from each, and return the exit code.

    The code is 0 where all results are in the first folder, 1 where some are damaged, or the file system fails, and 2
    where the folders do not belong together, which leaves everything as it is.
    """
    allow_all_letters()
    options = _parser().parse_args(arguments)
    command = shlex.join(["python", "-m", PROGRAM, *(sys.argv[1:] if arguments is None else arguments)])
    try:
        merged = merge(options.into, options.folders, command)
    except HeldError as error:
        return _refused(f"study={options.into.name}: run by {error}: allowed: once that process has ended")
    except (MergeError, RecordError, LockError) as error:
        return _refused(str(error))
    except OSError as error:
        print(f"Not everything is merged: {error}; the same command continues", file=sys.stderr)
        return INCOMPLETE
    for result in merged:
        print(_in_words(result))
        for problem in result.damaged:
            print(f"Not merged: {problem}", file=sys.stderr)
    print(_how_to_go_on(options.into))
    return INCOMPLETE if any(result.damaged for result in merged) else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"python -m {PROGRAM}", description="Join the records of a study that ran on several machines."
    )
    parser.add_argument("into", type=Path, metavar="FOLDER", help="runs/NAME, which receives the results that it lacks")
    parser.add_argument("folders", type=Path, nargs="+", metavar="OTHER", help="records of the same study, only read")
    return parser


def _refused(problem: str) -> int:
    print(" ".join(problem.split()), file=sys.stderr)
    return BAD_INPUT


def _in_words(merged: Merged) -> str:
    without = f", {merged.without} without a result" if merged.without else ""
    return f"{merged.folder}: {counted(merged.copied, 'result')} copied, {merged.there} already there{without}"


def _how_to_go_on(folder: Path) -> str:
    records = StudyRecords(folder)
    members = [member.identity for job in records.read_plan().jobs for member in job.members()]
    done = sum(records.has_result(identity) for identity in members)
    return (
        f"{folder}: {done} of {counted(len(members), 'member')} have a result; the study's command trains the rest, "
        f"measures speed and writes MLflow and the report; the report alone: python -m lstm_bench.report {folder}"
    )


if __name__ == "__main__":
    restart_in_utf8()
    sys.exit(main())
