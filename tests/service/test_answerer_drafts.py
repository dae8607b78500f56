"""Whatever an engine writes, what is delivered holds the invariants of an Answer."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from indexes.types import Chunk
from service.abstention import Abstention
from service.grounding import Checked
from service.types import (
    Citation,
    Finished,
    Passage,
    Policy,
    Question,
    SentenceChecked,
    Status,
    Verdict,
)
from tests.conftest import chunk_of
from tests.service.answering import ALWAYS, SURE, UNSURE, Rejecting, ScriptedLLM, WordChecker, answerer_of, hit_of
from tests.service.test_answerer import (
    ASK as ASK,
)
from tests.service.test_answerer import (
    TEXT as TEXT,
)
from tests.service.test_answerer import (
    check_invariants as check_invariants,
)
from tests.service.test_answerer import (
    hits as hits,
)


def bend(citation: Citation, by: int) -> Citation:
    if by == 1:
        return replace(citation, start=citation.start + 1)
    if by == 2:
        return replace(citation, end=citation.end + 10_000)
    if by == 3:
        return replace(citation, quote=citation.quote.upper() + "!")
    return citation


SHARDS = [
    "Redis caches hot data. ",
    "[1]",
    "[99]",
    "［2］",
    "[1, 3]",
    "- ",
    "1. ",
    "Flink reads streams.",
    "。",
    "向量库用于语义搜索。",
    "```",
    "**",
    "\nThe stage takes 6 months.",
    "文中没有提到。",
    "\u200b",
    "[[1]]",
    "The tools are:",
    "：",
    " A: b",
]
PIECES = st.lists(st.one_of(st.text(max_size=12), st.sampled_from([*SHARDS, "\n"])), max_size=14)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(PIECES, st.sampled_from(Policy), st.integers(0, 3), st.sampled_from(["en", "zh"]))
def test_garbage_never_breaks_an_answer(pieces: list[str], policy: Policy, by: int, lang: str) -> None:
    checker = WordChecker(bent=lambda citation: bend(citation, by))
    question = Question("What does Redis do?", lang=lang, policy=policy)
    events = list(answerer_of(hits(), ScriptedLLM(pieces), checker=checker).stream(question))
    finished = events[-1]
    assert isinstance(finished, Finished)
    check_invariants(finished.answer)
    if finished.answer.status is not Status.REFUSED:
        assert [e.sentence for e in events if isinstance(e, SentenceChecked)] == list(finished.answer.sentences)
    if policy is Policy.STRICT:
        assert all(s.verdict is not Verdict.UNSUPPORTED for s in finished.answer.sentences)


def chunk() -> Chunk:
    return chunk_of(TEXT)


def half_supported(sentence: str, *others: object, **more: object) -> Checked:
    checked = WordChecker().check(sentence, [Passage(1, hits()[0], "")])
    return replace(checked, verdict=Verdict.PARTIAL, score=0.5) if checked.citations else checked


@pytest.mark.parametrize(("gate", "status"), [(UNSURE, Status.REFUSED), (ALWAYS, Status.PARTIAL)])
def test_an_unsure_gate_wants_one_sentence_fully_supported(gate: Abstention, status: Status) -> None:
    checker = WordChecker()
    checker.check = half_supported  # type: ignore[method-assign]
    answer = answerer_of(hits(), ScriptedLLM(["Redis caches hot data."]), gate=gate, checker=checker).answer(ASK)
    assert answer.status is status
    check_invariants(answer)


def test_chinese_in_an_english_answer_goes_through_the_glossary() -> None:
    llm = ScriptedLLM(["向量库用于语义搜索。"])
    answer = answerer_of(hits(), llm).answer(Question("What is it for in this corpus of Redis?", lang="en"))
    assert re.match(r"vector [a-z]+ semantic [a-z]+ \[1\]", answer.text)
    assert answer.citations[0].quote == "向量库用于语义搜索。"


def test_chinese_words_inside_an_english_sentence_are_translated_apart_from_their_neighbours() -> None:
    text = "The AI product manager decides the features."
    llm = ScriptedLLM(["The AI产品经理decides the features."])
    answer = answerer_of([hit_of(chunk_of(text))], llm).answer(Question("Who decides the features in AI?", lang="en"))
    assert answer.sentences[0].text == text


def test_english_prose_in_a_chinese_answer_is_dropped_but_names_stay() -> None:
    llm = ScriptedLLM(["Redis caches hot data for the users of it. ", "Redis\n"])
    answer = answerer_of(hits(), llm).answer(Question("Redis 和 Kafka 属于什么?"))
    assert "is not in the language of the question" in {dropped.reason for dropped in answer.dropped}
    assert answer.text == "Redis[1]文档中还写道：“Redis caches hot data.”[2]"


def test_a_question_is_no_statement() -> None:
    llm = ScriptedLLM(["What are your skills?", "\nRedis caches hot data.", "\n缓存是什么？"])
    answer = answerer_of(hits(), llm).answer(ASK)
    assert answer.sentences[0].text == "Redis caches hot data."
    assert [(d.text, d.reason) for d in answer.dropped] == [
        ("What are your skills?", "asks, and says nothing"),
        ("缓存是什么？", "asks, and says nothing"),
    ]


def test_names_stand_where_units_of_the_other_language_open_with_what_they_mean() -> None:
    text = "AI工程师：构建系统。MLOps工程师：运维。"
    llm = ScriptedLLM(["AI engineer, MLOps engineer"])
    answer = answerer_of([hit_of(chunk_of(text))], llm, checker=Unsupporting()).answer(
        Question("Which roles are there?", lang="en")
    )
    assert answer.text == "AI engineer, MLOps engineer [1][2]"
    assert [citation.quote for citation in answer.citations] == ["AI工程师：构建系统。", "MLOps工程师：运维。"]


@pytest.mark.parametrize(
    ("draft", "text", "dropped"),
    [
        ("Redis, Fooflow, Kafka.", "Redis, Kafka. [1][2]", ["Fooflow"]),
        ("Redis, Fooflow, Barflow.", None, ["Redis, Fooflow, Barflow."]),
    ],
)
def test_of_a_list_what_the_passage_names_is_kept(draft: str, text: str | None, dropped: list[str]) -> None:
    rows = chunk_of("Redis：缓存。Kafka：消息。")
    answer = answerer_of([hit_of(rows)], ScriptedLLM([draft]), checker=Unsupporting()).answer(
        Question("Which stores are there?", lang="en")
    )
    assert [found.text for found in answer.dropped] == dropped
    assert (answer.text == text) is (text is not None)


@dataclass
class Supporting(WordChecker):
    """Finds support for everything in the whole of one passage."""

    def check(self, sentence: str, passages: Sequence[Passage], **_: object) -> Checked:  # type: ignore[override]
        chunk = passages[0].hit.chunk
        return Checked(Verdict.SUPPORTED, 0.9, (Citation(1, chunk, chunk.start, chunk.end, chunk.text, 0.9),), "")


@pytest.mark.parametrize(
    ("passage", "dropped"),
    [
        ("Seniors earn 300,000 dollars.", ["the passage says this of something else"]),
        ("德国的高级工程师年薪300,000美元。", []),
    ],
)
def test_a_place_that_the_passage_never_names_is_none_of_its_sayings(passage: str, dropped: list[str]) -> None:
    hit = hit_of(chunk_of(passage))
    llm = ScriptedLLM(["In Germany seniors earn 300,000 dollars."])
    answer = answerer_of([hit], llm, checker=Supporting()).answer(Question("What do seniors earn?"))
    assert [found.reason for found in answer.dropped] == dropped


def test_a_fragment_that_only_repeats_the_question_is_no_answer() -> None:
    answer = answerer_of(hits(), ScriptedLLM(["Redis"]), checker=Rejecting(reason="says nothing")).answer(ASK)
    assert "Redis" in ASK.text
    assert answer.status is Status.EXTRACTIVE


@pytest.mark.parametrize(
    "reason", ["the passage is not about senior", "the passage says this of something else", "Kafka stands elsewhere"]
)
def test_a_fragment_of_another_row_than_the_one_asked_for_does_not_stand(reason: str) -> None:
    answer = answerer_of(hits(), ScriptedLLM(["hot data"]), checker=Rejecting(reason=reason)).answer(ASK)
    assert [dropped.reason for dropped in answer.dropped] == [reason]


def test_a_short_answer_copied_from_the_best_row_of_a_sure_search_stands() -> None:
    answer = answerer_of(hits(), ScriptedLLM(["hot data"]), checker=Rejecting(reason="says nothing")).answer(ASK)
    assert (answer.text, answer.citations[0].quote) == ("hot data [1]", "Redis caches hot data.")
    unsure = answerer_of(
        hits(), ScriptedLLM(["hot data"]), checker=Rejecting(reason="says nothing"), gate=UNSURE
    ).answer(ASK)
    assert unsure.status is Status.REFUSED


def test_an_invented_number_is_a_sign_that_nothing_answers() -> None:
    llm = ScriptedLLM(["It has 768 dimensions."])
    assert (
        answerer_of(hits(), llm, checker=Rejecting(reason="number 768 is in no passage"), gate=SURE).answer(ASK).status
        is Status.REFUSED
    )
    beyond_doubt = answerer_of(
        hits(), llm, checker=Rejecting(reason="number 768 is in no passage"), gate=ALWAYS
    ).answer(ASK)
    assert (beyond_doubt.status, beyond_doubt.citations[0].quote) == (Status.EXTRACTIVE, "Redis caches hot data.")


@pytest.mark.parametrize(
    ("question", "reason", "status"),
    [
        ("What does Redis do?", "no passage says this", Status.REFUSED),
        ("What does Redis do?", "name Kafka is in no passage", Status.REFUSED),
        ("What does Redis do?", "the passage says this of something else", Status.EXTRACTIVE),
        ("Redis 是做什么用的？", "no passage says this", Status.EXTRACTIVE),
    ],
)
def test_what_passages_of_the_same_language_nowhere_hold_is_no_answer(
    question: str, reason: str, status: Status
) -> None:
    shown = [hit_of(chunk_of("Redis caches hot data. Kafka moves events between services."))]
    answer = answerer_of(
        shown, ScriptedLLM(["Redis 贮存数据，Redis stores it."]), checker=Rejecting(reason=reason), gate=SURE
    ).answer(Question(question))
    assert answer.status is status


def test_a_draft_that_was_cut_says_nothing_of_what_the_passages_hold() -> None:
    llm = ScriptedLLM(["Redis stores it. ", "Kafka mo"], finish="length")
    answer = answerer_of(hits(), llm, checker=Rejecting(reason="no passage says this"), gate=SURE).answer(ASK)
    assert answer.dropped
    assert (answer.status, answer.cut) == (Status.EXTRACTIVE, True)


def test_a_draft_cut_for_its_length_still_gets_the_row_it_passed_by() -> None:
    searched = [hit_of(chunk_of("Redis moves events.")), *hits()]
    llm = ScriptedLLM(["Redis caches hot data. ", "Flink re"], finish="length")
    answer = answerer_of(searched, llm).answer(ASK)
    assert answer.text == "Redis caches hot data. [1] The documents also say: “Redis moves events.” [2]"
    assert answer.cut


def test_a_draft_that_runs_in_circles_is_ended() -> None:
    llm = ScriptedLLM(["Redis caches hot data. ", *["Ribbon, Zuul, "] * 400])
    answer = answerer_of(hits(), llm).answer(ASK)
    assert llm.said < 20
    assert (answer.status, answer.text) == (Status.PARTIAL, "Redis caches hot data. [1]")
    assert [dropped.reason for dropped in answer.dropped] == ["was not finished"]


@pytest.mark.parametrize("heading", ["【Redis › Uses】", "[3", "【Redis › Uses"])
def test_copied_headings_and_halves_of_markers_are_no_sentences(heading: str) -> None:
    answer = answerer_of(hits(), ScriptedLLM([f"{heading}\n", "Redis caches hot data."])).answer(ASK)
    assert (answer.text, answer.dropped) == ("Redis caches hot data. [1]", ())


class Unsupporting(WordChecker):
    def check(self, *args: object, **more: object) -> Checked:
        return Checked(Verdict.UNSUPPORTED, 0.0, (), "no passage says this")


@pytest.mark.parametrize(
    ("draft", "text"),
    [
        ("Redis, Kafka.", "Redis, Kafka. [1][2]"),
        ("Redis, Zookeeper.", None),
        ("hot data, Kafka.", None),
        ("The moves of data include Redis and Kafka.", "The moves of data include Redis and Kafka. [1][2]"),
        ("The moves of nothing include Redis and Kafka.", None),
    ],
)
def test_a_list_stands_where_one_passage_names_each_thing_in_a_unit_of_its_own(draft: str, text: str | None) -> None:
    answer = answerer_of(hits(), ScriptedLLM([draft]), checker=Unsupporting()).answer(Question("What moves data?"))
    if text is None:
        assert answer.status is Status.EXTRACTIVE
    else:
        assert answer.text.startswith(text)
        assert [citation.quote for citation in answer.citations][:2] == ["Redis", "Kafka"]
