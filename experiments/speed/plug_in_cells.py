"""Milliseconds a member and training step of cells without a kernel of their own, by what runs them.

All ways take turns. Medians and quartiles are of processor time on one thread, so that other work counts little.

python experiments/speed/plug_in_cells.py --cells mgu lem indrnn --members 1 6
"""

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from torch import Generator, nn

from lstm_bench.cells.zoo import ZooCell
from lstm_bench.engine.generated.kernel import GeneratedKernel
from lstm_bench.engine.generic import GenericKernel, named_tensors
from lstm_bench.engine.process_setup import prepare_process

FEATURES = 10


def pass_through(
    kernel: GenericKernel | GeneratedKernel, cell: ZooCell, members: int, lag: int, batch: int
) -> Callable[[], None]:
    """Return a pass forward and back of some members through a kernel."""
    weights = {name: torch.stack([tensor.detach()] * members) for name, tensor in named_tensors(cell).items()}
    inputs = torch.randn(lag, members, batch, FEATURES)

    def run() -> None:
        outputs, _ = kernel.forward(inputs, kernel.start(weights, batch))
        kernel.gradients(kernel.backward(torch.ones_like(outputs), None, with_norms=False)[0])

    return run


def naive_loop(cell: ZooCell, lag: int, batch: int) -> Callable[[], None]:
    """Return the loop over `step` that a user would write."""
    inputs = torch.randn(lag, batch, FEATURES)

    def run() -> None:
        state, outputs = cell.initial_state(batch), []
        for x in inputs:
            output, state = cell.step(x, state)
            outputs.append(output)
        torch.stack(outputs).sum().backward()

    return run


def stock_layer(hidden: int, lag: int, batch: int) -> Callable[[], None]:
    """Return torch.nn.LSTM of the same sizes."""
    layer, inputs = nn.LSTM(FEATURES, hidden), torch.randn(lag, batch, FEATURES)
    return lambda: layer(inputs)[0].sum().backward()


def timed(ways: dict[str, tuple[Callable[[], None], int]], rounds: int) -> None:
    """Run all ways in turns, and print milliseconds a member of each."""
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(rounds + 1):
        for name, (run, members) in ways.items():
            started = time.process_time()
            run()
            if turn:  # the first is to warm up
                taken[name].append(1e3 * (time.process_time() - started) / members)
    for name, milliseconds in taken.items():
        low, median, high = statistics.quantiles(milliseconds, n=4, method="inclusive")
        print(f"{name:40} {median:7.2f}  [{low:.2f}, {high:.2f}]", flush=True)


def main() -> None:
    """Time the cells that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", nargs="+", default=["mgu", "lem", "indrnn"])
    parser.add_argument("--members", nargs="+", type=int, default=[1, 6])
    for name, default in (("lag", 100), ("hidden", 64), ("batch", 32), ("rounds", 9)):
        parser.add_argument(f"--{name}", type=int, default=default)
    asked = parser.parse_args()
    lag, hidden, batch = asked.lag, asked.hidden, asked.batch
    ways = {"torch.nn.LSTM": (stock_layer(hidden, lag, batch), 1)}
    for name in asked.cells:
        cell = ZooCell(FEATURES, hidden, name, generator=Generator().manual_seed(0))
        started = time.process_time()
        generated = GeneratedKernel(cell)
        print(f"{name}: traced and translated in {time.process_time() - started:.2f} s, beside the C compiler's time")
        ways[f"{name}, naive loop"] = naive_loop(cell, lag, batch), 1
        for members in asked.members:
            for kernel in (GenericKernel(cell, None, True, members), generated):
                run = pass_through(kernel, cell, members, lag, batch)
                ways[f"{name}, {kernel.name}, members: {members}"] = run, members
    timed(ways, asked.rounds)


if __name__ == "__main__":
    prepare_process()
    main()
