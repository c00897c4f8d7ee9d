"""How a cell is run: several members in one call, its speed, and a GPU."""

import statistics
import time
from collections.abc import Callable

import torch
from torch import nn

from lstm_bench.cells.contract import CellError, cell_name
from lstm_bench.cells.reals import as_reals
from lstm_bench.engine.conformance.finding import Finding, fault, not_tried, ok, warning
from lstm_bench.engine.conformance.subject import DRAWS, Subject, copied, steps_of
from lstm_bench.engine.generated.trial import why_not_generated
from lstm_bench.engine.generic import GenericKernel, named_tensors, why_not_batched
from lstm_bench.engine.global_generators import kept_generators, seeded_generators
from lstm_bench.engine.kernel_dispatch import kernel_of, kernel_type

LENGTH, BATCH = 50, 32  # of the sequences that are timed
ROUNDS = 5
LONGEST_REASON = 160  # characters of vmap's own message
MENDS = {  # by words in the message of torch.func.vmap; nothing helps where each member draws for itself
    "random operation": "",
    "control flow": "torch.where in place of if",
    ".item()": "keep numbers as tensors: no .item(), float() or int()",
    "inplace": "torch.cat, or writing into x.new_zeros(...), in place of writing into torch.zeros(...)",
    "in-place": "new tensors in place of writing into the state",
    "": "operations that vmap supports, such as a matrix product in place of a torch.nn layer for whole sequences",
}
GPU = "cuda"
ON_GPU = 1e-3  # relative difference of outputs between a GPU and a CPU, in float32


def members(subject: Subject) -> Finding:
    """Find out whether several members step in one call, and why not."""
    kernel = kernel_type(subject.first, subject.device)
    if kernel is not GenericKernel:
        return ok(f"several members in one call: it has a kernel of its own ({kernel.name})", "together, in C")
    if (why := _why_not_generated(subject)) is None:
        return ok("several members in one call: a C kernel is generated from its step", "together, in C")
    slow = f"; no C kernel is generated from its step: {_in_short(why, type(subject.first))}"
    for training, when in ((True, "training"), (False, "evaluation")):
        if (why := why_not_batched(subject.first, training)) is not None:
            reason = _in_short(why, type(subject.first))
            text = f"one member after another, which takes longer ({when} mode): {reason}"
            return warning(text, _mend_of(why), "one by one")
    return ok(f"several members in one call (torch.func.vmap){slow}", "together")


def _why_not_generated(subject: Subject) -> str | None:
    if subject.device.type != "cpu":
        return "not on a GPU"
    return why_not_generated(subject.first)


def speed(subject: Subject) -> Finding:
    """Time forward and backward of one member in comparison with torch.nn.LSTM of the same sizes."""
    cell = subject.first
    kernel = kernel_of(cell, torch.device("cpu"), members=1)
    weights = {name: tensor.detach().unsqueeze(0) for name, tensor in named_tensors(cell).items()}
    dtype = next(t.dtype for t in weights.values() if t.is_floating_point() or t.is_complex()).to_real()
    with seeded_generators(DRAWS):
        lstm = nn.LSTM(cell.input_size, cell.hidden_size, dtype=dtype)
        xs = torch.randn(LENGTH, 1, BATCH, cell.input_size, dtype=dtype)

    def of_the_cell() -> None:
        outputs, _ = kernel.forward(xs, kernel.start(weights, BATCH))
        kernel.gradients(kernel.backward(torch.ones_like(outputs), None, with_norms=False)[0])

    def of_lstm() -> None:
        lstm(xs[:, 0])[0].sum().backward()

    with torch.enable_grad(), kept_generators():
        seconds, stock = _medians(of_the_cell, of_lstm)
    sizes = f"hidden_size {cell.hidden_size}, {LENGTH} steps, batch {BATCH}, one member, {dtype}".replace("torch.", "")
    return ok(
        f"{1e3 * seconds:.3g} ms forward and backward, {seconds / stock:.2g} times torch.nn.LSTM's {1e3 * stock:.3g} "
        f"({sizes})",
        f"{seconds / stock:.2g}",
    )


def _medians(*works: Callable[[], None]) -> list[float]:
    """Return the median seconds of each function, run in turns after a round to warm up."""
    seconds: list[list[float]] = [[] for _ in works]
    for turn in range(ROUNDS + 1):
        for work, times in zip(works, seconds, strict=True):
            started = time.perf_counter()
            work()
            if turn:
                times.append(time.perf_counter() - started)
    return [statistics.median(times) for times in seconds]


def gpu(subject: Subject) -> Finding:
    """Compare a few steps on a GPU, where there is one, with those on the CPU."""
    if not torch.cuda.is_available():
        return not_tried("no CUDA device")
    tensors = copied(subject.tensors)
    try:
        here, there = (
            steps_of(subject.first, {name: t.to(device) for name, t in tensors.items()}, training=False)[
                -1
            ].output.cpu()
            for device in ("cpu", GPU)
        )
    except CellError as error:
        return fault(
            f"it fails on a GPU: {_in_short(str(error), type(subject.first))}",
            "new tensors on the device of the parameters, as in x.new_zeros(...); constants as buffers",
        )
    largest = float((as_reals(here) - as_reals(there)).abs().max() / as_reals(here).abs().max().clamp(min=1e-12))
    if not largest <= ON_GPU:
        return fault(
            f"its outputs on a GPU differ from the CPU's by {largest:.1%} of the largest output",
            "the same computation on any device",
        )
    name = torch.cuda.get_device_name()
    return ok(f"runs on {name}, with outputs that differ from the CPU's by {largest:.0e} of the largest")


def _mend_of(why: str) -> str:
    """Return a change that lets members step in one call, by the message of vmap."""
    return next((mend for words, mend in MENDS.items() if words in why), "")


def _in_short(text: str, cell_type: type) -> str:
    line = " ".join(text.removeprefix(f"{cell_name(cell_type)}: ").split())
    return line if len(line) <= LONGEST_REASON else f"{line[:LONGEST_REASON]} ..."
