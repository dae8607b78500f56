"""Sentences are exact spans in both languages."""

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexes.sentences import split_sentences

CASES = [
    ["他说：“今天。", "明天呢？”", "然后走了。", "好"],
    ["用 GPT-4.", "下一句……", "好；", "完！"],
    ["1. 安装 Python 3.11。", "2. 运行 v1.5 版本。"],
    ["1.安装依赖。", "2、重启"],
    ["Dr. Smith et al. wrote it (see Fig. 3. It is good).", "Next, e.g. this one."],
    ["We use Redis, Kafka, etc. and more.", "We use Redis etc.", "The rest is old."],
    ["Visit https://a.b/c?d=1.5 now.", "Then stop."],
    ["The U.S. Army left.", "It left the U.S.", "They went on."],
    ['He said "Stop."', "“Go!”", "**Bold.**", "After."],
    ["Really?!", "Yes... no...", "No."],
    ["Version 1.5 of Node.js costs 3.5 dollars.", "Fine."],
    ["完成。", "**下一步**：学习。"],
    ["他问（你好吗？真的）然后走了。", "再见"],
]


@pytest.mark.parametrize("sentences", CASES, ids=lambda sentences: sentences[0])
def test_splits(sentences: list[str]) -> None:
    glue = "" if any("\u4e00" <= char <= "\u9fff" for char in sentences[0]) else " "
    text = glue.join(sentences)
    assert [text[start:end] for start, end in split_sentences(text)] == sentences


def test_a_line_break_ends_a_sentence() -> None:
    text = "  first\n\n- second\r\n第三"
    assert [text[start:end] for start, end in split_sentences(text)] == ["first", "- second", "第三"]


@given(st.text(st.one_of(st.characters(codec="utf-8"), st.sampled_from('.。!?！？… \n"”)）(（*1aA二')), max_size=60))
def test_every_visible_character_is_in_exactly_one_sentence(text: str) -> None:
    spans = split_sentences(text)
    assert all(start < end for start, end in spans)
    assert all(before[1] <= after[0] for before, after in pairwise(spans))
    assert "".join("".join(text[start:end].split()) for start, end in spans) == "".join(text.split())


def test_a_quoted_question_followed_by_a_comma_goes_on() -> None:
    text = "“真的吗？”，他问。她点头。"
    assert [text[start:end] for start, end in split_sentences(text)] == ["“真的吗？”，他问。", "她点头。"]


def test_a_long_run_of_full_stops_is_split_in_linear_time() -> None:
    started = time.perf_counter()
    assert split_sentences("1." * 20_000) == [(0, 40_000)]
    assert time.perf_counter() - started < 2.0
