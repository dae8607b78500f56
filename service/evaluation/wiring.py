"""From settings to a run: opens the runtime that serves users, names what is measured, and asks."""

import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from indexes.errors import UsageError
from indexes.settings import checkout_root
from indexes.types import Chunk
from service import __version__
from service.evaluation.dataset import Dataset, load_dataset, select
from service.evaluation.finish import finish
from service.evaluation.passage_index import pool_digest
from service.evaluation.run import Outcome, Progress, RunOptions, RuntimeTarget, Target, identity_hash, run
from service.evaluation.scoring import Summary
from service.settings import Settings

if TYPE_CHECKING:
    from service.runtime import Runtime

SHAPING = (
    "embedder", "dtype", "chunk_chars", "clean", "llm", "context_tokens", "max_tokens", "temperature", "seed",
    "passages", "policy", "kv_reuse", "deadline_s",
)  # fmt: skip
"""Settings that shape answers. Named one by one: keys and addresses must never reach a run folder."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What the command line asks for; None where it says nothing."""

    dataset: Path
    out: Path | None = None
    limit: int | None = None
    shard: str | None = None
    split: str | None = None
    retrieval_only: bool = False
    with_passages: bool = False
    repeat: int = 0
    at_once: int = 1


def measured_settings(settings: Settings) -> dict[str, Any]:
    return settings.model_dump(mode="json", include=set(SHAPING))


def commit() -> str:
    """The checkout's commit, `+` when files differ from it; the version where there is no checkout."""
    root = checkout_root()
    if root is None:
        return f"v{__version__}"
    try:
        head = _git(root, "rev-parse", "--short=12", "HEAD")
        return head + ("+" if _git(root, "status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.SubprocessError):
        return f"v{__version__}"


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, timeout=10, check=True)
    return done.stdout.strip()


def default_folder(home: Path, data: Dataset, identity: Mapping[str, Any], plan: Plan) -> Path:
    """The same questions to the same build have the same folder, so that repeating the command resumes."""
    asked = {**identity, "dataset_sha256": data.sha256, "part": [plan.limit, plan.shard, plan.split]}
    return home / "runs" / f"{data.name}-{identity_hash(asked)[:12]}"


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A run that is over: its folder, what was asked and what failed, and its figures as in summary.json."""

    folder: Path
    outcome: Outcome
    summary: Summary


def evaluate(
    plan: Plan,
    settings: Settings,
    on_progress: Callable[[Progress], None] = lambda progress: None,
    on_note: Callable[[str], None] = lambda note: None,
) -> Evaluation:
    """The Python entry point: ask every question of a data set, score, and write the run folder.

    `on_note` is told of fields of the data set that nothing reads. Answers are never taken from memory.

    Raises:
        UsageError: the data set is broken, or the folder holds another run. LockHeld: another process writes to it.
        CareerError: the runtime does not open, or the engine keeps failing.
    """
    folder, outcome = execute(plan, settings.model_copy(update={"answer_cache": 0}), on_progress, on_note)
    return Evaluation(folder, outcome, finish(folder))


def execute(
    plan: Plan, settings: Settings, on_progress: Callable[[Progress], None], on_note: Callable[[str], None]
) -> tuple[Path, Outcome]:
    """Load the questions, open the runtime, ask; returns the run folder too."""
    data = select(load_dataset(plan.dataset), plan.split, plan.limit, plan.shard)
    for note in data.notes:
        on_note(note)
    # An answer told again says nothing about time, nor a repeat anything about stability.
    settings = settings.model_copy(update={"answer_cache": 0})
    with _open_target(plan, settings, data) as (target, runtime, corpus):
        identity = identity_of(plan, settings, runtime, corpus)
        folder = plan.out or default_folder(settings.home, data, identity, plan)
        notes = {**_notes(runtime), "at_once": plan.at_once}
        options = RunOptions(identity, plan.repeat, plan.at_once, notes, on_progress)
        return folder, run(data, target, corpus, folder, options)


@contextmanager
def _open_target(plan: Plan, settings: Settings, data: Dataset) -> Iterator[tuple[Target, "Runtime", Sequence[Chunk]]]:
    """What is asked, the runtime behind it, and the corpus in which evidence is looked for."""
    from service.evaluation.own_passages import open_own_passages
    from service.runtime import open_runtime

    if plan.with_passages:
        if plan.at_once > 1:
            raise UsageError("With --with-passages one question is asked at a time. Leave out --at-once.")
        with open_own_passages(settings, data, plan.retrieval_only) as own:
            yield own, own.runtime, ()
        return
    with open_runtime(settings, need_llm=not plan.retrieval_only) as runtime:
        answerer = None if plan.retrieval_only else runtime.answerer
        yield RuntimeTarget(runtime.retriever, answerer, settings.passages), runtime, runtime.generation.chunks


def identity_of(plan: Plan, settings: Settings, runtime: "Runtime", corpus: Sequence[Chunk]) -> dict[str, Any]:
    """What must be equal for the two halves of an interrupted run to belong together."""
    what = "retrieval" if plan.retrieval_only else "answers"
    return {
        "mode": f"{what} over own passages" if plan.with_passages else what,
        "settings": measured_settings(settings),
        "commit": commit(),
        "model": runtime.llm.name if runtime.llm else "none",
        "model_sha256": model_digest(settings.llm) if runtime.llm else None,
        "embedder": runtime.embedder.name,
        "embedder_sha256": model_digest(settings.embedder),
        "index_sha256": pool_digest(corpus),
    }


def model_digest(name: str) -> str | None:
    """SHA-256 of a pinned model or of a local file; None for what has no bytes here, as a remote model."""
    from indexes.modelfetch import read_pins, sha256_of

    pins = read_pins()
    if name in pins:
        return pins[name].sha256
    path = Path(name)
    return sha256_of(path) if path.is_file() else None


def _notes(runtime: "Runtime") -> dict[str, Any]:
    """What is worth knowing of a run but may differ between its halves."""
    manifest = runtime.generation.manifest
    files = {entry.name: entry.sha256 for entry in manifest.files}
    return {"generation": {"number": manifest.number, "created": manifest.created, "files": files}}
