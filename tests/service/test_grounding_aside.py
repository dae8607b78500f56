"""Of two things that a row lists side by side, none is told to be in the other."""

import pytest

from service.grounding.aside import joins_apart
from service.grounding.glossary import load_glossary
from service.grounding.words import fold
from service.types import Verdict
from tests.service.grounding_doubles import passage, verifier

ROW = "异构数据存储 | 了解对象存储 | 大模型权重文件存储；实时推荐结果缓存；AI训练样本存储"


@pytest.mark.parametrize(
    ("claim", "unit", "apart"),
    [
        ("Model weight files get stored in the training sample storage.", ROW, True),
        ("Training samples serve as weight files.", ROW, True),
        ("Weight files and training samples are stored.", ROW, False),
        ("Object storage is used in the storage of weight files.", ROW, False),  # Of two cells.
        ("In storage, such as for training samples, weight files count.", ROW, False),
        ("Weight files are stored, and in training, samples.", ROW, False),  # Of two clauses.
        ("Words are near in vectors.", "文字变成向量，很快；相似的词，距离就近。", False),  # Statements.
        ("权重文件存进训练样本。", ROW, False),  # Only English is read so.
    ],
)
def test_items_side_by_side_are_not_in_each_other(claim: str, unit: str, apart: bool) -> None:
    assert joins_apart(fold(claim), ["Kafka 搬运数据。", unit], load_glossary()) is apart


@pytest.mark.parametrize(
    ("sentence", "verdict"),
    [
        ("Model weight files are stored in AI training samples.", Verdict.UNSUPPORTED),
        ("Model weight files and AI training samples are stored.", Verdict.SUPPORTED),
    ],
)
def test_what_is_told_of_the_item_beside_is_not_supported(sentence: str, verdict: Verdict) -> None:
    rows = [passage(1, "大模型权重文件存储；AI训练样本存储")]
    assert verifier(rows).check(sentence, rows).verdict is verdict
