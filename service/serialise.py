"""Values as the native JSON of the contract: the same bytes from the command line, HTTP and the evaluation."""

from typing import Any
from urllib.parse import quote

from indexes.types import Document, DocumentInfo, Hit
from service.types import Answer, AnswerSentence, Citation

Json = dict[str, Any]


def answer_json(answer: Answer) -> Json:
    refusal = answer.refusal
    return {
        "id": answer.id,
        "question": answer.question,
        "lang": answer.lang,
        "status": answer.status.value,
        "text": answer.text,
        "sentences": [sentence_json(sentence) for sentence in answer.sentences],
        "citations": [citation_json(citation) for citation in answer.citations],
        "dropped": [{"text": dropped.text, "reason": dropped.reason} for dropped in answer.dropped],
        "refusal": None
        if refusal is None
        else {"reason": refusal.reason.value, "confidence": refusal.confidence, "nearest": list(refusal.nearest)},
        "retrieval": {"hits": len(answer.retrieval.hits), "ms": answer.retrieval.ms},
        "usage": {
            "prompt_tokens": answer.usage.prompt_tokens,
            "cached_tokens": answer.usage.cached_tokens,
            "completion_tokens": answer.usage.completion_tokens,
        },
        "timing": {
            "first_token_ms": answer.timing.first_token_ms,
            "first_sentence_ms": answer.timing.first_sentence_ms,
            "total_ms": answer.timing.total_ms,
        },
        "generation": answer.generation,
        "model": answer.model,
        "confidence": answer.confidence,
        "cut": answer.cut,
        "cached": answer.cached,
    }


def sentence_json(sentence: AnswerSentence) -> Json:
    return {
        "text": sentence.text,
        "verdict": sentence.verdict.value,
        "score": sentence.score,
        "citations": sorted({citation.marker for citation in sentence.citations}),
        "start": sentence.start,
        "end": sentence.end,
    }


def citation_json(citation: Citation) -> Json:
    chunk = citation.chunk
    return {
        "marker": citation.marker,
        "document_id": chunk.document.id,
        "chunk_id": chunk.id,
        "title": chunk.document.title,
        "heading": list(chunk.heading),
        "url": document_url(chunk.document.id, citation.start, citation.end),
        "lang": chunk.lang,
        "quote": citation.quote,
        "start": citation.start,
        "end": citation.end,
        "score": citation.score,
    }


def hit_json(hit: Hit, explain: bool = False) -> Json:
    chunk = hit.chunk
    shown: Json = {
        "rank": hit.rank,
        "score": hit.score,
        "document_id": chunk.document.id,
        "chunk_id": chunk.id,
        "title": chunk.document.title,
        "heading": list(chunk.heading),
        "text": chunk.text,
        "start": chunk.start,
        "end": chunk.end,
        "lang": chunk.lang,
        "found_by": [found.leg.value for found in hit.found_by],
    }
    if explain:
        shown["legs"] = [{"leg": found.leg.value, "score": found.score, "rank": found.rank} for found in hit.found_by]
        if hit.reranked is not None:
            shown["reranked"] = hit.reranked
        shown["units"] = [{"start": unit.start, "end": unit.end, "text": unit.text} for unit in hit.units]
    return shown


def document_json(document: Document) -> Json:
    sections = [{"heading": list(s.heading), "start": s.start, "end": s.end} for s in document.sections]
    return document_info_json(document.info) | {"text": document.text, "sections": sections}


def document_info_json(info: DocumentInfo) -> Json:
    return {"id": info.id, "uri": info.uri, "title": info.title, "lang": info.lang, "source": info.url}


def document_url(document_id: str, start: int, end: int) -> str:
    """Where the service shows these code points of a document."""
    return f"/api/documents/{quote(document_id, safe='')}#char={start},{end}"
