"""What of the best row an answer left out: said in the row's words, whether it was cited or not."""

from dataclasses import replace

import pytest

from indexes.types import Chunk, Unit
from service.asking import understand
from service.llm.extractive import Rendered, cite
from service.telling import Said, across_documents, answered_from, left_short, passed_by, says_again, told_share
from service.types import AnswerSentence, Verdict
from tests.conftest import chunk_of, document_of
from tests.service.answering import hit_of

ROW = "文档与协作：Notion（知识沉淀）、Jira（任务管理）、Confluence（技术文档）。"
ENGLISH = "Documents: Notion (knowledge), Jira (task management) and Confluence (technical documents)."
PAY = "大型科技公司的高级工程师：年薪可达200,000美元。初级工程师年薪120,000美元。"


def sentence(text: str, *units: int, row: str = ROW, verdict: Verdict = Verdict.SUPPORTED) -> AnswerSentence:
    hit = hit_of(chunk_of(row))
    citations = tuple(cite(hit, hit.chunk.units[number]) for number in units)
    return AnswerSentence(text, verdict, 0.9, citations, 0, len(text))


def added(question: str, *sentences: AnswerSentence, row: str = ROW, lost: bool = False) -> list[str]:
    asked = understand(question, "en" if question.isascii() else "zh")

    def render(chunk: Chunk, unit: Unit) -> Rendered:
        return Rendered(ENGLISH, Verdict.SUPPORTED, 0.9)

    found = passed_by([hit_of(chunk_of(row))], Said(asked, asked.lang, sentences, lost), render)
    return [quoted.text for quoted in found]


def test_the_share_is_of_the_words_that_the_question_did_not_have() -> None:
    assert told_share("Kafka and Flink", "What is Kafka?", "Flink reads streams.") == 1.0
    assert told_share("Kafka, Flink, Spark", "What is Kafka?", "Flink reads streams.") == 0.5
    assert told_share("Kafka", "What is Kafka?", "") == 1.0
    assert told_share("任务管理", "问题", "任务") == pytest.approx(1 / 3)


def test_one_cell_of_a_cited_row_is_not_the_row() -> None:
    question = "Confluence、Jira、Notion 分别负责什么?"
    assert added(question, sentence("Jira：任务管理；", 0), lost=True) == [f"文档中还写道：“{ROW}”"]
    assert added(question, sentence("Jira：任务管理；", 0, verdict=Verdict.PARTIAL)) == [f"文档中还写道：“{ROW}”"]


def test_a_row_that_was_told_is_not_told_again() -> None:
    told = "Jira：任务管理；Notion：知识沉淀；Confluence：技术文档"
    assert added("Confluence、Jira、Notion 分别负责什么?", sentence(told, 0), lost=True) == []


def test_words_that_no_citation_shows_to_be_the_rows_may_be_anothers() -> None:
    other = "任务管理和知识沉淀用Jira、Notion。"
    said = sentence("Jira：任务管理；Notion：知识沉淀；技术", 0, row=other)
    assert told_share(ROW, "Jira 负责什么?", said.text) == pytest.approx(4 / 7)
    assert added("Jira 负责什么?", said) == [f"文档中还写道：“{ROW}”"]
    assert added("Jira 负责什么?", sentence("Jira：任务管理；Notion：知识沉淀；技术", 0), lost=True) == []


def test_where_all_stands_and_the_row_can_be_read_its_quotation_says_the_rest() -> None:
    assert added("Jira 负责什么?", sentence("Jira：任务管理；", 0)) == []
    assert added("Jira 负责什么?", sentence("任务管理")) == [f"文档中还写道：“{ROW}”"]


@pytest.mark.parametrize(
    ("said", "more"),
    [
        ("Jira is for management.", True),
        ("Jira is for task management, Notion for knowledge.", False),
    ],
)
def test_a_row_that_the_asker_cannot_read_is_told_in_english(said: str, more: bool) -> None:
    expected = [f"The documents also say: {ENGLISH}"] if more else []
    assert added("What is Jira for?", sentence(said, 0)) == expected


