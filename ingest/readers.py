"""Suffix → reader: the bytes of a file become Markdown and what the file says of itself."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias

import yaml

from indexes.errors import DamagedError
from ingest.encodings import decode
from ingest.html import html_to_markdown


@dataclass(frozen=True, slots=True)
class RawDocument:
    """Markdown as it came, with the title, language and address the file gives; None where it gives none."""

    text: str
    title: str | None = None
    lang: str | None = None
    url: str | None = None


Reader: TypeAlias = Callable[[bytes], RawDocument]

_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.*?)^(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)
_HEAD_COMMENT = re.compile(r"\A\s*<!--(.*?)-->", re.DOTALL)
_FIELD = re.compile(r"^\s*([A-Za-z_]+):\s*(.+?)\s*$", re.MULTILINE)


def read_markdown(raw: bytes) -> RawDocument:
    """Markdown or plain text; a leading YAML block or HTML comment of `name: value` lines describes it."""
    text = decode(raw).replace("\r\n", "\n").replace("\r", "\n")
    if (match := _FRONT_MATTER.match(text)) and (fields := _yaml_mapping(match[1])):
        return _described(text[match.end() :], fields)
    if match := _HEAD_COMMENT.match(text):
        return _described(text[match.end() :], dict(_FIELD.findall(match[1])))
    return RawDocument(text)


def read_html(raw: bytes) -> RawDocument:
    try:
        page = html_to_markdown(raw)
    except RecursionError:
        raise DamagedError("is nested too deeply to be a page. Save its text as Markdown.") from None
    return RawDocument(page.text, page.title, page.lang, page.url)


READERS: Mapping[str, Reader] = MappingProxyType(
    {
        ".md": read_markdown,
        ".markdown": read_markdown,
        ".txt": read_markdown,
        ".html": read_html,
        ".htm": read_html,
    }
)


def _yaml_mapping(text: str) -> dict[str, str]:
    """Top-level scalars; broken YAML is read line by line rather than refused."""
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        return dict(_FIELD.findall(text))
    if not isinstance(value, dict):
        return {}
    return {str(key): str(item) for key, item in value.items() if isinstance(item, str | int | float)}


def _described(text: str, fields: Mapping[str, str]) -> RawDocument:
    return RawDocument(text, _line(fields.get("title")), fields.get("lang"), fields.get("url"))


def _line(value: str | None) -> str | None:
    return " ".join(value.split()) or None if value else None
