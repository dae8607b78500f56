"""A value may be said what its own row says of it, in whatever words of it; not what its neighbours are said."""

import pytest

from service.grounding.analysis import read_clauses
from service.grounding.binding import better_elsewhere, bound_elsewhere, groups_of
from service.grounding.glossary import load_glossary

GLOSSARY = load_glossary()
PIPELINE = (
    "| 数据管道构建 | Kafka（实时数据流）、Airflow（任务调度）、Spark/Flink（分布式处理） | 日志（由 Spark 清洗） |"
)
OUTLIERS = "| 设备预测性维护 | Prometheus（实时监控）、Isolation Forest（孤立点分析）、LSTM（时序异常检测） |"
LANGUAGES = "| 编程与框架 | 1. 后端语言（Java/Go/Python）精通1门；2. 会用主流Web框架（Spring Boot/Go Gin/FastAPI） |"
FRAMEWORKS = "会用批处理框架（Spark/Flink Batch）；2. 对流处理框架（Flink/Kafka Streams）熟悉"
FIRST = "1. 先做“小场景”：搭一个简单的大模型API服务，例如用FastAPI+TorchServe封装LLM，借此熟悉模型部署流程。"


def out_of_place(claim: str, row: str) -> bool:
    said, source = groups_of(read_clauses(claim, GLOSSARY)), groups_of(read_clauses(row, GLOSSARY, source=True))
    return bool(bound_elsewhere(said, source) or better_elsewhere(said, source))


@pytest.mark.parametrize(
    ("claim", "row"),
    [
        ("The data pipeline tools mentioned are Kafka, Airflow, Spark/Flink.", PIPELINE),
        ("The algorithm for detecting isolated outliers in predictive maintenance is Isolation Forest.", OUTLIERS),
        ("Kafka (real-time data streams), Airflow (task scheduling), Spark/Flink (distributed processing).", PIPELINE),
        ("Prometheus (real-time monitoring) and Isolation Forest (isolation point analysis)", OUTLIERS),
        ("Start small: wrap an LLM with FastAPI and TorchServe as a simple model API service.", FIRST),
    ],
)
def test_what_a_row_says_of_a_name_in_other_words_is_of_it(claim: str, row: str) -> None:
    assert not out_of_place(claim, row)


@pytest.mark.parametrize(
    ("claim", "row"),
    [
        ("Airflow is for real-time data streams in data pipelines.", PIPELINE),
        ("Kafka is for task scheduling.", PIPELINE),
        ("Kafka (task scheduling), Airflow (real-time data streams), Spark/Flink (distributed processing).", PIPELINE),
        ("Prometheus is for time series anomaly detection.", OUTLIERS),
        ("流处理框架是Spark/Flink Batch，批处理框架是Flink/Kafka Streams。", FRAMEWORKS),
        ("要会使用Spring Boot、Go Gin、Java这类主流Web框架。", LANGUAGES),
    ],
)
def test_what_it_says_of_a_neighbour_is_not(claim: str, row: str) -> None:
    assert out_of_place(claim, row)
