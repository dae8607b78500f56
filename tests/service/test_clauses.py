"""Parts of sentences: what is cut, and that what is left reads as a sentence."""

import pytest

from indexes.text import tokens
from service.clauses import (
    beyond,
    clauses,
    end_of,
    is_fragment,
    items,
    rejoined,
    standing_alone,
    without_echo,
    without_item,
    without_items,
    without_phrase,
)


@pytest.mark.parametrize(
    ("sentence", "parts"),
    [
        ("Redis caches data, while Kafka moves events.", ["Redis caches data", "Kafka moves events"]),
        ("Redis 缓存数据，而 Kafka 传递事件。", ["Redis 缓存数据", "Kafka 传递事件"]),
        ("It has tools; it has tests.", ["It has tools", "it has tests"]),
        ("One, two and three.", []),
        ("只有一句。", []),
        ("a，b，c，d，e，f。", []),
    ],
)
def test_clauses_stand_alone_without_their_joining_words(sentence: str, parts: list[str]) -> None:
    assert [standing_alone(part) for part in clauses(sentence)] == parts


@pytest.mark.parametrize(
    ("text", "fragment"),
    [
        ("Production environments.", True),
        ("Kafka moves all events.", False),
        ("生产环境。", True),
        ("Kafka 传递所有的事件。", False),
    ],
)
def test_the_end_of_a_sentence_may_be_too_short_to_stand_alone(text: str, fragment: bool) -> None:
    assert is_fragment(text) is fragment


@pytest.mark.parametrize(
    ("sentence", "kept", "text"),
    [
        ("Redis caches data, while Kafka moves events.", [0], "Redis caches data."),
        ("Redis caches data, while Kafka moves events.", [1], "Kafka moves events."),
        ("Redis caches data, while Kafka moves events.", [0, 1], "Redis caches data, while Kafka moves events."),
        ("Redis 缓存，Kafka 传递，Flink 计算。", [0, 2], "Redis 缓存，Flink 计算。"),
    ],
)
def test_kept_clauses_are_joined_as_they_were(sentence: str, kept: list[int], text: str) -> None:
    assert rejoined(clauses(sentence), kept, end_of(sentence)) == text


def test_a_clause_that_hangs_on_another_says_so() -> None:
    assert [part.depends for part in clauses("It trains models, which takes hours, and it serves them.")] == [
        False,
        True,
        False,
    ]


@pytest.mark.parametrize(
    ("sentence", "stray", "left"),
    [
        ("Learn Redis, Kafka, and Fooflow.", "Fooflow", "Learn Redis and Kafka."),
        ("Learn Redis, Fooflow, and Kafka.", "Fooflow", "Learn Redis, and Kafka."),
        ("要学 Redis、Fooflow、Kafka。", "Fooflow", "要学 Redis、Kafka。"),
        ("要学 Redis、Kafka和Fooflow。", "Fooflow", "要学 Redis、Kafka。"),
        ("Learn Fooflow, Redis, and Kafka.", "Fooflow", None),
        ("Learn Fooflow.", "Fooflow", None),
        ("JWT (JSON Web Token) is named.", "JSON", "JWT is named."),
        ("要会 JWT（JSON Web Token）。", "JSON", "要会 JWT。"),
        ("Learn Redis, Kafka, and Flink.", "Fooflow", None),
        ("GDPR, the EU regulation.", "EU", "GDPR."),
        ("Redis、Fooflow。", "Fooflow", "Redis。"),
        ("Learn Redis and Fooflow.", "Fooflow", None),
    ],
)
def test_one_item_is_taken_out_of_a_list(sentence: str, stray: str, left: str | None) -> None:
    assert without_item(sentence, stray) == left


def test_several_items_are_taken_out_or_none() -> None:
    assert without_items("Learn Redis, Fooflow, Kafka, Barflow, and Flink.", ["Fooflow", "Barflow"]) == (
        "Learn Redis, Kafka, and Flink."
    )
    assert without_items("Learn Redis, Kafka, and Flink.", []) == "Learn Redis, Kafka, and Flink."
    assert without_items("Learn Fooflow, Redis, and Barflow.", ["Barflow", "Fooflow"]) is None


@pytest.mark.parametrize(
    ("sentence", "names"),
    [
        ("AWS SageMaker、Google Vertex AI、Azure。", ["AWS SageMaker", "Google Vertex AI", "Azure"]),
        ("Redis, Kafka, and Flink.", ["Redis", "Kafka", "Flink"]),
        ("Redis.", []),
        ("Redis caches what is asked for again and again by everybody, and Kafka moves events.", []),
    ],
)
def test_a_bare_list_gives_its_names(sentence: str, names: list[str]) -> None:
    assert items(sentence) == names


@pytest.mark.parametrize(
    ("sentence", "said"),
    [
        ("The tools of edge computing are TensorFlow Lite and Greengrass.", "TensorFlow Lite and Greengrass"),
        ("边缘计算的工具：TensorFlow Lite。", "TensorFlow Lite"),
        ("The tools of quantum computing are Qiskit.", None),
        ("Tools are.", None),
    ],
)
def test_what_a_sentence_says_beyond_its_question(sentence: str, said: str | None) -> None:
    asked = frozenset(tokens("which tools belong to edge computing? 边缘计算的工具有哪些"))
    assert beyond(sentence, asked) == said


@pytest.mark.parametrize(
    ("sentence", "question", "left"),
    [
        ("AI能干嘛？：影像分析、药物发现。", "AI能干嘛", "影像分析、药物发现。"),
        ("What does Redis do?: It caches.", "what does redis do", "It caches."),
        ("Redis: it caches.", "What does Redis do?", "Redis: it caches."),
        ("What does Redis do:", "What does Redis do?", "What does Redis do:"),
        ("It caches.", "What does Redis do?", "It caches."),
    ],
)
def test_a_question_repeated_before_a_colon_is_left_out(sentence: str, question: str, left: str) -> None:
    assert without_echo(sentence, question) == left


@pytest.mark.parametrize(
    ("sentence", "stray", "left"),
    [
        ("Whisper is a model developed by OpenAI.", "OpenAI", "Whisper is a model."),
        ("Whisper, which was built at OpenAI, turns speech into text.", "OpenAI", "Whisper turns speech into text."),
        ("Whisper是由OpenAI开发的语音模型。", "OpenAI", "Whisper是语音模型。"),
        ("Whisper turns speech into OpenAI.", "OpenAI", None),
        ("Whisper is a model developed by OpenAI.", "Whisper", None),
    ],
)
def test_the_phrase_that_says_by_whom_can_go(sentence: str, stray: str, left: str | None) -> None:
    assert without_phrase(sentence, stray) == left
