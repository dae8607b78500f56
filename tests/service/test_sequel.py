"""Who names a step and asks for the next one is told that one."""

from dataclasses import replace

import pytest

from indexes.types import Chunk, Hit
from service.asking import asks_next, asks_whether
from service.sequel import stepped
from tests.conftest import chunk_of
from tests.service.answering import hit_of

PATH = "1. 用FastAPI封装模型。\n2. 用Flink处理数据。\n3. 用K8s部署集群。"


def path(first: int) -> Hit:
    """Steps of a path, of which search found step `first` best, then the last one."""
    chunk = chunk_of(PATH)
    return replace(hit_of(chunk), units=(chunk.units[first], chunk.units[2 if first != 2 else 0]))


def section(number: int, rank: int, title: str = "第{}阶段") -> Hit:
    chunk: Chunk = chunk_of(f"阶段{number}的内容。", heading=("路径", title.format(number)))
    return replace(hit_of(chunk, rank), chunk=replace(chunk, document=chunk_of("别的").document))


def texts(hit: Hit) -> list[str]:
    return [unit.text for unit in hit.units]


def test_the_step_after_the_best_one_comes_before_it() -> None:
    found = stepped("I already wrapped it with FastAPI, what next?", [path(0)])
    assert texts(found[0]) == ["2. 用Flink处理数据。", "1. 用FastAPI封装模型。", "3. 用K8s部署集群。"]
    assert texts(stepped("做完Flink之后该学什么？", [path(1)])[0]) == ["3. 用K8s部署集群。", "2. 用Flink处理数据。"]


def test_nothing_comes_after_the_last_step_and_other_questions_stay_as_they_are() -> None:
    assert texts(stepped("what comes after K8s?", [path(2)])[0]) == texts(path(2))
    assert texts(stepped("How is FastAPI used?", [path(0)])[0]) == texts(path(0))
    assert stepped("what comes next?", []) == []


@pytest.mark.parametrize("title", ["第{}阶段（路）", "{}. 阶段"])
def test_after_a_numbered_section_comes_the_one_with_the_next_number(title: str) -> None:
    hits = [section(1, 1, title), section(3, 2, title), section(2, 3, title)]
    assert stepped("what follows the first stage?", hits) == [hits[2], hits[0], hits[1]]
    assert stepped("what follows the third stage?", [hits[1], hits[0]]) == [hits[1], hits[0]]


def test_a_section_elsewhere_is_no_sequel() -> None:
    first, second = section(1, 1), section(2, 2)
    elsewhere = replace(second, chunk=replace(second.chunk, heading=("工具", "第2阶段")))
    assert stepped("what follows the first stage?", [first, elsewhere]) == [first, elsewhere]


@pytest.mark.parametrize(
    ("question", "asks"),
    [
        ("ive already wrapped an LLM with FastAPI, what should i practise next", True),
        ("What comes after the Flink project?", True),
        ("What does a backend dev learn after the first priority?", True),
        ("我已经学完基础层了，接下来学什么？", True),
        ("入門階段結束以後要學什麼", True),
        ("What should a backend dev learn first?", False),
        ("传统软件和AI系统在上线以后有什么不一样?", False),
        ("Why does a model get worse some time after it is deployed?", False),
    ],
)
def test_who_asks_for_what_comes_next(question: str, asks: bool) -> None:
    assert asks_next(question) is asks


@pytest.mark.parametrize(
    ("question", "asks"),
    [
        ("Is Docker needed?", True),
        ("RAG is for beginners, right?", True),
        ("联邦学习是入门就要学的吧？", True),
        ("前端也要學嗎", True),
        ("What is Docker?", False),
        ("怎么学Docker？", False),
    ],
)
def test_who_asks_whether_something_is_so(question: str, asks: bool) -> None:
    assert asks_whether(question) is asks
