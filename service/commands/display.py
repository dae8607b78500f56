"""An answer on a terminal or in a pipe: draft text dim until it is checked, then the sentences, then the citations."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.padding import Padding
from rich.text import Text

from service.commands.output import stderr, stdout
from service.types import (
    Answer,
    AnswerEvent,
    AnswerSentence,
    Citation,
    DraftToken,
    Evidence,
    Finished,
    SentenceChecked,
    Verdict,
    Waiting,
)

FOUND = {
    "en": "{count} passages found in {ms:.0f} ms",
    "zh": "找到 {count} 个段落，用时 {ms:.0f} 毫秒",
}
QUEUED = {
    "en": "Waiting: {position} before you, about {seconds:.0f} s",
    "zh": "排队中：前面还有 {position} 个问题，大约 {seconds:.0f} 秒",
}
PARTLY = {"en": "Yellow: only partly supported by its quotes.", "zh": "黄色：引文仅部分支持该句。"}
STRENGTH = {Verdict.SUPPORTED: "none", Verdict.PARTIAL: "yellow", Verdict.UNSUPPORTED: "red"}


def words(texts: dict[str, str], lang: str) -> str:
    return texts["zh" if lang.startswith("zh") else "en"]


class Screen(Protocol):
    """Where a stream is shown as it comes."""

    def remark(self, text: str) -> None: ...

    def draft(self, text: str) -> None: ...

    def sentence(self, sentence: AnswerSentence) -> None: ...

    def finish(self, answer: Answer) -> None: ...


def show_stream(events: Iterable[AnswerEvent], lang: str, output: Console | None = None) -> Answer:
    """Show events as they come, with remarks in `lang`; returns the answer that ends them."""
    console = output or stdout()
    screen: Screen = TerminalScreen(console) if console.is_terminal else PlainScreen(console, stderr())
    for event in events:
        match event:
            case Evidence(retrieval):
                screen.remark(words(FOUND, lang).format(count=len(retrieval.hits), ms=retrieval.ms))
            case Waiting(position, eta_ms):
                screen.remark(words(QUEUED, lang).format(position=position, seconds=eta_ms / 1000))
            case DraftToken(text):
                screen.draft(text)
            case SentenceChecked(sentence):
                screen.sentence(sentence)
            case Finished(answer):
                screen.finish(answer)
                return answer
    raise AssertionError("a stream ends with Finished")


class PlainScreen:
    """For pipes and files: the finished answer alone on `output`, remarks on `remarks`; drafts are never written."""

    def __init__(self, output: Console, remarks: Console) -> None:
        self._output = output
        self._remarks = remarks

    def remark(self, text: str) -> None:
        self._remarks.print(text, soft_wrap=True)

    def draft(self, text: str) -> None:
        pass

    def sentence(self, sentence: AnswerSentence) -> None:
        pass

    def finish(self, answer: Answer) -> None:
        self._output.print(Text(answer.text), soft_wrap=True)
        for line in plain_sources(answer):
            self._output.print(Text(line), soft_wrap=True)


class TerminalScreen:
    """For a person: checked sentences in full strength, the draft behind them dim."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._checked: list[AnswerSentence] = []
        self._draft = ""
        self._live = Live(console=console, auto_refresh=False)

    def remark(self, text: str) -> None:
        self._console.print(Text(text, "dim"))

    def draft(self, text: str) -> None:
        self._draft += text
        self._show(self._progress())

    def sentence(self, sentence: AnswerSentence) -> None:
        self._checked.append(sentence)
        self._draft = ""
        self._show(self._progress())

    def finish(self, answer: Answer) -> None:
        self._show(answer_text(answer))
        self._live.stop()
        self._console.print(sources(answer))

    def _progress(self) -> Text:
        text = Text()
        for sentence in self._checked:
            marks = "".join(f"[{marker}]" for marker in markers(sentence.citations))
            gap = "" if sentence.text.endswith(tuple("。！？；")) else " "
            text.append(f"{sentence.text}{gap}{marks}{gap}", STRENGTH[sentence.verdict])
        return text.append(self._draft, "dim")

    def _show(self, renderable: RenderableType) -> None:
        if not self._live.is_started:
            self._live.start()
        self._live.update(renderable, refresh=True)


def markers(citations: Sequence[Citation]) -> list[int]:
    return sorted({citation.marker for citation in citations})


def answer_text(answer: Answer) -> Text:
    """The answer as it stands, sentences that are not fully supported coloured."""
    text = Text(answer.text)
    for sentence in answer.sentences:
        text.stylize(STRENGTH[sentence.verdict], sentence.start, sentence.end)
    return text


def source_line(citation: Citation) -> str:
    return f"[{citation.marker}] " + " › ".join((citation.chunk.document.title, *citation.chunk.heading))


def by_marker(citations: Iterable[Citation]) -> dict[int, list[Citation]]:
    """Citations of one marker together, markers in order."""
    found: dict[int, list[Citation]] = {}
    for citation in sorted(citations, key=lambda citation: (citation.marker, citation.start)):
        found.setdefault(citation.marker, []).append(citation)
    return found


def one_line(quote: str) -> str:
    """A quote can be table rows or several lines: shown as one."""
    return " ".join(quote.split())


def plain_sources(answer: Answer) -> list[str]:
    lines = []
    for citations in by_marker(answer.citations).values():
        lines += ["", source_line(citations[0]), *(f"    {one_line(citation.quote)}" for citation in citations)]
    return lines


def sources(answer: Answer) -> RenderableType:
    """Title and heading of every passage cited, with the quotes."""
    parts: list[RenderableType] = []
    for citations in by_marker(answer.citations).values():
        parts += [Text(""), Text(source_line(citations[0]), "bold")]
        parts += [Padding(Text(one_line(citation.quote), "dim"), (0, 0, 0, 4)) for citation in citations]
    if any(sentence.verdict is Verdict.PARTIAL for sentence in answer.sentences):
        parts += [Text(""), Text(words(PARTLY, answer.lang), STRENGTH[Verdict.PARTIAL])]
    return Group(*parts)
