"""Suffix → reader: the bytes of a file become Markdown and what the file says of itself."""

import re
from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType

import yaml

from indexes.errors import ExtraMissing
from ingest.encodings import decode
from ingest.raw import RawDocument, Reader

READER_VERSION = "1"

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


def _later(module: str, function: str) -> Reader:
    """A reader that is imported when the first file needs it, with whatever libraries it brings."""

    def read(raw: bytes) -> RawDocument:
        try:
            reader: Reader = getattr(import_module(f"ingest.formats.{module}"), function)
            return reader(raw)
        except ModuleNotFoundError as error:
            raise ExtraMissing(
                f"needs {error.name} to be read: pip install 'career-rag[documents]' (in a checkout: '.[documents]')."
            ) from None

    return read


READERS: Mapping[str, Reader] = MappingProxyType(
    {
        ".md": read_markdown,
        ".markdown": read_markdown,
        ".txt": read_markdown,
        ".html": _later("html", "read_html"),
        ".htm": _later("html", "read_html"),
        ".pdf": _later("pdf", "read_pdf"),
        ".docx": _later("word", "read_docx"),
        ".pptx": _later("slides", "read_pptx"),
        ".xlsx": _later("workbook", "read_xlsx"),
        ".csv": _later("delimited", "read_csv"),
        ".tsv": _later("delimited", "read_tsv"),
        ".json": _later("structured", "read_json"),
        ".jsonl": _later("structured", "read_jsonl"),
    }
)
IN_PROCESS = frozenset({".md", ".markdown", ".txt"})
"""Read in the process that builds; all others in one of their own, under limits."""
OLD_FORMATS: Mapping[str, str] = MappingProxyType({".doc": ".docx", ".ppt": ".pptx", ".xls": ".xlsx"})
"""Kinds of file that are not read, each with the kind it can be saved as."""


def _yaml_mapping(text: str) -> dict[str, str]:
    """Top-level scalars; broken YAML is read line by line rather than refused."""
    try:
        value = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError):  # ValueError: a date that no calendar has
        return dict(_FIELD.findall(text))
    if not isinstance(value, dict):
        return {}
    return {str(key): str(item) for key, item in value.items() if isinstance(item, str | int | float)}


def _described(text: str, fields: Mapping[str, str]) -> RawDocument:
    return RawDocument(text, _line(fields.get("title")), fields.get("lang"), fields.get("url"))


def _line(value: str | None) -> str | None:
    return " ".join(value.split()) or None if value else None
