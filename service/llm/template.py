"""Turns a Prompt into the pieces of text that a model sees, through the model's own chat template.

A content (system, history, passage, request) is never interpreted: only what the template itself writes may become
special tokens, so a passage that holds `<|im_end|>` cannot end its turn.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NoReturn

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment

from indexes.errors import EngineError
from service.llm.types import Prompt
from service.types import Role

CHATML = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
"""For a model that names no template of its own."""

# Private-use characters around a number stand for the contents while the template runs.
_OPEN, _CLOSE = "\ue000", "\ue001"


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of text; only in a `template` piece are the names of special tokens read as such."""

    text: str
    template: bool


@dataclass(frozen=True, slots=True)
class Rendered:
    """What stands before the passages of a prompt, and what stands after its request."""

    head: tuple[Piece, ...]
    tail: tuple[Piece, ...]


class ChatTemplate:
    """A compiled Jinja chat template.

    Raises:
        EngineError: (when compiled or rendered) the template is not valid or refuses an ordinary conversation.
    """

    def __init__(self, source: str | None, bos: str = "", eos: str = "") -> None:
        self.source = source or CHATML
        self._variables = {"bos_token": bos, "eos_token": eos}
        try:
            self._template = _environment().from_string(self.source)
        except jinja2.TemplateError as error:
            raise EngineError(f"The model's chat template is not valid ({error}). Choose another model.") from error

    def render(self, prompt: Prompt) -> Rendered:
        """The pieces around the passages; a template without a system role gets it before the first user turn."""
        try:
            return self._render(prompt, system_role=True)
        except jinja2.TemplateError:
            return self._without_system_role(prompt)

    def _without_system_role(self, prompt: Prompt) -> Rendered:
        try:
            return self._render(prompt, system_role=False)
        except jinja2.TemplateError as error:
            raise EngineError(
                f"The model's chat template refuses the conversation ({error}). Choose an instruction-tuned model."
            ) from error

    def _render(self, prompt: Prompt, *, system_role: bool) -> Rendered:
        contents = [*(message.content for message in prompt.history), ""]
        roles = [*(message.role for message in prompt.history), Role.USER]
        if system_role and prompt.system:
            contents.insert(0, prompt.system)
            messages = [_message("system", 0)] + [_message(role.value, i) for i, role in enumerate(roles, 1)]
        else:
            contents[0] = f"{prompt.system}\n\n{contents[0]}" if prompt.system else contents[0]
            messages = [_message(role.value, i) for i, role in enumerate(roles)]
        text = self._template.render(messages=messages, add_generation_prompt=True, **self._variables)
        return _split(text, contents)


def _message(role: str, index: int) -> dict[str, str]:
    return {"role": role, "content": f"{_OPEN}{index}{_CLOSE}"}


def _split(text: str, contents: Sequence[str]) -> Rendered:
    """Cut at the placeholders; the last content is the user turn, where the passages and the request go."""
    pieces: list[Piece] = []
    rest = text
    for index, content in enumerate(contents):
        before, found, rest = rest.partition(f"{_OPEN}{index}{_CLOSE}")
        if not found:
            raise EngineError("The model's chat template leaves out part of the conversation. Choose another model.")
        pieces += [Piece(before, True), Piece(content, False)]
    return Rendered(
        head=tuple(piece for piece in pieces if piece.text),
        tail=(Piece(rest, True),) if rest else (),
    )


@lru_cache(maxsize=1)
def _environment() -> ImmutableSandboxedEnvironment:
    """As model publishers expect it; sandboxed, because a template comes with a file from elsewhere."""
    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    environment.globals["raise_exception"] = _refuse
    environment.filters["tojson"] = _to_json
    return environment


def _refuse(message: str) -> NoReturn:
    raise jinja2.TemplateError(message)


def _to_json(value: Any, indent: int | None = None) -> str:
    import json

    return json.dumps(value, ensure_ascii=False, indent=indent)
