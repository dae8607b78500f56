"""What a generation says of itself: a manifest.json that a single changed bit makes invalid."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from indexes.errors import IndexDamaged

MANIFEST = "manifest.json"
CHUNKS = "chunks.sqlite"
VECTORS = "vectors.faiss"
FORMAT = 2
CURE = "Run `career ingest` to build it again, or `career index use` to go back to an older one."


@dataclass(frozen=True, slots=True)
class BuildMeta:
    """What only the builder knows of a generation: embedder as `Embedder.name`, version of the chunker, parent.

    `extra` holds whatever else should be remembered, such as the settings that shaped the chunks.
    """

    embedder: str
    chunker: str
    parent: int | None = None
    extra: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FileEntry:
    name: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """`vectors` is the kind of FAISS index with its parameters and the reason it was chosen."""

    number: int
    created: str
    meta: BuildMeta
    dimension: int
    vectors: Mapping[str, str]
    counts: Mapping[str, int]
    files: tuple[FileEntry, ...]
    versions: Mapping[str, str]
    format: int = FORMAT

    def to_bytes(self) -> bytes:
        body = asdict(self)
        return _encode({**body, "sha256": hashlib.sha256(_encode(body)).hexdigest()})

    @classmethod
    def read(cls, folder: Path) -> "Manifest":
        """Read and check a generation's manifest.

        Raises:
            IndexDamaged: it is absent, not the bytes that were written, or of another generation.
        """
        path = folder / MANIFEST
        try:
            data = path.read_bytes()
            raw = json.loads(data)
            checksum = raw.pop("sha256")
            if hashlib.sha256(_encode(raw)).hexdigest() != checksum or _encode({**raw, "sha256": checksum}) != data:
                raise ValueError("its checksum is wrong")
            manifest = cls._from_json(raw)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise IndexDamaged(f"{path} is damaged ({_reason(error)}). {CURE}") from None
        if folder.name != f"{manifest.number:06d}":
            raise IndexDamaged(f"{path} belongs to generation {manifest.number:06d}. {CURE}")
        return manifest

    @classmethod
    def _from_json(cls, raw: dict[str, Any]) -> "Manifest":
        if raw["format"] != FORMAT:
            raise ValueError(f"it has format {raw['format']}, this version reads {FORMAT}")
        manifest = cls(**raw)
        return replace(
            manifest, meta=BuildMeta(**raw["meta"]), files=tuple(FileEntry(**entry) for entry in raw["files"])
        )


def describe_file(path: Path) -> FileEntry:
    """Size and SHA-256 of a file as it is now."""
    digest = hashlib.sha256()
    size = 0
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
            size += len(block)
    return FileEntry(path.name, size, digest.hexdigest())


def damage(folder: Path, manifest: Manifest) -> list[str]:
    """What differs between the files of a generation and its manifest, in words; nothing is parsed."""
    return [problem for entry in manifest.files if (problem := _file_damage(folder / entry.name, entry))]


def _file_damage(path: Path, entry: FileEntry) -> str | None:
    try:
        size = path.stat().st_size
        if size != entry.bytes:
            return f"{path} has {size} bytes instead of {entry.bytes}"
        if describe_file(path).sha256 != entry.sha256:
            return f"{path} has other bytes than its manifest says"
    except OSError as error:
        return f"{path} cannot be read ({_reason(error)})"
    return None


def _encode(value: Mapping[str, Any]) -> bytes:
    return (json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode()


def _reason(error: Exception) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else str(error) or type(error).__name__
