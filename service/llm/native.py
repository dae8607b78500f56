"""The native libraries built or chosen for this machine: llama.cpp compiled with safe, fast flags, torch without CUDA.

Standard library only: it runs before anything is installed, as `python -m service.llm.native install`.

GCC drops the stores to the tile configuration before `ldtilecfg` (llama.cpp pull request 26954), so that a default
build on a CPU with AMX crashes or prints garbage: a machine that builds for itself builds native without AMX, and what
travels is built portable. pip's own cache ignores flags; the cache here is keyed by them.
"""

import argparse
import fcntl
import hashlib
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from service.llm import kernels

VERSION = kernels.RELEASE  # the release we measure with; pyproject.toml allows its successors up to 0.4
TORCH = "torch==2.13.0"  # likewise
NO_AMX = "-mno-amx-tile -mno-amx-int8 -mno-amx-bf16"
SELF_TEST = """
import llama_cpp
llama_cpp.llama_backend_init()
print("llama-cpp-python", llama_cpp.__version__, llama_cpp.llama_print_system_info().decode())
"""


@dataclass(frozen=True, slots=True)
class Flags:
    """What the compiler is told; `cpu` names the machine the result runs on, empty when it runs on any."""

    cmake: str
    compiler: str
    cpu: str

    def environment(self, base: Mapping[str, str]) -> dict[str, str]:
        """The variables of a build; what the user has set comes after ours, and so prevails."""
        extra = {"CMAKE_ARGS": self.cmake, "CFLAGS": self.compiler, "CXXFLAGS": self.compiler}
        extra = {name: f"{value} {base.get(name, '')}".strip() for name, value in extra.items()}
        return {"CMAKE_BUILD_PARALLEL_LEVEL": str(os.cpu_count() or 1), **base, **extra}


@dataclass(frozen=True, slots=True)
class Finding:
    """Of the self-test: what was found, and the cure when it is not well."""

    ok: bool
    text: str
    cure: str = ""


def build_flags(machine: str, cpu: str, portable: bool) -> Flags:
    """`machine` as `platform.machine()` says it; an Arm compiler refuses the x86 flags."""
    if portable:
        return Flags("-DGGML_NATIVE=OFF", "", "")
    x86 = machine.lower() in ("x86_64", "amd64")
    return Flags("-DGGML_NATIVE=ON", NO_AMX if x86 else "", cpu)


def cpu_features(cpuinfo: str) -> str:
    """What /proc/cpuinfo says of the first core's model and instructions; the same for machines that are alike."""
    keys = ("model name", "flags", "Features", "CPU implementer", "CPU part")
    found: dict[str, str] = {}
    for line in cpuinfo.splitlines():
        name, _, value = line.partition(":")
        if name.strip() in keys:
            found.setdefault(name.strip(), " ".join(sorted(value.split())))
    return "\n".join(f"{name}: {found[name]}" for name in sorted(found))


def this_cpu() -> str:
    try:
        return cpu_features(Path("/proc/cpuinfo").read_text("utf-8", "replace"))
    except OSError:
        return platform.processor() or platform.machine()


