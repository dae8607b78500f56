"""Lists are found with offsets, and what the draft left out of a cited one is named in the asker's language."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.asking import understand, wants_several
from service.completion import missing_items
from service.composing import Composer, is_exact
from service.enumerations import enumerations
from service.grounding.glossary import Glossary, load_glossary
from service.llm.extractive import cite
from service.types import AnswerSentence, Verdict
from tests.conftest import chunk_of
from tests.service.answering import hit_of


@pytest.fixture(scope="module")
def glossary() -> Glossary:
    return load_glossary()


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("后端语言（Java/Go/Python）至少精通1门", [["Java", "Go", "Python"]]),
        ("TensorRT（推理加速）、ONNX（模型转换）、Optuna", [["TensorRT", "ONNX", "Optuna"]]),
        ("包括：剪枝、量化和蒸馏。", [["剪枝", "量化", "蒸馏"]]),
        ("项目：\n\n- 开源贡献\n- 团队领导", [["开源贡献", "团队领导"]]),
        ("让 LLM（例如 GPT、Claude 或开源替代方案）工作", [["GPT", "Claude", "开源替代方案"]]),
        ("能力都对应“框架”和“场景”，兼顾技术、工程与业务", [["兼顾技术", "工程", "业务"]]),
        ("要能处理“海量、异构、实时”的数据", [["海量", "异构", "实时"]]),
        ("甲、乙和丙普及以后，例子有丁、戊。", [["甲", "乙和丙普及以后"], ["例子有丁", "戊"]]),
        ("A、B和C，并且D", [["A", "B", "C"]]),
        ("搭起 CI/CD 流水线，并能用 Spark/Flink 处理数据", []),
        ("形如[20185, 163, 120]", []),
        ("“甲、乙”丙、丁", []),
        ("Redis 是缓存。", []),
        ("", []),
    ],
)
def test_enumerations(text: str, items: list[list[str]]) -> None:
    assert [[item.text for item in found.items] for found in enumerations(text)] == items


@given(st.text(alphabet="甲乙丙AB、/（），和\n- ：。1.| ", max_size=60))
def test_items_stand_where_they_say(text: str) -> None:
    for found in enumerations(text):
        assert len(found.items) > 1
        for item in found.items:
            assert text[item.start : item.end] == item.text != ""
            assert found.start <= item.start < item.end <= found.end


def sentence(text: str, source: str) -> list[AnswerSentence]:
    hit = hit_of(chunk_of(source))
    composer = Composer("en")
    composer.add(text, Verdict.SUPPORTED, 1.0, (cite(hit, hit.chunk.units[0]),))
    return composer.sentences


def test_names_left_out_are_named_with_an_exact_quote(glossary: Glossary) -> None:
    said = sentence("You should know Java and Go.", "后端语言（Java/Go/Python/Rust）至少精通1门。")
    (missing,) = missing_items(understand("Which languages should I know?", "en"), said, glossary)
    assert missing.items == ("Python", "Rust")
    assert missing.sentence("en") == "Also named: Python, Rust."
    assert missing.citation.quote == "Java/Go/Python/Rust"
    assert is_exact(missing.citation)


def test_terms_are_translated_by_the_glossary_or_left_out(glossary: Glossary) -> None:
    said = sentence("The methods are pruning.", "压缩技术：剪枝、蒸馏、某某某。")
    (missing,) = missing_items(understand("Which methods are there?", "en"), said, glossary)
    assert missing.items == ("distillation",)


def test_a_chinese_answer_takes_the_words_as_they_are(glossary: Glossary) -> None:
    said = sentence("压缩技术有剪枝。", "压缩技术：剪枝、蒸馏、某某某。")
    (missing,) = missing_items(understand("压缩技术有哪些？", "zh"), said, glossary)
    assert missing.sentence("zh") == "此外还有：蒸馏、某某某。"


def test_items_entangled_in_their_sentence_are_quoted_with_it(glossary: Glossary) -> None:
    said = sentence("需要了解 TPU。", "2. 对GPU、TPU、NPU有了解。")
    (missing,) = missing_items(understand("需要了解哪些硬件？", "zh"), said, glossary)
    assert missing.sentence("zh") == "文档中还写道：“2. 对GPU、TPU、NPU有了解”"
    assert is_exact(missing.citation)
    introduced = sentence("写法讲究工程。", "写法：能力对应框架，兼顾技术深度、工程、业务的需求。")
    (loose,) = missing_items(understand("写法讲究哪些？", "zh"), introduced, glossary)
    assert loose.sentence("zh").startswith("文档中还写道：“")
    named = sentence("需要了解 TPU。", "硬件：GPU、TPU、NPU。")
    (clear,) = missing_items(understand("需要了解哪些硬件？", "zh"), named, glossary)
    assert clear.sentence("zh") == "此外还有：GPU、NPU。"


def test_what_a_thing_was_called_in_short_is_not_named_again(glossary: Glossary) -> None:
    said = sentence("Put caching and load balancing in place.", "三件事：缓存策略、负载均衡、弹性伸缩。")
    (missing,) = missing_items(understand("Which three things are there?", "en"), said, glossary)
    assert missing.items == ("elasticity scaling",)


def test_the_end_of_a_sentence_is_no_item(glossary: Glossary) -> None:
    said = sentence("The dimensions are data processing.", "按基础技术、数据处理、容器化拆解，补齐能力短板。")
    found = missing_items(understand("Which dimensions are there?", "en"), said, glossary)
    assert all("gap" not in item for missing in found for item in missing.items)


def test_a_question_for_one_thing_gets_one(glossary: Glossary) -> None:
    said = sentence("Java is one.", "后端语言（Java/Go/Python/Rust）至少精通1门。")
    assert missing_items(understand("What is Java?", "en"), said, glossary) == []


def test_a_list_the_answer_did_not_touch_is_left_alone(glossary: Glossary) -> None:
    said = sentence("Master one language.", "后端语言（Java/Go/Python/Rust）至少精通1门。")
    assert missing_items(understand("Which languages should I know?", "en"), said, glossary) == []


@pytest.mark.parametrize(
    "text",
    ["Which tools are listed?", "有哪些框架？", "List the stages", "分别是什么", "What databases come up anywhere?"],
)
def test_several(text: str) -> None:
    assert wants_several(text)


@pytest.mark.parametrize(
    "text",
    [
        *("What does Redis do?", "What is RAG?", "Redis 是干什么的？", "Which tool is best?"),
        *("Which library reads DICOM files?", "Of the five sorts of resources, which one actually comes with titles?"),
    ],
)
def test_one(text: str) -> None:
    assert not wants_several(text)


PURPOSES = "前端：Streamlit/Gradio（做快速原型）、React/Vue（做正式界面）、Figma"


@pytest.mark.parametrize(
    ("question", "items"),
    [
        ("Which tools are for a quick prototype?", []),
        ("Which tools are for the front end?", ["React/Vue", "Figma"]),
        ("Which tools are for quick prototypes and which for formal interfaces?", ["React/Vue"]),
    ],
)
def test_what_serves_for_other_ends_is_not_named(question: str, items: list[str], glossary: Glossary) -> None:
    said = sentence("Streamlit/Gradio", PURPOSES)
    assert [
        name for found in missing_items(understand(question, "en"), said, glossary) for name in found.items
    ] == items
