"""How sure the gate must be for rows to answer where no sentence of the draft stood: less within one language."""

from dataclasses import replace

import pytest

from service.abstention import PROBE, Abstention, Assessment, Model, Situation
from service.probe import Probe
from service.settings import Settings
from service.settling import is_beyond_doubt, is_doubtful
from service.types import Question, Status
from tests.conftest import chunk_of, document_of
from tests.service.answering import ALWAYS, SURE, UNSURE, Rejecting, ScriptedLLM, answerer_of, hit_of


@pytest.mark.parametrize(
    ("confidence", "situation", "beyond"),
    [
        (0.65, Situation.SAME, True),
        (0.64, Situation.SAME, False),
        (0.79, Situation.CROSS, False),
        (0.80, Situation.CROSS, True),
        (0.79, Situation.FEW, False),
        (0.79, None, False),
        (0.80, None, True),
    ],
)
def test_doubt_ends_sooner_within_one_language(confidence: float, situation: Situation | None, beyond: bool) -> None:
    assessment = Assessment(confidence, enough=True, sure=True, situation=situation)
    assert is_beyond_doubt(assessment) is beyond


@pytest.mark.parametrize(("confidence", "beyond"), [(0.59, False), (0.60, True)])
def test_across_languages_it_ends_sooner_where_a_probe_was_heard(confidence: float, beyond: bool) -> None:
    heard = Assessment(confidence, enough=True, sure=True, situation=Situation.CROSS, signals={PROBE: 0.1})
    assert is_beyond_doubt(heard) is beyond
    assert not is_beyond_doubt(replace(heard, signals={}))


@pytest.mark.parametrize(
    ("text", "probed", "status"),
    [
        ("Redis 用至少3个节点。", True, Status.EXTRACTIVE),
        ("Redis 用至少3个节点。", False, Status.REFUSED),
        ("Redis 缓存热点数据。", True, Status.REFUSED),
    ],
)
def test_a_count_in_the_best_row_answers_where_a_probe_was_heard(text: str, probed: bool, status: Status) -> None:
    model = Model(4.0, {"probe": 0.1} if probed else {}, threshold=0.5, quoting=0.75)
    probe = Probe(0.0, (1.0,))
    gate = replace(SURE, leaning=dict.fromkeys(Situation, model), probed=dict.fromkeys(Situation, model), probe=probe)
    llm = ScriptedLLM(["It takes several."], leaning=-9.0, values=(1.0,) if probed else ())
    answerer = answerer_of([hit_of(chunk_of(text))], llm, checker=Rejecting(reason="no passage says this"), gate=gate)
    answer = replace(answerer, corpus_size=100).answer(Question("How many nodes does Redis take?", lang="en"))
    assert answer.status is status


@pytest.mark.parametrize(
    ("text", "corpus", "status"),
    [
        ("Redis caches hot data.", 100, Status.EXTRACTIVE),
        ("Redis caches hot data.", 1, Status.REFUSED),
        ("Redis 缓存热点数据。", 100, Status.REFUSED),
    ],
)
def test_a_draft_of_which_nothing_was_found_gives_way_to_a_row_of_its_language(
    text: str, corpus: int, status: Status
) -> None:
    checker = Rejecting(reason="number 768 is in no passage")
    answerer = answerer_of([hit_of(chunk_of(text))], ScriptedLLM(["It has 768."]), checker=checker, gate=SURE)
    answer = replace(answerer, corpus_size=corpus).answer(Question("What does Redis do?", lang="en"))
    assert answer.status is status


def test_below_it_nothing_changes() -> None:
    checker = Rejecting(reason="no passage says this")
    hit = hit_of(chunk_of("Redis caches hot data."))
    answerer = answerer_of([hit], ScriptedLLM(["It is."]), checker=checker, gate=UNSURE)
    answer = replace(answerer, corpus_size=100).answer(Question("What does Redis do?", lang="en"))
    assert answer.status is Status.REFUSED


