"""One file becomes one Document with its Chunks: read, cleaned, given its structure and cut."""

import hashlib
import re
from collections.abc import Container
from dataclasses import dataclass
from pathlib import PurePosixPath

from indexes.settings import IndexSettings
from indexes.text import detect_lang
from indexes.types import Chunk, Document, DocumentInfo
from ingest.chunking import CHUNKER_VERSION, chunk
from ingest.cleaning import CLEANER_VERSION, clean, plain
from ingest.headings import find_headings
from ingest.lines import LEAD_END, SENTENCE_END, code_lines, is_item
from ingest.readers import READERS, RawDocument
from ingest.structure import parse

MAX_TITLE_CHARS = 60

_OPENING_WORDS = re.compile(
    r"^(引言|前言|序言|导语|简介|概述|摘要|正文|背景|introduction|abstract|overview|preface|summary)$", re.I
)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A document with its chunks, and the boilerplate lines that were left out, each with its rule."""

    document: Document
    chunks: tuple[Chunk, ...]
    dropped: tuple[tuple[str, str], ...] = ()


def pipeline_version(settings: IndexSettings) -> str:
    """Names all that shapes chunks, so that a change of any of it rebuilds them."""
    cleaning = f"clean-{CLEANER_VERSION}" if settings.clean else "raw"
    return f"chunk-{CHUNKER_VERSION} {cleaning} {settings.chunk_chars}"


def prepare(raw: bytes, document_id: str, uri: str, settings: IndexSettings) -> Prepared:
    """The chunks of a file; none when it holds no words.

    Raises:
        DamagedError: the file is not text in a known encoding.
    """
    source = READERS[PurePosixPath(uri).suffix.lower()](raw)
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
    return Prepared(document, chunk(text, parts, info, settings.chunk_chars), cleaned.dropped if cleaned else ())


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