def cache_folder(environ: Mapping[str, str], key: str) -> Path:
    base = Path(environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "career-rag" / "native" / key


def cache_key(flags: Flags, environ: Mapping[str, str], python: str, compiler: str) -> str:
    """Two builds may share a wheel only if all of this is alike."""
    variables = [f"{name}={environ.get(name, '')}" for name in ("CMAKE_ARGS", "CFLAGS", "CXXFLAGS")]
    parts = [VERSION, flags.cmake, flags.compiler, flags.cpu, *variables, python, compiler]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def wheel(python: str, portable: bool) -> Path:
    """The wheel for this machine: from the cache, or compiled now (about 3 minutes on 2 cores)."""
    flags = build_flags(platform.machine(), this_cpu(), portable)
    tag = _output([python, "-c", "import sys; print(sys.implementation.cache_tag)"])
    folder = cache_folder(os.environ, cache_key(flags, os.environ, tag, _compiler()))
    with _lock(folder):
        if found := sorted(folder.glob("*.whl")):
            say(f"llama.cpp: already compiled for this machine: {found[0]}")
            return found[0]
        return _compile(python, flags, folder)


def _compile(python: str, flags: Flags, folder: Path) -> Path:
    say(f"llama.cpp: compiling for this machine, once ({flags.cmake} {flags.compiler}); about 3 minutes on 2 cores")
    name = "llama-cpp-python"
    command = [python, "-m", "pip", "wheel", "--no-deps", "--no-cache-dir", "--no-binary", name, f"{name}=={VERSION}"]
    with tempfile.TemporaryDirectory(dir=folder) as work:
        done = subprocess.run([*command, "--wheel-dir", work], env=flags.environment(os.environ), check=False)
        if done.returncode:
            raise SystemExit(
                "llama.cpp could not be compiled: pip's output above says why. It needs gcc, g++ and 2 GB of free "
                "disk: on Debian or Ubuntu `apt-get install build-essential`; then run the same command again."
            )
        built = next(Path(work).glob("*.whl"))
        return built.rename(folder / built.name)


def _compiler() -> str:
    name = os.environ.get("CXX", "c++")
    if not shutil.which(name):
        raise SystemExit(
            f"There is no C++ compiler ({name}): on Debian or Ubuntu run `apt-get install build-essential`, "
            "then try again."
        )
    return _output([name, "--version"]).partition("\n")[0]


@contextmanager
def _lock(folder: Path) -> Iterator[None]:
    """One build at a time; whoever waited finds the wheel."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def install(python: str, portable: bool) -> None:
    """Put llama-cpp-python with its dependencies into the environment of `python`, and test it there."""
    path = wheel(python, portable)
    pip = [python, "-m", "pip", "install", "--quiet"]
    # By the same version number an installed build of other flags would be taken for this one.
    subprocess.run([*pip, "--no-deps", "--force-reinstall", str(path)], check=True)
    subprocess.run([*pip, str(path)], check=True)
    finding = self_test(python)
    say(f"llama.cpp: {finding.text}")
    if not finding.ok:
        raise SystemExit(f"llama.cpp is installed, but does not work. {finding.cure}")
    install_kernels(python)


def install_kernels(python: str) -> None:
    """Whoever has no use for them, or cannot compile them, goes without: llama.cpp has its own."""
    if not kernels.fits(sys.platform, platform.machine()):
        return
    where = "from service.llm import kernels; print(kernels.folder_of_llama())"
    folder = Path(_output([python, "-c", where]))
    cache = cache_folder(os.environ, "")
    slower = "llama.cpp uses its own, which are slower for several people at once"
    try:
        library = kernels.install(folder, cache, os.environ.get("CXX", "c++"), _compiler())
    except (OSError, subprocess.CalledProcessError) as error:
        say(f"kernels: not compiled ({error}); {slower}")
        return
    done = subprocess.run([python, "-m", "service.llm.kernels_check"], capture_output=True, text=True, check=False)
    if done.returncode:
        library.unlink(missing_ok=True)
        say(f"kernels: not used, the trial {_death(done.returncode, done.stderr)}; {slower}")
        return
    reason = _output([python, "-c", "from service.llm import kernels; print(kernels.why_not())"])
    say(f"kernels: compiled{f', but not used: {reason}' if reason else ' for AVX-512 with VNNI'}")


def self_test(python: str, timeout_s: float = 60.0) -> Finding:
    """Load the library in a child process, which may crash without harm to this one."""
    rebuild = "Build it anew for this machine: `rm -r ~/.cache/career-rag/native .venv/.llama && make install`."
    try:
        done = subprocess.run([python, "-c", SELF_TEST], capture_output=True, text=True, timeout=timeout_s, check=False)
    except subprocess.TimeoutExpired:
        return Finding(False, f"loading it took more than {timeout_s:.0f} s", rebuild)
    if done.returncode == 0:
        return judge(done.stdout.strip())
    if "No module named 'llama_cpp'" in done.stderr:
        return Finding(False, "llama-cpp-python is not installed", "Run `make install`, which compiles it.")
    return Finding(False, f"loading it {_death(done.returncode, done.stderr)}", rebuild)


def judge(info: str) -> Finding:
    """What the library says of itself, as `llama_print_system_info` prints it."""
    if re.search(r"\bAMX_INT8 = 1\b", info):
        cure = "Build it without AMX: `rm .venv/.llama && make install`."
        return Finding(False, f"it was built with AMX, which GCC miscompiles: answers are garbage ({info})", cure)
    return Finding(True, info)


def _death(code: int, stderr: str) -> str:
    if code < 0:
        hint = ", an instruction this CPU lacks" if code == -4 else ""
        return f"was ended by signal {-code}{hint}"
    return f"failed: {(stderr.strip().splitlines() or ['no reason given'])[-1]}"


def install_torch(python: str, requirement: str, index: str) -> None:
    """torch from `index` if given; else a CPU build where one is offered; else what there is, with a warning."""
    if _output([python, "-c", "import importlib.util as u; print(u.find_spec('torch') is not None)"]) == "True":
        say("torch: already installed")
        return
    pip = [python, "-m", "pip", "install"]
    if index:
        subprocess.run([*pip, "--index-url", index, requirement], check=True)
    elif not wants_cpu_build(sys.platform, platform.machine(), Path("/dev/nvidiactl").exists()):
        subprocess.run([*pip, requirement], check=True)
    elif _offered(python, f"{requirement}+cpu"):
        subprocess.run([*pip, f"{requirement}+cpu"], check=True)
    else:
        say(
            "torch: no CPU build is offered here, so the CUDA build is taken: several GB. To avoid it, give the "
            "address of PyTorch's CPU index: `make install TORCH_INDEX=<address>`."
        )
        subprocess.run([*pip, requirement], check=True)


def wants_cpu_build(system: str, machine: str, gpu: bool) -> bool:
    """Only there does plain `torch` bring CUDA that nobody can use."""
    return system == "linux" and machine == "x86_64" and not gpu


def _offered(python: str, requirement: str) -> bool:
    command = [python, "-m", "pip", "install", "--quiet", "--dry-run", "--no-deps", requirement]
    return "+" in requirement and subprocess.run(command, capture_output=True, check=False).returncode == 0


def _output(command: list[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def say(text: str) -> None:
    print(f"==> {text}", flush=True)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["install", "kernels", "wheel", "test", "torch"])
    parser.add_argument("--python", default=sys.executable, help="interpreter of the environment to install into")
    parser.add_argument("--portable", action="store_true", help="AVX2 baseline instead of this machine's CPU")
    parser.add_argument("--requirement", default=TORCH, help="which torch")
    parser.add_argument("--index", default="", help="address of an index to take torch from")
    options = parser.parse_args(arguments)
    try:
        run(options)
    except subprocess.CalledProcessError as error:
        raise SystemExit(f"{shlex.join(error.cmd)} failed; its output above says why.") from None


def run(options: argparse.Namespace) -> None:
    if options.what == "install":
        install(options.python, options.portable)
    elif options.what == "kernels":
        install_kernels(options.python)
    elif options.what == "wheel":
        print(wheel(options.python, options.portable))
    elif options.what == "torch":
        install_torch(options.python, options.requirement, options.index)
    else:
        finding = self_test(options.python)
        say(finding.text)
        raise SystemExit(finding.cure or 0)


if __name__ == "__main__":
    main()
