"""Chinese terms stand in English in their order, names and numbers stay, the unknown is left out."""

import pytest

from service.gloss import gloss
from service.grounding.glossary import Glossary, parse_glossary

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
