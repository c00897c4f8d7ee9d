"""The compiled kernels are built once, or it is said in a line why not, and then torch does the work."""

import ctypes
import os
import platform
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from problems import KINDS, NEEDS_COMPILER, Answer, Sizes, fresh, problem, same, torch_layer_answer

from lstm_bench.cells.lstm import LSTMCell
from lstm_bench.engine.compiled import build
from lstm_bench.engine.compiled import kernel as compiled_kernel
from lstm_bench.engine.compiled.build import CannotBuildError, library
from lstm_bench.engine.kernel_dispatch import TORCH, kernel_of, kernel_type, why_not_compiled

CPU = torch.device("cpu")
PRECISIONS = pytest.mark.parametrize("precision", build.PRECISIONS)
ON_X86 = platform.machine().lower() in {"x86_64", "amd64"}
PLAIN_X86 = ("-march=x86-64",)  # vectors of 16 bytes, no fused multiply-add
TARGETS = [("-march=native",), PLAIN_X86] if ON_X86 else [()]
FLAGS = build.FLAGS
QUICK_FLAGS = ("-O0", *(flag for flag in FLAGS if not flag.startswith("-O")))  # where a library lies, it is not run


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Build quickly into a cache of the test's own, with nothing loaded; return its folder."""
    monkeypatch.setattr(build, "FLAGS", QUICK_FLAGS)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temp"))
    (tmp_path / "temp").mkdir()
    library.cache_clear()
    why_not_compiled.cache_clear()
    yield tmp_path / "cache" / "lstm_bench"
    library.cache_clear()
    why_not_compiled.cache_clear()


@pytest.fixture
def compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Return a way to put a shell script in the place of the compiler."""

    def put(script: str) -> Path:
        path = tmp_path / "my-compiler"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("CC", str(path))
        return path

    return put


def refusal() -> str:
    with pytest.raises(CannotBuildError) as caught:
        library("float")
    text = str(caught.value)
    assert "\n" not in text
    return text


# --- where nothing can be built ---


def test_without_a_compiler_the_reason_names_those_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert refusal() == "no C compiler found (cc, gcc, clang)"


def test_a_compiler_asked_for_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "no-such-compiler")
    assert refusal() == "no C compiler found (CC=no-such-compiler)"


def test_on_windows_nothing_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    assert "Windows" in refusal()


def test_a_compiler_that_always_fails_is_quoted(compiler: Callable[[str], Path]) -> None:
    path = compiler("echo first >&2; echo no licence >&2; exit 1")
    assert refusal() == f"{path} does not compile: no licence"


def test_a_compiler_that_fails_on_the_kernels_is_quoted_and_leaves_nothing(
    compiler: Callable[[str], Path], cache: Path
) -> None:
    path = compiler('case "$*" in *-E*) exit 0;; esac; echo out of memory >&2; exit 1')
    assert refusal() == f"{path} failed: out of memory"
    assert list(cache.iterdir()) == []


def test_a_compiler_that_says_nothing_is_told_of(compiler: Callable[[str], Path]) -> None:
    path = compiler("exit 1")
    assert refusal() == f"{path} does not compile: no message"


def test_a_compiler_that_cannot_be_started_is_told_of(compiler: Callable[[str], Path]) -> None:
    path = compiler("")
    path.write_bytes(b"\x7fELF this is none")
    assert refusal().startswith(f"{path}: ")


def test_a_compiler_that_hangs_is_given_up(compiler: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "SECONDS", 0.2)
    path = compiler("exec sleep 60")
    assert refusal().startswith(f"{path}: ")
    assert "timed out" in refusal()


def test_what_cannot_be_compiled_runs_in_torch_and_says_why(compiler: Callable[[str], Path]) -> None:
    path = compiler("echo no licence >&2; exit 1")
    cell = LSTMCell(2, 3)
    assert type(kernel_of(cell, CPU)) is TORCH[LSTMCell]
    assert kernel_type(cell, CPU) is TORCH[LSTMCell]
    for dtype in (torch.float32, torch.float64):
        assert why_not_compiled(dtype) == f"{path} does not compile: no licence"


@NEEDS_COMPILER
def test_without_any_folder_to_write_to_the_reason_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "file"))
    assert str(tmp_path / "file") in refusal()


# --- where something can ---


@NEEDS_COMPILER
@PRECISIONS
def test_a_library_is_built_into_the_users_cache(precision: build.Precision, cache: Path) -> None:
    library(precision)
    (file,) = cache.iterdir()
    assert file.name.startswith(f"kernels-{precision}-")
    assert stat.S_IMODE(cache.stat().st_mode) == 0o700
    assert why_not_compiled() is None


@NEEDS_COMPILER
def test_without_that_variable_the_cache_is_in_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    library("float")
    assert len(list((tmp_path / "home" / ".cache" / "lstm_bench").iterdir())) == 1


@NEEDS_COMPILER
def test_an_unwritable_cache_gives_way_to_the_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    library("float")
    assert built_in(tmp_path / "temp") == 1


@NEEDS_COMPILER
def test_a_user_without_a_home_builds_in_the_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container that runs under a number that has no name."""

    def unknown(_: int) -> None:
        raise KeyError

    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.delenv("HOME")
    monkeypatch.setattr("pwd.getpwuid", unknown)
    library("float")
    assert built_in(tmp_path / "temp") == 1


