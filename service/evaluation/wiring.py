"""From settings to a run: opens the runtime that serves users, names what is measured, and asks."""

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from indexes.settings import checkout_root
from service import __version__
from service.evaluation.dataset import Dataset, load_dataset, select
from service.evaluation.own_passages import OwnPassages
from service.evaluation.run import Outcome, RunOptions, RuntimeTarget, Target, identity_hash, run
from service.settings import Settings

MACHINE_ONLY = frozenset({"home", "models_dir", "host", "port", "threads", "queue"})
"""Settings that do not change what is answered: a run may be resumed on another machine."""


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


def measured_settings(settings: Settings) -> dict[str, Any]:
    """The settings that shape answers, secrets left out."""
    values = settings.model_dump(mode="json")
    secret = ("key", "token", "secret", "password")
    return {
        name: value
        for name, value in values.items()
        if name not in MACHINE_ONLY and not any(name == word or name.endswith("_" + word) for word in secret)
    }


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


def execute(plan: Plan, settings: Settings, options: RunOptions) -> tuple[Path, Outcome]:
    """Load, open, ask; `options.identity` is extended by what the runtime says of itself."""
    from service.runtime import open_runtime

    data = select(load_dataset(plan.dataset), plan.split, plan.limit, plan.shard)
    with open_runtime(settings, need_llm=not plan.retrieval_only) as runtime:
        identity = {
            **options.identity,
            "mode": _mode(plan),
            "settings": measured_settings(settings),
            "commit": commit(),
            "model": runtime.llm.name if runtime.llm else "none",
            "embedder": runtime.embedder.name,
            "index": runtime.generation.digest,
        }
        answerer = None if plan.retrieval_only else runtime.answerer
        target: Target
        if plan.with_passages:
            target = OwnPassages(runtime.answerer, runtime.embedder, plan.retrieval_only)
        else:
            target = RuntimeTarget(runtime.retriever, answerer)
        folder = plan.out or default_folder(settings.home, data, identity, plan)
        corpus = [] if plan.with_passages else list(runtime.generation.chunks())
        wanted = RunOptions(identity, plan.repeat, options.notes, options.on_progress)
        return folder, run(data, target, corpus, folder, wanted)


def _mode(plan: Plan) -> str:
    what = "retrieval" if plan.retrieval_only else "answers"
    return f"{what} over own passages" if plan.with_passages else what
