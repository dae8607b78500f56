"""The stage that a question asks about is found by its time, its number and the path it is a stage of."""

from dataclasses import replace

import pytest

from indexes.types import Chunk
from service.settling import given
from service.stages import asked_number, in_stage, suiting, without_others
from tests.conftest import chunk_of, document_of
from tests.service.answering import hit_of


@pytest.mark.parametrize(
    ("question", "number"),
    [
        ("How long does the first stage of the switch take?", 1),
        ("Which open-source models would you suggest I fine-tune in stage two?", 2),
        ("What is phase 3 about?", 3),
        ("转型路线的头一个阶段要多长时间", 1),
        ("首个阶段学什么", 1),
        ("第2阶段（核心层）具体要做哪几件事？", 2),
        ("第三個階段學什麼", 3),
        ("阶段三要做什么", 3),
        ("What are the three stages of RLHF?", None),
        ("三个阶段怎么走", None),
        ("第一优先级是什么", None),
        ("What is in the second year?", None),
        ("第一阶段和第二阶段学什么", None),
        ("What is the difference between stage one and stage two?", None),
        ("RAG is built in stage two, right?", None),
    ],
)
def test_a_question_may_name_a_stage_by_its_number(question: str, number: int | None) -> None:
    assert asked_number(question) == number


@pytest.mark.parametrize(
    ("question", "heading", "suits"),
    [
        ("what to do in month 4?", "第2阶段（3-6个月）", 1.0),
        ("what to do in month 4?", "第1阶段（1-2个月）", -1.0),
        ("what to do in month 4?", "薪资", 0.0),
        ("what to do in the first year?", "入门阶段（0-6个月）", 0.5),
        ("what to do in the second stage?", "2. 进阶阶段（2-3 年）", 0.5),
        ("what to do in the second stage?", "第1阶段（1-2个月）", -0.5),
        ("what to do in the second stage?", "2. 云原生", 0.0),
        ("what to do in the second stage, in month 4?", "第2阶段（3-6个月）", 1.0),
        ("what to do in the second stage, in month 4?", "2. 进阶阶段（6-18个月）", -0.5),
        ("how long does the first stage take?", "第1阶段（1-2个月）", 1.0),
        ("how long does the first stage take?", "阶段一：问题定义", 0.0),
        ("how long does the first stage take?", "第2阶段（3-6个月）", -0.5),
        ("what to do first?", "第2阶段（3-6个月）", 0.0),
    ],
)
def test_a_passage_suits_as_far_as_it_is_of_the_stage(question: str, heading: str, suits: float) -> None:
    assert suiting(question)(_of("某路线", heading)) == suits


@pytest.mark.parametrize(
    ("question", "growth", "switch", "full_stack"),
    [
        ("What do I do in month 4?", 1.0, 1.0, 1.0),
        ("I am switching to AI. What do I do in month 4?", 1.0, 1.5, 1.0),
        ("转型第4个月学什么？", 1.0, 1.5, 1.0),
        ("What should a full-stack beginner do in month 4?", 1.0, 1.0, 1.5),
        ("What do switching developers learn in month 30?", -1.0, -1.0, -1.0),
        ("What is month 4 of the growth path?", 1.5, -1.0, 1.0),
        ("转型路线第4个月学什么？", -1.0, 1.5, 1.0),
    ],
)
def test_of_several_paths_the_one_that_is_named_suits_best(
    question: str, growth: float, switch: float, full_stack: float
) -> None:
    titles = ("成长路线", "从开发转型AI工程师的路线", "全栈清单")
    found = [suiting(question)(_of(title, "1. 某阶段（0-6个月）")) for title in titles]
    assert found == [growth, switch, full_stack]


def test_an_answer_is_made_of_the_stage_that_was_asked_about_where_there_is_one() -> None:
    first, second, pay = (hit_of(chunk_of("内容。", heading=(name,))) for name in ("0-6个月", "6-18个月", "薪资"))
    assert in_stage("what to do in month 8?", [second, pay, first]) == [second]
    assert in_stage("what to do in month 3?", [first, pay, second]) == [first]
    assert in_stage("what to do in month 8?", [pay, second, first]) == [pay, second, first]
    assert in_stage("what to do in month 8?", []) == []
    assert in_stage("what to do in month 40?", [first, pay, second]) == [first, pay, second]
    assert in_stage("what to do?", [first, pay, second]) == [first, pay, second]


def test_what_is_of_another_stage_or_path_is_left_out_where_the_best_hit_is_of_the_asked_one() -> None:
    first, second = hit_of(_of("转型路线", "第1阶段（1-2个月）")), hit_of(_of("转型路线", "第2阶段（3-6个月）"))
    other, pay = hit_of(_of("成长路线", "2. 进阶阶段（6-18个月）")), hit_of(_of("成长路线", "薪资"))
    assert without_others("第2阶段学什么", [second, first, other, pay]) == [second, other, pay]
    assert without_others("转型路线的第2阶段学什么", [second, first, other, pay]) == [second]
    assert without_others("第2阶段学什么", [pay, second, first]) == [pay, second, first]
    assert without_others("学什么", [second, first]) == [second, first]
    assert without_others("第2阶段学什么", []) == []
    both = "成长路线和转型路线的第2阶段各学什么"
    assert without_others(both, [second, first, other, pay]) == [second, first, other, pay]


@pytest.mark.parametrize(
    ("question", "passages", "places"),
    [
        ("第2阶段学什么", 2, [0, 1, 2]),
        ("第2阶段学什么", 1, [0]),
        ("学什么", 2, [0, 1]),
        ("学什么", None, [0, 1, 2, 3]),
    ],
)
def test_an_answer_is_given_what_moves_up_where_another_stage_is_left_out(
    question: str, passages: int | None, places: list[int]
) -> None:
    headings = ("第2阶段（3-6个月）", "第1阶段（1-2个月）", "薪资", "工具")
    hits = [hit_of(replace(_of("转型路线", heading), id=heading)) for heading in headings]
    assert given(question, hits, passages) == [hits[place] for place in places]


def test_who_asks_about_several_paths_wants_them_all() -> None:
    suits = suiting("成长路线和全栈清单的第2阶段各学什么")
    growth, switch = _of("成长路线", "2. 进阶阶段"), _of("从开发转型AI工程师的路线", "第2阶段（3-6个月）")
    assert (suits(growth), suits(switch)) == (1.0, 0.5)


def _of(title: str, heading: str) -> Chunk:
    return chunk_of("内容。", document=document_of("内容。", title=title), heading=(heading,))
