"""`career ask` and `career chat`: the answer appears as it is checked, then its citations, in the asker's language."""

from collections.abc import Generator, Iterator
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, Annotated, cast

import typer

from service.commands.output import AsJson, clean, load_settings, print_json, say, waiting

if TYPE_CHECKING:
    from service.answer_cache import Answering
    from service.types import Answer, AnswerEvent, Message, Question

Lang = Annotated[str | None, typer.Option(help="Language of the answer; by default that of the question.")]
Deadline = Annotated[float | None, typer.Option(min=0.001, max=3600, help="Longest time to take, in seconds.")]


def ask(
    question: Annotated[str, typer.Argument(help="In English or Chinese.", metavar="QUESTION", show_default=False)],
    lang: Lang = None,
    deadline: Deadline = None,
    as_json: AsJson = False,
) -> None:
    """Answer a question, every sentence checked and cited."""
    asked, settings = make_question(question, lang, deadline), load_settings()
    with ExitStack() as stack:
        with waiting("Loading the models"):
            from service.runtime import open_runtime
            from service.serialise import answer_json

            runtime = stack.enter_context(open_runtime(settings))
        if as_json:
            print_json(answer_json(runtime.answerer.answer(asked)))
        else:
            _tell(runtime.no_model)
            _answer(runtime.answerer, asked)


def chat(lang: Lang = None, deadline: Deadline = None) -> None:
    """Ask in a loop; a question may refer to those before it.

    Ctrl-D or an empty line ends.
    """
    settings = load_settings()
    from service.runtime import open_runtime
    from service.types import Message, Role

    history: list[Message] = []
    with open_runtime(settings) as runtime:
        _tell(runtime.no_model)
        for text in _lines():
            answer = _answer(runtime.answerer, make_question(text, lang, deadline, tuple(history)))
            history += [Message(Role.USER, text), Message(Role.ASSISTANT, answer.text)]


def make_question(
    text: str, lang: str | None, deadline_s: float | None, history: "tuple[Message, ...]" = ()
) -> "Question":
    from indexes.errors import UsageError
    from service.types import Question

    text = clean(text).strip()
    if not text:
        raise UsageError("The question is empty: say what you want to know.")
    return Question(text, lang=lang, history=history, deadline_s=deadline_s)


def _lines() -> Iterator[str]:
    """Questions from the terminal or from a pipe, one a line."""
    while True:
        try:
            line = clean(input("» ")).strip()
        except EOFError:
            say("")
            return
        if not line:
            return
        yield line


def _tell(no_model: str | None) -> None:
    if no_model:
        say(f"Answering with quotations only: {no_model}")


def _answer(answerer: "Answering", question: "Question") -> "Answer":
    from indexes.text import detect_lang
    from service.commands.display import show_stream

    # Ctrl-C must free the engine now, not when the garbage collector comes by.
    with closing(cast("Generator[AnswerEvent, None, None]", answerer.stream(question))) as stream:
        return show_stream(stream, question.lang or detect_lang(question.text))
