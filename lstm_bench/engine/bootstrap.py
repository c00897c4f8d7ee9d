"""Settings that a process needs before its first tensor.

Vanishing gradients become subnormal numbers after some 150 steps, and a CPU handles those in microcode: at H = 128,
T = 400, B = 32 an LSTM step took 1327 ms with them and 128 ms flushed to zero (2-core x86-64, torch 2.13). The flag
holds for the threads that exist later, so it must be the first torch call. glibc returns large buffers to the kernel
at every step and maps them again; told to keep them, two workers went from 15.2 to 21.5 steps a second. Which of the
two matters depends on the machine: on an AMD EPYC (Zen 4, 2026-11-21) flushing changed nothing (117.8 for 118.0 ms),
keeping memory gave 74.5 ms. One thread a process: per-step products are too small to share, two single-thread processes
do twice the work of one with two.
"""

import ctypes
import sys

M_TRIM_THRESHOLD = -1
M_MMAP_MAX = -4
NEVER = 2**31 - 1


def prepare_process() -> None:
    """Set malloc, flush subnormal numbers to zero, and use one thread. Call it before anything else uses torch."""
    keep_freed_memory()
    import torch  # not above: malloc has to be set before torch allocates

    torch.set_flush_denormal(True)
    torch.set_num_threads(1)


def keep_freed_memory() -> bool:
    """Tell glibc's malloc to keep freed memory; return whether it did (elsewhere than on Linux, no)."""
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and bool(mallopt(M_MMAP_MAX, 0) and mallopt(M_TRIM_THRESHOLD, NEVER))
