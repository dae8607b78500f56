"""Rows come in the order in which the engine would ask the question of them, where it can tell that in time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import pytest

from indexes.errors import EngineBusy, EngineCrashed, EngineError
from indexes.types import Hit, UnitKind
from service.answerer import Answerer
from service.llm.types import Prompt
from service.rereading import MOST_CHARS, NEAR, PATIENCE_S, PLACE, REREAD, SYSTEM, line_of, prompts_ahead, reread
from service.types import Question
from tests.conftest import chunk_of
from tests.service.answering import ALWAYS, ScriptedLLM, answerer_of, hit_of


def near(text: str, heading: str, rank: int) -> Hit:
    return replace(hit_of(chunk_of(text, heading=(heading,)), rank), score=0.5 - 0.04 * rank)


REDIS = near("Redis缓存热点数据。Redis还能排队。", "存储", 1)
KAFKA = near("Kafka收集日志。Kafka削峰。", "消息", 2)
FLINK = near("Flink处理实时数据。", "数据", 3)
QUESTION = "What collects the logs?"


@dataclass
class LikelyLLM(ScriptedLLM):
    """Finds a question as likely as `likely` says for what stands in its row, 0 for all else."""

    pieces: Sequence[str] = ()
    likely: Mapping[str, float | None] = field(default_factory=dict)
    trouble: EngineError | None = None
    asked: list[Prompt] = field(default_factory=list)
    left: list[float] = field(default_factory=list)

    def likelihoods(self, prompts: Sequence[Prompt], deadline_s: float) -> list[float] | None:
        self.asked += prompts
        self.left.append(deadline_s)
        if self.trouble is not None:
            raise self.trouble
        found = [self._of(prompt.passages[0]) for prompt in prompts]
        return None if None in found else [value for value in found if value is not None]

    def _of(self, row: str) -> float | None:
        return next((value for text, value in self.likely.items() if text in row), 0.0)


def order(hits: Sequence[Hit], engine: object, left_s: float = 60.0) -> list[str]:
    return [unit.text for hit in reread(QUESTION, hits, engine, left_s) for unit in hit.units]


AS_FOUND = ["Redis缓存热点数据。", "Redis还能排队。", "Kafka收集日志。", "Kafka削峰。", "Flink处理实时数据。"]


def test_the_likeliest_row_and_its_passage_come_first() -> None:
    engine = LikelyLLM(likely={"收集": 5.0, "排队": 3.0, "缓存": 1.0, "Flink": -1.0})
    assert order([REDIS, KAFKA, FLINK], engine) == [AS_FOUND[2], AS_FOUND[3], AS_FOUND[1], AS_FOUND[0], AS_FOUND[4]]
    rows = [row for prompt in engine.asked for row in prompt.passages]
    assert rows == [line_of(unit) for unit in (*REDIS.units, KAFKA.units[0], FLINK.units[0])]
    assert {(prompt.system, prompt.request) for prompt in engine.asked} == {(SYSTEM, QUESTION)}
    assert engine.left == [PATIENCE_S]


def test_each_place_of_the_search_has_to_be_made_up_for() -> None:
    assert order([REDIS, KAFKA], LikelyLLM(likely={"收集": 1.9 * PLACE})) == AS_FOUND[:4]
    first = order([REDIS, KAFKA], LikelyLLM(likely={"收集": 2.1 * PLACE}))
    assert first == [AS_FOUND[2], AS_FOUND[3], AS_FOUND[0], AS_FOUND[1]]


def test_hits_far_below_the_first_are_not_read() -> None:
    engine = LikelyLLM(likely={"收集": 9.0, "Flink": 99.0})
    far = replace(FLINK, score=REDIS.score - NEAR - 0.01)
    assert order([REDIS, KAFKA, far], engine)[0] == AS_FOUND[2]
    assert len(engine.asked) == 3


def test_hits_further_down_stay_where_they_are() -> None:
    hits = [near(f"第{at}行。", "行", 1) for at in range(1, REREAD + 3)]
    found = order(hits, LikelyLLM(likely={f"第{REREAD}行": 9.0, f"第{REREAD + 1}行": 99.0}))
    assert found == [f"第{at}行。" for at in (4, 1, 2, 3, 5, 6)]


@pytest.mark.parametrize(
    "engine",
    [
        None,
        ScriptedLLM([]),
        LikelyLLM(likely={"收集": 9.0}, trouble=EngineBusy("full", retry_after_s=1.0)),
        LikelyLLM(likely={"收集": 9.0}, trouble=EngineCrashed("gone")),
        LikelyLLM(likely={"收集": 9.0, "Flink": None}),
    ],
    ids=["none", "at an address", "busy", "crashed", "too slow"],
)
def test_an_engine_that_cannot_tell_changes_nothing(engine: object) -> None:
    assert order([REDIS, KAFKA, FLINK], engine) == AS_FOUND


def test_without_time_nobody_is_asked() -> None:
    engine = LikelyLLM(likely={"收集": 9.0})
    assert order([REDIS, KAFKA, FLINK], engine, 0.0) == AS_FOUND
    assert engine.asked == []


def test_code_is_not_read_and_one_row_needs_no_order() -> None:
    code = replace(KAFKA, units=(replace(KAFKA.units[0], kind=UnitKind.CODE),))
    engine = LikelyLLM(likely={"收集": 9.0})
    assert [hit.chunk.id for hit in reread(QUESTION, [FLINK, code], engine, 60.0)] == [FLINK.chunk.id, code.chunk.id]
    assert engine.asked == []


def test_a_line_is_read_below_its_headings_and_not_without_end() -> None:
    assert line_of(KAFKA.units[0]) == "Title > 消息\nKafka收集日志。"
    long = hit_of(chunk_of("数据" * MOST_CHARS + "。")).units[0]
    assert len(line_of(long)) == len("Title > Heading\n") + MOST_CHARS


def test_states_are_computed_ahead_of_just_what_is_asked() -> None:
    engine = LikelyLLM()
    reread(QUESTION, [REDIS, KAFKA, FLINK], engine, 60.0)
    ahead = {prompt.passages for prompt in prompts_ahead([hit.chunk for hit in (REDIS, KAFKA, FLINK, FLINK)])}
    assert {prompt.passages for prompt in engine.asked} < ahead
    assert len(ahead) == 5


def answering(engine: LikelyLLM) -> Answerer:
    return answerer_of([REDIS, KAFKA, FLINK], engine, gate=ALWAYS)


def test_an_answer_made_of_rows_begins_with_the_likeliest() -> None:
    engine = LikelyLLM(likely={"收集": 9.0})
    answer = answering(engine).answer(Question(QUESTION))
    assert [citation.quote for citation in answer.citations] == [AS_FOUND[2], AS_FOUND[0]]


def test_a_question_in_the_language_of_the_rows_keeps_the_order_of_the_search() -> None:
    engine = LikelyLLM(likely={"收集": 9.0})
    answer = answering(engine).answer(Question("用什么收集日志？"))
    assert [citation.quote for citation in answer.citations] == [AS_FOUND[0], AS_FOUND[2]]
    assert engine.asked == []
