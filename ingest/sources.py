"""Walks paths in a fixed order and yields every file met, with the reason when it is not to be read."""

import hashlib
import os
import stat
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from indexes.errors import UsageError
from indexes.settings import IndexSettings
from ingest.readers import OLD_FORMATS, READERS


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file of the corpus; `uri` is its folder's name and its path below it, `skip` why it is not read."""

    path: Path
    uri: str
    skip: str | None = None


def walk(paths: Sequence[Path], settings: IndexSettings) -> Iterator[SourceFile]:
    """Every file under `paths`: paths in the order given, files of a folder by name. A file is yielded once.

    Raises:
        UsageError: a path does not exist.
    """
    for path in paths:
        if not path.exists():
            raise UsageError(f"{path} does not exist. Name a file or a folder of documents.")
    roots = [path.resolve() for path in paths]
    labels = _labels([root if root.is_dir() else root.parent for root in roots])
    seen: set[Path] = set()
    for root in roots:
        folder = root if root.is_dir() else root.parent
        for path in _files(root) if root.is_dir() else [root]:
            if path.resolve() in seen:
                continue
            seen.add(path.resolve())
            relative = path.relative_to(folder)
            reason = (_ignored(relative) if root.is_dir() else None) or _unfit(path, folder, settings)
            yield SourceFile(path, f"{labels[folder]}/{relative.as_posix()}", reason)


def _labels(folders: Sequence[Path]) -> dict[Path, str]:
    """Names of the folders; two of one name are told apart by a digest of where they are."""
    unique = list(dict.fromkeys(folders))
    names = Counter(folder.name for folder in unique)
    return {folder: folder.name if names[folder.name] == 1 else f"{folder.name}~{_digest(folder)}" for folder in unique}


def _digest(folder: Path) -> str:
    return hashlib.sha256(os.fsencode(folder)).hexdigest()[:6]


def _files(root: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            yield Path(folder, name)


def _ignored(relative: Path) -> str | None:
    """Why a file found in a folder is passed over; a file that is named outright is not."""
    if relative.name.startswith("."):
        return "hidden file"
    if relative.stem.upper() == "README":
        return "README describes the folder and is not part of the corpus"
    return None


def _unfit(path: Path, folder: Path, settings: IndexSettings) -> str | None:
    if path.is_symlink() and not path.resolve().is_relative_to(folder):
        return "symbolic link out of the folder"
    try:
        status = path.stat()
    except OSError as error:
        return error.strerror or "cannot be read"
    if not stat.S_ISREG(status.st_mode):
        return "not a regular file"
    if path.suffix.lower() not in READERS:
        newer = OLD_FORMATS.get(path.suffix.lower())
        return f"no reader for {path.suffix or 'files without a suffix'}{f': save it as {newer}' if newer else ''}"
    if status.st_size > settings.max_file_mb << 20:
        return f"larger than {settings.max_file_mb} MiB (CAREER_MAX_FILE_MB)"
    return None
