"""What may be delivered of a draft sentence: all of it, the parts that a passage supports, or why nothing may."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from indexes.text import latin_names, normalise, tokens
from service.asking import Asked, absent_place, looks_across
from service.attribution import of_named
from service.checking import Checker, checked_in_each, merged
from service.clauses import (
    SENTENCE_ENDS,
    beyond,
    clauses,
    end_of,
    is_fragment,
    items,
    rejoined,
    standing_alone,
    without_item,
    without_items,
    without_phrase,
)
from service.composing import is_exact
from service.conditions import is_unconditioned
from service.grounding import Checked, DraftSentence
from service.grounding.analysis import is_exclusive
from service.grounding.claims import adds_to
from service.grounding.glossary import load_glossary
from service.grounding.reasons import misses_only_asked
from service.grounding.words import fold
from service.mending import rescaled, without_particle
from service.placing import COPIED_SCORE, best_rows, is_of, named, standing_in, surroundings, units_of
from service.siblings import has_names_elsewhere, of_a_stranger, of_another_list, of_another_row
from service.turn import Turn
from service.types import Citation, Passage, Verdict

NO_SUPPORT = "no passage supports it"
NOT_ASKED = "does not stand where the question led"
ELSEWHERE = "the passage says this of something else"
COPIED_CHARS = 40
REPEATING_SCORE = 0.7
"""Of 158 sentences that were dropped on the tuning questions it brings back 7, of which 6 are right; 0.6 as many wrong
ones more."""
UNDOUBTED = 0.85
"""Score from which a sentence stands where the gate is unsure, or would refuse: of the tuning questions refused, one
without an answer has a sentence that reaches it, and that one gives no figure, where one is asked for."""

_ITEM_HEAD = re.compile(r"(.{2,40}?)\s*(?:[:：]|\s[-–—]\s|——)")
"""`TensorRT: a library that …` has the head `TensorRT`."""

_STRAY = re.compile(r"(?:number|name) (.+) is in no passage")
STRAY_NUMBER = re.compile(r"number (.+) is in no passage")
_CONTRADICTED = re.compile(r"is not about|opposite|something else|stands elsewhere")
"""Reasons that stand whatever else speaks for a sentence."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A sentence as far as it may be delivered, its verdict, and what was cut from it with the reason."""

    sentence: DraftSentence
    checked: Checked
    cut: tuple[tuple[str, str], ...] = ()

    @property
    def supported(self) -> bool:
        return self.checked.verdict is not Verdict.UNSUPPORTED


