"""What is turned into what, what depends on the sentence before it, and what code alone can show."""

import pytest

from indexes.types import UnitKind
from service.grounding.glossary import load_glossary
from service.grounding.sequence import turned_round
from service.types import Verdict
from tests.service.grounding_doubles import passage, verifier

SPEECH = "语音识别（Whisper 把语音转文字）；NLP（BERT 微调，做医疗报告分类）"


@pytest.mark.parametrize(
    ("claim", "source", "turned"),
    [
        ("Whisper turns text into speech.", SPEECH, True),
        ("Whisper turns speech into text.", SPEECH, False),
        ("Whisper converts speech to text.", SPEECH, False),
        ("Whisper把文字转成语音。", SPEECH, True),
        ("Whisper把语音转换为文字。", SPEECH, False),
        ("It transcribes text to speech.", "It transcribes speech to text.", True),
        ("Whisper recognises speech.", SPEECH, False),
        ("BERT turns reports into classes.", SPEECH, False),
    ],
)
def test_what_is_turned_into_what_is_not_turned_round(claim: str, source: str, turned: bool) -> None:
    assert turned_round(claim, [source], load_glossary()) is turned


def test_a_turned_sentence_is_the_opposite() -> None:
    shown = [passage(1, SPEECH)]
    checked = verifier(shown).check("Whisper把文字转成语音。", shown)
    assert (checked.verdict, checked.reason) == (Verdict.UNSUPPORTED, "the passage says the opposite")


def test_a_part_that_depends_on_the_one_before_it_is_no_claim_of_its_own() -> None:
    rows = ("AI产品经理 | 定义AI产品功能，平衡技术与业务需求", "机器学习研究员 | 开发新算法，发表论文")
    shown = [passage(1, *rows, kind=UnitKind.ROW)]
    check = verifier(shown).check
    assert check("定义AI产品功能，平衡技术与业务需求，这些是AI产品经理的工作。", shown).verdict is Verdict.SUPPORTED
    assert (
        check("定义AI产品功能，平衡技术与业务需求，这些是机器学习研究员的工作。", shown).verdict
        is not Verdict.SUPPORTED
    )


@pytest.mark.parametrize(
    ("kind", "verdict"), [(UnitKind.CODE, Verdict.PARTIAL), (UnitKind.SENTENCE, Verdict.SUPPORTED)]
)
def test_what_only_code_shows_is_supported_in_part(kind: UnitKind, verdict: Verdict) -> None:
    shown = [passage(1, "The Search tool calls the function google_search.", lang="en", kind=kind)]
    checked = verifier(shown).check("The Search tool calls the function google_search.", shown)
    assert checked.verdict is verdict
    assert ("code shows this" in checked.reason) is (kind is UnitKind.CODE)


@pytest.mark.parametrize(
    ("claim", "rows"),
    [
        (
            "后端程序员要追求全知全能。",
            ("后端程序员不用追求“全知全能”，要形成核心能力闭环。", "后端程序员要打好基础。"),
        ),
        ("RAG先回答，再查资料。", ("RAG是先查资料，然后才回答。", "用LangChain做RAG：查资料，回答。")),
        (
            "AI engineers who know an industry are less popular.",
            ("懂行业知识的AI工程师更受欢迎。", "AI工程师的行业需求高，受欢迎。"),
        ),
    ],
)
def test_what_the_nearest_unit_denies_no_other_unit_supports(claim: str, rows: tuple[str, ...]) -> None:
    shown = [passage(1, *rows)]
    checked = verifier(shown).check(claim, shown)
    assert (checked.verdict, checked.reason) == (Verdict.UNSUPPORTED, "the passage says the opposite")
    alone = [passage(1, rows[1])]
    assert verifier(alone).check(claim, alone).verdict is Verdict.SUPPORTED
