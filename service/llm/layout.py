"""Where everything of a prompt stands, in tokens: what comes before the passages, each passage, what comes after."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import takewhile
from typing import Protocol

from indexes.errors import EngineError
from service.llm.template import ChatTemplate, Piece
from service.llm.types import Prompt


class Tokenizer(Protocol):
    def tokenize(self, text: str, *, special: bool = False) -> list[int]: ...

    def with_bos(self, tokens: list[int]) -> list[int]: ...


@dataclass(frozen=True, slots=True)
class Layout:
    """Token ids of a prompt.

    `base` is the head as it would be without history: states of passages are computed after it, so that they can be
    reused whatever was said before. Without history `head == base`.
    """

    base: tuple[int, ...]
    head: tuple[int, ...]
    passages: tuple[tuple[int, ...], ...]
    tail: tuple[int, ...]

    @property
    def size(self) -> int:
        return len(self.head) + sum(map(len, self.passages)) + len(self.tail)

    @property
    def shared(self) -> int:
        """How many tokens head and base have in common at their beginning."""
        pairs = zip(self.base, self.head, strict=False)
        return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))

    @property
    def tokens(self) -> tuple[int, ...]:
        return (*self.head, *(token for passage in self.passages for token in passage), *self.tail)


def lay_out(tokenizer: Tokenizer, template: ChatTemplate, prompt: Prompt) -> Layout:
    """Tokenise each part by itself, so that the tokens of a passage do not depend on its neighbours.

    Raises:
        EngineError: the chat template cannot hold the conversation.
    """
    rendered = template.render(prompt)
    head = _tokens(tokenizer, rendered.head)
    base = head
    if prompt.history:
        base = _tokens(tokenizer, template.render(Prompt(prompt.system, (), "")).head)
    return Layout(
        base=tuple(tokenizer.with_bos(base)),
        head=tuple(tokenizer.with_bos(head)),
        passages=tuple(tuple(tokenizer.tokenize(text)) for text in prompt.passages),
        tail=tuple(tokenizer.tokenize(prompt.request) + _tokens(tokenizer, rendered.tail)),
    )


def _tokens(tokenizer: Tokenizer, pieces: Iterable[Piece]) -> list[int]:
    return [token for piece in pieces for token in tokenizer.tokenize(piece.text, special=piece.template)]


def check_fits(layout: Layout, context_tokens: int, trained_tokens: int) -> None:
    """Raises: EngineError: there is no room for the prompt and one token more; the message counts and says the cure."""
    if layout.size < context_tokens:
        return
    cure = "Show fewer or shorter passages, or shorten the history"
    if trained_tokens > context_tokens:
        cure += f", or raise CAREER_CONTEXT_TOKENS (the model was trained for {trained_tokens})"
    passages = sum(map(len, layout.passages))
    raise EngineError(
        f"The prompt has {layout.size} tokens ({passages} of them passages) and the context {context_tokens}. {cure}."
    )
