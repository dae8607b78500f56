"""Every spelling of a quantity folds to one, and folding is stable."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.evaluation.matching import fold
from service.evaluation.numbers import fold_numbers, parse_han


@pytest.mark.parametrize(
    ("spellings", "folded"),
    [
        (["10 万", "十万", "100,000", "100k", "100 K", "100 thousand", "１０万"], "100000"),
        (["2亿", "两亿", "200 million", "200m", "200,000,000", "two hundred million"], "200000000"),
        (["一小时", "1 小时", "1个小时", "1 hour", "one hour", "1-hour", "1 hr"], "1hour"),
        (["二十", "20", "twenty"], "20"),
        (["twenty-five", "二十五"], "25"),
        (["三千五百", "3500", "3,500", "3.5k"], "3500"),
        (["6–12个月", "6-12 months", "6 to 12 months", "六到十二个月", "6 至 12 个月"], "6-12month"),
        (["百分之三十", "30%", "30 percent", "３０％"], "30%"),
        (["二〇二三年", "2023年", "2023"], "2023"),
        (["12-15万", "120,000–150,000", "120k-150k", "120-150K"], "120000-150000"),
        (["$120K", "12万美元", "120,000 US dollars", "120000 美金"], "$120000"),
        (["1.5B", "15亿", "1.5 billion"], "1500000000"),
        (["三四个", "3-4个"], "3-4个"),
    ],
)
def test_spellings_of_one_quantity_are_equal(spellings: list[str], folded: str) -> None:
    assert {fold(spelling).counted for spelling in spellings} == {folded}


@pytest.mark.parametrize(
    ("run", "value"),
    [
        ("十", 10),
        ("十二", 12),
        ("二十", 20),
        ("一百二十", 120),
        ("一千零五", 1005),
        ("三万五千", 35000),
        ("两亿", 200_000_000),
    ],
)
def test_han_numerals(run: str, value: int) -> None:
    assert parse_han(run) == value


@pytest.mark.parametrize("text", ["第1,2章", "k8s", "gpt-4", "int8", "a b c", "百万富翁".replace("百万", "万")])
def test_what_is_no_spelling_of_a_quantity_stays(text: str) -> None:
    assert fold_numbers(text) == text


@given(st.integers(0, 10**12))
def test_separators_do_not_count(value: int) -> None:
    assert fold(f"{value:,}").counted == fold(str(value)).counted == str(value)


@given(st.text(alphabet="0123456789.,万亿千百十一二三年月小时kmb -到to$%abc", max_size=40))
def test_folding_any_text_ends(text: str) -> None:
    assert isinstance(fold(text).counted, str)
