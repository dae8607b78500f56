"""Draft text is cut into the same sentences however it arrives, and markers become hints."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.grounding import DraftSentence, SentenceStream, strip_markers


def read(text: str, size: int = 1) -> list[DraftSentence]:
    stream = SentenceStream()
    found = [s for at in range(0, len(text), size) for s in stream.feed(text[at : at + size])]
    return found + stream.finish()


@pytest.mark.parametrize(
    ("text", "bare", "numbers"),
    [
        ("Learn RAG first [1].", "Learn RAG first.", (1,)),
        ("先学RAG[1, 2]。", "先学RAG。", (1, 2)),
        ("A [[3]] and 【1】 and ［2］.", "A and and.", (3, 1, 2)),
        ("See [ID:4].", "See.", (4,)),
        ("Twice [1][1].", "Twice.", (1,)),
        ("Version (1) stays, so does [a] and list[0:2].", "Version (1) stays, so does [a] and list[0:2].", ()),
    ],
)
def test_markers(text: str, bare: str, numbers: tuple[int, ...]) -> None:
    assert strip_markers(text) == (bare, numbers)


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("Use Docker. Then use K8s.", ["Use Docker.", "Then use K8s."]),
        ("先学RAG。再学微调！", ["先学RAG。", "再学微调！"]),
        (
            'It asks "Who won? " and looks it up. Then it says "Me!" Done.',
            ['It asks "Who won? " and looks it up.', 'Then it says "Me!"', "Done."],
        ),
        ("Gemini 1.5 Pro, e.g. for images, costs $1.5. Yes.", ["Gemini 1.5 Pro, e.g. for images, costs $1.5.", "Yes."]),
        ("Node.js and DeepLearning.AI are names.", ["Node.js and DeepLearning.AI are names."]),
        ("1. Python\n2. Go\n", ["Python", "Go"]),
        ("- **Docker**: packs apps [2]\n- K8s", ["Docker: packs apps", "K8s"]),
        ("## 路线\n先学。", ["路线", "先学。"]),
        ("", []),
        ("\n\n  \n", []),
    ],
)
@pytest.mark.parametrize("size", [1, 3, 1000])
def test_sentences(text: str, sentences: list[str], size: int) -> None:
    assert [sentence.text for sentence in read(text, size)] == sentences


def test_a_marker_after_the_full_stop_belongs_to_the_sentence_before() -> None:
    first, second = read("Learn RAG. [1, 2] Learn agents.[3]", 1)
    assert (first.text, first.hints) == ("Learn RAG.", (1, 2))
    assert (second.text, second.hints) == ("Learn agents.", (3,))


def test_half_a_marker_is_held_back_and_a_closed_sentence_is_not() -> None:
    stream = SentenceStream()
    assert stream.feed("先学RAG。[1") == []
    assert [s.hints for s in stream.feed("]再")] == [(1,)]
    assert stream.feed("学微调。") == []
    assert [s.text for s in stream.finish()] == ["再学微调。"]


def test_items_know_the_line_that_announced_them() -> None:
    found = read("Beginner stage:\n- Python\n- Docker\n\nExpert stage:\n- vLLM\nThat is all.")
    assert [(s.text, s.bullet, s.lead_in) for s in found] == [
        ("Beginner stage:", "", ""),
        ("Python", "-", "Beginner stage:"),
        ("Docker", "-", "Beginner stage:"),
        ("Expert stage:", "", ""),
        ("vLLM", "-", "Expert stage:"),
        ("That is all.", "", ""),
    ]


@given(st.text(alphabet="ab1。.!？[]【】 \n-*#:：e.g，", max_size=60), st.integers(1, 7))
def test_the_cut_does_not_depend_on_the_pieces(text: str, size: int) -> None:
    assert read(text, size) == read(text, len(text) or 1)


@given(st.text(max_size=80))
def test_nothing_visible_is_lost(text: str) -> None:
    raw = "".join(sentence.raw for sentence in read(text, 5))
    lost = [c for c in text if c.isalnum()]
    for char in raw:
        if lost and char == lost[0]:
            lost.pop(0)
    # Only a list's own counter may stand alone on a line, and a marker may stand without a sentence.
    assert all(char.isnumeric() or char.isdigit() or char in "IDidPasgeSourc" for char in lost)
