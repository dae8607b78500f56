"""A sentence is supported by what the passages say; every way of saying something else is caught with its reason."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexes.errors import DamagedError
from service.grounding import FEATURES, GroundingParams
from service.grounding.brackets import mispaired
from service.grounding.enumeration import runs_of
from service.grounding.glossary import load_glossary
from service.grounding.names import holds, latin_tokens, names
from service.types import Verdict
from tests.service.grounding_doubles import passage, verifier

PRIORITY = "1. 第一优先级：基础技术能力（编程、网络、数据库），加上AI核心适配能力（模型部署、向量数据库）。"
PASSAGES = [
    passage(1, PRIORITY, "2. 第二优先级：工程化与架构能力（容器化和高可用设计），加上数据处理能力（Flink/Kafka）。"),
    passage(2, "Netflix借助 AI 为超过 2 亿用户推荐内容。", "Tesla 部署 AI 来实现自动驾驶。"),
    passage(3, "DeepSeek-V3的参数有671B，而每次只激活37B。", "传统后端转型AI工程师：先学RAG，之后再学微调。"),
    passage(4, "| MLOps工程师 | 运维与自动化 |", "| 数据科学家 | 数据分析与洞察 |", context="相关角色"),
    passage(5, "Companies pay senior engineers 300,000 dollars.", "Docker is not required for beginners.", lang="en"),
    passage(6, "BPE的优势是可以处理未见过的词。", "AI 工程师的工作范围比传统开发人员更广。"),
]
VERIFIER = verifier(PASSAGES)


@pytest.mark.parametrize(
    ("sentence", "marker", "quote"),
    [
        (
            "The first priority is programming, networking, databases, model deployment and vector databases.",
            1,
            PRIORITY,
        ),
        ("Netflix recommends content to over 200 million users.", 2, "Netflix借助 AI 为超过 2 亿用户推荐内容。"),
        ("Netflix给超过两亿用户推荐内容。", 2, "Netflix借助 AI 为超过 2 亿用户推荐内容。"),
        ("DeepSeek-V3有671B参数，每次激活37B。", 3, "DeepSeek-V3的参数有671B，而每次只激活37B。"),
        ("Backend developers learn RAG first, then fine-tuning.", 3, "传统后端转型AI工程师：先学RAG，之后再学微调。"),
        ("MLOps engineers care about operations and automation.", 4, "| MLOps工程师 | 运维与自动化 |"),
        ("公司付给高级工程师30万美元。", 5, "Companies pay senior engineers 300,000 dollars."),
        ("Docker is not required for beginners.", 5, "Docker is not required for beginners."),
    ],
)
def test_supported_with_its_quote(sentence: str, marker: int, quote: str) -> None:
    checked = VERIFIER.check(sentence, PASSAGES)
    assert (checked.verdict, checked.reason) == (Verdict.SUPPORTED, "")
    assert [(citation.marker, citation.quote) for citation in checked.citations] == [(marker, quote)]


@pytest.mark.parametrize(
    ("sentence", "reason"),
    [
        ("Netflix recommends content to over 2 billion users.", "number 2 billion is in no passage"),
        ("The first priority includes Kubernetes, programming and databases.", "name Kubernetes is in no passage"),
        ("第五优先级是编程、网络和数据库。", "number 第五 is in no passage"),
        ("DeepSeek-V3 has 37B parameters and activates 671B each time.", "the passage says this of something else"),
        ("Backend developers learn fine-tuning first, then RAG.", "the passage has it in the opposite order"),
        ("Data scientists care about operations and automation.", "no passage says this"),
        ("BPE不能处理未见过的词。", "the passage says the opposite"),
        ("Docker is required for beginners.", "the passage says the opposite"),
        ("传统开发人员的工作范围比AI工程师更广。", "the passage has it in the opposite order"),
        ("The first priority is based on the core ability combination.", "says nothing"),
        ("以下是相关内容：", "says nothing"),
        ("Bananas are yellow fruit from Ecuador.", "name Bananas is in no passage"),
    ],
)
def test_not_supported_with_its_reason(sentence: str, reason: str) -> None:
    checked = VERIFIER.check(sentence, PASSAGES)
    assert (checked.verdict is Verdict.SUPPORTED, checked.reason) == (False, reason)


def test_a_name_of_the_question_may_be_repeated_but_supports_nothing() -> None:
    question = "Does Huawei use RAG?"
    assert VERIFIER.check("Huawei uses RAG.", PASSAGES, question=question).reason == "says nothing"
    without = VERIFIER.check("Huawei: Netflix recommends content to over 200 million users.", PASSAGES)
    assert without.reason == "name Huawei is in no passage"


def test_a_name_of_the_question_does_not_take_over_the_row_of_another_name() -> None:
    rows = [passage(1, "视频分析：Gemini能处理1小时视频。", "图像理解：GPT-4V能看懂图表。")]
    checker = verifier(rows)
    asked = "Claude 能处理多长的视频?"
    wrong = checker.check("Claude能处理1小时视频。", rows, question=asked)
    assert (wrong.verdict, wrong.reason) == (Verdict.UNSUPPORTED, "the passage says this of something else")
    right = checker.check("Gemini能处理1小时视频。", rows, question="Gemini 能处理多长的视频?")
    assert right.verdict is Verdict.SUPPORTED


def test_a_bound_is_an_answer_where_its_number_is_too_small_to_count() -> None:
    rows = [passage(1, "后端语言（Java/Go/Python/Rust）至少精通1门。")]
    checker = verifier(rows)
    asked = "How many programming languages must a backend developer master?"
    said = "A backend developer must master at least one programming language."
    assert checker.check(said, rows, question=asked).reason != "says nothing"
    again = checker.check("A backend developer must master programming languages.", rows, question=asked)
    assert again.reason == "says nothing"


@pytest.mark.parametrize(
    ("sentence", "found"),
    [
        ("Systematic Thinking: it breaks problems down.", []),
        ("Debugging and Fault Exclusion: it finds errors.", []),
        ("Stable Diffusion: it draws pictures.", ["Diffusion"]),
        ("Neptune Kraken: it draws pictures.", ["Neptune", "Kraken"]),
        ("We use Stable Diffusion to draw.", ["Stable", "Diffusion"]),
    ],
)
def test_capitals_before_a_colon_make_a_heading_and_no_name(sentence: str, found: list[str]) -> None:
    assert names(sentence, load_glossary(), {"stable", "diffusion"}, chinese=False) == found


def test_an_item_takes_the_role_from_its_lead_in() -> None:
    right = VERIFIER.check("Operations and automation", PASSAGES, lead_in="MLOps engineers care about:")
    wrong = VERIFIER.check("Operations and automation", PASSAGES, lead_in="Data scientists care about:")
    assert right.verdict is Verdict.SUPPORTED
    assert (wrong.verdict, wrong.citations) == (Verdict.UNSUPPORTED, ())


@pytest.mark.parametrize(
    ("sentence", "verdict"),
    [
        ("初级AI工程师负责AI组件的实现和测试，工作时有高级工程师指导。", Verdict.SUPPORTED),
        ("高级工程师负责AI组件的实现和测试，工作时有高级工程师指导。", Verdict.UNSUPPORTED),
        ("Senior AI engineers implement and test AI components.", Verdict.UNSUPPORTED),
    ],
)
def test_what_is_said_of_one_level_in_passing_is_not_its_own(sentence: str, verdict: Verdict) -> None:
    junior = "1. 初级AI工程师\n   - 负责AI组件的实现和测试\n   - 工作时有高级工程师指导"
    passages = [passage(1, junior, "2. 中级AI工程师\n   - 独立设计系统组件")]
    assert verifier(passages).check(sentence, passages).verdict is verdict


LOGS = "2. 对日志分析（ELK/Loki）和性能监控（Prometheus）都熟悉；用 Spark 处理 TB 级数据；在不中断服务的前提下更新。"


@pytest.mark.parametrize(
    ("sentence", "reason"),
    [
        ("日志分析用ELK或Loki，性能监控用Prometheus。", ""),
        ("日志分析用Prometheus，性能监控用ELK或Loki。", "the passage says this of something else"),
        ("Prometheus is for log analysis, and ELK and Loki are for performance monitoring.", "something else"),
        ("用Spark处理PB级数据。", "name PB is in no passage"),
        ("更新时必须中断服务。", "the passage says the opposite"),
    ],
)
def test_brackets_sizes_and_interruptions(sentence: str, reason: str) -> None:
    passages = [passage(1, LOGS)]
    checked = verifier(passages).check(sentence, passages)
    assert (checked.verdict is Verdict.UNSUPPORTED) == bool(reason)
    assert reason in checked.reason


@pytest.mark.parametrize(
    ("sentence", "crosses"),
    [
        ("TensorRT converts models and ONNX accelerates inference.", True),
        ("TensorRT accelerates inference and ONNX converts models.", False),
        ("TensorRT, ONNX and Optuna tune and compress models.", False),
        ("Optuna 用于推理加速。", True),
        ("推理加速和模型转换", False),
        ("TensorRT：推理加速和模型转换。", True),
        ("TensorRT：推理加速，ONNX做模型转换。", False),
    ],
)
def test_what_stands_in_brackets_belongs_to_the_words_before(sentence: str, crosses: bool) -> None:
    row = "模型调优与压缩 | TensorRT（推理加速）、ONNX（模型转换）、Optuna（超参优化） | 手机端部署（用 ONNX）"
    assert mispaired(sentence, [row], load_glossary()) is crosses
    assert not mispaired(sentence, ["TensorRT（推理加速）"], load_glossary()), "one bracket leaves nothing to mistake"


@pytest.mark.parametrize(
    ("sentence", "crosses"),
    [
        ("Spark cleans the users' click streams.", False),  # The third cell says so itself.
        ("Airflow cleans the users' click streams.", True),
        ("Spark is for scheduling tasks.", True),
    ],
)
def test_what_another_cell_says_of_a_name_is_not_taken_from_its_sibling(sentence: str, crosses: bool) -> None:
    row = "管道 | Kafka（实时数据流）、Airflow（任务调度）、Spark（分布式处理） | 日志（由 Spark 清洗用户点击流数据）"
    assert mispaired(sentence, [row], load_glossary()) is crosses


@pytest.mark.parametrize(
    ("sentence", "found"),
    [
        ("It needs 3 TB of disk and 64GB of memory.", []),
        ("需要3 TB磁盘。", []),
        ("PB-scale data", ["PB"]),
        ("用Spark处理PB级数据。", ["Spark", "PB"]),
    ],
)
def test_a_size_is_a_name_only_without_its_number(sentence: str, found: list[str]) -> None:
    assert names(sentence, load_glossary(), chinese=not sentence.isascii()) == found


@pytest.mark.parametrize(
    ("sentence", "found"),
    [
        ("It loads all-mpnet-base-v2.", ["all-mpnet-base-v2"]),
        ("We embed with text-embedding-3-small here.", ["text-embedding-3-small"]),
        ("It is a state-of-the-art model.", []),
        ("It takes a 3-year-old plan.", []),
        ("Junior role: Annual salary of $120,000.", []),
    ],
)
def test_a_name_with_dashes_and_numbers_is_one_name(sentence: str, found: list[str]) -> None:
    assert names(sentence, load_glossary(), chinese=False) == found


def test_such_a_name_is_not_held_by_one_that_differs() -> None:
    tokens = latin_tokens("载入all-MiniLM-L6-v2模型")
    assert holds(tokens, "all-MiniLM-L6-v2", load_glossary())
    assert not holds(tokens, "all-mpnet-base-v2", load_glossary())


@pytest.mark.parametrize("sentence", ["Learn Kafka, Airflow and Flink.", "要学Kafka、Airflow和Flink."])
def test_the_last_name_of_a_list_is_read_without_the_full_stop(sentence: str) -> None:
    assert runs_of(sentence, load_glossary(), chinese=not sentence.isascii()) == (
        frozenset(("kafka", "airflow", "flink")),
    )


def test_two_sentences_in_one_get_two_citations() -> None:
    checked = VERIFIER.check("Netflix推荐内容给超过2亿用户，DeepSeek-V3的参数有671B。", PASSAGES)
    assert [citation.marker for citation in checked.citations] == [2, 3]


def test_a_long_row_is_cited_by_the_cells_that_matter() -> None:
    row = (
        "| 模型调优与压缩 | TensorRT（推理加速）、ONNX（模型转换）、Optuna（超参优化） | "
        + "边缘设备部署场景；" * 9
        + " |"
    )
    passages = [passage(1, row)]
    (citation,) = verifier(passages).check("ONNX用于模型转换，Optuna用于超参优化。", passages).citations
    assert citation.quote == "TensorRT（推理加速）、ONNX（模型转换）、Optuna（超参优化）"


def test_without_passages_nothing_is_supported() -> None:
    assert VERIFIER.check("Netflix has 200 million users.", []).reason == "no passage was given"


WORDS = [
    "Netflix",
    "2亿",
    "先学",
    "RAG",
    "not",
    "200 million",
    "[1]",
    "。",
    "MLOps工程师",
    "|",
    "第",
    "-",
    "671B",
    "从",
    "到",
    "than",
]


@settings(max_examples=150, deadline=None)
@given(
    st.one_of(st.text(max_size=60), st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join)), st.text(max_size=20)
)
def test_garbage_gets_exact_quotes_and_valid_markers(sentence: str, question: str) -> None:
    checked = VERIFIER.check(sentence, PASSAGES, question=question, hints=(1, 99))
    texts = {item.marker: item.hit.chunk for item in PASSAGES}
    assert (checked.reason == "") == (checked.verdict is Verdict.SUPPORTED)
    assert (checked.citations == ()) == (checked.verdict is Verdict.UNSUPPORTED)
    assert 0.0 <= checked.score <= 1.0
    for citation in checked.citations:
        chunk = texts[citation.marker]
        assert citation.chunk == chunk
        assert chunk.start <= citation.start < citation.end <= chunk.end
        assert citation.quote == chunk.text[citation.start - chunk.start : citation.end - chunk.start]


def test_the_shipped_parameters_fit_the_features_and_say_where_they_are_from() -> None:
    params = GroundingParams.load()
    assert set(params.weights) == set(FEATURES)
    assert 0 < params.partial <= params.supported < 1
    assert {"date", "commit", "embedder", "fitted_on", "held_out"} <= set(params.provenance)


def test_parameters_of_other_features_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "grounding.json"
    path.write_text(json.dumps({"weights": {"x": 1}, "bias": 0, "supported": 0.5, "partial": 0.3, "provenance": {}}))
    with pytest.raises(DamagedError, match="fit it again"):
        GroundingParams.load(path)
    path.write_text("[]")
    with pytest.raises(DamagedError, match="fit them again"):
        GroundingParams.load(path)
