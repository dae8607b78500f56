"""What a draft sentence repeats of the question needs no support; what it says in another language needs a wording."""

from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from service.abstention import Abstention
from service.grounding import Checked
from service.types import Citation, Passage, Question, Status, Verdict
from tests.conftest import chunk_of, document_of
from tests.service.answering import SURE, UNSURE, ScriptedLLM, WordChecker, answerer_of, hit_of
from tests.service.test_answerer import check_invariants


@dataclass
class Restating(WordChecker):
    """Supports a sentence only where the question's words in it need no support."""

    score: float = 0.75
    reason: str = "no passage says this"

    def check(self, sentence: str, passages: Sequence[Passage], **more: object) -> Checked:  # type: ignore[override]
        if not more.get("restating"):
            return Checked(Verdict.UNSUPPORTED, 0.1, (), self.reason)
        chunk, unit = passages[0].hit.chunk, passages[0].hit.chunk.units[0]
        citation = Citation(1, chunk, unit.start, unit.end, unit.text, self.score)
        return Checked(Verdict.SUPPORTED, self.score, (citation,), "")


@pytest.mark.parametrize(
    ("checker", "gate", "status"),
    [
        (Restating(), SURE, Status.PARTIAL),
        (Restating(score=0.6), SURE, Status.EXTRACTIVE),
        (Restating(reason="the passage says this of something else"), SURE, Status.EXTRACTIVE),
        (Restating(reason="the passage is not about senior engineer"), SURE, Status.EXTRACTIVE),
        (Restating(reason="the passage is not about backend developers"), SURE, Status.PARTIAL),
        (Restating(), UNSURE, Status.REFUSED),
        (Restating(score=0.86), UNSURE, Status.PARTIAL),
    ],
)
def test_the_words_of_the_question_need_no_support_where_the_rest_is_sure_enough(
    checker: Restating, gate: Abstention, status: Status
) -> None:
    llm = ScriptedLLM(["For a quick demo, take Gradio."])
    found = answerer_of([hit_of(chunk_of("快速原型用Gradio。"))], llm, gate=gate, checker=checker).answer(
        Question("As a backend developer, what do I take for a quick demo?")
    )
    assert found.status is status
    assert ("For a quick demo, take Gradio." in found.text) is (status is Status.PARTIAL)
    check_invariants(found)


@pytest.mark.parametrize(
    ("text", "stands"),
    [
        ("The VP defines technical strategy.", False),
        ("The architect defines technical strategy.", False),
        ("The architect defines strategy with Gartner.", True),
    ],
)
def test_who_does_what_was_asked_must_be_told_by_the_row(text: str, stands: bool) -> None:
    found = answerer_of([hit_of(chunk_of("4. 架构师/VP"))], ScriptedLLM([text]), gate=SURE, checker=Restating()).answer(
        Question("Who defines technical strategy?")
    )
    assert (text in found.text) is stands


@pytest.mark.parametrize(
    ("answer", "stands"), [("AI", False), ("AI engineering", False), ("LLMOps", True), ("AI with 3 models", True)]
)
def test_what_all_of_the_documents_are_about_answers_nothing(answer: str, stands: bool) -> None:
    text = f"The discipline turning into a must is {answer}."
    document = document_of("LLMOps正在成为必备。", title="AI 工程：必备能力")
    found = answerer_of(
        [hit_of(chunk_of(document.text, document=document))], ScriptedLLM([text]), gate=SURE, checker=Restating()
    ).answer(Question("Which discipline is turning into a must?"))
    assert (text in found.text) is stands


@pytest.mark.parametrize(("answer", "stands"), [("AI", False), ("LLMOps", True)])
def test_nor_do_they_behind_the_words_of_the_question(answer: str, stands: bool) -> None:
    text = f"The discipline turning into a must is {answer}."
    document = document_of("AI的LLMOps正在成为必备。", title="AI 工程：必备能力")
    found = answerer_of([hit_of(chunk_of(document.text, document=document))], ScriptedLLM([text]), gate=SURE).answer(
        Question("Which discipline is turning into a must?")
    )
    assert (text in found.text) is stands


def test_a_long_chinese_sentence_is_no_heap_of_english_terms() -> None:
    text = "编程、网络、数据库、模型部署、向量数据库、容器化、微服务、消息队列。"
    answer = answerer_of([hit_of(chunk_of(text))], ScriptedLLM([text])).answer(
        Question("What is asked of me?", lang="en")
    )
    assert [(dropped.text, dropped.reason) for dropped in answer.dropped] == [
        (text, "is not in the language of the question")
    ]


@pytest.mark.parametrize(
    ("question", "text", "stands"),
    [
        ("What is cut into chunks?", "The map is cut into 丙丁戊 chunks.", False),
        ("What is cut into chunks?", "The map is cut into “丙丁戊” chunks.", True),
        ("What is cut into chunks?", "The map (丙丁戊) is cut into chunks.", True),
        ("Who wrote the book?", "Old Master 丙丁戊 wrote the book.", True),
    ],
)
def test_a_sentence_left_half_chinese_is_no_english(question: str, text: str, stands: bool) -> None:
    answer = answerer_of([hit_of(chunk_of(text))], ScriptedLLM([text])).answer(Question(question, lang="en"))
    assert [sentence.text for sentence in answer.sentences[: answer.status is not Status.EXTRACTIVE]] == [text] * stands
    assert ("is not in the language of the question" in {dropped.reason for dropped in answer.dropped}) is not stands


@pytest.mark.parametrize(
    ("draft", "text"),
    [
        ("AI工程师", "AI工程师（原文：“懂Kafka的AI工程师更受欢迎”）"),
        ("懂Kafka的AI工程师", "懂Kafka的AI工程师"),
        ("AI工程师更受欢迎。", None),
    ],
)
def test_words_that_tell_nothing_by_themselves_are_shown_with_their_clause(draft: str, text: str | None) -> None:
    row = "领域知识溢价，懂Kafka的AI工程师更受欢迎。"
    document = document_of(row, title="AI工程师的成长路线")
    found = answerer_of([hit_of(chunk_of(row, document=document))], ScriptedLLM([draft]), gate=SURE).answer(
        Question("行业趋势里说谁更受欢迎？")
    )
    assert found.sentences[0].text == (text or draft)
    check_invariants(found)
