"""Plan how many members run through a kernel at once, and how much memory their tapes take.

A chunk of members that fits the CPU's cache is not the fastest, as measured. Milliseconds a member and
training step, 8 members, B = 32, one thread, AMD EPYC (Zen 4, 1 MiB L2 a core, 32 MiB L3), torch 2.13, 2026-11-21:

    tape of a chunk at most          1 MiB    4     16     64    256
    LSTM H 64 T 54     compiled       2.55  2.54   2.36   2.40   2.40
                       torch          5.59  5.60   4.37   4.17   4.17
    LSTM H 128 T 400   compiled       55.3  55.2   55.6   55.3   55.6
    RNN H 128 T 400    compiled       14.2  14.1   14.0   13.6   13.5
                       torch          26.2  26.0   23.9   21.5   21.5

Larger chunks save calls, and steps read their tape in order, so the processor prefetches it from memory as from cache.
So the chunk has one size on all machines, and the last bits of a result do not depend on a machine's cache. On a GPU
the chunk follows the device's memory: more members at once use the device better.
"""

from dataclasses import dataclass
from itertools import pairwise

import torch

CPU_CHUNK = 64 * 2**20
CPU_TAPE = 2**30  # with inputs, buffers of evaluation and Python itself a worker stays well below 4 GiB
CUDA_SHARE = 0.5  # of the memory free at the start; the rest is for inputs, read-out and evaluation


@dataclass(frozen=True)
class MemoryPlan:
    """Bytes that tapes may take.

    Args:
        chunk_bytes: the tape of the members that are trained at once; a lone member may take more.
        tape_bytes: the most that a tape may take at all; a longer sequence is run again in segments.
    """

    chunk_bytes: int
    tape_bytes: int

    def chunks(self, members: int, member_bytes: int) -> list[slice]:
        """Return slices that divide the members into as few and as even chunks as the plan allows."""
        most = max(1, self.chunk_bytes // member_bytes)
        count = -(-members // most)
        edges = [members * k // count for k in range(count + 1)]
        return [slice(*pair) for pair in pairwise(edges)]


def plan_for(device: torch.device) -> MemoryPlan:
    """Return the plan for a device."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return MemoryPlan(int(CUDA_SHARE * free), int(CUDA_SHARE * free))
    return MemoryPlan(CPU_CHUNK, CPU_TAPE)
