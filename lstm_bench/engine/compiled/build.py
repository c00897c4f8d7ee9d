"""Build kernels.c with the machine's C compiler, keep the library in the user's cache, and load it.

Why C with products of its own, called through ctypes: milliseconds of forward, backward, weight gradients and the norms
of every time step; LSTM, B = 32, float32, one thread, in alternation with torch.nn.LSTM (which gives no norms); AMD
EPYC (Zen 4, AVX-512), gcc 12.2, torch 2.13, numba 0.68.1, medians of 11 rounds, 2026-11-21:

                                          H 128 T 400   H 64 T 100
    torch.nn.LSTM (oneDNN)                   71.7          6.2
    this file                                54.5          3.8
    C, products by MKL's sgemm_              65.1          4.5
    Numba, products by MKL's sgemm_          65.0          4.7
    Numba, products by SciPy's OpenBLAS      76.1          5.0
    Numba, products as LLVM vector IR        55.2          3.9
    Numba, products as plain loops          100.1          9.8
    torch operations (kernels/lstm.py)       95.9          8.7    (with read-out and Adam, another run)

At these sizes a BLAS loses to tiles that keep their sums in registers and read weights packed once a training step: 85
against 112 GFLOP/s for [32, 131] x [131, 512], where a core's registers give 117. Numba comes level only with LLVM code
written by hand and a private option, for 208 MB of packages, 0.45 s and 117 MiB in each process. The C costs 0.3 to
0.6 s once, 40 kB, and a compiler; a C++ extension of torch would need the same compiler, ninja and torch's headers.
Without a compiler the kernels in torch operations run instead, with the same results up to rounding.
"""

import ctypes
import functools
import hashlib
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Literal

from lstm_bench.cache_folder import cache_folders, make_own_folder

SOURCE = Path(__file__).with_name("kernels.c")
COMPILERS = ("cc", "gcc", "clang")
FLAGS = ("-O3", "-ffp-contract=fast", "-fno-math-errno", "-fno-trapping-math", "-fPIC", "-shared")
FOR_THIS_CPU = (
    ("-march=native",),
    ("-mcpu=native",),
    (),
)  # the option of x86 and of ARM compilers; the last, without one, builds for any CPU of the architecture
PRECISIONS = {
    "float": ("-Dreal=float", "-DSCALAR(function)=function##f"),
    "double": ("-Dreal=double", "-DREAL_IS_DOUBLE", "-DSCALAR(function)=function"),
}
SECONDS = 120
Precision = Literal["float", "double"]


class CannotBuildError(RuntimeError):
    """No kernel can be built here; the message is one line that says why."""


@functools.cache
def library(precision: Precision) -> ctypes.CDLL:
    """Return the kernels in one precision, compiled unless the cache holds them.

    Raises: CannotBuildError.
    """
    return _library("kernels", precision, SOURCE.read_text(encoding="utf-8"))


@functools.cache
def generated_library(source: str, precision: Precision) -> ctypes.CDLL:
    """Return the library of a C source that may include the headers of this folder, compiled unless it is in the cache.

    Raises: CannotBuildError.
    """
    return _library("generated", precision, source)


def _library(name: str, precision: Precision, source: str) -> ctypes.CDLL:
    compiler = _compiler()
    tuning, target = _target(tuple(compiler))
    options = (*FLAGS, *tuning, *PRECISIONS[precision], "-I", str(SOURCE.parent))
    headers = [path.read_text(encoding="utf-8") for path in sorted(SOURCE.parent.glob("*.h"))]
    key = hashlib.sha256("\0".join((source, *headers, target, *options)).encode()).hexdigest()[:20]
    reasons = []
    for folder in cache_folders():
        try:
            return _load(folder / f"{name}-{precision}-{key}.so", compiler, options, source)
        except OSError as error:  # the folder is not writable, or forbids loading libraries
            reasons.append(str(error))
    raise CannotBuildError("; ".join(reasons))


def _compiler() -> list[str]:
    """Return the command of the compiler: CC with its options, or the first of COMPILERS that is installed."""
    if sys.platform == "win32":
        raise CannotBuildError("compiling needs GCC or Clang and is not supported on Windows")
    command = shlex.split(os.environ.get("CC", ""))
    compiler = next(filter(None, map(shutil.which, command[:1] or COMPILERS)), None)
    if compiler is None:
        raise CannotBuildError(f"no C compiler found ({f'CC={command[0]}' if command else ', '.join(COMPILERS)})")
    return [compiler, *command[1:]]


@functools.cache
def _target(compiler: tuple[str, ...]) -> tuple[tuple[str, ...], str]:
    """Return the flags that tune for this CPU, and all macros that they define, as the key of the library."""
    for tuning in FOR_THIS_CPU:
        run = _run([*compiler, *tuning, "-dM", "-E", "-x", "c", os.devnull])
        if run.returncode == 0:
            return tuning, run.stdout
    raise CannotBuildError(f"{shlex.join(compiler)} does not compile: {_last_line(run.stderr)}")


def _load(path: Path, compiler: list[str], options: tuple[str, ...], source: str) -> ctypes.CDLL:
    make_own_folder(path.parent)
    if not path.exists():
        with tempfile.TemporaryDirectory(dir=path.parent) as draft:
            fresh, text = Path(draft) / path.name, Path(draft) / "source.c"
            text.write_text(source, encoding="utf-8")
            run = _run([*compiler, *options, str(text), "-o", str(fresh), "-lm"])
            if run.returncode != 0:
                raise CannotBuildError(f"{shlex.join(compiler)} failed: {_last_line(run.stderr)}")
            fresh.replace(path)  # atomic: two processes that build at once both load a complete file
    return ctypes.CDLL(str(path))


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            command, capture_output=True, encoding="utf-8", errors="replace", timeout=SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CannotBuildError(f"{command[0]}: {error}") from error


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["no message"])[-1]
