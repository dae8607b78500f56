"""A misread 万 is put right only by a row's own number, and a `No.` in front does not damn the statement behind it."""

import pytest

from service.grounding.glossary import load_glossary
from service.mending import rescaled, without_authors, without_expansions, without_particle, without_repeats
from service.types import Policy, Question
from tests.conftest import chunk_of
from tests.service.answering import ScriptedLLM, WordChecker, answerer_of, hit_of


@pytest.mark.parametrize(
    ("text", "row", "mended"),
    [
        ("It has over 2 billion users.", "为超过 2 亿用户推荐", ["It has over 200 million users."]),
        ("It bears 10,000 QPS.", "QPS 可达 10 万", ["It bears 100,000 QPS."]),
        ("It has a billion parameters.", "千亿参数", ["It has 100 billion parameters."]),
        ("It pays $2 million a year.", "年薪20万美元", ["It pays $200,000 a year."]),
        ("It runs tens of billions of parameters.", "部署数十亿参数模型", ["It runs billions of parameters."]),
        ("It has millions of users.", "上千万用户", ["It has tens of millions of users."]),
        ("It runs billions of parameters.", "部署数十亿参数模型", []),
        ("It bears 20,000 QPS.", "QPS 可达 10 万", []),
        ("It bears 10,000 QPS.", "QPS 可达 100", []),
        ("It takes 10,000 hours.", "年薪10万美元", []),
        ("Stage 2 comes first.", "第二阶段有2万人", []),
        ("It bears 100,000 QPS.", "QPS 可达 10 万", []),
    ],
)
def test_a_number_off_by_a_power_of_ten_takes_that_of_the_row(text: str, row: str, mended: list[str]) -> None:
    assert list(rescaled(text, [row])) == mended


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("No. It runs 37B.", "It runs 37B."),
        ("Yes, Redis caches it.", "Redis caches it."),
        ("不是，后端不必做算法专家。", "后端不必做算法专家。"),
        ("不，后端不必。", "后端不必。"),
        ("No one runs it.", None),
        ("No, it does not.", None),
        ("没有人运行它。", None),
        ("No.", None),
    ],
)
def test_the_statement_behind_the_particle(text: str, rest: str | None) -> None:
    assert without_particle(text) == rest


@pytest.mark.parametrize(
    ("text", "row", "mended"),
    [
        ("Learn RAG (Relevant Answer Generation) first.", "先学RAG（检索增强生成）", "Learn RAG first."),
        (
            "Learn RAG (Retrieval-Augmented Generation) first.",
            "先学RAG",
            "Learn RAG (Retrieval-Augmented Generation) first.",
        ),
        ("BPE (Byte Pair Encoding) splits.", "BPE的全称是Byte-Pair Encoding", "BPE (Byte Pair Encoding) splits."),
        ("BPE (Byte Pair Encoding) splits.", "这篇论文讲的是BPE原理", "BPE splits."),
        ("Use AWS (storage and computing).", "AWS（S3 存储、EC2 计算）", "Use AWS (storage and computing)."),
        ("Use CPU (cheap ones).", "用CPU", "Use CPU (cheap ones)."),
        ("Use DVC (data version control).", "DVC（数据版本控制）、MLflow", "Use DVC (data version control)."),
        ("Use DVC (data version control).", "DVC（2.0）、MLflow", "Use DVC."),
    ],
)
def test_an_abbreviation_is_not_spelled_out_from_memory(text: str, row: str, mended: str) -> None:
    assert without_expansions(text, [row], load_glossary()) == mended


SPELLED = "Learn RAG (Relevant Answer Generation) first."


@pytest.mark.parametrize(
    ("policy", "text", "dropped"),
    [
        (Policy.STRICT, "Learn RAG first. [1]", [(SPELLED, "spells out an abbreviation as no passage does")]),
        (Policy.OFF, SPELLED, []),
    ],
)
def test_a_draft_is_delivered_without_what_only_the_model_spells_out(
    policy: Policy, text: str, dropped: list[tuple[str, str]]
) -> None:
    row = hit_of(chunk_of("Learn RAG first."))
    question = Question("What should I learn first?", lang="en", policy=policy)
    answer = answerer_of([row], ScriptedLLM([SPELLED])).answer(question)
    assert (answer.text, [(cut.text, cut.reason) for cut in answer.dropped]) == (text, dropped)


@pytest.mark.parametrize(
    ("text", "row", "mended"),
    [
        (
            'Read "BERT" by Google, and "Attention" by Vaswani et al.',
            "《BERT》《Attention》",
            'Read "BERT", and "Attention"',
        ),
        ('Read "BERT" by Google.', "Google的《BERT》", 'Read "BERT" by Google.'),
        ('Read "Path" by A. B. Chugani.', "《Path》", 'Read "Path".'),
        ('Match "cheap phone" by price.', "便宜手机", 'Match "cheap phone" by price.'),
    ],
)
def test_makers_known_from_memory_are_left_out(text: str, row: str, mended: str) -> None:
    assert without_authors(text, [row]) == mended


def test_what_is_said_twice_over_is_said_once() -> None:
    assert without_repeats("Tokenization (tokenization) is old (Old).") == "Tokenization is old."
    assert without_repeats("Retrieval (of rows) and RAG (retrieval).") == "Retrieval (of rows) and RAG (retrieval)."


class Numbers(WordChecker):
    """Supports what stands word for word in a passage; a wrong number is told as the verifier tells it."""

    def check(self, sentence, passages, **more):  # type: ignore[no-untyped-def]
        from dataclasses import replace

        checked = super().check(sentence, passages, **more)
        known = sentence in " ".join(passage.hit.chunk.text for passage in passages)
        return checked if known else replace(checked, reason="number 10,000 is in no passage")


def test_the_mended_sentence_is_delivered_and_the_wrong_one_listed() -> None:
    right = "It bears 100,000 QPS."
    row = hit_of(chunk_of(f"{right} 可达10万。", heading=("QPS",)))
    answer = answerer_of([row], ScriptedLLM(["It bears 10,000 QPS."]), checker=Numbers()).answer(
        Question("How many QPS does it bear?", lang="en")
    )
    assert answer.sentences[0].text == right
    assert [(d.text, d.reason) for d in answer.dropped] == [
        ("It bears 10,000 QPS.", "number 10,000 is in no passage"),
    ]


def test_the_statement_is_delivered_without_its_particle() -> None:
    row = hit_of(chunk_of("Redis caches hot data."))
    answer = answerer_of([row], ScriptedLLM(["No. Redis caches hot data."])).answer(
        Question("Does Redis forget hot data?", lang="en")
    )
    assert answer.text == "Redis caches hot data. [1]"
