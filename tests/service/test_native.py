"""Flags by platform, the key of the wheel cache, and a self-test that survives what it tests."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.llm import native
from service.llm.native import Finding, Flags, build_flags, cache_key, cpu_features, judge, self_test, wants_cpu_build

ROOT = Path(__file__).resolve().parent.parent.parent
AMX_OFF = "-mno-amx-tile -mno-amx-int8 -mno-amx-bf16"
X86_CPUINFO = """processor\t: 0
model name\t: Some CPU
flags\t\t: fpu sse2 avx2 amx_tile
bogomips\t: 4000
processor\t: 1
model name\t: Some CPU
flags\t\t: fpu sse2 avx2 amx_tile
"""


@pytest.mark.parametrize(
    ("machine", "portable", "expected"),
    [
        ("x86_64", False, Flags("-DGGML_NATIVE=ON", AMX_OFF, "cpu")),
        ("AMD64", False, Flags("-DGGML_NATIVE=ON", AMX_OFF, "cpu")),
        ("aarch64", False, Flags("-DGGML_NATIVE=ON", "", "cpu")),
        ("arm64", False, Flags("-DGGML_NATIVE=ON", "", "cpu")),
        ("x86_64", True, Flags("-DGGML_NATIVE=OFF", "", "")),
        ("aarch64", True, Flags("-DGGML_NATIVE=OFF", "", "")),
    ],
)
def test_flags_by_platform(machine: str, portable: bool, expected: Flags) -> None:
    assert build_flags(machine, "cpu", portable) == expected


def test_the_users_flags_come_last() -> None:
    flags = Flags("-DGGML_NATIVE=ON", AMX_OFF, "cpu")
    environment = flags.environment({"CMAKE_ARGS": "-DGGML_CUDA=on", "CFLAGS": "-g", "PATH": "/bin"})
    assert environment["CMAKE_ARGS"] == "-DGGML_NATIVE=ON -DGGML_CUDA=on"
    assert environment["CFLAGS"] == f"{AMX_OFF} -g"
    assert environment["CXXFLAGS"] == AMX_OFF
    assert environment["PATH"] == "/bin"
    assert int(environment["CMAKE_BUILD_PARALLEL_LEVEL"]) >= 1


def test_cpu_features_do_not_depend_on_order_or_on_the_number_of_cores() -> None:
    expected = "flags: amx_tile avx2 fpu sse2\nmodel name: CPU Some"
    assert cpu_features(X86_CPUINFO) == expected
    assert cpu_features(X86_CPUINFO.replace("fpu sse2", "sse2 fpu").replace("4000", "4001")) == expected
    assert cpu_features("CPU part\t: 0xd0c\nFeatures\t: fp asimd\n") == "CPU part: 0xd0c\nFeatures: asimd fp"
    assert cpu_features("nonsense") == ""


@given(st.lists(st.text(alphabet="abc=- ", max_size=6), min_size=6, max_size=6), st.integers(0, 5))
def test_whatever_changes_a_build_changes_its_key(values: list[str], which: int) -> None:
    def key(values: list[str]) -> str:
        cmake, compiler, cpu, cflags, python, gcc = values
        return cache_key(Flags(cmake, compiler, cpu), {"CFLAGS": cflags}, python, gcc)

    assert key(values) == key(list(values))
    assert key(values) != key([value + "x" if n == which else value for n, value in enumerate(values)])


def test_the_cache_is_the_users(tmp_path: Path) -> None:
    environ = {"XDG_CACHE_HOME": str(tmp_path)}
    assert native.cache_folder(environ, "abc") == tmp_path / "career-rag" / "native" / "abc"


def test_a_compiled_wheel_is_taken_from_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    compiled = []

    def compile_once(python: str, flags: Flags, folder: Path) -> Path:
        compiled.append(flags.cmake)
        (folder / "llama.whl").write_bytes(b"")
        return folder / "llama.whl"

    monkeypatch.setattr(native, "_compile", compile_once)
    first = native.wheel(sys.executable, portable=True)
    assert native.wheel(sys.executable, portable=True) == first
    assert native.wheel(sys.executable, portable=False) != first
    assert compiled == ["-DGGML_NATIVE=OFF", "-DGGML_NATIVE=ON"]
    assert f"already compiled for this machine: {first}" in capsys.readouterr().out


def fake_python(folder: Path, script: str) -> str:
    path = folder / "python"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize(
    ("script", "expected", "cure"),
    [
        ("echo AVX2 = 1", Finding(True, "AVX2 = 1"), ""),
        (
            "kill -ILL $$",
            Finding(False, "loading it was ended by signal 4, an instruction this CPU lacks"),
            "make install",
        ),
        ("kill -SEGV $$", Finding(False, "loading it was ended by signal 11"), "make install"),
        ("echo boom >&2; exit 1", Finding(False, "loading it failed: boom"), "make install"),
        (
            "echo \"ModuleNotFoundError: No module named 'llama_cpp'\" >&2; exit 1",
            Finding(False, "llama-cpp-python is not installed"),
            "make install",
        ),
        ("sleep 5", Finding(False, "loading it took more than 1 s"), "make install"),
    ],
)
def test_the_self_test_survives_and_names_the_cure(tmp_path: Path, script: str, expected: Finding, cure: str) -> None:
    finding = self_test(fake_python(tmp_path, script), timeout_s=1)
    assert (finding.ok, finding.text) == (expected.ok, expected.text)
    assert cure in finding.cure
    assert finding.ok == (finding.cure == "")


def test_a_build_with_amx_is_refused() -> None:
    finding = judge("CPU : AVX2 = 1 | AMX_INT8 = 1 |")
    assert not finding.ok
    assert finding.text.startswith("it was built with AMX, which GCC miscompiles: answers are garbage")
    assert judge("CPU : AVX2 = 1 | AMX_INT8 = 0 |").ok


@pytest.mark.parametrize(
    ("system", "machine", "gpu", "expected"),
    [
        ("linux", "x86_64", False, True),
        ("linux", "x86_64", True, False),
        ("linux", "aarch64", False, False),
        ("darwin", "arm64", False, False),
    ],
)
def test_where_a_cpu_build_of_torch_is_sought(system: str, machine: str, gpu: bool, expected: bool) -> None:
    assert wants_cpu_build(system, machine, gpu) is expected


def test_it_runs_before_anything_is_installed() -> None:
    """-S leaves out site-packages, and with them everything we install."""
    command = [sys.executable, "-S", "-m", "service.llm.native", "--help"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "--portable" in done.stdout


def test_whoever_cannot_compile_our_products_goes_without(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object) -> Path:
        raise subprocess.CalledProcessError(1, ["c++"])

    monkeypatch.setattr(native.kernels, "fits", lambda *_: True)
    monkeypatch.setattr(native.kernels, "install", refuse)
    native.install_kernels(sys.executable)
    assert "kernels: not compiled" in capsys.readouterr().out


def test_products_that_fail_their_trial_are_taken_away(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    library = tmp_path / "library.so"
    library.write_bytes(b"")
    failed = subprocess.CompletedProcess(["python"], 1, "", "its products by fours are not those of llama.cpp\n")
    monkeypatch.setattr(native.kernels, "fits", lambda *_: True)
    monkeypatch.setattr(native.kernels, "install", lambda *_: library)
    monkeypatch.setattr(native, "_output", lambda _: str(tmp_path))
    monkeypatch.setattr(native, "_compiler", lambda: "c++ 1")
    monkeypatch.setattr(native.subprocess, "run", lambda *_, **__: failed)
    native.install_kernels(sys.executable)
    assert not library.exists()
    assert "the trial failed: its products by fours are not those of llama.cpp" in capsys.readouterr().out
