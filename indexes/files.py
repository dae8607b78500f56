"""Durable file operations, one method each, so that a test can stop the world between any two of them."""

import os
import shutil
from pathlib import Path


class FileSystem:
    """The real one. Every step that decides what survives a crash goes through here."""

    def make_folder(self, path: Path) -> None:
        path.mkdir(parents=True, exist_ok=True)

    def write(self, path: Path, data: bytes) -> None:
        path.write_bytes(data)

    def sync(self, path: Path) -> None:
        """Force a file's bytes, or a folder's entries, to the disk."""
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def rename(self, source: Path, target: Path) -> None:
        """Atomic within one folder; replaces a file, never a folder with content."""
        source.replace(target)

    def remove(self, folder: Path) -> None:
        shutil.rmtree(folder, ignore_errors=True)


def replace_file(files: FileSystem, path: Path, data: bytes) -> None:
    """Readers see the old bytes or the new ones, whatever happens meanwhile."""
    sibling = path.with_name(path.name + ".tmp")
    files.write(sibling, data)
    files.sync(sibling)
    files.rename(sibling, path)
    files.sync(path.parent)
