"""The engine in turns with jax_peer.py on copy_task's own training steps: member-steps a second of the whole machine.

python experiments/speed/against_jax.py --jax-python JAX_ENVIRONMENT/bin/python

JAX runs in two ways: in one process with all cores, and in a process a core that is held to its core; each round takes
both, and the engine in a process a core, one after another. The table has medians and quartiles over the rounds.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__)
SIZES = [("lstm", 64), ("rnn", 64), ("rnn", 131)]
MEMBERS = 5


def engine_rounds(cell: str, hidden: int, lag: int, seconds: float) -> None:
    """Train MEMBERS members in the engine for some seconds, and print what jax_peer.py prints."""
    from lstm_bench.engine.process_setup import prepare_process

    prepare_process()
    from lstm_bench.cells.lstm import LSTMCell
    from lstm_bench.cells.rnn import RNNCell
    from lstm_bench.engine.seeds import Member
    from lstm_bench.engine.settings import TrainingSettings
    from lstm_bench.engine.training import Training
    from lstm_bench.tasks.copy import CopyTask

    task, cell_type = CopyTask(lag), {"lstm": LSTMCell, "rnn": RNNCell}[cell]
    members = [Member("report", seed, 0.003) for seed in range(MEMBERS)]
    settings = TrainingSettings(steps=10**9, eval_every=10**9, eval_size=10, confirm_size=10)
    training = Training(task, lambda g: cell_type(task.input_size, hidden, generator=g), members, settings)
    for _ in range(5):
        training.advance()
    began, steps = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        for _ in range(5):
            training.advance()
        steps += 5
    print(json.dumps({"seconds": time.perf_counter() - began, "member_steps": steps * MEMBERS}))


def rate(commands: Sequence[Sequence[str]]) -> float:
    """Run processes at once, and return the member-steps a second of all together."""
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for command in commands]
    results = [json.loads(process.communicate()[0]) for process in processes]
    return sum(result["member_steps"] / result["seconds"] for result in results)


def main() -> None:
    """Print a table of all sizes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jax-python", help="the Python of an environment in which JAX is installed")
    parser.add_argument("--lags", type=int, nargs="+", default=[8, 48])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--engine", nargs=3, metavar=("CELL", "HIDDEN", "LAG"), help="one round of the engine alone")
    arguments = parser.parse_args()
    if arguments.engine:
        cell, hidden, lag = arguments.engine
        engine_rounds(cell, int(hidden), int(lag), arguments.seconds)
        return
    cores, seconds = sorted(os.sched_getaffinity(0)), str(arguments.seconds)
    headings = f"{'engine/s':>9} {'JAX, one process':>18} {'JAX, one a core':>17}  engine over both"
    print(f"{'cell':5} {'H':>4} {'T':>4} {headings}")
    for cell, hidden in SIZES:
        for lag in arguments.lags:
            size = ["--cell", cell, "--hidden", str(hidden), "--lag", str(lag), "--seconds", seconds]
            peer = [arguments.jax_python, str(HERE.with_name("jax_peer.py")), *size]
            engine = [sys.executable, str(HERE), "--seconds", seconds, "--engine", cell, str(hidden), str(lag)]
            ways = [
                [engine for _ in cores],
                [[*peer, "--members", str(MEMBERS * len(cores))]],
                [["taskset", "-c", str(core), *peer, "--members", str(MEMBERS)] for core in cores],
            ]
            rates = [[rate(commands) for commands in ways] for _ in range(arguments.rounds)]
            ours, one, many = (statistics.median(column) for column in zip(*rates, strict=True))
            ratios = [quartiles([row[0] / row[k] for row in rates]) for k in (1, 2)]
            line = f"{cell:5} {hidden:4} {lag + 6:4} {ours:9.0f} {one:18.0f} {many:17.0f}  {ratios[0]}; {ratios[1]}"
            print(line, flush=True)


def quartiles(values: Sequence[float]) -> str:
    """Return "median (first quartile-third quartile)"."""
    low, middle, high = statistics.quantiles(values, n=4)
    return f"{middle:.2f} ({low:.2f}-{high:.2f})"


if __name__ == "__main__":
    main()
