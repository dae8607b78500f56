"""Models of the user's own choice, through huggingface_hub where it is installed: data only, nothing that is code."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from indexes.errors import ExtraMissing, ModelMissing

Snapshot: TypeAlias = Callable[[str, Path], tuple[Path, str]]
"""Fetches a hub id into a work folder; returns the folder that holds the files, and the revision."""

# Code, pickles, and the same weights in formats of other libraries.
IGNORED = ("*.py", "*.pkl", "*.pickle", "*.pt", "*.pth", "*.ckpt", "*.h5", "*.msgpack", "onnx/*", "openvino/*", ".git*")


def hub_snapshot(name: str, work: Path) -> tuple[Path, str]:
    """`org/name` takes the whole repository, `org/name/file.gguf` that file alone; finished files are kept for a retry.

    Raises:
        ExtraMissing: huggingface_hub is not installed.
        ModelMissing: the hub could not be reached or has no such model.
    """
    try:
        import huggingface_hub
    except ModuleNotFoundError:
        raise ExtraMissing(
            f"{name} is a hub id, and the hub client is not installed: run `pip install 'career-rag[hub]'`."
        ) from None
    repository, wanted = _split(name)
    ready = work / "ready"
    try:
        revision = huggingface_hub.HfApi().model_info(repository).sha
        huggingface_hub.snapshot_download(
            repository, revision=revision, local_dir=ready, allow_patterns=wanted, ignore_patterns=list(IGNORED)
        )
    # Whatever the client raises (HTTP, file system, refused ids), the user can do the same about it.
    except Exception as error:
        raise ModelMissing(f"{name} could not be fetched from the hub: {str(error).splitlines()[0]}") from error
    shutil.rmtree(ready / ".cache", ignore_errors=True)
    if not any(path.is_file() for path in ready.rglob("*")):
        raise ModelMissing(f"The hub's {repository} holds no file that can be used for {name}.")
    return ready, str(revision)


def _split(name: str) -> tuple[str, list[str] | None]:
    parts = name.split("/")
    return "/".join(parts[:2]), [parts[2]] if len(parts) > 2 else None