@pytest.mark.parametrize(
    ("row", "said", "short"),
    [
        ("Data: Pandas, NumPy, Apache Spark, and Dask.", "Pandas, NumPy and Spark.", True),
        ("Data: Pandas, NumPy, Apache Spark, and Dask.", "Pandas and NumPy, Apache Spark, Dask.", False),
        ("Data: Pandas, NumPy, Apache Spark, and Dask.", "Pandas.", False),
        ("The goals of the stage: solve problems; optimise systems; lead teams.", "solve, optimise and lead", False),
        ("Node.js serves pages; Vue draws them; Redis caches.", "Vue draws what Node.js serves as pages.", True),
        ("Build an API and a demo (with Docker and Helm).", "Build an API with Docker.", False),
        ("Pandas、NumPy、Dask。", "Pandas and NumPy", True),
    ],
)
def test_a_list_is_left_short_where_two_of_its_things_were_said_and_another_was_not(
    row: str, said: str, short: bool
) -> None:
    assert left_short(row, "What is there for data?", said) is short


def test_a_translated_row_is_told_whole_where_its_list_was_begun() -> None:
    whole = "Data: Pandas, NumPy, Apache Spark, and Dask."
    rendered = Rendered(whole, Verdict.PARTIAL, 0.6)
    asked = understand("What is used for data?", "en")

    def told(text: str, row: str) -> list[str]:
        said = Said(asked, "en", (sentence(text, 0, row=row),))
        found = list(passed_by([hit_of(chunk_of(row))], said, lambda *_: rendered))
        assert {(quoted.verdict, quoted.citation.score) for quoted in found} <= {(Verdict.PARTIAL, 0.6)}
        return [quoted.text for quoted in found]

    row = "数据处理：Pandas、NumPy、Apache Spark、Dask。"
    assert told("Pandas, NumPy and Apache Spark.", row) == [f"The documents also say: {whole}"]
    assert told("Pandas, NumPy, Dask and Apache Spark.", row) == []
    assert told("Pandas, NumPy and Apache Spark.", "Pandas, NumPy, Apache Spark, Dask.") == []


def test_of_several_things_more_of_the_row_must_be_told() -> None:
    said = sentence("Jira is for task management, Notion for knowledge.", 0)
    question = "What are the documentation tools, and what is each of them for?"
    assert added(question, said, lost=True) == [f"The documents also say: {ENGLISH}"]
    assert added("What is Jira for?", said, lost=True) == []


def test_a_figure_of_another_row_has_the_best_one_beside_it() -> None:
    question = "大型科技公司的高级工程师一年能拿到多少美元?"
    best = "大型科技公司的高级工程师：年薪可达200,000美元。"
    assert added(question, sentence("120,000 美元", 1, row=PAY), row=PAY) == [f"文档中还写道：“{best}”"]
    assert added(question, sentence("200,000 美元", 0, row=PAY), row=PAY) == []


def test_nothing_is_added_for_a_figure_where_the_best_row_has_none() -> None:
    assert added("Jira 一年要多少美元?", sentence("120,000 美元")) == []


def test_a_row_beside_what_is_named_is_not_added() -> None:
    tools = "Kafka（实时数据流）、Airflow（任务调度）。"
    cited = sentence("Kafka：实时数据流", 0, row=tools, verdict=Verdict.PARTIAL)
    assert added("Kafka 和 Airflow 分别负责什么?", cited) == []
    assert added("Kafka 和 Jira 分别负责什么?", cited) == [f"文档中还写道：“{ROW}”"]
    assert added("Pulsar 和 Storm 分别负责什么?", cited) == [f"文档中还写道：“{ROW}”"]


def test_the_next_step_is_told_though_it_names_nothing_of_the_question_and_the_step_before_it() -> None:
    chunk = chunk_of("2. 用Flink处理数据。\n1. 用FastAPI封装模型。\n3. 用K8s部署集群。")
    asked = understand("FastAPI 封装做完了，接下来学什么?", "zh")
    first = sentence("先用FastAPI", 0, row="用FastAPI写接口。")
    found = passed_by([replace(hit_of(chunk), units=chunk.units)], Said(asked, "zh", (first,)))
    assert [quoted.citation.quote for quoted in found] == ["2. 用Flink处理数据。", "1. 用FastAPI封装模型。"]


