"""Chinese terms stand in English in their order, names and numbers stay, the unknown is left out."""

import pytest

from service.gloss import conveyed, gloss, in_english, terms_of
from service.grounding.glossary import Glossary, load_glossary, parse_glossary

GLOSSARY: Glossary = parse_glossary(
    {
        "exclusive": {},
        "generic": {"系统": "system"},
        "field": {"公平性": "fair|fairness", "透明度": "transparency", "用户": "user", "复购率": "repurchase rate"},
        "axes": {},
        "aliases": {},
    }
)


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("公平性、透明度", "fairness, transparency"),
        ("提升用户复购率", "user repurchase rate"),
        ("Redis（缓存用户）：3 个", "Redis, user, 3"),
        ("系统系统", ""),
        ("用户看过《用户公平性》", "user"),
        ("读《Fair Users》的用户", "Fair Users user"),
        ("公平性；公平性", "fairness"),
        ("", ""),
    ],
)
def test_terms(text: str, terms: str) -> None:
    assert gloss(text, GLOSSARY)[0] == terms


def test_the_share_is_of_chinese_characters() -> None:
    assert gloss("用户复购率", GLOSSARY)[1] == 1.0
    assert gloss("提升用户复购率呀呀呀", GLOSSARY)[1] == 0.5
    assert gloss("Redis", GLOSSARY)[1] == 0.0


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("工业质检与灰度发布", {"质检": "quality inspection"}),
        ("降低误诊率，需要端到端", {"误诊率": "misdiagnosis rate", "端到端": "end-to-end"}),
        ("高级优化技术；初级工程师", {}),  # levels
        ("听不懂持续部署", {}),  # of lines with other words
        ("不同的系统", {}),  # says nothing by itself
        ("Redis", {}),
    ],
)
def test_a_term_is_told_where_it_is_one_thing(text: str, terms: dict[str, str]) -> None:
    found = terms_of(text, load_glossary())
    assert found.items() >= terms.items()
    assert not {"高级", "初级", "听不懂", "持续部署", "不同", "系统"} & found.keys()


@pytest.mark.parametrize(
    ("text", "translation", "share"),
    [
        ("用Redis缓存热点数据", "Redis caches hot data.", 1.0),
        ("用Redis缓存", "It caches.", 0.5),
        ("用Redis缓存", "Redis is used.", 0.5),
        ("用Redis缓存", "", 0.0),
        ("啊", "Oh.", 1.0),
    ],
)
def test_what_a_translation_conveys_of_terms_and_names(text: str, translation: str, share: float) -> None:
    assert conveyed(text, translation, load_glossary()) == share


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("Learn RAG and then microtuning.", "Learn RAG and then fine-tuning."),
        ("The agent (intelligent body) decides; smart bodies act.", "The agent decides; agents act."),
        ("A Smart Body acts.", "An agent acts."),
        ("Everybody is smart.", "Everybody is smart."),
    ],
)
def test_what_has_a_name_is_called_by_it(said: str, meant: str) -> None:
    assert in_english(said, load_glossary()) == meant
