"""JSON becomes Markdown: records of one shape a table, other records a section each, names of fields the lead-ins."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from indexes.errors import DamagedError
from ingest.encodings import decode
from ingest.formats.tables import pipe_table
from ingest.limits import MAX_COLUMNS, MAX_DEPTH
from ingest.raw import RawDocument

Json: TypeAlias = Any
_TITLES = ("title", "name", "heading", "question", "标题", "名称", "姓名", "问题", "id")
_BODIES = ("text", "content", "body", "answer", "正文", "内容", "答案")
_CELL_CHARS = 120
"""A record with a longer text is a section, not a row."""
_DEEPEST_HEADING = 6


def read_json(raw: bytes) -> RawDocument:
    """Raises: DamagedError: it is no JSON, says where, or is nested too deeply."""
    text = decode(raw)
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise DamagedError(f"is no sound JSON (line {error.lineno}: {error.msg}). Mend that line.") from None
    except RecursionError:
        raise DamagedError(_TOO_DEEP) from None
    return _document(value)


def read_jsonl(raw: bytes) -> RawDocument:
    """One value a line. Raises: DamagedError: a line is no JSON; names it."""
    values: list[Json] = []
    for number, line in enumerate(decode(raw).replace("\r", "\n").split("\n"), 1):
        if line.strip():
            try:
                values.append(json.loads(line))
            except json.JSONDecodeError as error:
                raise DamagedError(f"is no sound JSONL (line {number}: {error.msg}). Mend that line.") from None
            except RecursionError:
                raise DamagedError(_TOO_DEEP) from None
    return _document(values)


_TOO_DEEP = f"is nested more than {MAX_DEPTH} levels deep. Flatten it."


def _document(value: Json) -> RawDocument:
    title = _title_of(value) if isinstance(value, Mapping) and len(value) > 1 else None
    return RawDocument("\n\n".join(part for part in _parts(value, 2, 0) if part) + "\n", title)


def _parts(value: Json, level: int, depth: int) -> list[str]:
    """Blocks of Markdown; headings from `level` down."""
    if depth > MAX_DEPTH:
        raise DamagedError(_TOO_DEEP)
    if isinstance(value, Mapping):
        return _record(value, level, depth)
    if isinstance(value, list):
        return _list(value, level, depth)
    return [_scalar(value)]


def _record(record: Mapping[str, Json], level: int, depth: int) -> list[str]:
    """Short fields as a list, long ones as paragraphs, nested ones under headings of their own."""
    short = [f"- {key}: {_scalar(item)}" for key, item in record.items() if _is_short(item) and _scalar(item)]
    parts = ["\n".join(short)] if short else []
    for key, item in record.items():
        if isinstance(item, str) and not _is_short(item):
            parts += [item.strip()] if key.lower() in _BODIES else [_heading(key, level), item.strip()]
        elif isinstance(item, Mapping | list) and item:
            parts += [_heading(key, level), *_parts(item, level + 1, depth + 1)]
    return parts


def _list(items: Sequence[Json], level: int, depth: int) -> list[str]:
    if all(_is_short(item) for item in items):
        return ["\n".join(f"- {_scalar(item)}" for item in items if _scalar(item))]
    if table := _table(items):
        return [table]
    parts: list[str] = []
    for number, item in enumerate(items, 1):
        name = _title_of(item) if isinstance(item, Mapping) else None
        parts += [_heading(name or str(number), level), *_parts(item, level + 1, depth + 1)]
    return parts


def _table(items: Sequence[Json]) -> str:
    """Of records whose fields are all short; empty when they are not."""
    if len(items) < 2 or not all(isinstance(item, Mapping) for item in items):
        return ""
    if not all(_is_short(value) or _is_flat(value) for item in items for value in item.values()):
        return ""
    columns = list(dict.fromkeys(key for item in items for key in item))
    if len(columns) > MAX_COLUMNS or len(columns) < 2 or sum(map(len, items)) < 0.5 * len(columns) * len(items):
        return ""
    return pipe_table([columns, *([_cell(item.get(column)) for column in columns] for item in items)])


def _cell(value: Json) -> str:
    return ", ".join(map(_scalar, value)) if isinstance(value, list) else _scalar(value)


def _is_flat(value: Json) -> bool:
    return isinstance(value, list) and all(map(_is_short, value)) and len(_cell(value)) <= _CELL_CHARS


def _is_short(value: Json) -> bool:
    if isinstance(value, str):
        return len(value) <= _CELL_CHARS and "\n" not in value.strip()
    return not isinstance(value, Mapping | list)


def _scalar(value: Json) -> str:
    if value is None:
        return ""
    return value.strip() if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _title_of(record: Mapping[str, Json]) -> str | None:
    found = (record[key] for key in _TITLES if isinstance(record.get(key), str | int) and _is_short(record[key]))
    return next((_scalar(value) for value in found if _scalar(value)), None)


def _heading(name: str, level: int) -> str:
    return f"{'#' * min(level, _DEEPEST_HEADING)} {' '.join(name.split())}"
