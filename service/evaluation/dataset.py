"""A data set is JSONL, one question a line; reading it names every broken line with its number and its cure."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeAlias

from indexes.errors import UsageError
from service.evaluation.fields import unknown_fields

Alternatives: TypeAlias = tuple[str, ...]
"""Ways to say one fact: a text holds the fact when it holds any of them."""

MAX_REPORTED = 10
_EMPTY: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class ItemPassage:
    """A passage that a question brings along; `relevant` is None where nobody judged it."""

    id: str
    title: str
    text: str
    relevant: bool | None = None


@dataclass(frozen=True, slots=True)
class SentenceLabel:
    """A person's verdict on one sentence an answer may contain."""

    sentence: str
    supported: bool


@dataclass(frozen=True, slots=True)
class Case:
    """One question with what is known of its answer; None or empty where nothing is known.

    `evidence` is a list of groups: a passage is relevant when it holds one alternative of each group. `extra` keeps the
    fields this version does not know.
    """

    id: str
    question: str
    lang: str | None = None
    answerable: bool | None = None
    category: str | None = None
    docs: tuple[str, ...] = ()
    doc_lang: str | None = None
    split: str | None = None
    gold_answer: str | None = None
    nuggets: tuple[Alternatives, ...] = ()
    evidence: tuple[Alternatives, ...] = ()
    gold_doc_ids: tuple[str, ...] = ()
    qrels: Mapping[str, int] = field(default_factory=lambda: _EMPTY)
    must_not_contain: tuple[str, ...] = ()
    passages: tuple[ItemPassage, ...] = ()
    labels: tuple[SentenceLabel, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=lambda: _EMPTY)


@dataclass(frozen=True, slots=True)
class Dataset:
    """`sha256` is that of the file's bytes; `rows` are the lines as they were read, in the order of `cases`.

    `notes` tell of what was read and is probably not what was meant.
    """

    name: str
    sha256: str
    cases: tuple[Case, ...]
    rows: tuple[Mapping[str, Any], ...]
    notes: tuple[str, ...] = ()


KNOWN = frozenset({*Case.__slots__, "doc"} - {"docs", "extra"})
"""Fields that are read."""


