"""`career doctor`: what is here, is it sound, and how to mend it; native libraries are tried in child processes."""

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import typer

from service.commands.output import AsJson, load_settings, print_json, print_table, say, stdout, table, waiting

if TYPE_CHECKING:
    from service.settings import Settings

State: TypeAlias = Literal["ok", "warning", "broken"]
TORCH = "import torch; print(torch.__version__, 'CUDA' if torch.cuda.is_available() else 'CPU')"
FAISS = (
    "import faiss; print(faiss.__version__, faiss.get_compile_options().strip(), getattr(faiss, 'get_num_gpus', int)())"
)
TIGHT_BYTES = 4 << 30


@dataclass(frozen=True, slots=True)
class Check:
    """One finding; `cure` is empty when there is nothing to mend."""

    name: str
    state: State
    finding: str
    cure: str = ""


def doctor(as_json: AsJson = False) -> None:
    """Find what is missing or broken, and say how to mend it.

    Looks at the machine, the libraries, the models, the index and the settings. Exit code 3: something is broken.
    """
    from indexes.errors import SettingsError

    try:
        settings, refused = load_settings(), None
    except SettingsError as error:
        settings, refused = _defaults(), error
    checks = []
    for examine in EXAMINATIONS:
        with waiting(f"Examining {examine.__name__.replace('_', ' ')}"):
            checks += list(examine(settings))
    if refused:
        checks.append(Check("settings", "broken", str(refused), "Correct or unset the variable."))
    if as_json:
        print_json({"checks": [asdict(check) for check in checks], "settings": settings_table(settings)})
    else:
        _show(checks, settings)
    if refused:
        raise refused
    raise typer.Exit(3 if any(check.state == "broken" for check in checks) else 0)


def python(settings: "Settings") -> Iterator[Check]:
    good = sys.version_info >= (3, 11)
    found = f"{platform.python_version()} at {sys.executable}"
    yield Check("python", "ok" if good else "broken", found, "" if good else "Install Python 3.11 or newer.")


def machine(settings: "Settings") -> Iterator[Check]:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    found = f"{platform.machine()}, {cores} cores, {memory / 2**30:.0f} GiB of memory"
    if memory < TIGHT_BYTES:
        cure = "Less than 4 GiB: set CAREER_LLM=qwen2.5-coder-0.5b-instruct-q4_k_m or CAREER_LLM=extractive."
        yield Check("machine", "warning", found, cure)
    else:
        yield Check("machine", "ok", found)


def compiler(settings: "Settings") -> Iterator[Check]:
    path = shutil.which(os.environ.get("CXX", "c++"))
    if path:
        yield Check("compiler", "ok", path)
    else:
        cure = "Only compiling llama.cpp needs one: `apt-get install build-essential`."
        yield Check("compiler", "warning", "no C++ compiler", cure)


def disk(settings: "Settings") -> Iterator[Check]:
    for name, folder in (("CAREER_HOME", settings.home), ("CAREER_MODELS_DIR", settings.models_dir)):
        there = next(path for path in (folder, *folder.parents) if path.exists())
        free = shutil.disk_usage(there).free
        found = f"{folder}, {free / 1e9:.1f} GB free"
        if not os.access(there, os.W_OK):
            yield Check("disk", "broken", f"{found}, not writable", f"Set {name} to a folder that can be written to.")
        elif free < TIGHT_BYTES:
            yield Check("disk", "warning", found, f"Fetching models needs up to 4 GB: make room or set {name}.")
        else:
            yield Check("disk", "ok", found)


def libraries(settings: "Settings") -> Iterator[Check]:
    yield library("torch", TORCH)
    yield library("faiss", FAISS)
    yield library(
        "sentence-transformers", "from importlib.metadata import version as v; print(v('sentence-transformers'))"
    )


