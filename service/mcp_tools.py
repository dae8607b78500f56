"""`search`, `fetch` and `ask` as programs call them by name: JSON arguments in, JSON out, Problem for what cannot be.

Nothing here knows the protocol; `service.mcp_server` speaks it. The names and shapes of `search` and `fetch` are those
that research assistants expect: results of id, title and url, then one document with its text.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

import anyio.to_thread
from pydantic import BaseModel, Field, ValidationError

from indexes.types import Filters, Hit
from service.asks import Asks
from service.problems import Json, Problem, body
from service.runtime import Runtime
from service.schemas import AnswerOut, Body, DocumentId, Lang, SectionOut, Text, primary
from service.serialise import answer_json, document_json, document_url
from service.settings import Settings
from service.types import Policy, Question

_ID = re.compile(r"(?P<document>.+?)(?:#char=(?P<start>\d{1,9}),(?P<end>\d{1,9}))?", re.DOTALL)


class SearchArguments(Body):
    query: Annotated[Text, Field(description="What to look for, in English or Chinese.")]
    k: int = Field(8, ge=1, le=50, description="How many passages at most.")
    lang: Lang | None = Field(None, description="Only passages in this language, such as `en` or `zh`.")


class FetchArguments(Body):
    id: Annotated[DocumentId, Field(description="An id from `search`, or of a document.")]


class AskArguments(Body):
    question: Annotated[Text, Field(description="What to answer, in English or Chinese.")]
    lang: Lang | None = Field(None, description="Language of the answer; by default that of the question.")


class Found(BaseModel):
    id: str = Field(description="For `fetch`: the document, and the passage in it as `#char=START,END` code points.")
    title: str
    url: str
    heading: list[str]
    text: str
    lang: str
    score: float


class SearchResult(BaseModel):
    generation: int
    results: list[Found]


class Passage(BaseModel):
    start: int
    end: int
    text: str


class Metadata(BaseModel):
    lang: str
    uri: str
    source: str | None
    sections: list[SectionOut]
    passage: Passage | None


class FetchResult(BaseModel):
    id: str
    title: str
    text: str
    url: str
    metadata: Metadata


@dataclass(frozen=True, slots=True)
class Tool:
    """`arguments` is checked before, and `result` describes what comes back."""

    name: str
    title: str
    description: str
    arguments: type[Body]
    result: type[BaseModel]


TOOLS = (
    Tool(
        "search",
        "Search the documents",
        "Passages nearest to a query, best first, each with the text that matched. The corpus holds English and "
        "Chinese; either finds the other.",
        SearchArguments,
        SearchResult,
    ),
    Tool(
        "fetch",
        "Read a document",
        "The whole text of one document, by an id that `search` gave.",
        FetchArguments,
        FetchResult,
    ),
    Tool(
        "ask",
        "Ask the documents",
        "An answer in which every sentence was checked against the passage it cites; status `refused` where the "
        "documents do not answer. Takes seconds.",
        AskArguments,
        AnswerOut,
    ),
)


@dataclass(frozen=True, slots=True)
class Desk:
    """Where the tools do their work; `base_url` (no slash at its end) makes links absolute, empty leaves them.

    `account` is whose tokens an answer counts as.
    """

    settings: Settings
    asks: Asks
    runtime: Callable[[], Awaitable[Runtime]]
    base_url: str = ""
    account: str = ""

    async def call(self, name: str, arguments: Mapping[str, Any]) -> Json:
        """Run one tool.

        Raises:
            KeyError: there is no such tool; Problem: it cannot be done, with a detail that says why.
        """
        works: dict[str, Callable[[Any], Awaitable[Json]]]
        works = {"search": self._search, "fetch": self._fetch, "ask": self._ask}
        work = works[name]
        tool = next(tool for tool in TOOLS if tool.name == name)
        return await work(_checked(tool.arguments, arguments))

    async def _search(self, given: SearchArguments) -> Json:
        self._check_length(given.query, "query")
        view = (await self.runtime()).holder.view
        search = partial(view.retriever.search, given.query, given.k, Filters(None, primary(given.lang)))
        hits = await anyio.to_thread.run_sync(search)
        return {"generation": view.generation.number, "results": [self._found(hit) for hit in hits]}

    def _found(self, hit: Hit) -> Json:
        chunk = hit.chunk
        return {
            "id": f"{chunk.document.id}#char={chunk.start},{chunk.end}",
            "title": chunk.document.title,
            "url": self.base_url + document_url(chunk.document.id, chunk.start, chunk.end),
            "heading": list(chunk.heading),
            "text": chunk.text,
            "lang": chunk.lang,
            "score": hit.score,
        }

    async def _fetch(self, given: FetchArguments) -> Json:
        generation = (await self.runtime()).generation
        match = _ID.fullmatch(given.id)
        name = match["document"] if match else given.id
        document = await anyio.to_thread.run_sync(generation.document, name)
        if document is None:
            raise Problem(404, "No document has this id: take one that `search` gave.", "document_not_found", "id")
        start, end = (int(match["start"] or 0), int(match["end"] or 0)) if match else (0, 0)
        shown = document_json(document)
        passage = {"start": start, "end": end, "text": document.text[start:end]} if end else None
        return {
            "id": given.id,
            "title": shown["title"],
            "text": shown["text"],
            "url": self.base_url + document_url(name, start, end if end else len(document.text)),
            "metadata": {key: shown[key] for key in ("lang", "uri", "source", "sections")} | {"passage": passage},
        }

    async def _ask(self, given: AskArguments) -> Json:
        """Strict whatever the service's policy: who calls by name may know nothing of verdicts."""
        self._check_length(given.question, "question")
        runtime = await self.runtime()
        question = Question(
            given.question, primary(given.lang), deadline_s=self.settings.deadline_s, policy=Policy.STRICT
        )
        asking = self.asks.open(runtime, question, self.account)
        try:
            return answer_json(await asking.answer())
        finally:
            await asking.close()

    def _check_length(self, text: str, name: str) -> None:
        most = self.settings.max_question_chars
        if len(text) > most:
            raise Problem(413, f"The {name} is longer than {most} characters.", f"{name}_too_long", name)


def _checked(model: type[Body], arguments: Mapping[str, Any]) -> Body:
    try:
        return model.model_validate(dict(arguments))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = "/".join(str(part) for part in first["loc"]) or "arguments"
        detail = f"{where}: {first['msg']}"[:300].encode("utf-8", "replace").decode()
        raise Problem(422, detail, "invalid_arguments") from None


def problem_text(problem: Problem) -> str:
    """What a program reads when a tool failed: why, and in how many seconds to try again."""
    wait = problem.headers.get("Retry-After")
    detail = str(body(problem, "/mcp", "")["detail"])
    return f"{detail} Try again in {wait} s." if wait else detail
