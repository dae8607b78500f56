"""An item of one list is none of another that stands beside it, and that the question names."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from indexes.types import Chunk, Unit, UnitKind
from service.grounding import Checked
from service.siblings import has_names_elsewhere, of_a_stranger, of_another_list, of_another_row
from service.types import Citation, Passage, Question, Verdict
from tests.conftest import chunk_of
from tests.service.answering import SURE, ScriptedLLM, WordChecker, answerer_of, hit_of

LISTS = (
    "1. 大型语言模型（LLM）工程\n   - 提示工程\n   - 微调技术",
    "2. 计算机视觉\n   - 目标检测\n   - 视频分析",
    "3. 自然语言处理\n   - 语义理解\n   - 机器翻译",
)
ENGLISH = (
    "1. Computer vision\n   - Object detection\n   - Video analysis",
    "2. Natural language processing\n   - Semantic understanding\n   - Machine translation",
)
PLAIN = ("入门阶段的学习内容：\n- 编程\n- 数学", "入门阶段的实践项目：\n- 聊天机器人\n- 分类器")


def lists(*texts: str) -> Chunk:
    """A chunk in which each text is a unit."""
    text, units = "\n".join(texts), []
    for number, own in enumerate(texts):
        start = text.index(own)
        units.append(Unit(f"l{number}", UnitKind.ITEM, start, start + len(own), own, "Skills"))
    return replace(chunk_of(text), units=tuple(units))


def cited(chunk: Chunk, quote: str) -> Citation:
    start = chunk.text.index(quote)
    return Citation(1, chunk, start, start + len(quote), quote, 0.9)


class Clauses(WordChecker):
    """Finds a text where it stands in the chunk, whole sentences nowhere."""

    def __init__(self, chunk: Chunk) -> None:
        self.chunk = chunk

    def check(self, sentence: str, passages: Sequence[Passage], **more: object) -> Checked:  # type: ignore[override]
        found = [word for word in ("语义理解", "视频分析") if word in sentence]
        if len(found) != 1:
            return Checked(Verdict.UNSUPPORTED, 0.1, (), "no passage says this")
        return Checked(Verdict.SUPPORTED, 0.9, (cited(self.chunk, found[0]),), "")


class Anywhere(WordChecker):
    """Finds every text in one place."""

    def __init__(self, chunk: Chunk, quote: str) -> None:
        self.found = cited(chunk, quote)

    def check(self, *args: object, **more: object) -> Checked:
        return Checked(Verdict.SUPPORTED, 0.9, (self.found,), "")


@pytest.mark.parametrize(
    ("texts", "asked", "quotes", "apart"),
    [
        (LISTS, "Which skills make up NLP?", ["视频分析"], True),
        (LISTS, "自然语言处理这个方向有哪些技能？", ["视频分析"], True),
        (LISTS, "自然語言處理這個方向有哪些技能？", ["视频分析"], True),
        (LISTS, "Which skills make up NLP?", ["语义理解"], False),
        (LISTS, "Which skills make up NLP?", ["大型语言模型（LLM）工程"], True),
        (LISTS, "Which skills make up NLP?", ["视频分析", "语义理解"], False),
        (LISTS, "What do NLP and computer vision consist of?", ["视频分析"], False),
        (LISTS, "Which skills are there besides NLP?", ["视频分析"], False),
        (LISTS, "除了自然语言处理还有哪些技能？", ["视频分析"], False),
        (LISTS, "Which professional skills are there?", ["视频分析"], False),
        (LISTS, "Which skills make up NLP?", [], False),
        (ENGLISH, "自然语言处理有哪些技能？", ["Video analysis"], True),
        (ENGLISH, "Which skills make up NLP?", ["Machine translation"], False),
        (PLAIN, "入门阶段的学习内容有哪些？", ["聊天机器人"], False),
    ],
)
def test_an_item_under_a_head_that_nobody_named_is_of_another_list(
    texts: tuple[str, ...], asked: str, quotes: list[str], apart: bool
) -> None:
    chunk = lists(*texts)
    assert of_another_list(asked, [cited(chunk, quote) for quote in quotes]) is apart


def test_a_draft_that_runs_on_into_the_next_list_is_answered_as_far_as_its_own() -> None:
    chunk = lists(*LISTS)
    draft = "自然语言处理方向的技能有：\n- 语义理解\n- 机器翻译\n- 视频分析"
    hit = replace(hit_of(chunk), units=chunk.units[2:])
    answer = answerer_of([hit], ScriptedLLM([draft]), gate=SURE).answer(Question("NLP这个方向有哪些技能？"))
    assert "机器翻译" in answer.text
    assert "视频分析" not in answer.text
    assert [(lost.text, lost.reason) for lost in answer.dropped] == [
        ("视频分析", "the passage says this of something else")
    ]


@pytest.mark.parametrize(
    ("question", "kept"), [("NLP这个方向有哪些技能？", False), ("NLP和计算机视觉有哪些技能？", True)]
)
def test_a_clause_found_in_the_list_beside_is_cut(question: str, kept: bool) -> None:
    chunk = lists(*LISTS)
    hit = replace(hit_of(chunk), units=chunk.units[1:])
    answer = answerer_of(
        [hit], ScriptedLLM(["NLP有语义理解，也有视频分析。"]), gate=SURE, checker=Clauses(chunk)
    ).answer(Question(question))
    assert "语义理解" in answer.text
    assert ("视频分析" in answer.sentences[0].text) is kept


BOOKS = (
    "《Building Applications》 | Emmanuel Ameisen",
    "《动手学深度学习》 | 李沈来等",
)


@pytest.mark.parametrize(
    ("asked", "quote", "apart"),
    [
        ("Emmanuel Ameisen 写的是哪本书?", "《动手学深度学习》", True),
        ("Ｅｍｍａｎｕｅｌ Ａｍｅｉｓｅｎ 写的是哪本书?", "《动手学深度学习》", True),
        ("Emmanuel Ameisen 写的是哪本书?", "《Building Applications》", False),
        ("Huyen 写的是哪本书?", "《动手学深度学习》", False),
        ("推荐哪本书?", "《动手学深度学习》", False),
    ],
)
@pytest.mark.parametrize("kind", [UnitKind.ROW, UnitKind.ITEM])
def test_a_row_without_the_name_asked_about_is_another_one_s(
    asked: str, quote: str, apart: bool, kind: UnitKind
) -> None:
    chunk = lists(*BOOKS)
    chunk = replace(chunk, units=tuple(replace(unit, kind=kind) for unit in chunk.units))
    assert of_another_row(asked, [cited(chunk, quote)]) is (apart and kind is UnitKind.ROW)


@pytest.mark.parametrize(("draft", "answered"), [("《动手学深度学习》", False), ("《Building Applications》", True)])
def test_a_bare_answer_from_the_row_beside_is_dropped(draft: str, answered: bool) -> None:
    chunk = lists(*BOOKS)
    chunk = replace(chunk, units=tuple(replace(unit, kind=UnitKind.ROW) for unit in chunk.units))
    answer = answerer_of([hit_of(chunk)], ScriptedLLM([draft]), gate=SURE).answer(
        Question("Emmanuel Ameisen 写的是哪本书?")
    )
    assert (not answer.dropped) is answered
    assert "Building Applications" in answer.sentences[0].text


def test_a_bare_answer_is_cited_where_the_best_row_has_it() -> None:
    chunk = lists("用 PyTorch 做原型", "MySQL 存储用户行为数据", "精通MySQL优化")
    hit = replace(hit_of(chunk), units=(chunk.units[1],))
    checker = Anywhere(chunk, "精通MySQL优化")
    answer = answerer_of([hit], ScriptedLLM(["MySQL"]), gate=SURE, checker=checker).answer(Question("用户数据存在哪？"))
    assert answer.citations[0].quote == "MySQL 存储用户行为数据"
    assert answer.citations[0].score == 0.9


@pytest.mark.parametrize(
    ("draft", "question", "delivered"),
    [
        ("Milvus", "多卡训练用什么？", False),
        ("Ray", "多卡训练用什么？", True),
        ("Milvus 用于训练。", "多卡训练用什么？", True),
        ("- Milvus", "多卡训练用什么？", True),
        ("Milvus", "各份文档提到哪些训练工具？", True),
    ],
)
def test_a_bare_answer_from_no_best_row_is_dropped(draft: str, question: str, delivered: bool) -> None:
    chunk = lists("训练：Ray", "存储：Milvus")
    hit = replace(hit_of(chunk), units=chunk.units[:1])
    checker = Anywhere(chunk, "存储：Milvus" if "Milvus" in draft else "训练：Ray")
    answer = answerer_of([hit], ScriptedLLM([draft]), gate=SURE, checker=checker).answer(Question(question))
    dropped = [] if delivered else ["does not stand where the question led"]
    assert [lost.reason for lost in answer.dropped] == dropped
    assert answer.citations[0].quote == (checker.found.quote if delivered else "训练：Ray")


CLOUDS = (
    "AWS SageMaker：提供端到端的流程，直到监控。",
    "Google Vertex AI：提供集成的运营功能。",
    "Azure ML：与 Microsoft 的生态系统集成得好。",
)


@pytest.mark.parametrize(
    ("asked", "quotes", "strange"),
    [
        ("微软家的云好在哪？提供端到端的流程。", ["AWS SageMaker：提供端到端的流程"], True),
        ("微软家的云好在哪？集成得好，提供端到端的流程。", [CLOUDS[2], "端到端的流程"], True),
        ("微软家的云好在哪？集成得好。", [CLOUDS[2]], False),
        ("What is Azure ML good at? End-to-end workflows.", [CLOUDS[0]], True),
        ("What is AWS SageMaker good at? End-to-end workflows.", [CLOUDS[0]], False),
        ("Azure ML or AWS SageMaker?", [CLOUDS[0], CLOUDS[2]], False),  # Both are asked about.
        ("哪个平台提供端到端的流程？", [CLOUDS[0]], False),  # None is.
        ("Is Databricks end to end?", [CLOUDS[0]], False),  # None of those here.
    ],
)
def test_what_an_item_says_of_its_name_is_not_said_of_the_one_beside(
    asked: str, quotes: list[str], strange: bool
) -> None:
    chunk = lists(*CLOUDS)
    assert of_a_stranger(asked, [cited(chunk, quote) for quote in quotes]) is strange


def test_a_sentence_that_mixes_two_items_falls() -> None:
    chunk = lists(*CLOUDS)
    said = "微软家的云提供端到端的流程，直到监控。"

    class Found(WordChecker):
        def check(self, sentence: str, passages: Sequence[Passage], **more: object) -> Checked:  # type: ignore[override]
            return Checked(Verdict.SUPPORTED, 0.9, (cited(chunk, CLOUDS[0]),), "")

    question = Question("微软家的云好在哪？")
    answer = answerer_of([hit_of(chunk)], ScriptedLLM([said]), checker=Found(), gate=SURE).answer(question)
    assert said not in [sentence.text for sentence in answer.sentences]
    assert said in [lost.text for lost in answer.dropped]


TOOLS = ("实验管理 | Weights & Biases（实验追踪）", "模型监控与漂移检测 | Evidently AI（漂移检测）")


@pytest.mark.parametrize(
    ("text", "quote", "elsewhere"),
    [
        ("Weights & Biases：模型监控与漂移检测", "模型监控与漂移检测", True),
        ("Weights & Biases：实验追踪", "实验追踪", False),
        ("Kubeflow：模型监控与漂移检测", "模型监控与漂移检测", False),  # Stands nowhere: its names are checked as such.
        ("模型监控与漂移检测", "模型监控与漂移检测", False),
        ("Evidently AI beside Weights & Biases：模型监控", "模型监控", False),
    ],
)
def test_the_names_of_a_label_are_those_of_what_is_cited(text: str, quote: str, elsewhere: bool) -> None:
    chunk = lists(*TOOLS)
    assert has_names_elsewhere(text, [cited(chunk, quote)], [hit_of(chunk)]) is elsewhere


@pytest.mark.parametrize(("label", "kept"), [("Weights & Biases", False), ("Evidently AI", True)])
def test_what_is_restated_behind_a_name_of_the_question_is_of_its_row(label: str, kept: bool) -> None:
    said = f"{label}：模型监控与漂移检测"
    chunk = lists(*TOOLS)
    question = Question("Weights & Biases 和 Evidently AI 分别管什么？")
    answer = answerer_of([hit_of(chunk)], ScriptedLLM([said]), checker=WordChecker(), gate=SURE).answer(question)
    assert any(sentence.text.startswith(said) for sentence in answer.sentences) is kept
