"""Settings that a process needs before its first tensor.

Vanishing gradients become subnormal numbers after some 150 steps, and a CPU handles those in microcode: at H = 128,
T = 400, B = 32 an LSTM step took 1327 ms with them and 128 ms flushed to zero (2-core x86-64, torch 2.13). The flag
holds for the threads that exist later, so it must be the first torch call. glibc returns large buffers to the kernel
at every step and maps them again; with freed memory kept, two workers went from 15.2 to 21.5 steps a second. Which of
the two matters depends on the machine: on an AMD EPYC (Zen 4, 2026-11-21) flushing changed nothing (117.8 and 118.0
ms), keeping memory gave 74.5 ms. A process uses one thread: per-step products are too small to share, and two
single-thread processes do twice the work of one with two threads. Where a variable of BINDING is set, OpenMP binds the
thread that loads it to the first core; child processes inherit the binding and would all train on one core.
"""

import ctypes
import os
import sys

M_TRIM_THRESHOLD = -1
M_MMAP_MAX = -4
NEVER = 2**31 - 1
BINDING = ("OMP_PROC_BIND", "OMP_PLACES", "GOMP_CPU_AFFINITY", "KMP_AFFINITY")  # of GNU's, LLVM's and Intel's OpenMP


def prepare_process() -> None:
    """Set malloc, flush subnormal numbers to zero, and use one thread, on any core that this process may use.

    Call it before anything else uses torch. It removes the variables that bind OpenMP's threads to cores from the
    environment.
    """
    for variable in BINDING:
        os.environ.pop(variable, None)
    keep_freed_memory()
    import torch  # not above: malloc has to be set before torch allocates

    torch.set_flush_denormal(True)
    torch.set_num_threads(1)


def keep_freed_memory() -> bool:
    """Make glibc's malloc keep freed memory; return whether that succeeded (False on other systems than Linux)."""
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and bool(mallopt(M_MMAP_MAX, 0) and mallopt(M_TRIM_THRESHOLD, NEVER))
