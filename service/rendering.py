"""A row of another language in the asker's: translated once by the model, kept, and delivered only as far as the
checker finds it in the row.

A small model that answers from Chinese passages in English leaves out and mixes up; the same model translates one row
well. So where a draft leaves nothing, or passes the best row by, the row itself is said in English. Translations are
kept beside the index: a row costs one short generation in its life, which an idle service pays ahead.
"""

import hashlib
import json
import re
import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache

from indexes.errors import EngineError
from indexes.text import detect_lang
from indexes.types import Chunk, Hit, Unit, UnitKind
from service.cancelling import Cancel
from service.cells import faithful
from service.checking import Checker
from service.gloss import conveyed, has_han, in_english, terms_of
from service.grounding import Checked, SentenceStream
from service.grounding.glossary import load_glossary
from service.grounding.reasons import UNSAID
from service.llm.extractive import NOT_RENDERED, Rendered
from service.llm.types import LLM, Done, GenerateOptions, Prompt, Text
from service.mending import rescaled, without_authors, without_expansions, without_repeats
from service.prompt import passage_block, plain_row
from service.translations import RenderingStore
from service.types import Passage, Verdict

SYSTEM = """\
Translate the line into English, all of it and nothing else. Keep names, abbreviations and numbers as they are written.

Line: 浇水工具：喷壶（小苗）、滴灌（Netafim，省水 50%）；早晚各一次
Watering tools: watering cans (for seedlings) and drip irrigation (Netafim, saves 50% of the water); every morning and
evening.
"""
_LABEL = "Line: "
"""What the model is shown a row behind, and says after it at times."""
SYSTEM_WITH_WORDS = SYSTEM.replace("\n\n", "\nWords before the line tell how to say some of it.\n\n", 1).replace(
    _LABEL, f"Words: 滴灌 = drip irrigation\n{_LABEL}"
)
MOST_WORDS = 24
WELL_CONVEYED = 0.8
"""Share of what the glossary and names tell of a row that its translation must have, and nothing lost to the checker:
else the model is asked again with the terms told. Of 159 rows 74 were; what questions ask of them was then said 559
times of 573, with the better of two translations of every row 560 times, without a second one 548 times. All rows
translated with terms lose as much as they gain."""
MAX_TOKENS = 200
MOST_CHARS = 400
"""Longer rows are not translated: the reader of a quotation would not read them either."""

REMEMBERED = 2000
"""Rows whose checked translation is kept in memory: to check a long one takes up to a second."""

ENOUGH = 0.2
"""Score from which a sentence of a translation stands though the checker finds no support, where nothing speaks against
it: drafts are as often wrong as right, of a row's translation nearly all is right, which is odds of twenty to one. Of
218 rows two more are told for it, both right."""

_NUMBERING = re.compile(r"(?<![\w.])\d{1,2}[.、]\s+|(?<=[；：])\d{1,2}[.、]")
_BULLETS = re.compile(r"\s*\n\s*(?:[-*•]|\d{1,2}[.、])\s*")
_ENDS = "。；：:;. "


