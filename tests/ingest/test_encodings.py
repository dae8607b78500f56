"""Decoding: what was written is what is read, or the file is refused."""

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexes.errors import DamagedError
from ingest.encodings import decode

SIMPLIFIED = "人工智能工程师需要掌握编程、数据库和网络。\n深度学习框架包括 PyTorch 和 TensorFlow，部署用 Docker。\n"
TRADITIONAL = (
    "人工智慧工程師需要掌握程式設計、資料庫和網路。\n深度學習框架包括 PyTorch 和 TensorFlow，部署用 Docker。\n"
)
ENGLISH = "An AI engineer builds, deploys and monitors models.\nThe team’s résumé says “yes”.\n"


@pytest.mark.parametrize("text", [SIMPLIFIED, TRADITIONAL, ENGLISH, "", "x", "🎉 ok"])
@pytest.mark.parametrize("name", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_unicode_encodings_round_trip(text: str, name: str) -> None:
    assert decode(text.encode(name)) == text


@pytest.mark.parametrize("name", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("text", [SIMPLIFIED, TRADITIONAL, ENGLISH])
def test_utf_16_without_a_mark_is_recognised(text: str, name: str) -> None:
    assert decode(text.encode(name)) == text


@pytest.mark.parametrize("text", [SIMPLIFIED, SIMPLIFIED[:22], "软技能", "薪资：12 万"])
@pytest.mark.parametrize("name", ["gb18030", "gbk", "gb2312"])
def test_simplified_chinese_in_gb_encodings(text: str, name: str) -> None:
    assert decode(text.encode(name)) == text


@pytest.mark.parametrize("text", [TRADITIONAL, TRADITIONAL[:22], "軟技能與協作"])
def test_traditional_chinese_in_big5(text: str) -> None:
    assert decode(text.encode("big5")) == text


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("The team’s résumé says “yes” – and the café agrees. An engineer builds models. " * 3, "cp1252"),
        ("人工知能エンジニアはモデルを構築し、運用します。これは日本語の文章です。" * 3, "shift_jis"),
    ],
)
def test_other_encodings_are_read_where_only_one_text_fits(text: str, name: str) -> None:
    assert decode(text.encode(name)) == text


def test_an_encoding_with_equal_rivals_is_refused_rather_than_guessed() -> None:
    """Read as cp1250 or cp1257 this is as plausible, and wrong."""
    text = "Die Größe der Prüfung und die Ausbildung für Ingenieure ist gefragt. Où êtes-vous né, mon frère? " * 4
    with pytest.raises(DamagedError, match=r"no encoding that can be told with certainty\. Save it as UTF-8\."):
        decode(text.encode("cp1252"))


@pytest.mark.parametrize(
    "raw",
    [
        b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR",
        b"PK\x03\x04\x14\x00\x06\x00",
        bytes(range(256)) * 4,
        codecs.BOM_UTF16_LE + b"\x00",
        codecs.BOM_UTF8 + b"\xff\xfe\xfd",
    ],
)
def test_what_is_no_text_is_refused_with_a_cure(raw: bytes) -> None:
    with pytest.raises(DamagedError, match=r"UTF-8"):
        decode(raw)


@given(st.text())
def test_utf_8_always_reads_back(text: str) -> None:
    raw = text.encode("utf-8", "ignore")
    if b"\0" not in raw and not raw.startswith((codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        assert decode(raw) == text.encode("utf-8", "ignore").decode()


def outcome(raw: bytes) -> str:
    try:
        return "text: " + decode(raw)
    except DamagedError as error:
        return f"refused: {error}"


@given(st.binary(max_size=400))
def test_bytes_of_any_kind_are_read_or_refused_with_a_cure(raw: bytes) -> None:
    result = outcome(raw)
    assert result.startswith("text: ") or result.endswith("UTF-8.") or "Convert it" in result
