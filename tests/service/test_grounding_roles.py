"""A role that the question names may go unsaid in a passage; what is said there of another role is still not of it."""

import pytest

from service.grounding import FEATURES
from service.grounding.claims import Claim, read_claim, without_given
from service.grounding.glossary import load_glossary
from service.types import Passage, Verdict
from tests.service.grounding_doubles import passage, verifier

SENTENCE = "As a backend developer, you could work in healthcare or finance."
QUESTION = "Which industries could I work in as a backend developer?"
UNSAID = "从医疗、金融到娱乐，各行业都需要人才。"
OF_ANOTHER = "MLOps工程师：医疗、金融行业都需要人才。"


def claims() -> tuple[Claim, Claim]:
    """As it is, and with the question's words given."""
    claim = read_claim(SENTENCE, load_glossary(), question=QUESTION)
    return claim, without_given(claim, QUESTION, load_glossary())


def told(claim: Claim, item: Passage) -> dict[str, float]:
    checker = verifier([item])
    best = checker.best(claim, checker.spots(claim.text, [item]))
    assert best is not None
    return dict(zip(FEATURES, best.values.tolist(), strict=True))


def test_a_role_of_the_question_may_go_unsaid() -> None:
    whole, given = claims()
    item = passage(1, UNSAID)
    assert told(whole, item)["role_missing"] == 1.0
    assert told(given, item)["role_missing"] == 0.0
    assert told(given, item)["uncovered"] < told(whole, item)["uncovered"]


@pytest.mark.parametrize(
    ("text", "context", "feature"), [(OF_ANOTHER, "", "conflict"), (UNSAID, "MLOps工程师", "conflict_context")]
)
def test_another_role_may_not_be_said(text: str, context: str, feature: str) -> None:
    whole, given = claims()
    item = passage(1, text, context=context)
    assert told(whole, item)[feature] == told(given, item)[feature] == 1.0


def test_a_role_that_the_question_does_not_name_is_missed() -> None:
    claim = without_given(
        read_claim(SENTENCE, load_glossary(), question="Where could I work?"), "Where?", load_glossary()
    )
    assert told(claim, passage(1, UNSAID))["role_missing"] == 1.0


TEAM = (
    "| 跨团队协作 | 1. 与算法工程师对齐模型接口、性能指标；2. 与产品经理明确AI功能边界、业务目标；"
    "3. 与运维协同解决集群部署、监控问题 |"
)
FRAMEWORKS = "| 大数据处理 | 1. 会用批处理框架（Spark/Flink Batch）；2. 对流处理框架（Flink/Kafka Streams）熟悉 |"


@pytest.mark.parametrize(
    ("sentence", "conflict"),
    [
        ("AI功能边界和业务目标，要和产品经理一起明确。", 0.0),
        ("AI功能边界和业务目标，要和运维人员一起明确。", 1.0),
        ("模型接口和性能指标，要和产品经理对齐。", 1.0),
        ("Model interfaces and performance indicators are aligned with algorithm engineers.", 0.0),
        ("Model interfaces and performance indicators are aligned with product managers.", 1.0),
    ],
)
def test_what_one_item_of_a_list_says_of_a_role_is_not_said_of_that_of_another(sentence: str, conflict: float) -> None:
    assert told(read_claim(sentence, load_glossary()), passage(1, TEAM))["conflict"] == conflict


def test_the_role_that_opens_a_row_is_what_all_of_it_is_about() -> None:
    row = passage(1, "| 产品经理 | 与算法工程师对齐模型接口、性能指标；与运维解决监控问题 |")
    claim = read_claim("产品经理对齐模型接口和性能指标。", load_glossary())
    assert told(claim, row)["conflict"] == 0.0


@pytest.mark.parametrize(
    ("sentence", "elsewhere"), [("Kafka Streams是批处理框架。", True), ("Kafka Streams是流处理框架。", False)]
)
def test_a_name_says_nothing_of_itself(sentence: str, elsewhere: bool) -> None:
    value = told(read_claim(sentence, load_glossary()), passage(1, FRAMEWORKS))["better_elsewhere"]
    assert (value > 0) is elsewhere


def test_taiwanese_words_are_those_of_the_mainland() -> None:
    row = passage(1, "懂异步编程（协程、回调、事件循环）。")
    checked = verifier([row]).check("要懂非同步程式設計，也就是協程、回調、事件循環。", [row])
    assert (checked.verdict, checked.reason) == (Verdict.SUPPORTED, "")


EXPERT = "4. AI技术专家/架构师 - 制定技术战略"
DIRECTOR = "5. AI技术总监/VP - 制定技术战略"
PATHS = "职业路径：从初级AI工程师到AI技术总监/VP"


@pytest.mark.parametrize(
    ("sentence", "text", "stands"),
    [
        ("The AI technology director defines the technical strategy.", EXPERT, False),
        ("The AI architect defines the technical strategy.", EXPERT, True),
        ("The AI technology director defines the technical strategy.", DIRECTOR, True),
    ],
)
def test_what_stands_under_a_numbered_head_is_said_of_it(sentence: str, text: str, stands: bool) -> None:
    shown = [passage(1, text, context=PATHS)]
    assert (verifier(shown).check(sentence, shown).verdict is not Verdict.UNSUPPORTED) is stands