@dataclass(frozen=True, slots=True)
class Translator:
    """Rows in English as the model has them, unchecked; each once in its life."""

    llm: LLM
    store: RenderingStore

    def translation(
        self, unit: Unit, deadline_s: float | None, cancel: Cancel | None = None, *, told_terms: bool = False
    ) -> str:
        """Empty for code, for rows that nobody would read, and where the model did not come to its end.

        Raises:
            EngineError: the engine is busy or failed, the time was up, or somebody cancelled.
        """
        if not is_translated(unit):
            return ""
        known = self.kept(unit, told_terms=told_terms)
        if known is None:
            line = one_line(unit.text)
            prompt = (
                Prompt(SYSTEM_WITH_WORDS, (), with_words(line)) if told_terms else Prompt(SYSTEM, (), f"{_LABEL}{line}")
            )
            known = _whole(self.llm, prompt, deadline_s, cancel)
            if known:
                self.store.put(self.key(unit, told_terms=told_terms), known)
        return known

    def kept(self, unit: Unit, *, told_terms: bool = False) -> str | None:
        """A translation that was made before."""
        return self.store.get(self.key(unit, told_terms=told_terms))

    def key(self, unit: Unit, *, told_terms: bool) -> str:
        """Under which a translation is kept: of the model, what it is told, and the row."""
        line = one_line(unit.text)
        system, asked = (SYSTEM_WITH_WORDS, with_words(line)) if told_terms else (SYSTEM, line)
        return hashlib.sha256(f"{self.llm.name}\x1f{system}\x1f{asked}".encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Renderer:
    """Safe to share between threads as far as engine and checker are.

    `version` is of the checker, its embedder and all code: what it found is kept beside the translations; empty keeps
    it in memory only.
    """

    translator: Translator
    checker: Checker
    version: str = ""
    _known: OrderedDict[str, Rendered] = field(default_factory=OrderedDict, compare=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, compare=False)

    def rendered(
        self,
        chunk: Chunk,
        unit: Unit,
        deadline_s: float | None,
        cancel: Cancel | None = None,
        *,
        patient: bool = False,
    ) -> Rendered:
        """A Chinese unit in English: of its translation what the unit supports; empty where that is nothing.

        Where that lost something, a second one is asked for with the terms told, if nothing else is there or somebody
        is `patient`; else only one that was made before is looked at.

        Raises:
            EngineError: see `Translator.translation`.
        """
        said = self.translator.translation(unit, deadline_s, cancel)
        again = (self.translator.kept(unit, told_terms=True) if said else None) or ""
        known = self._remembered(_key(chunk, unit, said, again))
        if known is not None and (again or not patient or _is_whole(unit, said, known.text)):
            return known
        known = self._checked(chunk, unit, said) if known is None else known
        if said and not _is_whole(unit, said, known.text):
            if not again and (patient or not known.text):
                again = self.translator.translation(unit, deadline_s, cancel, told_terms=True)
            known = max(known, self._checked(chunk, unit, again), key=lambda one: _share(unit, one.text))
        self._remember(_key(chunk, unit, said, again), known)
        return known

    def _remembered(self, key: str) -> Rendered | None:
        with self._lock:
            known = self._known.get(key)
        if known is None and self.version:
            kept = self.translator.store.get(f"{self.version} {key}")
            known = _read(kept) if kept is not None else None
        return known

    def _remember(self, key: str, known: Rendered) -> None:
        with self._lock:
            self._known[key] = known
            if len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        if self.version:
            self.translator.store.put(f"{self.version} {key}", _written(known))

    def _checked(self, chunk: Chunk, unit: Unit, translation: str) -> Rendered:
        shown = [Passage(1, Hit(chunk, 1.0, 1, (), (unit,)), passage_block(chunk))]

        @cache
        def checked(text: str) -> Checked | None:
            return self._check(text, shown, unit)

        def stands(text: str) -> bool:
            return checked(text) is not None

        stream = SentenceStream()
        translation = without_repeats(without_authors(translation.removeprefix(_LABEL), [unit.text]))
        translation = without_expansions(translation, [unit.text], load_glossary())
        sentences = [*stream.feed(in_english(translation, load_glossary())), *stream.finish()]
        numbered = (next(rescaled(sentence.text, [unit.text]), sentence.text) for sentence in sentences)
        found = [text for sentence in numbered if (text := faithful(sentence, stands))]
        return _together(found, map(checked, found))

    def _check(self, sentence: str, shown: Sequence[Passage], unit: Unit) -> Checked | None:
        """What the checker finds of a sentence of a translation, where the row itself, and not its neighbour, supports
        it, or nothing speaks against it."""
        if has_han(sentence) or detect_lang(sentence) != "en":
            return None
        checked = self.checker.check(sentence, shown)
        if checked.verdict is Verdict.UNSUPPORTED:
            return self._passing(sentence, shown[0].hit.chunk, unit)
        return checked if any(c.start < unit.end and unit.start < c.end for c in checked.citations) else None

    def _passing(self, sentence: str, chunk: Chunk, unit: Unit) -> Checked | None:
        """The same where nothing but want of words speaks against a sentence, and the row is all there is."""
        alone = replace(chunk, units=(unit,))
        checked = self.checker.check(sentence, [Passage(1, Hit(alone, 1.0, 1, (), (unit,)), passage_block(chunk))])
        return checked if checked.score >= ENOUGH and checked.reason in ("", UNSAID) else None


def _together(sentences: Sequence[str], found: Iterable[Checked | None]) -> Rendered:
    """Sentences that stand, or cells of them, with the least that was found of one: PARTIAL where a sentence as a whole
    is not wholly supported, though nothing speaks against it."""
    if not sentences:
        return NOT_RENDERED
    checked = list(found)
    whole = all(one is not None and one.verdict is Verdict.SUPPORTED for one in checked)
    score = min(one.score if one is not None else ENOUGH for one in checked)
    return Rendered(" ".join(sentences), Verdict.SUPPORTED if whole else Verdict.PARTIAL, score)


def _written(known: Rendered) -> str:
    return json.dumps([known.text, known.verdict, known.score], ensure_ascii=False)


def _read(kept: str) -> Rendered:
    text, verdict, score = json.loads(kept)
    return Rendered(text, Verdict(verdict), score)


def _key(chunk: Chunk, unit: Unit, said: str, again: str) -> str:
    """Of a row in its passage, and its translations."""
    return hashlib.sha256("\x1f".join([chunk.text, unit.context, unit.text, said, again]).encode()).hexdigest()


def is_translated(unit: Unit) -> bool:
    return unit.kind is not UnitKind.CODE and len(unit.text) <= MOST_CHARS


def _is_whole(unit: Unit, said: str, known: str) -> bool:
    """Whether the checker left all of a translation, and that says most of its row."""
    return len(known.split()) >= len(said.split()) and _share(unit, known) >= WELL_CONVEYED


def _share(unit: Unit, english: str) -> float:
    return conveyed(unit.text, english, load_glossary())


def one_line(text: str) -> str:
    """A unit as prose: the first cell of a row names the others, items are parted by semicolons."""
    text = _BULLETS.sub("；", re.sub(r"[。；;]\s*(?=\n)", "", text.strip()))
    cells = plain_row(text).split(" | ")
    line = cells[0] if len(cells) == 1 else f"{cells[0]}：{'；'.join(cells[1:])}"
    line = re.sub(r"[：:]\s*；", "：", line)
    return _NUMBERING.sub("", line).strip(_ENDS + "\n") + "。"


@lru_cache(maxsize=REMEMBERED)
def with_words(line: str) -> str:
    """A line as the model is asked for it: behind the glossary's terms in it, so that each is said alike everywhere."""
    terms = list(terms_of(line, load_glossary()).items())[:MOST_WORDS]
    words = "; ".join(f"{chinese} = {english}" for chinese, english in terms)
    return f"Words: {words}\n{_LABEL}{line}" if words else f"{_LABEL}{line}"


def _whole(llm: LLM, prompt: Prompt, deadline_s: float | None, cancel: Cancel | None) -> str:
    """What the model says, if it came to its end; nothing where it went on and on.

    Raises:
        EngineError: see `Translator.translation`.
    """
    options = GenerateOptions(max_tokens=MAX_TOKENS, deadline_s=deadline_s)
    said: list[str] = []
    events = llm.generate(prompt, options)
    if cancel is not None:
        cancel.watch(events)
    for event in events:
        if isinstance(event, Text):
            said.append(event.text)
        elif isinstance(event, Done) and event.finish == "deadline":
            raise EngineError("There was not enough time to translate a row. Give the question more.")
        elif isinstance(event, Done):
            return " ".join("".join(said).split()) if event.finish == "stop" else ""
    raise EngineError("The translation of a row was cancelled.")
