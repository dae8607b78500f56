"""A chat completion made of checked sentences: text, annotations, stop, length, and the chunks of its stream."""

import time
import uuid
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

from service.asks import Ask
from service.composing import on_own_line
from service.llm.types import LLM
from service.problems import Json, Problem, body
from service.serialise import answer_json, citation_json, hit_json
from service.sse import PING, Tick, data_line
from service.types import Answer, AnswerEvent, AnswerSentence, Evidence, Finished, SentenceChecked


@dataclass
class Completion:
    """Grows with the events of one answer; `text` never holds anything unchecked.

    Args:
        base_url: of this service, for the links of annotations; ends without a slash.
        most_tokens: longest text; a sentence that would exceed it is left out whole, for half of one was never checked.
    """

    model: str
    base_url: str
    stops: Sequence[str] = ()
    most_tokens: int | None = None
    llm: LLM | None = None
    include_usage: bool = False
    id: str = field(default_factory=lambda: f"chatcmpl-{uuid.uuid4().hex}")
    created: int = field(default_factory=lambda: int(time.time()))
    text: str = ""
    finish: str | None = None
    answer: Answer | None = None
    _end: int = 0
    _last: str = ""

    def add(self, event: AnswerEvent) -> str:
        """Take the next event; return the text it adds."""
        if self.finish is not None:
            return ""
        if isinstance(event, SentenceChecked):
            return self._extend(self._rendered(event.sentence))
        if isinstance(event, Finished):
            self.answer = event.answer
            rest = event.answer.text.removeprefix(self.text) if event.answer.text.startswith(self.text) else ""
            added = self._extend(rest)
            self.finish = self.finish or ("length" if event.answer.cut else "stop")
            return added
        return ""

    def _rendered(self, sentence: AnswerSentence) -> str:
        """As it stands in `Answer.text`, with what separates it from the one before."""
        marks = "".join(f"[{n}]" for n in sorted({citation.marker for citation in sentence.citations}))
        gap = sentence.start - self._end
        before = ("\n" if on_own_line(self._last, sentence.text) else " ") * gap
        between = " " * (sentence.end - sentence.start - len(sentence.text) - len(marks))
        self._end, self._last = sentence.end, sentence.text
        return before + sentence.text + between + marks

    def _extend(self, added: str) -> str:
        ends = [at for stop in self.stops if (at := (self.text + added).find(stop)) >= 0]
        if ends:
            added = (self.text + added)[: min(ends)][len(self.text) :]
            self.finish = "stop"
        if added and self._too_long(self.text + added):
            self.finish = "length"
            return ""
        self.text += added
        return added

    def _too_long(self, text: str) -> bool:
        if self.most_tokens is None:
            return False
        count = self.llm.count_tokens([text])[0] if self.llm else len(text)
        return count > self.most_tokens

    def annotations(self) -> list[Json]:
        """OpenAI's url_citation: the span is that of the sentence in the text."""
        if self.answer is None:
            return []
        return [
            {
                "type": "url_citation",
                "url_citation": {
                    "start_index": sentence.start,
                    "end_index": sentence.end,
                    "title": citation.chunk.document.title,
                    "url": self.base_url + str(citation_json(citation)["url"]),
                },
            }
            for sentence in self.answer.sentences
            if sentence.end <= len(self.text)
            for citation in sentence.citations
        ]

    def usage(self) -> Json | None:
        if self.answer is None:
            return None
        usage = self.answer.usage
        return {
            "prompt_tokens": usage.prompt_tokens,
            "completion_tokens": usage.completion_tokens,
            "total_tokens": usage.prompt_tokens + usage.completion_tokens,
            "prompt_tokens_details": {"cached_tokens": usage.cached_tokens},
        }

    def whole(self) -> Json:
        message = {"role": "assistant", "content": self.text, "refusal": None, "annotations": self.annotations()}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": self.finish}
        head = self._head("chat.completion")
        return head | {"choices": [choice], "usage": self.usage(), "career": self._native()}

    def chunk(self, delta: Json, **more: object) -> Json:
        finish = self.finish if "career" in more else None
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return self._head("chat.completion.chunk") | {"choices": [choice]} | more

    def usage_chunk(self) -> Json:
        return self._head("chat.completion.chunk") | {"choices": [], "usage": self.usage()}

    def _head(self, kind: str) -> Json:
        return {
            "id": self.id,
            "object": kind,
            "created": self.created,
            "model": self.model,
            "system_fingerprint": None,
        }

    def _native(self) -> Json | None:
        return answer_json(self.answer) if self.answer else None

    def last_chunk(self) -> Json:
        return self.chunk({"annotations": self.annotations()}, career=self._native())


async def collect(asking: Ask, completion: Completion) -> Json:
    """Step until the completion is finished; the rest of the answer is not written."""
    try:
        while completion.finish is None and not isinstance(step := await asking.step(), Tick):
            completion.add(step)
        end_early(asking, completion)
    finally:
        await asking.close()
    return completion.whole()


def end_early(asking: Ask, completion: Completion) -> None:
    """Where `stop` or `max_tokens` ended the text before the answer did, the answer is what was sent."""
    if completion.finish is not None and completion.answer is None:
        completion.answer = asking.end(completion.text)


async def stream_chunks(
    asking: Ask, first: AnswerEvent | Tick, completion: Completion, ping_s: float, request_id: str
) -> AsyncIterator[bytes]:
    """Server-sent events as OpenAI's clients read them; trouble is an `error` object, which they raise."""
    more: Json = {"usage": None} if completion.include_usage else {}
    try:
        yield data_line(completion.chunk({"role": "assistant", "content": ""}) | more | _evidence(first))
        step = first
        while step is not Tick.END and completion.finish is None:
            if isinstance(step, Tick):
                yield PING
            elif added := completion.add(step):
                yield data_line(completion.chunk({"content": added}) | more)
            if completion.finish is None:
                step = await asking.step(ping_s)
        end_early(asking, completion)
        yield data_line(completion.last_chunk() | more)
        if completion.include_usage:
            yield data_line(completion.usage_chunk())
        yield b"data: [DONE]\n\n"
    except Problem as problem:
        yield data_line(body(problem, "/v1/", request_id))


def _evidence(first: AnswerEvent | Tick) -> Json:
    """Sources are known before the first word."""
    if not isinstance(first, Evidence):
        return {}
    return {"career": {"hits": [hit_json(hit) for hit in first.retrieval.hits], "ms": first.retrieval.ms}}