def library(name: str, code: str, timeout_s: float = 120) -> Check:
    """Try a library in a child process, which may crash without harm to this one."""
    cure = "Install it again: `make install`, or `pip install --force-reinstall career-rag`."
    try:
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, timeout=timeout_s, check=False
        )
    except subprocess.TimeoutExpired:
        return Check(name, "broken", f"loading it took more than {timeout_s:.0f} s", cure)
    if done.returncode == 0:
        return Check(name, "ok", done.stdout.strip())
    last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
    return Check(name, "broken", f"loading it failed: {last}", cure)


def llama(settings: "Settings") -> Iterator[Check]:
    from service.llm.kernels import why_not
    from service.llm.native import self_test

    finding = self_test(sys.executable)
    needed = settings.llm != "extractive" and not settings.llm.startswith(("http://", "https://"))
    yield Check("llama.cpp", "ok" if finding.ok else "broken" if needed else "warning", finding.text, finding.cure)
    off = "CAREER_KERNELS is off" if settings.kernels == "off" else why_not()
    yield Check("kernels", "ok", f"llama.cpp's own: {off}" if off else "ours, for AVX-512 with VNNI")


def models(settings: "Settings") -> Iterator[Check]:
    from indexes.errors import CareerError
    from service.commands.models import needed, open_store

    store = open_store(settings)
    for name in needed(settings):
        try:
            path = store.resolve(name)
            trouble = store.verify(name)
        except CareerError as error:
            yield Check("model", "broken", f"{name}: {error}", f"career models pull {name}")
            continue
        if trouble:
            yield Check("model", "broken", f"{name}: {'; '.join(trouble)}", f"career models pull {name}")
        else:
            yield Check("model", "ok", f"{name}: {path}, every byte as pinned")


def index(settings: "Settings") -> Iterator[Check]:
    from indexes.errors import CareerError
    from indexes.generation import Generation

    try:
        with Generation.current(settings.home) as generation:
            manifest = generation.manifest
    except CareerError as error:
        yield Check("index", "broken", str(error), "career ingest")
        return
    counts = ", ".join(f"{count} {name}" for name, count in manifest.counts.items())
    yield Check(
        "index", "ok", f"generation {manifest.number} of {manifest.created}: {counts}, {manifest.meta.embedder}"
    )


EXAMINATIONS: tuple[Callable[["Settings"], Iterator[Check]], ...] = (
    python,
    machine,
    compiler,
    disk,
    libraries,
    llama,
    models,
    index,
)


def settings_table(settings: "Settings") -> list[dict[str, Any]]:
    """Every setting by its variable: value, default and what it does; keys are never shown."""
    defaults = _defaults().model_dump(mode="json")
    values = settings.model_dump(mode="json")
    return [
        {
            "name": f"CAREER_{name.upper()}",
            "value": _shown(name, values[name]),
            "default": defaults[name],
            "description": field.description,
        }
        for name, field in type(settings).model_fields.items()
    ]


def _shown(name: str, value: Any) -> Any:
    return f"{len(value)} set" if name.endswith("_keys") and value else value


def _defaults() -> "Settings":
    """As if no variable but those of the folders were set."""
    from service.settings import Settings

    return Settings.model_construct()


def _show(checks: list[Check], settings: "Settings") -> None:
    signs = {"ok": "[green]✓[/]", "warning": "[yellow]![/]", "broken": "[red]✗[/]"}
    console = stdout()
    from rich.markup import escape

    for check in checks:
        console.print(f"{signs[check.state]} [bold]{check.name}[/] {escape(check.finding)}", soft_wrap=True)
        if check.cure:
            console.print(f"    → {escape(check.cure)}", soft_wrap=True)
    rows = table("setting", "value", "default")
    for row in settings_table(settings):
        changed = row["value"] != row["default"]
        rows.add_row(row["name"], escape(str(row["value"])), escape(str(row["default"])) if changed else "")
    print_table(rows)
    broken = sum(check.state == "broken" for check in checks)
    say(f"{broken} broken." if broken else "All is well.")