def test_a_row_of_a_role_that_was_asked_for_is_not_beside() -> None:
    row = "机器学习工程师主要做模型开发、训练和调整。"
    cited = sentence("MLOps工程师：运维", 0, row="MLOps工程师负责运维。", verdict=Verdict.PARTIAL)
    assert added("MLOps工程师和机器学习工程师分别管什么?", cited, row=row) == [f"文档中还写道：“{row}”"]
    assert added("MLOps工程师分别管什么?", cited, row=row) == []


ONE = document_of("Kafka（实时数据流）。Spark（清洗）。")
FIRST, SECOND = (chunk_of(ONE.text[at : at + size], document=ONE, start=at) for at, size in ((0, 13), (13, 10)))
OTHERS = chunk_of("Airflow（任务调度）。", document=document_of("Airflow（任务调度）。", id="other"))


@pytest.mark.parametrize(
    ("question", "quoted"),
    [
        ("各份文档提到了哪些数据工具?", ["Kafka（实时数据流）。", "Airflow（任务调度）。", "Spark（清洗）。"]),
        ("提到了哪些数据工具?", ["Kafka（实时数据流）。"]),
    ],
)
def test_of_several_documents_the_best_row_of_each_is_told_and_then_the_next(question: str, quoted: list[str]) -> None:
    hits = [replace(hit_of(chunk), score=score) for chunk, score in ((FIRST, 0.6), (SECOND, 0.58), (OTHERS, 0.5))]
    said = [sentence("任务管理", 0, verdict=Verdict.PARTIAL)]
    found = passed_by(hits, Said(understand(question, "zh"), "zh", said))
    assert [quoted.citation.quote for quoted in found] == quoted


@pytest.mark.parametrize(
    ("question", "more"),
    [
        ("初级工程师薪资多少?", False),
        ("高级工程师薪资多少?", True),
        ("工程师薪资多少?", True),
        ("初级工程师和高级工程师薪资有什么差别?", True),
    ],
)
def test_a_row_of_another_seniority_than_was_asked_about_is_not_added(question: str, more: bool) -> None:
    row = "高级工程师：年薪可达30万美元。"
    assert added(question, sentence("年薪12万美元。"), row=row) == [f"文档中还写道：“{row}”"] * more


def test_of_several_documents_one_may_be_of_another_role() -> None:
    row = "高级工程师：年薪可达30万美元。"
    assert added("初级工程师的薪资，各份文档怎么说?", sentence("年薪12万美元。"), row=row) == [f"文档中还写道：“{row}”"]


def test_of_many_rows_of_several_documents_five_are_told() -> None:
    texts = [f"工具{name}（处理{name}）。" for name in "甲乙丙丁戊己"]
    hits = [hit_of(chunk_of(text, document=document_of(text, id=text))) for text in texts]
    assert across_documents(hits) == hits[:5]


@pytest.mark.parametrize(("doubtful", "rows"), [(False, 1), (True, 2)])
def test_where_there_is_doubt_the_second_best_row_is_told(doubtful: bool, rows: int) -> None:
    hits = [replace(hit_of(chunk), score=score) for chunk, score in ((FIRST, 0.6), (OTHERS, 0.5), (SECOND, 0.44))]
    said = Said(understand("实时数据用什么工具?", "zh"), "zh", [sentence("任务管理", 0)], doubtful=doubtful)
    quoted = ["Kafka（实时数据流）。", "Airflow（任务调度）。"]
    assert [found.citation.quote for found in passed_by(hits, said)] == quoted[:rows]


@pytest.mark.parametrize(("question", "read"), [("各份文档提到了哪些数据工具?", 3), ("提到了哪些数据工具?", 2)])
def test_a_question_about_several_documents_is_answered_from_all_that_was_found(question: str, read: int) -> None:
    hits = [hit_of(chunk) for chunk in (FIRST, SECOND, OTHERS)]
    assert list(answered_from(hits, question, 2)) == hits[:read]


@pytest.mark.parametrize(
    ("text", "again"),
    [
        ("The checklist also mentions Slicer for medical imaging, Ranger for permissions and Splunk for logs.", True),
        ("The checklist also mentions Monai for medical imaging, Ranger for permissions and Splunk for logs.", False),
        ("Slicer does medical imaging.", False),
    ],
)
def test_a_sentence_with_another_subject_says_the_same_again(text: str, again: bool) -> None:
    before = ["Redis caches.", "It mentions Slicer for medical imaging, Ranger for permissions and Splunk for logs."]
    assert says_again(text, before) is again
