"""Units of passages as verification reads them, each once."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from indexes.types import PATH_MARK, Unit
from service.grounding.analysis import Clause, Source, read_clauses, read_source
from service.grounding.binding import Group, groups_of
from service.grounding.elsewhere import Row
from service.grounding.enumeration import Run, runs_of
from service.grounding.glossary import Glossary
from service.grounding.names import latin_tokens
from service.grounding.quantities import stage_number
from service.grounding.quotes import units_of
from service.grounding.sequence import Ordering, sequence, steps_of
from service.grounding.words import fold
from service.types import Passage

CACHE_SIZE = 8192


@dataclass(frozen=True, slots=True)
class Read:
    """What a unit says, and what its headings add."""

    source: Source
    context: Source
    clauses: tuple[Clause, ...]
    groups: tuple[Group, ...]
    runs: tuple[Run, ...]
    lines: tuple[frozenset[str], ...]
    steps: tuple[frozenset[str], ...]
    order: Ordering


class Reader:
    """Reads units and keeps what it read; safe to share between threads."""

    def __init__(self, glossary: Glossary) -> None:
        self._glossary = glossary
        self._kept: dict[tuple[str, str], Read] = {}

    def read(self, unit: Unit) -> Read:
        key = (unit.text, unit.context)
        found = self._kept.get(key)
        if found is None:
            found = self._read(unit)
            if len(self._kept) >= CACHE_SIZE:
                self._kept = {}
            self._kept[key] = found
        return found

    def row(self, passage: Passage, unit: Unit) -> Row:
        read = self.read(unit)
        return Row(unit.kind, passage.hit.chunk.id, read.source, read.context)

    def vocabulary(self, passages: Iterable[Passage]) -> frozenset[str]:
        """Latin tokens of the Chinese units."""
        reads = [self.read(unit) for passage in passages for unit in units_of(passage.hit.chunk)]
        return frozenset().union(*(read.source.tokens for read in reads if read.source.lang == "zh"))

    def _read(self, unit: Unit) -> Read:
        clauses = read_clauses(unit.text, self._glossary, source=True)
        return Read(
            read_source(unit.text, self._glossary),
            self._read_context(unit.context),
            clauses,
            groups_of(clauses),
            runs_of(unit.text, self._glossary, chinese=True),
            tuple(latin_tokens(line) for line in unit.text.splitlines()),
            steps_of(unit.text, self._glossary),
            sequence(fold(unit.text), self._glossary),
        )

    def _read_context(self, context: str) -> Source:
        """Of `3. 专业阶段` among the headings its number holds, too: it is the third stage."""
        source = read_source(context, self._glossary)
        titles = context.partition("\n")[0].split(PATH_MARK)
        numbers = (number for title in titles if (number := stage_number(fold(title))) is not None)
        return replace(source, quantities=(*source.quantities, *numbers))
