"""Metrics of one answer, from its native JSON: nuggets, citations, quotes, support, refusal, language.

A metric that does not apply to a case is absent from its scores; it is never zero.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from indexes.text import detect_lang
from service.evaluation.dataset import Case
from service.evaluation.matching import fold, holds_any, occurs, share_held, without_markers
from service.evaluation.numbers import NUMBER
from service.evaluation.records import Json, StoredPassage

Passages = Mapping[str, StoredPassage]
_MARKER = re.compile(r"\[(\d+)\]")
_NOT_A_CLAIM = re.compile(r"[:：?？]\s*$|^[\W\d_]*$")
_NUMBER = re.compile(NUMBER)
_OWN_WORD = re.compile(r"[\u3400-\u9fff]|(?<![A-Za-z0-9._+#/-])[a-z]{2,}(?![A-Za-z0-9_+#/-]|\.\w|://)")
"""A Chinese character, or a word in small letters that is no part of a name (scikit-learn, api.openai.com)."""
_NAME = re.compile(r"(?<![A-Za-z])[A-Z][A-Za-z]*(?:[A-Z0-9][A-Za-z0-9]*)+(?![A-Za-z])")


def is_refused(answer: Json) -> bool:
    return bool(answer["status"] == "refused")


def confidence_of(answer: Json) -> float | None:
    """Confidence that the corpus answers, in [0, 1]; None where the answer gives none."""
    refusal = answer.get("refusal")
    value = refusal.get("confidence") if refusal else answer.get("confidence")
    return None if value is None else float(value)


def score_answer(case: Case, answer: Json, context: Sequence[str], passages: Passages) -> dict[str, float]:
    """Every metric of the answer's content that applies."""
    scores = abstention(case, answer)
    text = without_markers(str(answer["text"]))
    if case.answerable is not False and case.nuggets:
        held = 0.0 if is_refused(answer) else share_held(fold(text), case.nuggets)
        scores["nugget_recall"] = held
        scores["nuggets_all"] = float(held == 1.0)
    if case.must_not_contain:
        folded = fold(text)
        scores["must_not_contain"] = float(not any(holds_any(folded, (item,)) for item in case.must_not_contain))
    if case.lang and (language := language_of(text)):
        scores["language"] = float(language == detect_lang_code(case.lang))
    if not is_refused(answer):
        scores |= citations(answer, context, passages)
        scores |= support(answer, passages)
    return scores


def language_of(text: str) -> str | None:
    """zh or en; None for what belongs to no language, as figures or a bare list of names (JWT/OAuth2.0, PyTorch)."""
    return detect_lang(text) if _OWN_WORD.search(text) else None


def detect_lang_code(lang: str) -> str:
    """zh-TW and zh-Hant are zh."""
    return re.split("[-_]", lang.lower())[0]


def abstention(case: Case, answer: Json) -> dict[str, float]:
    """`abstention` is whether answering or refusing was right; the two kinds of error apply to one class each."""
    if case.answerable is None:
        return {}
    refused = is_refused(answer)
    right = {"abstention": float(refused is not case.answerable)}
    return right | ({"false_refusal": float(refused)} if case.answerable else {"false_answer": float(not refused)})


def citations(answer: Json, context: Sequence[str], passages: Passages) -> dict[str, float]:
    """Validity over markers and citations, coverage over sentences that claim something, exactness over quotes."""
    scores: dict[str, float] = {}
    chunks: dict[int, set[str]] = {}
    for citation in answer["citations"]:
        chunks.setdefault(citation["marker"], set()).add(citation["chunk_id"])
    emitted = {int(marker) for marker in _MARKER.findall(answer["text"])} | chunks.keys()
    if emitted:
        given = set(context)
        valid = [m for m in emitted if m in chunks and (not given or chunks[m] <= given)]
        scores["citation_validity"] = len(valid) / len(emitted)
    claims = [s for s in answer["sentences"] if not _NOT_A_CLAIM.search(without_markers(s["text"]))]
    if claims:
        scores["citation_coverage"] = sum(any(m in chunks for m in s["citations"]) for s in claims) / len(claims)
    checked = [exact for c in answer["citations"] if (exact := quote_is_exact(c, passages)) is not None]
    if checked:
        scores["quote_exactness"] = sum(checked) / len(checked)
    return scores


def quote_is_exact(citation: Json, passages: Passages) -> bool | None:
    """Whether the quote is the stored text at its offsets; None when that part of the document is not at hand."""
    passage = passages.get(citation["chunk_id"])
    if passage is None:
        return None
    start, end = citation["start"] - passage.start, citation["end"] - passage.start
    return bool(0 <= start <= end <= len(passage.text) and passage.text[start:end] == citation["quote"])


def support(answer: Json, passages: Passages) -> dict[str, float]:
    """`support_proxy`: of the cited sentences with a number or a coined name (LangChain, GPT4), those whose every one
    stands in a cited passage. It misses inventions made of plain words. `verdict_supported`: the answerer's own view.
    """
    scores: dict[str, float] = {}
    sentences = answer["sentences"]
    if sentences:
        scores["verdict_supported"] = sum(s["verdict"] == "supported" for s in sentences) / len(sentences)
    outcomes = []
    for sentence in sentences:
        cited = {c["chunk_id"] for c in answer["citations"] if c["marker"] in sentence["citations"]}
        texts = [passages[chunk_id].text for chunk_id in cited if chunk_id in passages]
        wanted = particulars(without_markers(sentence["text"]))
        if texts and wanted:
            folded = [fold(text).counted for text in texts]
            outcomes.append(all(any(occurs(item, text) for text in folded) for item in wanted))
    if outcomes:
        scores["support_proxy"] = sum(outcomes) / len(outcomes)
    return scores


def particulars(sentence: str) -> list[str]:
    """Numbers and coined Latin names of a sentence, folded; a list number at its start is none."""
    body = re.sub(r"^\s*(?:[-*•]|\d{1,2}[.)、])\s*", "", sentence)
    names = [fold(name).counted for name in _NAME.findall(body)]
    return list(dict.fromkeys(_NUMBER.findall(fold(body).counted) + names))


def label_counts(case: Case, answer: Json) -> tuple[int, int, int, int]:
    """Verdicts against people's labels: true and false positives, false and true negatives.

    A sentence counts as accepted when it was delivered as supported or partial, as rejected when it was delivered as
    unsupported or dropped; sentences nobody labelled do not count.
    """
    accepted: dict[str, bool] = {fold(s["text"]).plain: s["verdict"] != "unsupported" for s in answer["sentences"]}
    accepted |= {fold(item["text"]).plain: False for item in answer.get("dropped") or ()}
    counts = {(True, True): 0, (True, False): 0, (False, True): 0, (False, False): 0}
    for label in case.labels:
        verdict = accepted.get(fold(label.sentence).plain)
        if verdict is not None:
            counts[verdict, label.supported] += 1
    return counts[True, True], counts[True, False], counts[False, True], counts[False, False]


def timings(answer: Json) -> dict[str, float]:
    """Milliseconds and tokens, under the names of the summary; what never happened is absent."""
    timing, usage = answer.get("timing") or {}, answer.get("usage") or {}
    values: dict[str, Any] = {name: timing.get(name) for name in ("first_token_ms", "first_sentence_ms", "total_ms")}
    values |= {name: usage.get(name) for name in ("prompt_tokens", "cached_tokens", "completion_tokens")}
    return {name: float(value) for name, value in values.items() if value is not None}
