"""How much one file may cost to read: more is a bomb or a mistake, and ends as a line of the report."""

from dataclasses import dataclass

MAX_ARCHIVE_RATIO = 100
"""Bytes an entry of an archive expands to, for each byte it takes there."""
RATIO_FROM_BYTES = 1 << 20
"""Smaller entries may shrink as well as they like: they cannot hurt."""
MAX_ARCHIVE_MB = 100
MAX_ARCHIVE_ENTRIES = 1000
MAX_TEXT_CHARS = 40_000_000
MAX_PAGES = 5000
MAX_COLUMNS = 500
MAX_DEPTH = 100
"""Of JSON values within one another."""
MAX_TAGS_DEEP = 250


RETIRE = b"!"
"""What the readers' process puts before a reply when it has grown too large for the next file."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one file in the readers' process: processor time, which grows with the file's size, and memory."""

    seconds: float = 10.0
    seconds_per_mb: float = 8.0
    patience: float = 3.0
    """Times the processor time, by the clock: a busy machine is no fault of the file."""
    memory_mb: int = 640
    """Address space, which bounds memory; the process itself takes about 220 of it."""
    retire_mb: int = 200
    """A process that has once been larger is not used for the next file."""

    def seconds_for(self, size: int) -> float:
        return self.seconds + self.seconds_per_mb * (size >> 20)
