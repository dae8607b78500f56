"""A draft in pieces becomes checked sentences: each is judged as it closes, and delivered only if the policy allows."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from indexes.text import ENGLISH_FUNCTION, detect_lang
from service.asking import Asked, Wanted, denies, holds
from service.checking import Checker
from service.clauses import SENTENCE_ENDS, without_echo
from service.gloss import gloss, has_han, in_english
from service.grounding import Checked, DraftSentence, SentenceStream
from service.grounding.claims import names_any, speaks_back
from service.grounding.glossary import load_glossary
from service.grounding.words import HAN
from service.judging import NO_SUPPORT, UNDOUBTED, Judge, Judged
from service.mending import without_expansions
from service.messages import messages
from service.placing import clause_around
from service.prompt import echoes_task
from service.referring import said_by_name, speaks_of_another
from service.telling import says_again
from service.turn import Turn
from service.types import AnswerSentence, Passage, Policy, Verdict

REPEATED = "says again what was said"
ECHO = "repeats how it was told to answer"
DENIAL = "says only that the passages do not answer"
UNFINISHED = "was not finished"
ONLY_ASKS = "asks, and says nothing"
OTHER_LANGUAGE = "is not in the language of the question"
SPELLED_OUT = "spells out an abbreviation as no passage does"
KIND_UNMET = "does not give what was asked for"
LEFT_ALONE = "speaks of a sentence that was dropped"

_BARE_NUMBER = re.compile(r"[:：]\s*\d{1,2}[.、]$")
"""A line that announced a list and was closed by the list's first number."""
_COUNTER = re.compile(r"(\d{1,2})([.)、])")
_PASSAGE_HEADING = re.compile(r"^【[^】]*(?:】|$)")
_TAIL_CHARS = 240
_LOOP = re.compile(r"(.{8,40}?)\1{4,}$", re.DOTALL)
_QUOTED = re.compile(r"《[^》]*》|“[^”]*”|\"[^\"]*\"|「[^」]*」|‘[^’]*’|\([^()]*\)|（[^（）]*）")
_STRAY_MARKER = re.compile(r"[\[［【][\d\W]*")
SPOKEN_SHARE, SPOKEN_HAN = 0.7, 20
"""Share of a Chinese sentence that the glossary must know for its terms to stand in an English answer, and the most
Chinese characters it may have: of a longer one a heap of words is left."""