@pytest.mark.parametrize(
    ("number", "question", "status"),
    [
        ("two", "Which two things does Redis do?", Status.EXTRACTIVE),
        ("two", "Which things does Redis do?", Status.REFUSED),
        ("Two", "Which two things does Redis do?", Status.EXTRACTIVE),
    ],
)
def test_a_number_of_the_question_is_no_invention(number: str, question: str, status: Status) -> None:
    checker = Rejecting(reason=f"number {number} is in no passage")
    hit = hit_of(chunk_of("Redis 缓存热点数据。"))
    answerer = answerer_of([hit], ScriptedLLM(["Two things it does."]), checker=checker, gate=SURE)
    assert replace(answerer, corpus_size=100).answer(Question(question, lang="en")).status is status


@pytest.mark.parametrize(
    ("question", "told"), [("Which tools are named across the guides?", True), ("Which tools are named?", False)]
)
def test_of_several_documents_those_far_down_are_told_too(question: str, told: bool) -> None:
    near = [chunk_of(f"Kafka moves data, part {number}.") for number in range(Settings().passages)]
    far = chunk_of("Airflow schedules tasks.", document=document_of("Airflow schedules tasks.", id="other"))
    hits = [replace(hit_of(chunk, rank), score=0.8) for rank, chunk in enumerate((*near, far), start=1)]
    answer = answerer_of(hits, ScriptedLLM(["Kafka moves data, part 0."]), gate=ALWAYS).answer(Question(question))
    assert ("Airflow schedules tasks." in answer.text) is told


@pytest.mark.parametrize(("gate", "rows"), [(ALWAYS, 2), (SURE, 3)])
def test_where_there_is_doubt_one_more_row_is_quoted(gate: Abstention, rows: int) -> None:
    hits = [hit_of(chunk_of(f"Redis {verb} hot data.")) for verb in ("caches", "keeps", "expires", "drops")]
    answer = answerer_of(hits, None, gate=gate).answer(Question("What does Redis do?", lang="en"))
    assert (answer.status, len(answer.citations)) == (Status.EXTRACTIVE, rows)


def test_beside_a_row_that_gives_what_is_asked_for_only_such_rows_are_quoted() -> None:
    rows = ("Seniors earn 200,000 USD.", "Seniors design systems.", "At best they earn 300,000 USD.")
    hits = [hit_of(chunk_of(row)) for row in rows]
    answer = answerer_of(hits, None, gate=SURE).answer(Question("How much do seniors earn in USD?", lang="en"))
    assert [citation.quote for citation in answer.citations] == [rows[0], rows[2]]


@pytest.mark.parametrize(
    ("question", "quoted"),
    [
        ("What do seniors do?", [0, 2]),
        ("How do seniors and juniors compare?", [0, 1]),
        ("What do engineers do?", [0, 1]),
    ],
)
def test_no_row_of_another_seniority_is_quoted_beside_the_best(question: str, quoted: list[int]) -> None:
    rows = ("Seniors design systems.", "Junior engineers fix bugs.", "Some of them lead teams.")
    hits = [hit_of(chunk_of(row)) for row in rows]
    answer = answerer_of(hits, None, gate=ALWAYS).answer(Question(question, lang="en"))
    assert [citation.quote for citation in answer.citations] == [rows[number] for number in quoted]


@pytest.mark.parametrize(
    ("question", "quoted"),
    [
        ("《深度学习》讲了什么？", ["《深度学习》的作者是Goodfellow。"]),
        ("《动手学深度学习》讲了什么？", ["《动手学深度学习》的作者是李沈来。"]),
        ("《强化学习》讲了什么？", ["《动手学深度学习》的作者是李沈来。", "《深度学习》的作者是Goodfellow。"]),
    ],
)
def test_a_book_that_is_named_is_told_of_alone(question: str, quoted: list[str]) -> None:
    hits = [hit_of(chunk_of("《动手学深度学习》的作者是李沈来。《深度学习》的作者是Goodfellow。"))]
    answer = answerer_of(hits, None, gate=ALWAYS).answer(Question(question))
    assert answer.status is Status.EXTRACTIVE
    assert [citation.quote for citation in answer.citations] == quoted


@pytest.mark.parametrize(("confidence", "doubtful"), [(0.89, True), (0.95, False)])
def test_a_gate_that_heard_a_probe_is_certain_later(confidence: float, doubtful: bool) -> None:
    heard = Assessment(confidence, enough=True, sure=True)
    assert is_doubtful(heard) is doubtful
    assert is_doubtful(replace(heard, signals={PROBE: 0.1}))
    assert not is_doubtful(replace(heard, confidence=0.96, signals={PROBE: 0.1}))
