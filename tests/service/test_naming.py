"""A word is a name where Chinese passages write it as one."""

import pytest

from service.asking import understand
from service.naming import with_names
from tests.conftest import chunk_of
from tests.service.answering import hit_of


@pytest.mark.parametrize(
    ("question", "lang", "names"),
    [
        ("seata, whats that for?", "en", {"seata"}),
        ("is kafka streams in there, and Flink?", "en", {"kafka", "flink"}),
        ("what does an agent do in the demo?", "en", set()),  # English words, whatever passages write.
        ("what is vue for?", "en", set()),
        ("what does a gpu-less box lack?", "en", set()),
        ("seata是做什么的?", "zh", {"seata"}),
    ],
)
def test_names_are_known_by_the_passages(question: str, lang: str, names: set[str]) -> None:
    hits = [
        hit_of(chunk_of("懂分布式事务（Seata/TCC），会用Kafka Streams和Flink；Agent的Demo，GPU监控。")),
        hit_of(chunk_of("Vue is a framework that people like."), 2),
    ]
    assert with_names(understand(question, lang), hits).names == names
