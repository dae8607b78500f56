"""What one side of a contrast does is not what the other does."""

import pytest

from service.grounding.contrast import crosses
from service.grounding.glossary import load_glossary
from service.grounding.words import fold

CHINESE = "传统软件开发遵循可预测逻辑；AI 工程造出的系统则能学习、能适应，并依据数据模式来做决策。"
ENGLISH = "Traditional software follows predictable logic, whereas AI systems learn and adapt."
PLAIN = "传统软件开发遵循可预测逻辑；AI 工程造出的系统能学习、能适应。"


@pytest.mark.parametrize(
    ("claim", "unit", "crossed"),
    [
        ("AI 工程师的系统是可预测的。", CHINESE, True),
        ("傳統軟體開發能適應。", CHINESE, True),
        ("AI systems follow predictable logic.", ENGLISH, True),
        ("AI 系统遵循可预测的逻辑。", ENGLISH, True),
        ("AI 工程的系统能学习。", CHINESE, False),
        ("传统软件开发遵循可预测逻辑。", CHINESE, False),
        ("AI systems learn and adapt.", ENGLISH, False),
        ("AI systems are not predictable.", ENGLISH, False),
        ("AI 工程师的系统不可预测。", CHINESE, False),
        ("AI 工程的系统能适应，传统软件则遵循可预测逻辑。", CHINESE, False),
        ("AI 工程师的系统是可预测的。", PLAIN, False),
    ],
)
def test_a_claim_of_one_side_has_nothing_of_the_other(claim: str, unit: str, crossed: bool) -> None:
    assert crosses(fold(claim), ["Kafka 搬运数据。", unit], load_glossary()) is crossed