class Judge:
    """Judges the sentences of one draft; each rescue is tried only where the whole sentence has no support."""

    def __init__(self, turn: Turn, asked: Asked, passages: Sequence[Passage], checker: Checker) -> None:
        self._turn = turn
        self._asked = asked
        self._passages = passages
        self._checker = checker
        self._rows = best_rows(turn.retrieval.hits)

    def judge(self, sentence: DraftSentence) -> Judged:
        whole = Judged(sentence, self.check(sentence))
        if whole.supported:
            return whole
        rescues = (
            *(self._copied, self._listed, self._without_particle, self._rescaled, self._restated, self._repeating),
            *(self._by_clauses, self._without_strays, self._head),
        )
        for rescue in rescues:
            saved = rescue(whole)
            if saved is not None:
                return saved
        return whole

    def check(self, sentence: DraftSentence, *, restating: bool = False) -> Checked:
        checked = self._found(
            sentence.text,
            hints=sentence.hints,
            lead_in=sentence.lead_in or self._subject(sentence),
            restating=restating,
        )
        if checked.verdict is not Verdict.UNSUPPORTED and not any(map(is_exact, checked.citations)):
            return _rejected(checked, NO_SUPPORT)
        if checked.verdict is not Verdict.UNSUPPORTED and self._is_elsewhere(sentence, checked.citations):
            return _rejected(checked, ELSEWHERE)
        return checked if checked.verdict is Verdict.UNSUPPORTED else self._where_asked(sentence, checked)

    def _where_asked(self, sentence: DraftSentence, checked: Checked) -> Checked:
        """What was found of a bare answer, which may stand in many places: in the best row that has it, if any has. Of
        nine answers to read questions that were of no best row, seven were wrong."""
        rows, fragment = self._rows, sentence.text.strip(" 。.；;")
        if self._subject(sentence) == "" or any(is_of(rows, citation) for citation in checked.citations):
            return checked
        if citation := standing_in(rows, fragment):
            return replace(checked, citations=(replace(citation, score=checked.score),))
        listed = sentence.bullet or sentence.lead_in or looks_across(self._asked.text)
        if listed or len(fragment) > COPIED_CHARS or sentence.text.endswith(SENTENCE_ENDS):
            return checked
        return _rejected(checked, NOT_ASKED)

    def _found(
        self,
        text: str,
        *,
        lead_in: str,
        hints: Sequence[int] = (),
        restating: bool = False,
        naming: str = "",
    ) -> Checked:
        """What the checker finds of a text, in the documents that it names, or `naming`, from which it was taken."""
        asked, hits = self._asked.text, self._turn.retrieval.hits

        def check(passages: Sequence[Passage]) -> Checked:
            return self._checker.check(
                text, passages, hints=hints, question=asked, lead_in=lead_in, restating=restating
            )

        return checked_in_each(naming or text, hits, self._passages, check)

    def _is_elsewhere(self, sentence: DraftSentence, citations: Sequence[Citation]) -> bool:
        """Whether what is cited is of another place or name than a sentence has, of another list than its own, a row
        that a bare answer is not from, or a sum for some that it tells as if it were for all."""
        asked = f"{self._asked.text} {sentence.lead_in}"
        return (
            (bool(sentence.bullet) and of_another_list(asked, citations))
            or of_a_stranger(f"{asked} {sentence.text}", citations)
            or is_unconditioned(sentence.text, asked, citations)
            or (bool(self._subject(sentence)) and of_another_row(self._asked.text, citations))
            or absent_place(sentence.text, surroundings(citations))
        )

    def _subject(self, sentence: DraftSentence) -> str:
        """The question, where a sentence names nothing of it, or is short and has no role or stage of its own:
        `120,000 dollars` is said of whoever was asked about."""
        said, asked = set(tokens(sentence.text)), self._asked.words
        own = any(is_exclusive(mention) for mention in load_glossary().mentions(fold(sentence.text)))
        bare = len(sentence.text) <= COPIED_CHARS and not own
        return self._asked.text if bare or not said & asked else ""

    def _copied(self, whole: Judged) -> Judged | None:
        """A short answer that stands word for word in the best rows of a sure search, shown with its clause:
        `JWT/OAuth2.0` makes no claim that could be checked by itself, but it stands where the question led."""
        fragment = whole.sentence.text.strip(" 。.；;")
        known = normalise(fragment) in normalise(self._asked.text)
        if known or not self._turn.assessment.sure or not 0 < len(fragment) <= COPIED_CHARS:
            return None
        if _CONTRADICTED.search(whole.checked.reason):
            return None
        citation = standing_in(self._rows, fragment)
        if citation is None:
            return None
        return replace(whole, checked=Checked(Verdict.SUPPORTED, COPIED_SCORE, (citation,), ""))

    def _listed(self, whole: Judged) -> Judged | None:
        """A list of names, bare or behind the question's own words, as far as one passage of a sure search, of a
        document it names, has each in a unit of its own; at least half of them must stand there, and two."""
        names = items(beyond(whole.sentence.text, self._asked.words) or "") or items(whole.sentence.text)
        if len(names) < 2 or not self._turn.assessment.sure or _CONTRADICTED.search(whole.checked.reason):
            return None
        for hit in of_named(whole.sentence.text, self._turn.retrieval.hits)[:2]:
            found = {name: citation for name in names if (citation := named(hit.chunk, name)) is not None}
            if len(found) < 2 or 2 * len(found) < len(names):
                continue
            lost = [name for name in names if name not in found]
            text = without_items(whole.sentence.text, lost)
            if text is not None:
                checked = Checked(Verdict.SUPPORTED, COPIED_SCORE, tuple(found.values()), "")
                cut = tuple((name, NO_SUPPORT) for name in lost)
                return Judged(replace(whole.sentence, text=text), checked, cut)
        return None

    def _without_particle(self, whole: Judged) -> Judged | None:
        """The statement after a `No.`, with whatever saves it: that it is a denial, only the question could say."""
        rest = without_particle(whole.sentence.text)
        judged = self.judge(replace(whole.sentence, text=rest)) if rest else None
        return judged if judged is not None and judged.supported else None

    def _rescaled(self, whole: Judged) -> Judged | None:
        """A sentence wholly supported but for a number that misreads the 万 or 亿 of one of the best rows."""
        if not STRAY_NUMBER.fullmatch(whole.checked.reason) or self._asked.lang.startswith("zh"):
            return None
        for text in rescaled(whole.sentence.text, [unit.text for _, unit in self._rows]):
            checked = self.check(replace(whole.sentence, text=text))
            if checked.verdict is Verdict.SUPPORTED:
                cut = ((whole.sentence.text, whole.checked.reason),)
                return Judged(replace(whole.sentence, text=text), checked, cut)
        return None

    def _restated(self, whole: Judged) -> Judged | None:
        """A sentence that begins with the question's own words stands with what it says beyond them."""
        said = beyond(whole.sentence.text, self._asked.words)
        if said is None or not self._turn.assessment.sure or _CONTRADICTED.search(whole.checked.reason):
            return None
        if not self.tells(said):
            return None
        checked = self._found(said, lead_in=self._asked.text, naming=whole.sentence.text)
        if checked.verdict is Verdict.UNSUPPORTED or not any(map(is_exact, checked.citations)):
            return None
        if has_names_elsewhere(whole.sentence.text, checked.citations, self._turn.retrieval.hits):
            return None
        return replace(whole, checked=replace(checked, verdict=Verdict.PARTIAL))

    def _repeating(self, whole: Judged) -> Judged | None:
        """A sentence that stands but for the question's own words in it: `for a quick demo, take Gradio`. Only by one
        of the best rows, for those words may be another row's, and the better the less sure the search is. A role
        of the question may go unsaid there; who it is that does what was asked, the row must tell."""
        reason = whole.checked.reason
        if _CONTRADICTED.search(reason) and not misses_only_asked(reason, self._asked.text, load_glossary()):
            return None
        if not adds_to(whole.sentence.text, self._asked.text, load_glossary(), beside_roles=True):
            return None
        checked = self.check(whole.sentence, restating=True)
        enough = REPEATING_SCORE if self._turn.assessment.sure else UNDOUBTED
        near = checked.score >= enough and any(is_of(self._rows, citation) for citation in checked.citations)
        if checked.verdict is Verdict.UNSUPPORTED or not near or not self.tells(whole.sentence.text):
            return None
        return replace(whole, checked=replace(checked, verdict=Verdict.PARTIAL))

    def tells(self, text: str) -> bool:
        """Whether a sentence says more than the question and the titles of what was found: `… is the AI engineer`, of
        whom all of it speaks, answers nothing by itself."""
        titles = dict.fromkeys(hit.chunk.document.title for hit in self._turn.retrieval.hits)
        return adds_to(text, " ".join([self._asked.text, *titles]), load_glossary())

    def _by_clauses(self, whole: Judged) -> Judged | None:
        """The clauses that have support of their own; all of them make the sentence, though no one span holds it."""
        parts = clauses(whole.sentence.text)
        if not parts or whole.checked.citations:
            return None
        found = [self._of_its_list(whole, self.check(replace(whole.sentence, text=standing_alone(p)))) for p in parts]
        kept: list[int] = []
        for index, (part, checked) in enumerate(zip(parts, found, strict=True)):
            if checked.verdict is not Verdict.UNSUPPORTED and (not part.depends or index - 1 in kept):
                kept.append(index)
        text = rejoined(parts, kept, end_of(whole.sentence.text))
        if not kept or (0 not in kept and is_fragment(text)):
            return None
        cut = tuple((part.text.strip(), found[i].reason or NO_SUPPORT) for i, part in enumerate(parts) if i not in kept)
        return Judged(replace(whole.sentence, text=text), merged([found[index] for index in kept]), cut)

    def _of_its_list(self, whole: Judged, checked: Checked) -> Checked:
        """What was found of a clause, unless in a list or an item beside what its sentence or the question names."""
        asked = f"{self._asked.text} {whole.sentence.text}"
        if of_another_list(asked, checked.citations) or of_a_stranger(asked, checked.citations):
            return _rejected(checked, ELSEWHERE)
        return checked

    def _without_strays(self, whole: Judged) -> Judged | None:
        """A list without the one item, or a sentence without the phrase, whose name or number no passage holds."""
        stray = _STRAY.fullmatch(whole.checked.reason)
        if stray is None:
            return None
        shorter = without_item(whole.sentence.text, stray[1]) or without_phrase(whole.sentence.text, stray[1])
        if shorter is None:
            return None
        sentence = replace(whole.sentence, text=shorter)
        checked = self.check(sentence)
        cut = ((stray[1], whole.checked.reason),)
        return Judged(sentence, checked, cut) if checked.verdict is not Verdict.UNSUPPORTED else None

    def _head(self, whole: Judged) -> Judged | None:
        """Of a list item whose explanation has no support, its head alone."""
        head = _ITEM_HEAD.match(whole.sentence.text) if whole.sentence.bullet else None
        if head is None:
            return None
        named = replace(whole.sentence, text=head.group(1).strip())
        checked = self.check(named)
        if checked.verdict is not Verdict.SUPPORTED or not self._is_about_the_same(named, checked):
            return None
        return Judged(named, checked, ((whole.sentence.text, whole.checked.reason or NO_SUPPORT),))

    def _is_about_the_same(self, head: DraftSentence, checked: Checked) -> bool:
        """Whether the units cited for a head have the names that its list is about: a term stands in many places."""
        names = {tokens(name)[0] for name in latin_names(f"{self._asked.text} {head.lead_in}") if tokens(name)}
        cited = " ".join(unit.embedding_text for citation in checked.citations for unit in units_of(citation))
        return names <= set(tokens(cited))


def _rejected(checked: Checked, reason: str) -> Checked:
    return replace(checked, verdict=Verdict.UNSUPPORTED, citations=(), reason=reason)
