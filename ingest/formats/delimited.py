"""Comma- and tab-separated values become a table; the separator is the one that makes rows of one width."""

import csv
import io
from collections import Counter
from collections.abc import Iterator

from indexes.errors import DamagedError
from ingest.encodings import decode
from ingest.formats.tables import long_table
from ingest.limits import MAX_COLUMNS
from ingest.raw import RawDocument

_SEPARATORS = ",;\t|"
_SAMPLE_ROWS = 50
_LONGEST_FIELD = 10_000_000


def read_csv(raw: bytes) -> RawDocument:
    """Raises: DamagedError: no text in a known encoding, or too wide."""
    text = decode(raw)
    return _read(text, _separator(text))


def read_tsv(raw: bytes) -> RawDocument:
    return _read(decode(raw), "\t")


def _read(text: str, separator: str) -> RawDocument:
    csv.field_size_limit(_LONGEST_FIELD)
    try:
        return RawDocument(long_table(lambda: _rows(text, separator)) + "\n")
    except csv.Error as error:
        raise DamagedError(f"is no table that can be read ({error}). Save it anew.") from None


def _rows(text: str, separator: str) -> Iterator[list[str]]:
    for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator):
        if len(row) > MAX_COLUMNS:
            raise DamagedError(f"has rows of more than {MAX_COLUMNS} columns. Split it.")
        yield row


def _separator(text: str) -> str:
    """Excel's own word for it, else what gives most of the first rows the same number of columns, more than one."""
    first = text.lstrip().split("\n", 1)[0].strip().lower()
    if first.startswith("sep=") and len(first) == 5:
        return first[4]
    sample = "".join(text.splitlines(keepends=True)[:_SAMPLE_ROWS])[:200_000]

    def fit(separator: str) -> tuple[float, int]:
        try:
            widths = Counter(
                len(row) for row in csv.reader(io.StringIO(sample, newline=""), delimiter=separator) if row
            )
        except csv.Error:
            return 0.0, 0
        width, count = widths.most_common(1)[0] if widths else (0, 0)
        return (count / widths.total() if width > 1 else 0.0), width

    return max(_SEPARATORS, key=fit)
