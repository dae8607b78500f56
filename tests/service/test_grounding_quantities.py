"""Numbers of both languages meet in one form, and only equal ones meet."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.grounding.quantities import quantities, same, section_number, stage_number, stands_in
from service.grounding.words import fold


def read(text: str) -> list:
    return quantities(fold(text))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("10万", "100,000"), ("10 万+", "100k"), ("2亿", "200 million"), ("两亿", "200 million"),
        ("二十种", "20 kinds"),
        ("一小时", "1 hour"), ("an hour", "1小时"), ("0-1 年", "0 to 1 years"),
        ("0-6个月", "0 to 6 months"),
        ("第1阶段", "stage 1"), ("第一阶段", "the first stage"), ("阶段二", "phase two"),
        ("第一优先级", "first priority"),
        ("120,000 美元", "$120k"), ("120,000 美元", "USD 120,000"), ("12万美元", "$120,000"),
        ("120,000 美元到 150,000 美元", "between $120,000 and $150,000"), ("36个月", "three years"),
        ("百分之五十", "50%"), ("千亿参数", "hundreds of billions of parameters"),
        ("数十亿参数", "billions of parameters"),
        ("671B", "671 billion"), ("一周内", "within a week"), ("四种角色", "four roles"), ("7GB", "7 GB"),
        ("10萬", "100,000"), ("１０万", "100000"), ("半年", "six months"), ("half a year", "6个月"),
    ],
)  # fmt: skip
def test_equal(one: str, other: str) -> None:
    left, right = read(one), read(other)
    assert left
    assert right
    assert all(stands_in(quantity, right) for quantity in left)
    assert all(stands_in(quantity, left) for quantity in right)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("2亿", "2 billion"), ("2亿", "2 million"), ("10万", "10,000"), ("第1阶段", "stage 2"), ("6个月", "6 years"),
        ("120,000 美元", "$130,000"), ("7GB", "7MB"), ("1小时", "1 day"), ("50%", "5%"), ("四种", "three"),
        ("671B", "37B"), ("120,000 美元", "120,000 yuan"), ("0.85", "0.58"), ("第一优先级", "1 hour"),
    ],
)  # fmt: skip
def test_different(one: str, other: str) -> None:
    right = read(other)
    assert not all(stands_in(quantity, right) for quantity in read(one))


@pytest.mark.parametrize(
    ("vague", "source", "stands"),
    [
        ("several months", "3-6个月", True), ("several months", "几个月", True), ("数月", "a few months", True),
        ("a few years", "3 年以上", True), ("several weeks", "3 weeks", True), ("several hours", "2天", True),
        ("several months", "占去大量时间", False), ("several months", "1个月", False),
        ("several months", "3 days", False), ("6 months", "几个月", False), ("several months", "several years", False),
        ("thousands", "3,000 models", True), ("thousands", "30,000 models", False), ("数千个", "两千个", True),
        ("1000", "数千个模型", False), ("1,000 models", "数千个模型", False), ("10 million", "数千万", False),
        ("several months", "3 stages", False), ("millions", "100万美元", True), ("several years", "数百万", False),
    ],
)  # fmt: skip
def test_several_months_are_any_number_of_them(vague: str, source: str, stands: bool) -> None:
    (claimed,) = read(vague)
    assert stands_in(claimed, read(source)) is stands


@pytest.mark.parametrize(
    ("exact", "vague"), [("one year of work", "几年"), ("12 months", "several years"), ("an hour", "几个小时")]
)
def test_who_wrote_several_did_not_write_how_many(exact: str, vague: str) -> None:
    (claimed,) = read(exact)
    assert not stands_in(claimed, read(vague))


def test_ten_odd_years_are_a_number() -> None:
    (found,) = read("10多年")
    assert (found.value, found.kind) == (120.0, "number")


@pytest.mark.parametrize(
    "text",
    ["for years", "参数月报", "多年级",
     "one of the best", "一种方法", "十分重要", "统一", "First, learn Python.", "1. Python", "GPT-4V and INT8",
     "3D Slicer",     "5Why", "千万不要", "万一", "CS224N", "DeepSeek-V3", "二、方案"],
)  # fmt: skip
def test_no_quantity(text: str) -> None:
    assert read(text) == []


@given(st.integers(1, 9999))
def test_wan_is_ten_thousand(number: int) -> None:
    (chinese,), (english,) = read(f"{number}万用户"), read(f"{number * 10000:,} users")
    assert same(chinese, english)
    assert chinese.value == number * 10000


@given(st.text(max_size=60))
def test_any_text_can_be_read(text: str) -> None:
    for quantity in read(text):
        assert same(quantity, quantity)


@pytest.mark.parametrize(
    ("title", "number"),
    [
        ("2. 进阶阶段（6-18个月）", 2),
        ("第2阶段（3-6个月）：核心层", 2),
        ("阶段二：模型开发和测试", 2),
        ("六、学习路径", 6),
        ("Stage 3: production", 3),
        ("4.3 MoE（混合专家模型）", None),
        ("薪资", None),
    ],
)
def test_a_heading_opens_with_its_number(title: str, number: int | None) -> None:
    found = section_number(fold(title))
    assert (found and found.value) == number


def test_only_stages_have_the_number_of_a_stage() -> None:
    found = [stage_number(fold(title)) for title in ("3. 专业阶段（18-36个月）", "3. 数据处理", "三、四个阶段")]
    assert [number and number.value for number in found] == [3, None, None]
