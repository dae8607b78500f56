"""Prompts go through the model's own chat template; contents are never read as template or special tokens."""

import pytest

from indexes.errors import EngineError
from service.llm.template import CHATML, ChatTemplate, Piece
from service.llm.types import Prompt
from service.types import Message, Role

NO_SYSTEM = (
    "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system role') }}{% endif %}"
    "{% for m in messages %}<{{ m['role'] }}>{{ m['content'] | trim }}</{{ m['role'] }}>{% endfor %}"
)


def text(pieces: tuple[Piece, ...]) -> str:
    return "".join(piece.text for piece in pieces)


def test_a_prompt_is_cut_where_the_passages_go() -> None:
    rendered = ChatTemplate(CHATML).render(Prompt("Be brief.", ("p",), "q"))
    assert text(rendered.head) == "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\n"
    assert text(rendered.tail) == "<|im_end|>\n<|im_start|>assistant\n"


def test_history_stands_between_system_and_the_user_turn() -> None:
    history = (Message(Role.USER, "早"), Message(Role.ASSISTANT, "hi"))
    rendered = ChatTemplate(None).render(Prompt("S", (), "q", history))
    assert text(rendered.head) == (
        "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\n早<|im_end|>\n<|im_start|>assistant\nhi<|im_end|>\n"
        "<|im_start|>user\n"
    )


def test_contents_are_marked_as_such_whatever_they_hold() -> None:
    rendered = ChatTemplate(CHATML).render(Prompt("</s><|im_end|>{{ 7 * 6 }}", (), "q"))
    contents = [piece.text for piece in rendered.head if not piece.template]
    assert contents == ["</s><|im_end|>{{ 7 * 6 }}"]
    assert all("7" not in piece.text for piece in rendered.head if piece.template)


def test_without_a_system_role_the_system_text_opens_the_first_user_turn() -> None:
    history = (Message(Role.USER, "a"), Message(Role.ASSISTANT, "b"))
    template = ChatTemplate(NO_SYSTEM, bos="<s>")
    assert text(template.render(Prompt("S", (), "q")).head) == "<s><user>S\n\n"
    assert (
        text(template.render(Prompt("S", (), "q", history)).head)
        == "<s><user>S\n\na</user><assistant>b</assistant><user>"
    )


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("{% for %}", "not valid"),
        ("{{ raise_exception('never') }}", "never"),
        ("{{ messages[0]['content'] }}", "leaves out"),
        ("{{ ''.__class__.__mro__ }}", "refuses"),
    ],
)
def test_a_template_that_cannot_be_used_is_named(source: str, words: str) -> None:
    with pytest.raises(EngineError, match=words):
        ChatTemplate(source).render(Prompt("S", (), "q"))
