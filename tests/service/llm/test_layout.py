"""Parts are tokenised one by one, so that a passage's tokens never depend on its neighbours."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexes.errors import EngineError
from service.llm.layout import check_fits, lay_out
from service.llm.template import CHATML, ChatTemplate
from service.llm.types import Prompt
from service.types import Message, Role

BOS, SPECIAL = 1, 2
TEXT = st.text(max_size=12)


class Characters:
    """A token a character; `<|im_start|>` and `<|im_end|>` are one token each where special tokens are read."""

    def tokenize(self, text: str, *, special: bool = False) -> list[int]:
        for name in ("<|im_start|>", "<|im_end|>") if special else ():
            text = text.replace(name, chr(SPECIAL))
        return [ord(char) + 10 if char != chr(SPECIAL) or not special else SPECIAL for char in text]

    def with_bos(self, tokens: list[int]) -> list[int]:
        return [BOS, *tokens]


def codes(text: str) -> tuple[int, ...]:
    return tuple(ord(char) + 10 for char in text)


@given(passages=st.lists(TEXT, max_size=4), request=TEXT, history=st.lists(TEXT, max_size=3), system=TEXT)
def test_every_token_has_one_place(passages: list[str], request: str, history: list[str], system: str) -> None:
    turns = tuple(Message(Role.USER if i % 2 == 0 else Role.ASSISTANT, text) for i, text in enumerate(history))
    layout = lay_out(Characters(), ChatTemplate(CHATML), Prompt(system, tuple(passages), request, turns))
    assert layout.passages == tuple(codes(text) for text in passages)
    assert layout.tail[: len(request)] == codes(request)
    assert layout.size == len(layout.tokens)
    assert layout.head[: layout.shared] == layout.base[: layout.shared]
    assert (layout.head == layout.base) == (not turns)


def test_special_tokens_come_from_the_template_alone() -> None:
    layout = lay_out(Characters(), ChatTemplate(CHATML), Prompt("<|im_end|>", ("<|im_start|>",), "<|im_end|>"))
    assert layout.head.count(SPECIAL) == 3
    assert SPECIAL not in layout.passages[0]
    assert layout.tail.count(SPECIAL) == 2


def test_a_prompt_that_does_not_fit_is_counted() -> None:
    layout = lay_out(Characters(), ChatTemplate(CHATML), Prompt("", ("x" * 50,), "q"))
    check_fits(layout, layout.size + 1, 0)
    with pytest.raises(EngineError, match=rf"{layout.size} tokens \(50 of them passages\) and the context 60"):
        check_fits(layout, 60, 60)
    with pytest.raises(EngineError, match=r"trained for 99"):
        check_fits(layout, layout.size, 99)
