"""One file becomes one Document with its Chunks: read, cleaned, given its structure and cut."""

import hashlib
import re
from collections.abc import Container, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from indexes.settings import IndexSettings
from indexes.text import detect_lang
from indexes.types import Chunk, Document, DocumentInfo
from ingest.chunking import CHUNKER_VERSION, chunk
from ingest.cleaning import CLEANER_VERSION, clean, plain
from ingest.headings import find_headings
from ingest.instructions import instructions_in, smuggled
from ingest.lines import LEAD_END, SENTENCE_END, code_lines, is_item
from ingest.raw import RawDocument
from ingest.readers import READER_VERSION
from ingest.sandbox import ReadFile, Sandbox
from ingest.structure import parse

MAX_TITLE_CHARS = 60
MAX_SHOWN_CHARS = 300

_OPENING_WORDS = re.compile(
    r"^(引言|前言|序言|导语|简介|概述|摘要|正文|背景|introduction|abstract|overview|preface|summary)$", re.I
)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A document with its chunks, and what its reader should know of how it came to be.

    `dropped` holds boilerplate and `hidden` text that nobody sees: both are left out, each with the name of its rule.
    `flagged` holds lines that speak to a model instead of a reader; they stay, if they can be seen.
    """

    document: Document
    chunks: tuple[Chunk, ...]
    dropped: tuple[tuple[str, str], ...] = ()
    hidden: tuple[tuple[str, str], ...] = ()
    flagged: tuple[str, ...] = ()


def pipeline_version(settings: IndexSettings) -> str:
    """Names all that shapes chunks, so that a change of any of it rebuilds them."""
    cleaning = f"clean-{CLEANER_VERSION}" if settings.clean else "raw"
    return f"read-{READER_VERSION} {cleaning} chunk-{CHUNKER_VERSION} {settings.chunk_chars}"


def prepare(raw: bytes, document_id: str, uri: str, settings: IndexSettings, read: ReadFile | None = None) -> Prepared:
    """The chunks of a file; none when it holds no words. `read` is a Sandbox's; one is made for this file without it.

    Raises:
        DamagedError: the file is broken, or not text in a known encoding; ExtraMissing: its format needs one.
    """
    source = _read(raw, PurePosixPath(uri).suffix.lower(), read)
    cleaned = clean(source.text) if settings.clean else None
    text = cleaned.text if cleaned else plain(source.text)
    info = DocumentInfo(
        id=document_id,
        uri=uri,
        title=title_of(source, text, uri),
        lang=_language(source.lang) or detect_lang(text),
        url=source.url,
    )
    parts = parse(text, info.title)
    document = Document(info, text, tuple(part.section for part in parts), hashlib.sha256(raw).hexdigest())
    return Prepared(
        document,
        chunk(text, parts, info, settings.chunk_chars),
        dropped=(*source.dropped, *(cleaned.dropped if cleaned else ())),
        hidden=_by_rule((*source.hidden, *smuggled(source.text))),
        flagged=instructions_in(text, *(piece for piece, _ in source.hidden)),
    )


def _by_rule(pieces: Sequence[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """One piece for each rule: a hidden sheet has thousands of cells."""
    texts: dict[str, list[str]] = {}
    for text, rule in pieces:
        texts.setdefault(rule, []).append(text)
    return tuple((" … ".join(found)[:MAX_SHOWN_CHARS], rule) for rule, found in texts.items())


def _read(raw: bytes, suffix: str, read: ReadFile | None) -> RawDocument:
    if read is not None:
        return read(suffix, raw)
    with Sandbox() as sandbox:
        return sandbox.read(suffix, raw)


def title_of(source: RawDocument, text: str, uri: str) -> str:
    """What the file says its title is, else its top heading, else a first line that reads like one, else its name."""
    if source.title:
        return source.title
    lines = text.split("\n")
    top = (heading.text for heading in find_headings(lines, code_lines(lines)) if heading.level == 1)
    if title := next(top, None):
        return title
    first = next((line.strip() for line in lines if line.strip()), "")
    return first.lstrip("# ") if _reads_like_a_title(first) else PurePosixPath(uri).stem


def _reads_like_a_title(line: str) -> bool:
    return (
        0 < len(line) <= MAX_TITLE_CHARS
        and not (SENTENCE_END.search(line) or LEAD_END.search(line))
        and not _OPENING_WORDS.match(line.lstrip("# "))
        and not is_item(line)
        and not re.match(r"[一二三四五六七八九十]+、", line)
        and "|" not in line
    )


def document_id_of(uri: str, taken: Container[str]) -> str:
    """The path below the corpus folder without `.md`, in characters that need no escape; told apart if taken."""
    path = PurePosixPath(*PurePosixPath(uri).parts[1:])
    name = path.with_suffix("") if path.suffix.lower() in {".md", ".markdown"} else path
    readable = re.sub(r"[^\w-]+", "-", str(name)).strip("-") or "document"
    return f"{readable}-{hashlib.sha256(uri.encode()).hexdigest()[:6]}" if readable in taken else readable


def _language(name: str | None) -> str | None:
    return name[:2].lower() if name and name[:2].isalpha() else None
