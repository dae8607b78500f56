"""Models of the user's own choice, through huggingface_hub where it is installed: data only, nothing that is code."""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

from indexes.errors import ExtraMissing, ModelMissing, UsageError

Snapshot: TypeAlias = Callable[[str, Path], tuple[Path, str]]
"""Fetches a hub id into a work folder; returns the folder that holds the files, and the revision."""

# Code, pickles, and the same weights in formats of other libraries.
IGNORED = ("*.py", "*.pkl", "*.pickle", "*.pt", "*.pth", "*.ckpt", "*.h5", "*.msgpack", "onnx/*", "openvino/*", ".git*")


def hub_snapshot(name: str, work: Path) -> tuple[Path, str]:
    """`org/name` takes the whole repository, `org/name/file.gguf` that file alone; finished files are kept for a retry.

    Raises:
        ExtraMissing: huggingface_hub is not installed.
        ModelMissing: the hub could not be reached or has no such model.
        UsageError: the repository holds several GGUF files and none is named.
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
        info = huggingface_hub.HfApi().model_info(repository)
        if wanted is None:
            _require_one_model(repository, [file.rfilename for file in info.siblings or ()])
        huggingface_hub.snapshot_download(
            repository, revision=info.sha, local_dir=ready, allow_patterns=wanted, ignore_patterns=list(IGNORED)
        )
    except UsageError:
        raise
    # Whatever the client raises (HTTP, file system, refused ids), the user can do the same about it.
    except Exception as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ModelMissing(
            f"{name} could not be fetched from the hub ({reason}). Check the id and the network, then try again."
        ) from error
    shutil.rmtree(ready / ".cache", ignore_errors=True)
    if not any(path.is_file() for path in ready.rglob("*")):
        raise ModelMissing(f"The hub's {repository} holds no file that can be used for {name}.")
    return ready, str(info.sha)


def _require_one_model(repository: str, names: Sequence[str]) -> None:
    found = [name for name in names if name.endswith(".gguf")]
    if len(found) > 1:
        raise UsageError(
            f"{repository} holds {len(found)} GGUF files: name one, such as {repository}/{found[0]} "
            f"({', '.join(found[:8])}{', …' if len(found) > 8 else ''})."
        )


def _split(name: str) -> tuple[str, list[str] | None]:
    parts = name.split("/")
    return "/".join(parts[:2]), [parts[2]] if len(parts) > 2 else None