@NEEDS_COMPILER
def test_a_damaged_library_is_passed_over(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library("float")
    (whole,) = cache.iterdir()
    damaged = tmp_path / "other" / cache.name / whole.name
    damaged.parent.mkdir(parents=True)
    damaged.touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "other"))
    library.cache_clear()
    assert library("float").chunk_steps() == 8
    assert built_in(tmp_path / "temp") == 1


def built_in(folder: Path) -> int:
    return len(list(folder.glob("lstm_bench-*/kernels-*.so")))


@NEEDS_COMPILER
def test_what_was_built_is_not_built_again(compiler: Callable[[str], Path], tmp_path: Path, cache: Path) -> None:
    calls, real = tmp_path / "calls", build._compiler()[0]
    compiler(f'echo "$*" >> {calls}; exec {real} "$@"')
    library("float")
    (file,) = cache.iterdir()
    built = file.stat().st_mtime_ns
    library.cache_clear()
    library("float")
    assert [path.stat().st_mtime_ns for path in cache.iterdir()] == [built]
    assert sum("-shared" in call for call in calls.read_text().splitlines()) == 1


@NEEDS_COMPILER
def test_other_flags_are_another_library(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library("float")
    library.cache_clear()
    monkeypatch.setattr(build, "FLAGS", (*build.FLAGS, "-DANOTHER"))
    library("float")
    assert len(list(cache.iterdir())) == 2


@NEEDS_COMPILER
def test_two_processes_that_build_at_once_both_succeed(cache: Path) -> None:
    code = "from lstm_bench.engine.compiled.build import library; print(library('float').chunk_steps())"
    processes = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=dict(os.environ))
        for _ in range(2)
    ]
    outputs = [process.communicate(timeout=120)[0].strip() for process in processes]
    assert outputs == ["8", "8"]
    assert [process.returncode for process in processes] == [0, 0]
    assert len(list(cache.iterdir())) == 1


# --- the source ---


def test_a_machine_with_a_compiler_has_the_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that the tests that need them cannot all be passed over where the source has ceased to compile."""
    monkeypatch.setattr(build, "FLAGS", FLAGS)
    compilers = os.environ.get("CC", "").split()[:1] or build.COMPILERS
    there = sys.platform != "win32" and any(shutil.which(name) for name in compilers)
    assert (why_not_compiled() is None) == there, why_not_compiled()


def compiled(to: Path, precision: str, *flags: str) -> Path:
    command = [*build._compiler(), *FLAGS, *build.PRECISIONS[precision], *flags]
    command += [str(build.SOURCE), "-o", str(to), "-lm"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return to


@NEEDS_COMPILER
@PRECISIONS
@pytest.mark.parametrize("target", TARGETS)
def test_the_source_compiles_without_warnings(precision: str, target: tuple[str, ...], tmp_path: Path) -> None:
    compiled(tmp_path / "strict.so", precision, *target, "-Wall", "-Wextra", "-Werror", "-Wno-psabi")


def instruction_sets() -> dict[str, tuple[str, ...]]:
    """Return flags for vectors of 16, 32 and 64 bytes, as far as this CPU runs them."""
    capability = torch.backends.cpu.get_cpu_capability()
    sets = {"16 bytes": PLAIN_X86}
    if capability in {"AVX2", "AVX512"}:
        sets["32 bytes"] = ("-march=x86-64", "-mavx2", "-mfma")
    if capability == "AVX512":
        sets["64 bytes"] = ("-march=x86-64", "-mavx512f", "-mfma")
    return sets if ON_X86 else {}


@pytest.fixture(scope="module")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> dict[str, ctypes.CDLL]:
    folder = tmp_path_factory.mktemp("sets")
    return {
        name: ctypes.CDLL(str(compiled(folder / f"{name}.so", "double", *flags)))
        for name, flags in instruction_sets().items()
    }


@NEEDS_COMPILER
@pytest.mark.skipif(not ON_X86, reason="one width of vectors on this machine")
@KINDS
@pytest.mark.parametrize("H", [1, 7, 16, 17, 33])
def test_every_instruction_set_gives_the_same_answer(
    kind: str, H: int, libraries: dict[str, ctypes.CDLL], monkeypatch: pytest.MonkeyPatch
) -> None:
    p = problem(kind, Sizes(T=11, S=4, M=2, B=5, D=3, H=H))
    expected = torch_layer_answer(kind, p)
    answers: list[Answer] = []
    for name, loaded in libraries.items():
        monkeypatch.setattr(compiled_kernel, "library", lambda _, loaded=loaded: loaded)
        answers.append(fresh("compiled", kind, p))
        same(answers[-1], expected, tolerance=1e-12, who=name)
        same(answers[-1], answers[0], tolerance=1e-12, who=name)


@NEEDS_COMPILER
@pytest.mark.skipif(not ON_X86, reason="one width of vectors on this machine")
def test_wider_vectors_are_used_where_they_are_asked_for(libraries: dict[str, ctypes.CDLL]) -> None:
    """Of float64."""
    for name, loaded in libraries.items():
        assert loaded.lanes() == int(name.split()[0]) // 8
