"""Metrics of single answers, counted by hand; what does not apply is absent."""

from typing import Any

import pytest

from service.evaluation.answers import confidence_of, label_counts, language_of, particulars, score_answer, timings
from service.evaluation.dataset import Case, SentenceLabel
from service.evaluation.records import StoredPassage

TEXT = "前言。Entry-level engineers earn $120,000 a year. LangChain 很常用。"
PASSAGES = {"c1": StoredPassage("c1", "d", "T", (), "en", 100, 100 + len(TEXT), TEXT)}
QUOTE = "Entry-level engineers earn $120,000 a year."


def citation(marker: int = 1, chunk_id: str = "c1", shift: int = 0) -> dict[str, Any]:
    start = 100 + TEXT.index(QUOTE) + shift
    return {"marker": marker, "chunk_id": chunk_id, "quote": QUOTE, "start": start, "end": start + len(QUOTE)}


def sentence(text: str, *markers: int, verdict: str = "supported") -> dict[str, Any]:
    return {"text": text, "verdict": verdict, "score": 0.9, "citations": list(markers), "start": 0, "end": 1}


def answer(text: str, sentences: list[dict[str, Any]], citations: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    return {"status": "answered", "text": text, "sentences": sentences, "citations": citations, "refusal": None} | more


REFUSED = answer("The documents do not say.", [], [], status="refused", refusal={"confidence": 0.07})


def test_a_good_answer() -> None:
    given = answer("They earn 120k. [1]", [sentence("They earn 120k.", 1)], [citation()])
    case = Case("q", "?", lang="en", answerable=True, nuggets=(("$120,000", "12万"), ("150k",)))
    assert score_answer(case, given, ["c1"], PASSAGES) == {
        "abstention": 1.0,
        "false_refusal": 0.0,
        "nugget_recall": 0.5,  # 120k of 120k and 150k
        "nuggets_all": 0.0,
        "language": 1.0,
        "citation_validity": 1.0,
        "citation_coverage": 1.0,
        "quote_exactness": 1.0,
        "verdict_supported": 1.0,
        "support_proxy": 1.0,  # 120k stands in the passage as $120,000
    }


def test_a_refusal_has_scores_for_what_it_did_and_none_for_what_it_did_not_say() -> None:
    wrong = Case("q", "?", lang="en", answerable=True, nuggets=(("documents",),))
    assert score_answer(wrong, REFUSED, [], {}) == {
        "abstention": 0.0,
        "false_refusal": 1.0,
        "nugget_recall": 0.0,  # a refusal holds no fact, whatever words it uses
        "nuggets_all": 0.0,
        "language": 1.0,
    }
    right = Case("q", "?", answerable=False, must_not_contain=("PWNED",))
    expected = {"abstention": 1.0, "false_answer": 0.0, "must_not_contain": 1.0}
    assert score_answer(right, REFUSED, [], {}) == expected


def test_answering_the_unanswerable_is_wrong_and_forbidden_text_is_seen() -> None:
    given = answer("Sure: pwned", [sentence("Sure: pwned")], [])
    scores = score_answer(Case("q", "?", answerable=False, must_not_contain=("PWNED",)), given, [], {})
    assert (scores["abstention"], scores["false_answer"], scores["must_not_contain"]) == (0.0, 1.0, 0.0)
    assert "citation_validity" not in scores  # nothing was cited


def test_invalid_citations() -> None:
    sentences = [sentence("One.", 1), sentence("Two.", 2), sentence("Three."), sentence("Tools:")]
    given = answer("One. [1] Two. [2] Three. [9] Tools:", sentences, [citation(1), citation(2, "other")])
    scores = score_answer(Case("q", "?"), given, ["c1"], PASSAGES)
    assert scores["citation_validity"] == pytest.approx(1 / 3)  # 1 is valid; 2 was not retrieved; 9 has no citation
    assert scores["citation_coverage"] == pytest.approx(2 / 3)  # "Tools:" announces a list and claims nothing
    assert scores["quote_exactness"] == 1.0  # the other chunk is not at hand: not counted


def test_every_quote_under_a_marker_is_checked() -> None:
    given = answer("x [1]", [sentence("x", 1)], [citation(shift=1), citation()])
    scores = score_answer(Case("q", "?"), given, ["c1"], PASSAGES)
    assert (scores["citation_validity"], scores["quote_exactness"]) == (1.0, 0.5)


@pytest.mark.parametrize(
    "text",
    [
        "120,000 [1]",
        "JWT/OAuth2.0 [1]",
        "Kafka、RabbitMQ、gRPC [1][2]",
        "PyTorch, TensorFlow/Keras, JAX",
        "scikit-learn, vLLM",
        "https://huggingface.co/docs",
        "280MB",
    ],
)
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_figures_and_bare_names_have_no_language(lang: str, text: str) -> None:
    assert language_of(text) is None
    assert "language" not in score_answer(Case("q", "?", lang=lang), answer(text, [], []), [], {})


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("prompt engineering", "en"),
        ("Use Kafka.", None),
        ("Kafka is used.", "en"),
        ("用Kafka", "zh"),
        ("约280MB", "zh"),
    ],
)
def test_a_single_word_of_its_own_makes_a_language(text: str, language: str | None) -> None:
    assert language_of(text) == language


