"""Words, folding and language are the same for every caller, in both languages."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexes.text import Folded, detect_lang, fold, latin_names, mainland, normalise, simplify, tokens

CHARS = st.one_of(
    st.characters(codec="utf-8"),
    st.sampled_from("後裡軟體薴乾ＡＢ１％﹏㍿ﬁßİŉǰ\u0301\u0300\u3099ｶﾞ\u1100\u1161\u11a8각\u200b\u00ad\ufeff 　\t\n…½①"),
)
TEXTS = st.text(CHARS, max_size=40)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ＧＰＴ－４Ｖ", "gpt-4v"),
        ("後端軟體", "后端软体"),
        ("  A\u200bB\n\n C  ", "ab c"),
        ("Cafe\u0301 ﬁne", "café fine"),
        ("株式㍿…", "株式株式会社..."),
        ("Straße", "strasse"),
        ("", ""),
        ("\u3000\t", ""),
    ],
)
def test_normalise(text: str, expected: str) -> None:
    assert normalise(text) == expected


@given(TEXTS)
def test_normalise_is_idempotent_and_canonical(text: str) -> None:
    once = normalise(text)
    assert normalise(once) == once
    assert unicodedata.is_normalized("NFKC", once)
    assert once == once.strip()


@given(TEXTS)
def test_folded_offsets_run_upwards_and_stay_inside(text: str) -> None:
    folded = fold(text)
    assert len(folded.text) == len(folded.offsets) == len(folded.ends)
    assert list(folded.offsets) == sorted(folded.offsets)
    assert list(folded.ends) == sorted(folded.ends)
    assert all(0 <= start < end <= len(text) for start, end in zip(folded.offsets, folded.ends, strict=True))


@given(TEXTS, st.data())
def test_a_span_of_the_original_folds_to_at_least_what_was_asked(text: str, data: st.DataObject) -> None:
    folded = fold(text)
    start = data.draw(st.integers(0, len(folded.text)))
    end = data.draw(st.integers(start, len(folded.text)))
    original = text[slice(*folded.span(start, end))]
    assert folded.text[start:end].strip() in normalise(original)


def test_span_covers_the_cluster_that_changed_its_length() -> None:
    text = "在㍿工作 e\u0301X"
    folded = fold(text)
    assert folded.text == "在株式会社工作 éx"
    assert text[slice(*folded.span(2, 3))] == "㍿"
    assert text[slice(*folded.span(5, 7))] == "工作"
    at = folded.text.index("é")
    assert text[slice(*folded.span(at, at + 1))] == "e\u0301"
    assert folded.index(text.index("X")) == folded.text.index("x")


@pytest.mark.parametrize(("start", "end"), [(-1, 0), (2, 1), (0, 9)])
def test_span_outside_is_refused(start: int, end: int) -> None:
    with pytest.raises(ValueError, match="outside"):
        fold("abc").span(start, end)


def test_empty_spans_stay_empty() -> None:
    assert fold("a b").span(1, 1) == (1, 1)
    assert fold("a b").span(3, 3) == (3, 3)
    assert Folded("", (), ()).span(0, 0) == (0, 0)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("gpt-4v", ["gpt-4v", "gpt", "4v"]),
        ("C++ and C#", ["c++", "and", "c#"]),
        ("int8", ["int8"]),
        ("OAuth2.0", ["oauth2.0", "oauth2", "0"]),
        ("Node.js.", ["node.js", "nod", "js"]),
        ("１，０００ users", ["1000", "user"]),
        ("向量数据库", ["向量", "量数", "数据", "据库"]),
        ("用Python学", ["用", "python", "学"]),
        ("資料庫", ["资料", "料库"]),
        ("résumé", tokens("resume")),
        ("——，。!?", []),
    ],
)
def test_tokens(text: str, expected: list[str]) -> None:
    assert tokens(text) == expected


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("databases", "database"),
        ("companies", "company"),
        ("Caching", "caches"),
        ("deployed", "deploying"),
        ("deployment", "deploy"),
        ("planning", "plans"),
        ("classes", "class"),
        ("GPUs", "gpu"),
        ("embeddings", "embed"),
    ],
)
def test_english_forms_meet(one: str, other: str) -> None:
    assert tokens(one) == tokens(other)


@pytest.mark.parametrize(("one", "other"), [("string", "strong"), ("need", "nee"), ("process", "proce")])
def test_other_words_do_not(one: str, other: str) -> None:
    assert tokens(one) != tokens(other)


@given(TEXTS)
def test_tokens_hold_no_white_space_and_survive_normalising(text: str) -> None:
    found = tokens(text)
    assert all(token and not any(char.isspace() for char in token) for token in found)
    assert tokens(normalise(text)) == found


def test_latin_names() -> None:
    assert latin_names("用 TorchServe 和 gpt-4v 部署 the C++ 服务") == {"torchserve", "gpt-4v", "c++"}
    assert latin_names("Should I learn Kubernetes before int8 and CI/CD? Maybe.") == {"kubernetes", "int8", "ci", "cd"}
    assert latin_names("没有名字") == frozenset()


@pytest.mark.parametrize(
    ("text", "lang"),
    [
        ("LLMOps 是做什么的?", "zh"),
        ("TensorFlow 和 PyTorch 有什么区别", "zh"),
        ("Kubernetes TensorFlow PyTorch 区别？", "zh"),
        ("後端工程師要學什麼", "zh"),
        ("What does 向量数据库 mean?", "en"),
        ("Who is 张伟 and what did he do?", "en"),
        ("backend", "en"),
        ("", "en"),
    ],
)
def test_detect_lang(text: str, lang: str) -> None:
    assert detect_lang(text) == lang


def test_simplify_knows_phrases() -> None:
    assert simplify("軟體工程師的資料庫") == "软件工程师的数据库"


@pytest.mark.parametrize(
    ("text", "said"),
    [("非同步程式設計的文件", "异步编程的文档"), ("异步编程的文件", "异步编程的文件"), ("plain", "plain"), ("", "")],
)
def test_only_traditional_text_takes_the_words_of_the_mainland(text: str, said: str) -> None:
    assert mainland(text) == said
    assert simplify("plain text") == "plain text"


@given(st.text(CHARS, max_size=80))
def test_the_quick_way_to_normalise_is_the_one_with_offsets(text: str) -> None:
    assert normalise(text) == fold(text).text
