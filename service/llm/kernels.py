"""Our own products for llama.cpp on processors with AVX-512 VNNI: compiled beside it, loaded before it, or not at all.

Standard library only, for it is compiled before anything is installed. llama.cpp reaches the functions in `cpp/` by
name, through the dynamic linker: a library that is loaded first, for all to see, stands before llama.cpp's own. What is
read of its types holds for one release; with another, and on another processor, llama.cpp does everything itself.
"""

import ctypes
import hashlib
import importlib.metadata
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

RELEASE = "0.3.36"  # of llama-cpp-python
NEEDED = frozenset({"avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512_vnni", "f16c", "fma"})
SOURCES = Path(__file__).with_name("cpp")
# GCC 12 takes its own placeholders in immintrin.h for values that were forgotten.
_COMPILER = (
    "-O3 -std=c++17 -shared -fPIC -fvisibility=hidden -mavx2 -mfma -mf16c -mavx512f -mavx512bw -mavx512vl -mavx512dq "
    "-mavx512vnni -mprefer-vector-width=512 -Wall -Wextra -Wno-uninitialized -Wno-maybe-uninitialized"
)
_MARK = "career_rows6"


def flags_of(cpuinfo: str) -> frozenset[str]:
    """What /proc/cpuinfo says the first core can do."""
    for line in cpuinfo.splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "flags":
            return frozenset(value.split())
    return frozenset()


def fits(system: str, machine: str) -> bool:
    """Whether such a machine could run them at all."""
    return system == "linux" and machine.lower() in ("x86_64", "amd64")


def folder_of_llama() -> Path | None:
    """Where llama.cpp's libraries are installed, found without loading them."""
    found = importlib.util.find_spec("llama_cpp")
    return Path(found.origin).parent / "lib" if found is not None and found.origin else None


def library(folder: Path) -> Path:
    return folder / f"libcareer-kernels-{RELEASE}.so"


def key(sources: Mapping[str, bytes], compiler: str) -> str:
    """Two libraries may be taken for one only if all of this is alike."""
    digest = hashlib.sha256(f"{RELEASE}\n{_COMPILER}\n{compiler}\n".encode())
    for name in sorted(sources):
        digest.update(name.encode() + b"\0" + sources[name] + b"\0")
    return digest.hexdigest()[:16]


def compile_into(folder: Path, compiler: str, sources: Path = SOURCES) -> Path:
    """Raises: subprocess.CalledProcessError: the compiler refuses; its output has been printed."""
    target = library(folder)
    part = target.with_suffix(f".{os.getpid()}")
    try:
        subprocess.run(
            [compiler, *_COMPILER.split(), "-o", str(part), str(sources / "kernels.cpp"), "-ldl"], check=True
        )
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    return target


def install(llama: Path, cache: Path, compiler: str, version: str) -> Path:
    """Put the library beside llama.cpp's in `llama`, compiled now (seconds) or before; see `compile_into`."""
    sources = {path.name: path.read_bytes() for path in SOURCES.iterdir() if path.suffix in (".cpp", ".hpp")}
    kept = cache / f"kernels-{key(sources, version)}"
    kept.mkdir(parents=True, exist_ok=True)
    if not library(kept).is_file():
        compile_into(kept, compiler)
    part = library(llama).with_suffix(f".{os.getpid()}")
    shutil.copyfile(library(kept), part)
    return part.replace(library(llama))


def why_not() -> str:
    """Why they cannot be used here; empty when they can."""
    if not fits(sys.platform, platform.machine()):
        return "they are for Linux on x86-64"
    missing = NEEDED - flags_of(Path("/proc/cpuinfo").read_text("utf-8", "replace"))
    if missing:
        return f"this processor lacks {', '.join(sorted(missing))}"
    folder = folder_of_llama()
    if folder is None:
        return "llama-cpp-python is not installed"
    found = importlib.metadata.version("llama-cpp-python")
    if found != RELEASE:
        return f"they were written for llama-cpp-python {RELEASE}, and {found} is installed"
    return "" if library(folder).is_file() else "they are not compiled: `make install` does that"


def load() -> bool:
    """Before llama.cpp is loaded: put our functions in the place of its own. False where that cannot be."""
    folder = folder_of_llama()
    if folder is None or why_not():
        return False
    try:
        ctypes.CDLL(str(library(folder)), mode=ctypes.RTLD_GLOBAL)
    except OSError:  # A library of another machine, or a damaged one: llama.cpp has functions of its own.
        return False
    return True


def active() -> bool:
    """Whether this process has loaded them for all to see."""
    return hasattr(ctypes.CDLL(None), _MARK)
