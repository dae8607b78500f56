"""Row 24: two hundred files in the encodings of Chinese systems: each is read as it was written, or flagged."""

import random

import pytest

from indexes.errors import DamagedError
from ingest.encodings import decode

ENCODINGS = ("gbk", "gb18030", "big5", "utf-16", "utf-16-le", "utf-16-be", "utf-8", "utf-8-sig")
SIMPLIFIED = (
    "人工智能工程师需要掌握编程、数据库和网络。", "模型部署常用容器和编排工具，例如 Docker 与 Kubernetes。",
    "先学 Python，再学机器学习的基础。", "薪资：一线城市 25,000 到 40,000 元。",
    "向量数据库保存文本的向量，用来做语义检索。",
    "第3阶段：训练、评估与监控。", "团队协作和沟通同样重要！", "· 熟悉 Linux 与 Shell 脚本",
    "面试时要讲清楚项目的取舍，尤其是延迟、成本和质量之间的关系。", "参见 https://example.org/guide （2026 年更新）",
)  # fmt: skip
TRADITIONAL = (
    "人工智慧工程師需要掌握程式設計、資料庫和網路。", "模型部署常用容器和編排工具，例如 Docker 與 Kubernetes。",
    "先學 Python，再學機器學習的基礎。", "薪資：每月 25,000 到 40,000 元。",
    "向量資料庫保存文字的向量，用來做語意檢索。",
    "第3階段：訓練、評估與監控。", "團隊協作和溝通同樣重要！", "面試時要講清楚專案的取捨，尤其是延遲、成本和品質。",
    "熟悉 Linux 與 Shell 指令稿", "參見 https://example.org/guide （2026 年更新）",
)  # fmt: skip
NEWLINES = ("\n", "\r\n", "\r")


def corpus(count: int = 200) -> list[tuple[str, str, bytes]]:
    """(encoding, text, bytes): one to forty lines, line ends of all systems within one file."""
    chance = random.Random(24)
    made = []
    for number in range(count):
        encoding = ENCODINGS[number % len(ENCODINGS)]
        lines = chance.choices(TRADITIONAL if encoding == "big5" else SIMPLIFIED, k=chance.choice((1, 2, 5, 40)))
        text = "".join(line + chance.choice(NEWLINES) for line in lines)
        made.append((encoding, text, text.encode(encoding)))
    return made


def read(raw: bytes) -> str | None:
    try:
        return decode(raw)
    except DamagedError:
        return None


def test_at_least_99_of_100_files_are_read_or_flagged_and_none_is_read_wrongly() -> None:
    results = [(encoding, text, read(raw)) for encoding, text, raw in corpus()]
    wrong = [
        (encoding, text[:20], found[:20]) for encoding, text, found in results if found not in {text, None} and found
    ]
    assert wrong == [], "mojibake that nobody is told of"
    assert sum(found == text for _, text, found in results) >= 198


@pytest.mark.parametrize(
    "raw",
    [
        SIMPLIFIED[0].encode("gbk")[:-1],
        "工程师".encode() + "工程师".encode("gbk"),
        SIMPLIFIED[4].encode("utf-16")[:-1],
        b"a,b\n\0,\0\n",
        b"\0" + SIMPLIFIED[0].encode(),
    ],
    ids=["cut", "two in one", "odd", "letters with zeros", "zero first"],
)
def test_what_fits_no_encoding_is_flagged(raw: bytes) -> None:
    assert read(raw) is None
