"""Looks an Office archive over before anything is unpacked: sizes, names, overlaps, entities in its XML."""

import io
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import PurePosixPath
from xml.parsers import expat

from indexes.errors import DamagedError
from ingest.limits import MAX_ARCHIVE_ENTRIES, MAX_ARCHIVE_MB, MAX_ARCHIVE_RATIO, RATIO_FROM_BYTES

_OLD_OFFICE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_LOCAL_HEADER = 30
_ARCHIVES = (".zip", ".7z", ".rar", ".gz", ".bz2", ".xz", ".tar", ".jar")
_XML = (".xml", ".rels", ".vml")
_XML_HEADS = (b"<", b"\xef\xbb\xbf<", b"\xff\xfe<", b"\xfe\xff\0<", b"<\0", b"\0<")
_ARCHIVE_HEADS = (b"PK\x03\x04", b"Rar!", b"7z\xbc\xaf", b"\x1f\x8b")
_STEP = 1 << 16


def checked(raw: bytes, kind: str, entries: int = MAX_ARCHIVE_ENTRIES) -> zipfile.ZipFile:
    """The archive, once it is known to be harmless; `kind` is what the file should be, for the messages.

    Raises:
        DamagedError: it is no such archive, is locked, or is made to do harm.
    """
    if raw.startswith(_OLD_OFFICE):
        raise DamagedError(f"is locked with a password, or in an older format. Save it as {kind} without a password.")
    try:
        archive = zipfile.ZipFile(io.BytesIO(raw))
    except (zipfile.BadZipFile, ValueError, OverflowError) as error:
        raise DamagedError(f"is no sound {kind} file ({error}). Save it anew.") from None
    members = archive.infolist()
    _check_places(members)
    _check_sizes(members, len(raw), entries)
    for member in members:
        _check_name(member.filename)
        if member.flag_bits & 0x1:
            raise DamagedError("is locked with a password. Save it without one.")
        head = _head(archive, member)
        if member.filename.lower().endswith(_XML) or head.startswith(_XML_HEADS):
            _check_prolog(archive, member)
        elif "/embeddings/" not in member.filename and (
            head.startswith(_ARCHIVE_HEADS) or member.filename.lower().endswith(_ARCHIVES)
        ):
            raise DamagedError(f"holds another archive, {member.filename!r}. Unpack it, or save its text as Markdown.")
    if "[Content_Types].xml" not in archive.namelist():
        raise DamagedError(f"is an archive but no {kind} file. Unpack it.")
    return archive


def _check_sizes(members: Sequence[zipfile.ZipInfo], size: int, entries: int) -> None:
    if len(members) > entries:
        raise DamagedError(f"holds {len(members):,} entries; more than {entries:,} are not read. Split it.")
    total = sum(member.file_size for member in members)
    if total > MAX_ARCHIVE_MB << 20:
        raise DamagedError(f"expands to more than {MAX_ARCHIVE_MB} MiB ({total >> 20:,}). Split it, or save its text.")
    worst = [m for m in members if m.file_size > RATIO_FROM_BYTES and m.file_size > MAX_ARCHIVE_RATIO * m.compress_size]
    if worst or (total > RATIO_FROM_BYTES and total > MAX_ARCHIVE_RATIO * size):
        name = repr(worst[0].filename) if worst else "it"
        raise DamagedError(
            f"expands more than {MAX_ARCHIVE_RATIO}-fold ({name}), as a bomb does. Save its text as Markdown."
        )


def _check_places(members: Sequence[zipfile.ZipInfo]) -> None:
    """Entries that share bytes let a small file expand without end."""
    end = 0
    for member in sorted(members, key=lambda member: member.header_offset):
        if member.header_offset < end:
            raise DamagedError(
                f"has entries that overlap ({member.filename!r}), as a bomb has. Save its text as Markdown."
            )
        end = member.header_offset + _LOCAL_HEADER + len(member.filename.encode()) + member.compress_size


def _check_name(name: str) -> None:
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or "\0" in name or name[1:2] == ":":
        raise DamagedError(f"has an entry that leads outside of it ({name!r}). Save it anew.")


def _head(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    """The first bytes of an entry, whatever its name says it is."""
    if member.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        raise DamagedError(f"is packed in a way that Office does not use ({member.filename!r}). Save it anew.")
    try:
        with archive.open(member) as entry:
            return entry.read(64).lstrip()
    except (zipfile.BadZipFile, OSError, EOFError, zlib.error) as error:
        raise DamagedError(f"is broken ({member.filename!r}: {error}). Save it anew.") from None


class _Seen(Exception):
    """The first element has begun: what could define an entity is over."""


def _check_prolog(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> None:
    """A document type can stand before the first element only; Office writes none, and attacks need one."""

    def refuse(*_: object) -> None:
        raise DamagedError(f"declares XML entities ({member.filename!r}), as an attack does. Save it anew.")

    def stop(*_: object) -> None:
        raise _Seen

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = refuse
    parser.StartElementHandler = stop
    try:
        with archive.open(member) as entry:
            while part := entry.read(_STEP):
                parser.Parse(part)
    except _Seen:
        return
    except expat.ExpatError as error:
        raise DamagedError(f"is broken ({member.filename!r}: {error}). Save it anew.") from None