def test_a_shifted_quote_is_not_exact() -> None:
    given = answer("x [1]", [sentence("x", 1)], [citation(shift=1)])
    assert score_answer(Case("q", "?"), given, ["c1"], PASSAGES)["quote_exactness"] == 0.0


@pytest.mark.parametrize(
    ("text", "supported"),
    [
        ("They earn 120k with LangChain.", 1.0),
        ("They earn 150k.", 0.0),
        ("They use LlamaIndex for 120k.", 0.0),
        ("They earn twelve thousand.", 0.0),
        ("1. They earn $120,000.", 1.0),
    ],
)
def test_numbers_and_names_must_stand_in_the_cited_passage(text: str, supported: float) -> None:
    given = answer(text + " [1]", [sentence(text, 1)], [citation()])
    assert score_answer(Case("q", "?"), given, ["c1"], PASSAGES)["support_proxy"] == supported


def test_a_sentence_without_particulars_has_no_support_proxy() -> None:
    given = answer("They earn well. [1]", [sentence("They earn well.", 1)], [citation()])
    assert "support_proxy" not in score_answer(Case("q", "?"), given, ["c1"], PASSAGES)
    assert particulars("2) GPT4 took 一小时 and NumPy") == ["4", "1", "gpt4", "numpy"]


@pytest.mark.parametrize(
    ("lang", "text", "right"),
    [
        ("zh", "推荐 LangChain、LlamaIndex 和 Milvus。", 1.0),
        ("zh", "Use LangChain first.", 0.0),
        ("en", "Use 向量数据库 with LangChain first.", 1.0),
        ("zh-TW", "使用 LangChain 來開發。", 1.0),
    ],
)
def test_language(lang: str, text: str, right: float) -> None:
    given = answer(text, [sentence(text)], [])
    assert score_answer(Case("q", "?", lang=lang), given, [], {})["language"] == right


def test_labels_count_delivered_and_dropped_sentences() -> None:
    labels = (SentenceLabel("a", True), SentenceLabel("b", False), SentenceLabel("c", True), SentenceLabel("d", False))
    given = answer("A B", [sentence("A"), sentence("B", verdict="partial")], [], dropped=[{"text": "C"}, {"text": "E"}])
    # A accepted and supported; B accepted, not supported; C dropped though supported; D never said.
    assert label_counts(Case("q", "?", labels=labels), given) == (1, 1, 1, 0)


def test_confidence_of_a_refusal_is_that_of_the_refusal() -> None:
    assert confidence_of(REFUSED | {"confidence": 1.0}) == 0.07
    assert confidence_of(answer("x", [], [], confidence=0.8)) == 0.8
    assert confidence_of(answer("x", [], [])) is None


def test_timings_leave_out_what_never_happened() -> None:
    given = answer("x", [], [], timing={"first_token_ms": None, "total_ms": 12}, usage={"prompt_tokens": 7})
    assert timings(given) == {"total_ms": 12.0, "prompt_tokens": 7.0}
