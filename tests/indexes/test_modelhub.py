"""Hub ids: what is asked of the hub client, and what is refused."""

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from indexes.errors import ModelMissing, UsageError
from indexes.modelhub import IGNORED, hub_snapshot

huggingface_hub = pytest.importorskip("huggingface_hub")


class Hub:
    """A hub with one repository."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = names
        self.asked: list[dict[str, Any]] = []

    def model_info(self, repository: str) -> SimpleNamespace:
        if repository != "org/name":
            raise OSError("404 no such repository\nand more")
        return SimpleNamespace(sha="abc123", siblings=[SimpleNamespace(rfilename=name) for name in self.names])

    def snapshot_download(self, repository: str, **options: Any) -> None:
        self.asked.append({"repository": repository, **options})
        folder = Path(options["local_dir"])
        (folder / ".cache").mkdir(parents=True)
        for name in options["allow_patterns"] or self.names:
            (folder / name).write_bytes(name.encode())


def served(monkeypatch: pytest.MonkeyPatch, names: Sequence[str]) -> Hub:
    hub = Hub(names)
    monkeypatch.setattr(huggingface_hub, "HfApi", lambda: hub)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", hub.snapshot_download)
    return hub


def test_a_repository_is_fetched_whole_at_one_revision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub = served(monkeypatch, ["config.json", "model.safetensors"])
    folder, revision = hub_snapshot("org/name", tmp_path)
    assert revision == "abc123"
    assert sorted(path.name for path in folder.iterdir()) == ["config.json", "model.safetensors"]
    (asked,) = hub.asked
    assert (asked["repository"], asked["revision"], asked["allow_patterns"]) == ("org/name", "abc123", None)
    assert asked["ignore_patterns"] == list(IGNORED)
    assert {"*.py", "*.pkl"} <= set(IGNORED)


def test_one_file_of_many_can_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    served(monkeypatch, ["a-q4.gguf", "a-q8.gguf"])
    with pytest.raises(UsageError, match=r"org/name holds 2 GGUF files: name one, such as org/name/a-q4\.gguf"):
        hub_snapshot("org/name", tmp_path)
    folder, _ = hub_snapshot("org/name/a-q8.gguf", tmp_path)
    assert [path.name for path in folder.iterdir()] == ["a-q8.gguf"]


def test_what_the_hub_refuses_is_told_in_its_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    served(monkeypatch, [])
    with pytest.raises(ModelMissing, match=r"other/name could not be fetched from the hub \(404 no such repository\)"):
        hub_snapshot("other/name", tmp_path)
    with pytest.raises(ModelMissing, match="org/name holds no file"):
        hub_snapshot("org/name", tmp_path)