def load_dataset(path: Path) -> Dataset:
    """Read all questions.

    Raises:
        UsageError: the file is absent, not UTF-8, or has lines that are no question; up to ten are named.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise UsageError(f"Cannot read the data set {path}: {error.strerror}. Name an existing JSONL file.") from None
    text = decode(raw, path.name)
    rows = parse_rows(text, path.name)
    if not rows:
        raise UsageError(f"{path.name} holds no question. Write one JSON object a line with id, lang and question.")
    lines = [number for number, line in enumerate(text.split("\n"), start=1) if line.strip()]
    notes = unknown_fields(path.name, list(zip(lines, rows, strict=True)), KNOWN)
    digest = hashlib.sha256(raw).hexdigest()
    return Dataset(path.stem, digest, tuple(to_case(row) for row in rows), tuple(rows), notes)


def decode(raw: bytes, name: str) -> str:
    """UTF-8, with or without a byte order mark.

    Raises:
        UsageError: other encodings are recognised and named with the command that converts them.
    """
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise UsageError(f"{name} is UTF-16. Convert it: iconv -f UTF-16 -t UTF-8 {name} > utf8.jsonl")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        if guess := _legacy_encoding(raw):
            cure = f"It looks like {guess}. Convert it: iconv -f {guess} -t UTF-8 {name} > utf8.jsonl"
        else:
            cure = "Save the file as UTF-8."
        raise UsageError(f"{name}, line {line}: byte {error.start} is not UTF-8. {cure}") from None


def _legacy_encoding(raw: bytes) -> str | None:
    for encoding in ("GB18030", "BIG5"):
        try:
            raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        return encoding
    return None


def parse_rows(text: str, name: str) -> list[Mapping[str, Any]]:
    """Questions, one object a line; blank lines are skipped."""
    return _parse(text, name, _trouble_of)


def parse_passage_rows(text: str, name: str) -> list[Mapping[str, Any]]:
    """Passages, one object a line."""
    return _parse(text, name, lambda row: _missing_text(row, ("id", "text")))


def _parse(text: str, name: str, check: Callable[[Mapping[str, Any]], str]) -> list[Mapping[str, Any]]:
    rows: list[Mapping[str, Any]] = []
    troubles: list[str] = []
    first_line: dict[str, int] = {}
    # Not splitlines(): U+2028 and U+0085 may stand unescaped inside a JSON string.
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        row, trouble = _parse_line(line, check)
        if not trouble and row["id"] in first_line:
            trouble = f"id {row['id']!r} was used on line {first_line[row['id']]}. Give each question an id of its own."
        if trouble:
            troubles.append(f"{name}, line {number}: {trouble}")
        else:
            first_line[row["id"]] = number
            rows.append(row)
    if troubles:
        more = len(troubles) - MAX_REPORTED
        shown = troubles[:MAX_REPORTED] + ([f"… and {more} more lines."] if more > 0 else [])
        raise UsageError("\n".join(shown))
    return rows


def _parse_line(line: str, check: Callable[[Mapping[str, Any]], str]) -> tuple[dict[str, Any], str]:
    """The row, or what is wrong with it."""
    try:
        row = json.loads(line)
    except json.JSONDecodeError as error:
        return {}, f"not valid JSON at column {error.colno} ({error.msg.lower()}). Mend or delete the line."
    except RecursionError:
        return {}, "nested too deeply to be a question. Mend or delete the line."
    if not isinstance(row, dict):
        return {}, f"a JSON object is needed, not {type(row).__name__}. Write {{…}} with its fields."
    return row, check(row)


def _missing_text(row: Mapping[str, Any], names: Sequence[str]) -> str:
    for name in names:
        if not isinstance(row.get(name), str) or not row[name].strip():
            return f"field {name!r} must be a non-empty string. Add it."
    return ""


def _trouble_of(row: Mapping[str, Any]) -> str:
    if trouble := _missing_text(row, ("id", "question")):
        return trouble
    if "answerable" in row and not isinstance(row["answerable"], bool | None):
        return "field 'answerable' must be true or false."
    for name in ("nuggets", "evidence", "gold_doc_ids", "must_not_contain", "passages", "labels"):
        if not isinstance(row.get(name), list | None):
            return f"field {name!r} must be a list."
    try:
        to_case(row)
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        return f"a field has the wrong shape ({error}). tests/evaluation/README.md shows the fields."
    return ""


def to_case(row: Mapping[str, Any]) -> Case:
    passages = tuple(
        ItemPassage(str(p["id"]), str(p.get("title") or ""), str(p["text"]), p.get("relevant"))
        for p in row.get("passages") or ()
    )
    judged = {p.id: 1 for p in passages if p.relevant}
    return Case(
        id=row["id"],
        question=row["question"],
        lang=_text(row, "lang"),
        answerable=row.get("answerable"),
        category=_text(row, "category"),
        docs=_names(row.get("doc") or ()),
        doc_lang=_text(row, "doc_lang"),
        split=_text(row, "split"),
        gold_answer=_text(row, "gold_answer"),
        nuggets=_groups(row.get("nuggets") or ()),
        evidence=_groups(row.get("evidence") or ()),
        gold_doc_ids=tuple(str(value) for value in row.get("gold_doc_ids") or ()),
        qrels=MappingProxyType({str(k): int(v) for k, v in (row.get("qrels") or judged).items()}),
        must_not_contain=tuple(str(value) for value in row.get("must_not_contain") or ()),
        passages=passages,
        labels=tuple(SentenceLabel(str(x["sentence"]), bool(x["supported"])) for x in row.get("labels") or ()),
        extra=MappingProxyType({name: value for name, value in row.items() if name not in KNOWN}),
    )


def _text(row: Mapping[str, Any], name: str) -> str | None:
    value = row.get(name)
    if value is not None and not isinstance(value, str):
        raise TypeError(f"{name!r} must be a string")
    return value


def _names(value: str | Sequence[str]) -> tuple[str, ...]:
    """One document, or the several that an answer must draw on."""
    return (value,) if isinstance(value, str) else tuple(str(name) for name in value)


def _groups(values: Sequence[Any]) -> tuple[Alternatives, ...]:
    """Each group is a list of alternatives, one string, or {"text", "aliases"}."""
    groups = []
    for value in values:
        if isinstance(value, Mapping):
            texts = [value["text"], *(value.get("aliases") or ())]
        else:
            texts = [value] if isinstance(value, str) else list(value)
        if not texts or not all(isinstance(text, str) and text.strip() for text in texts):
            raise ValueError("each nugget or evidence group needs at least one non-empty string")
        groups.append(tuple(texts))
    return tuple(groups)


def parse_shard(text: str | None) -> tuple[int, int]:
    """`2/5` is the second of five shards; None is all.

    Raises:
        UsageError: not of that form.
    """
    if text is None:
        return 1, 1
    index, _, count = text.partition("/")
    if not (index.isdecimal() and count.isdecimal() and 1 <= int(index) <= int(count)):
        raise UsageError(f"--shard {text}: write i/n with 1 ≤ i ≤ n, for example 1/4.")
    return int(index), int(count)


def select(data: Dataset, split: str | None = None, limit: int | None = None, shard: str | None = None) -> Dataset:
    """Keep one split, then its first `limit` questions, then every n-th of those.

    Raises:
        UsageError: nothing is left.
    """
    index, count = parse_shard(shard)
    keep = [number for number, case in enumerate(data.cases) if split is None or case.split == split]
    keep = keep[:limit][index - 1 :: count]
    if not keep:
        splits = ", ".join(sorted({case.split for case in data.cases if case.split})) or "none"
        raise UsageError(
            f"No question is left of {data.name}. It has these splits: {splits}. Loosen --split or --limit."
        )
    return _keep(data, keep)


def _keep(data: Dataset, keep: Sequence[int]) -> Dataset:
    return replace(data, cases=tuple(data.cases[i] for i in keep), rows=tuple(data.rows[i] for i in keep))


def per_language(data: Dataset, limit: int | None) -> Dataset:
    """The first `limit` questions of each language."""
    if limit is None:
        return data
    seen: dict[str | None, int] = {}
    keep = []
    for number, case in enumerate(data.cases):
        seen[case.lang] = seen.get(case.lang, 0) + 1
        if seen[case.lang] <= limit:
            keep.append(number)
    return _keep(data, keep)
