"""The months a question names are found in both languages, and the stage of a passage is compared with them."""

import math

import pytest

from service.periods import Period, asked_period, stage_of, timely

EVER = math.inf


@pytest.mark.parametrize(
    ("heading", "period"),
    [
        (("六、学习路径", "第2阶段（3-6个月）：核心层"), Period(3, 6)),
        (("4. 专家阶段（36+个月）",), Period(36, EVER)),
        (("3. 专家阶段（3 年以上）",), Period(36, EVER)),
        (("2. 进阶阶段（２－３ 年）",), Period(24, 36)),
        (("Stage 1 (0-6 months)",), Period(0, 6)),
        (("Experts (5+ years)",), Period(60, EVER)),
        (("进阶阶段（6-18个月）", "实践项目"), Period(6, 18)),
        (("一年的总结", "学习路径"), None),
        ((), None),
    ],
)
def test_a_stage_is_the_innermost_heading_with_a_span_of_time(heading: tuple[str, ...], period: Period | None) -> None:
    assert stage_of(heading) == period


@pytest.mark.parametrize(
    ("question", "period"),
    [
        ("month 4 of my move into AI. what should i be working on now?", Period(4, 4)),
        ("What should I do in months 1 and 2 of the transition roadmap?", Period(1, 2)),
        ("what do I get built in the first month or two of the switch?", Period(1, 1)),
        ("any beginner project ideas for somebody in the first half year?", Period(0, 6)),
        ("classic starter projects for a beginner in year one??", Period(0, 12)),
        ("What is in the second year?", Period(12, 24)),
        ("I'm past the three year mark. what's still left to study?", Period(36.5, 36.5)),
        ("After 36 months, which topic enters the learning list?", Period(36.5, 36.5)),
        ("Two or three years in: what practice scenarios suit me?", Period(24, 36)),
        ("I have been learning for only three months. What projects suit me?", Period(3, 3)),
        ("what to learn after a year and a half", Period(18.5, 18.5)),
        ("从一年半学到三年，这段时间该啃哪些东西", Period(18, 36)),
        ("刚学头半年，框架从哪个入手？", Period(0, 6)),
        ("最后半年(6到12个月)做些啥", Period(6, 12)),
        ("三年以上的专家推荐往哪两个方向走?", Period(36.5, 36.5)),
        ("學了三個月，該做什麼項目？", Period(3, 3)),
        ("学到第8个月该做什么", Period(8, 8)),
        ("转型第三年学什么", Period(24, 36)),
        ("半年后做什么", Period(6.5, 6.5)),
    ],
)
def test_questions_name_a_time_of_the_path(question: str, period: Period) -> None:
    assert asked_period(question) == period


@pytest.mark.parametrize(
    "question",
    [
        "what can a senior engineer earn per year",
        "How many months does the entry stage take?",
        "Deployed models behave the same for years",
        "After 5 years of backend experience, where do I start?",
        "我做了五年后端，想转AI，先学啥再学啥？",
        "工作五年的后端怎么转",
        "Quantum computing is for beginners in year one, right?",
        "Should I learn Docker in month 3?",
        "联邦学习是入门阶段(0-1年)就要学的吧?",
        "The roadmap has beginners explore quantum computing in year one.",
        "I read that ethics is learned in the first six months.",
        "So quantum computing is for year one?",
        "听说第一年就要搞量子计算",
        "In which stage, year one I think, do they want RPA agents?",
        "RPA智能体是第一年还是哪个阶段的事？",
        "So why is quantum computing taught in the first year?",
        "为什么入门阶段(0-6个月)要学联邦学习?",
        "What should a backend dev learn first?",
        "2025年世界杯冠军是谁？",
    ],
)
def test_wages_terms_other_trades_and_doubts_name_none(question: str) -> None:
    assert asked_period(question) is None


@pytest.mark.parametrize("question", ["what to do after several months?", "几个月之后学什么", "学了几年该做什么"])
def test_some_months_are_no_time(question: str) -> None:
    assert asked_period(question) is None


@pytest.mark.parametrize(
    ("asked", "stage", "worth"),
    [
        (Period(4, 4), Period(3, 6), 1.0),
        (Period(4, 4), Period(1, 2), -1.0),
        (Period(4, 4), None, 0.0),
        (Period(0, 12), Period(0, 6), 0.5),
        (Period(0, 12), Period(12, 24), -1.0),
        (Period(36.5, 36.5), Period(36, EVER), 1.0),
    ],
)
def test_a_stage_is_worth_as_much_as_it_holds_of_the_time(asked: Period, stage: Period | None, worth: float) -> None:
    assert timely(asked, stage) == worth