class Draft:
    """Sentences of one draft on their way into one Turn.

    Where a figure, a date or a person is asked for, nothing is delivered until a supported sentence holds one
    (where the gate is sure, a half supported one):
    sentences beside the point are not an answer. Where the gate is quite unsure, one sentence must be fully supported
    first.
    """

    def __init__(self, turn: Turn, asked: Asked, passages: Sequence[Passage], checker: Checker, policy: Policy) -> None:
        self._turn = turn
        self._asked = asked
        self._judging = Judge(turn, asked, passages, checker)
        self._passages = passages
        self._policy = policy
        self._stream = SentenceStream()
        self._waiting: list[tuple[str, Checked]] = []
        self._lead_in = ""
        self._items = 0
        self._before = ""
        self._before_stands = True
        self._open = policy is Policy.OFF
        self.denied = 0
        self._tail = ""

    @property
    def loops(self) -> bool:
        """Whether the draft says the same few words over and over, as small models do at the end of their wits."""
        return _LOOP.search(self._tail) is not None

    def feed(self, piece: str) -> Iterator[AnswerSentence]:
        """Take in a piece of draft; yield the sentences that it lets go."""
        self._tail = (self._tail + piece)[-_TAIL_CHARS:]
        for sentence in self._stream.feed(piece):
            yield from self._judge(sentence)

    def finish(self, *, cut: bool) -> Iterator[AnswerSentence]:
        """Take the rest as closed, unless it was cut; what still waits for a sentence to the point is dropped."""
        for sentence in self._stream.finish():
            if cut:
                trouble = self._turn.trouble
                self._turn.drop(sentence.text, f"{UNFINISHED}: {trouble}" if trouble else UNFINISHED)
            else:
                yield from self._judge(sentence)
        for text, _ in self._waiting:
            self._turn.drop(text, KIND_UNMET)
        self._waiting.clear()

    def _judge(self, sentence: DraftSentence) -> Iterator[AnswerSentence]:
        sentence = replace(sentence, text=self._cleaned(sentence.text))
        if not sentence.text:
            return
        sentence = self._referring(sentence)
        if not sentence.bullet and sentence.text.endswith((":", "：")):
            self._before_stands = True
            self._lead_in = sentence.text  # Shown before the first item that survives, or not at all.
            self._items = int(bool(_BARE_NUMBER.search(sentence.raw)))  # That item follows without its number.
            return
        if (reason := self._no_statement(sentence.text)) and self._policy is not Policy.OFF:
            self._turn.drop(sentence.text, reason)
            return
        if denies(sentence.text):
            self.denied += 1
            self._turn.drop(sentence.text, DENIAL)
            return
        spoken = self._spoken(sentence.text)
        if spoken is None:
            self._turn.drop(sentence.text, OTHER_LANGUAGE)
            return
        judged = self._verdict(self._readable(sentence, spoken))
        for text, reason in judged.cut:
            self._turn.drop(text, reason)
        to_the_point = self._is_to_the_point(judged)
        judged = self._worded(judged)
        if reason := self._objection(judged):
            self._turn.drop(sentence.text, reason)
            return
        self._before_stands = self._before_stands or not speaks_back(sentence.text)
        self._waiting.append((self._shown(judged.sentence), judged.checked))
        # The gate's mind may have changed with the first token.
        self._open = self._open or to_the_point or (self._asked.wanted is Wanted.ANY and self._turn.assessment.fair)
        if self._open:
            yield from self._deliver()

    def _referring(self, sentence: DraftSentence) -> DraftSentence:
        """With the sentence before as what leads in to one that begins with a pronoun, where that names something; if
        that one fell, with its name in place of the pronoun, where it begins with one."""
        if not speaks_back(sentence.text):
            self._before, self._before_stands = sentence.text, False
            return sentence
        by_name = None if self._before_stands else said_by_name(sentence.text, self._before, load_glossary())
        if by_name is not None:
            return replace(sentence, text=by_name)
        if not sentence.lead_in and names_any(self._before, load_glossary()):
            return replace(sentence, lead_in=self._before)
        return sentence

    def _no_statement(self, text: str) -> str:
        """Why a sentence states nothing that could be checked, if it does not."""
        if text.endswith(("?", "？")):
            return ONLY_ASKS
        if self._is_left_alone(text):
            return LEFT_ALONE
        return ECHO if echoes_task(text) else ""

    def _is_left_alone(self, text: str) -> bool:
        """Whether a pronoun would seem to speak of something else: the sentence that it speaks of fell, and others are
        said. Behind nothing but the question it speaks of that."""
        said = bool(self._waiting or self._turn.composer.sentences)
        return said and not self._before_stands and speaks_of_another(text)

    def _objection(self, judged: Judged) -> str:
        """Why a sentence may not be delivered, if it may not."""
        if not self._stands(judged.checked):
            return judged.checked.reason or NO_SUPPORT
        return OTHER_LANGUAGE if self._is_left_half_chinese(judged.sentence.text) else ""

    def _stands(self, checked: Checked) -> bool:
        """Whether a sentence may be delivered: where the gate would refuse, whatever the policy, only beyond doubt."""
        supported = checked.verdict is not Verdict.UNSUPPORTED
        if self._turn.assessment.enough:
            return supported or self._policy is not Policy.STRICT
        return supported and checked.score >= UNDOUBTED

    def _cleaned(self, text: str) -> str:
        """Without the heading of a passage that the model copied, the question it repeated, or the first number of a
        list behind its colon."""
        text = without_echo(_PASSAGE_HEADING.sub("", text).strip(), self._asked.text)
        text = _BARE_NUMBER.sub("：" if self._chinese else ":", text)
        return "" if _STRAY_MARKER.fullmatch(text) else text

    @property
    def _chinese(self) -> bool:
        return self._turn.lang.startswith("zh")

    def _is_to_the_point(self, judged: Judged) -> bool:
        """Whether a sentence gives the figure or person asked for; half supported, it may be another one's, unless the
        gate is sure."""
        whole = judged.checked.verdict is Verdict.SUPPORTED or judged.checked.score >= UNDOUBTED
        trusted = whole or self._policy is not Policy.STRICT or self._turn.assessment.sure
        return trusted and holds(self._asked.wanted, judged.sentence.text)

    def _verdict(self, sentence: DraftSentence) -> Judged:
        if self._policy is Policy.OFF:
            return Judged(sentence, Checked(Verdict.UNSUPPORTED, 0.0, (), "not checked"))
        known = [self._asked.text, *(passage.text for passage in self._passages)]
        text = without_expansions(sentence.text, known, load_glossary())
        judged = self._judging.judge(replace(sentence, text=text))
        return judged if text == sentence.text else replace(judged, cut=((sentence.text, SPELLED_OUT), *judged.cut))

    def _readable(self, sentence: DraftSentence, spoken: str) -> DraftSentence:
        """As it is checked: a sentence that is Chinese altogether says more than its terms in English."""
        return sentence if self._is_foreign(sentence.text) else replace(sentence, text=spoken)

    def _worded(self, judged: Judged) -> Judged:
        """As it is delivered."""
        if self._chinese:
            text = judged.sentence.text
            if has_han(text) and (text.endswith(SENTENCE_ENDS) or self._judging.tells(text)):
                return judged
            return with_clause(judged, messages(self._turn.lang).with_clause)
        if not self._is_foreign(judged.sentence.text):
            return judged
        return replace(judged, sentence=replace(judged.sentence, text=gloss(judged.sentence.text, load_glossary())[0]))

    def _is_foreign(self, text: str) -> bool:
        return not self._chinese and detect_lang(text) == "zh"

    def _spoken(self, text: str) -> str | None:
        """A sentence in the asker's language: Chinese goes into English by the glossary, or not at all."""
        if self._turn.lang.startswith("zh"):
            return text if has_han(text) or not is_prose(text) else None
        if detect_lang(text) != "zh":
            return in_english(text, load_glossary())
        terms, share = gloss(text, load_glossary())
        return terms if share >= SPOKEN_SHARE and len(HAN.findall(text)) <= SPOKEN_HAN else None

    def _is_left_half_chinese(self, text: str) -> bool:
        """Whether there is Chinese outside quotation marks, where no person was asked for: names have no English."""
        named = self._asked.wanted is Wanted.PERSON or self._policy is Policy.OFF
        return not (self._chinese or named) and has_han(_QUOTED.sub("", text))

    def _shown(self, sentence: DraftSentence) -> str:
        """A sentence as it is delivered: behind its bullet, the first of a list behind the line that announced it."""
        text = sentence.text
        if sentence.bullet and sentence.raw.startswith(sentence.bullet):
            text = f"{self._numbered(sentence.bullet)} {text}"
        if self._lead_in and sentence.lead_in == self._lead_in:
            text, self._lead_in = f"{self._lead_in} {text}", ""
        return text

    def _numbered(self, bullet: str) -> str:
        """The bullet of an item; its number follows that of the item shown before it, whatever was dropped between."""
        counter = _COUNTER.fullmatch(bullet)
        if counter is None:
            return bullet
        self._items = 1 if int(counter[1]) == 1 else self._items + 1
        return f"{self._items}{counter[2]}"

    def _deliver(self) -> Iterator[AnswerSentence]:
        waiting, self._waiting = self._waiting, []
        for text, checked in waiting:
            if says_again(text, [said.text for said in self._turn.composer.sentences]):
                self._turn.drop(text, REPEATED)
                continue
            sentence = self._turn.composer.add(text, checked.verdict, checked.score, checked.citations)
            if sentence is None:
                self._turn.drop(text, REPEATED)
            else:
                self._turn.saw_sentence()
                yield sentence


def with_clause(judged: Judged, frame: str) -> Judged:
    """A bare name or figure, or words that tell nothing by themselves, as the answer to a Chinese question: shown and
    cited with the clause they stand in."""
    sentence, checked = judged.sentence, judged.checked
    if not checked.citations:
        return judged
    citation = checked.citations[0]
    chunk = citation.chunk
    first, last = clause_around(chunk.text, citation.start - chunk.start, citation.end - chunk.start)
    quote = chunk.text[first:last]
    if not has_han(quote):
        return judged
    wider = replace(citation, start=chunk.start + first, end=chunk.start + last, quote=quote)
    text = frame.format(text=sentence.text.rstrip(" 。.；;"), clause=" ".join(quote.split()))
    citations = (wider, *checked.citations[1:])
    return replace(judged, sentence=replace(sentence, text=text), checked=replace(checked, citations=citations))


def is_prose(text: str) -> bool:
    """Whether Latin words form a sentence rather than a list of names."""
    words = re.findall(r"[A-Za-z']+", text.lower())
    return sum(word in ENGLISH_FUNCTION for word in words) > len(words) // 5
