"""Prompts: reusable blocks, best last, within the budget, decisive rows restated."""

from dataclasses import replace

from service.prompt import (
    LEAD_INS,
    REACH,
    SYSTEM,
    Budget,
    build_prompt,
    fitting,
    passage_block,
    plain_row,
    request_text,
    restated,
)
from tests.conftest import chunk_of, document_of
from tests.service.answering import ScriptedLLM, hit_of

FIRST = hit_of(chunk_of("Redis caches hot data. It is fast."), 1)
KAFKA = hit_of(chunk_of("Kafka 传输事件。", document=document_of("Kafka 传输事件。", id="b", title="消息")), 2)
SECOND = replace(KAFKA, score=FIRST.score - REACH / 2)
LLM = ScriptedLLM([])


def test_the_best_passage_stands_last_and_has_marker_one() -> None:
    built = build_prompt("What does Redis do?", [FIRST, SECOND], LLM, Budget(4, 10_000), lang="en")
    assert [(p.marker, p.hit) for p in built.passages] == [(1, FIRST), (2, SECOND)]
    assert built.prompt.passages[:2] == (built.passages[1].text, built.passages[0].text)
    assert built.prompt.system == SYSTEM


def test_a_block_is_the_same_whatever_is_asked() -> None:
    one = build_prompt("What does Redis do?", [FIRST, SECOND], LLM, Budget(4, 10_000), lang="en")
    two = build_prompt("What is fast?", [SECOND, FIRST], LLM, Budget(4, 10_000), lang="en")
    assert set(one.prompt.passages) == set(two.prompt.passages)
    assert set(one.prompt.passages[3:]) == {*restated(FIRST.chunk), *restated(SECOND.chunk), LEAD_INS[1]}
    assert passage_block(FIRST.chunk) == "【Title › Heading】\nRedis caches hot data. It is fast.\n\n"


def test_rows_stand_after_the_passages_and_the_question_ends_the_prompt() -> None:
    built = build_prompt("What does Redis do?", [FIRST, SECOND], LLM, Budget(4, 10_000, rows=3), lang="en")
    assert built.prompt.passages[2:] == (
        "Most relevant lines:\n",
        "- [Heading] Kafka 传输事件。\n",
        "- [Heading] Redis caches hot data.\n",
        "- [Heading] It is fast.\n",
        LEAD_INS[1],
    )
    assert built.prompt.request == "What does Redis do?"
    chinese = build_prompt("缓存?", [FIRST], LLM, Budget(4, 10_000, rows=1), lang="zh")
    assert chinese.prompt.passages[1:] == (
        "最相关的原文：\n",
        "- [Heading] Redis caches hot data.\n",
        "\n问题：",
    )
    assert chinese.prompt.request.startswith("缓存?\n请用中文")


def test_rows_of_one_hit_keep_the_order_of_their_document() -> None:
    late_first = replace(FIRST, units=tuple(reversed(FIRST.chunk.units)))
    shown = build_prompt("What does Redis do?", [late_first], LLM, Budget(4, 10_000), lang="en").prompt.passages
    assert shown[2:] == ("- [Heading] Redis caches hot data.\n", "- [Heading] It is fast.\n", LEAD_INS[1])


def test_what_is_clearly_worse_than_the_best_is_not_shown() -> None:
    far = replace(KAFKA, score=FIRST.score - REACH * 2)
    built = build_prompt("What does Redis do?", [FIRST, far], LLM, Budget(4, 10_000), lang="en")
    assert [p.hit for p in built.passages] == [FIRST]
    assert not any("Kafka" in text for text in built.prompt.passages)


def test_what_does_not_fit_is_left_out() -> None:
    request = request_text("Q?", "en")
    room = len(SYSTEM) + len(request) + len(LEAD_INS[1]) + len(passage_block(FIRST.chunk))
    built = build_prompt("Q?", [FIRST, SECOND], LLM, Budget(4, room, rows=0), lang="en")
    assert [p.hit for p in built.passages] == [FIRST]


def test_fitting_passes_over_what_is_too_large() -> None:
    assert fitting([5, 100, 4], 10) == [0, 2]
    assert fitting([11], 10) == []


def test_rows_lose_their_table_marks() -> None:
    assert plain_row("| Redis | 缓存 |") == "Redis | 缓存"
    assert plain_row("- an item\n  goes on") == "an item goes on"


def test_the_request_speaks_the_askers_language() -> None:
    assert request_text("做什么？", "zh").startswith("做什么？\n请用中文")
    assert request_text("做什么？", "zh", earlier="阶段二").startswith("\n上一个问题：阶段二\n问题：做什么？\n请用中文")


def test_an_english_question_is_all_that_is_left_to_compute() -> None:
    shown = build_prompt("Q?", [FIRST], LLM, Budget(4, 10_000), lang="en").prompt
    assert (shown.passages[-1], shown.request) == ("\nAnswer in English, briefly.\nQuestion: ", "Q?")


def test_a_question_that_follows_another_says_which() -> None:
    shown = build_prompt("And Kafka?", [FIRST], LLM, Budget(4, 10_000), lang="en", earlier="What is Redis?").prompt
    assert shown.passages[-1] == "\nAnswer in English, briefly.\n"
    assert shown.request == "Earlier question: What is Redis?\nQuestion: And Kafka?"


def test_a_chinese_question_has_the_instruction_behind_it() -> None:
    shown = build_prompt("做什么？", [FIRST], LLM, Budget(4, 10_000, rows=0), lang="zh").prompt
    assert shown.passages == (passage_block(FIRST.chunk), "\n问题：")
    assert shown.request == "做什么？\n请用中文简短回答：列全要点，不要解释。"
