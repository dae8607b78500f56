"""Bombs and traps: each is one line of the report with its cure, costs seconds, and the files beside it are read."""

import os
import resource
import time
from pathlib import Path

import pytest

from indexes.errors import DamagedError
from indexes.generation import Generation
from indexes.settings import IndexSettings
from ingest.build import build
from ingest.limits import Limits
from ingest.sandbox import Sandbox
from tests.doubles import FakeEmbedder
from tests.ingest import bombs, files

SECRET = "the-secret-of-the-machine"
ZIPS = {
    "huge.docx": (bombs.huge_entry(256 << 20), "expands to more than 100 MiB"),
    "ratio.docx": (bombs.huge_entry(64 << 20), "expands more than 100-fold ('word/document.xml'), as a bomb does"),
    "many.xlsx": (bombs.many_entries(1001), "holds 1,002 entries; more than 1,000 are not read"),
    "nested.docx": (bombs.nested(2), "holds another archive"),
    "overlapping.docx": (bombs.overlapping(90), "has entries that overlap ('word/001.xml'), as a bomb has"),
    "laughs.docx": (bombs.word_of(bombs.LAUGHS), "declares XML entities ('word/document.xml'), as an attack does"),
    "laughs16.docx": (
        bombs.word_of(bombs.LAUGHS.replace('"1.0"?>', '"1.0" encoding="UTF-16"?>', 1), "utf-16"),
        "declares XML entities",
    ),
    "laughs.xlsx": (bombs.office({"xl/workbook.xml": bombs.LAUGHS.encode()}), "declares XML entities"),
    "laughs.pptx": (bombs.office({"ppt/presentation.xml": bombs.LAUGHS.encode()}), "declares XML entities"),
    "slip.docx": (bombs.office({"../../escaped.md": b"x"}), "an entry that leads outside of it ('../../escaped.md')"),
    "root.docx": (bombs.office({"/tmp/escaped.md": b"x"}), "an entry that leads outside of it ('/tmp/escaped.md')"),
    "drive.docx": (bombs.office({"C:\\escaped.md": b"x"}), "an entry that leads outside of it"),
    "garbage.docx": (b"PK\x03\x04" + bytes(2000), "is no sound .docx file"),
    "broken.xlsx": (bombs.office({"xl/workbook.xml": b"<workbook/>"}), "Save it anew"),
    "broken.pptx": (bombs.office({"ppt/presentation.xml": b"<a>"}), "Save it anew"),
}
PDFS = {
    "pages.pdf": (bombs.many_pages(20_000), "has 20,000 pages; more than 5,000 are not read"),
    "endless.pdf": (bombs.endless_pages(), "has 100,000 pages"),
    "flate.pdf": (bombs.flate_bomb(1024), "makes its reader fail"),
    "form.pdf": (bombs.endless_form(), ". Save its text as Markdown, or split it."),
    "garbage.pdf": (b"%PDF-1.7\n" + bytes(range(256)) * 50, "is no sound PDF"),
}
TREES = {
    "deep.json": (b"[" * 1_000_000, "is nested more than 100 levels deep"),
    "deep.jsonl": (b'{"a":' * 500_000, "is nested more than 100 levels deep"),
    "wide.json": (b"[" + b"[]," * 10_000_000 + b"[]]", "needs more memory to read than one file may have"),
    "deep.html": (b"<div>" * 1_000_000, "is nested too deeply"),
    "wide.csv": (b"," * 20_000_000, "has rows of more than 500 columns"),
    "nul.csv": (b"a,b\n\0,\0\n", "is binary, not text"),
    "front.md": (b"---\na: " + b"[" * 100_000 + b"\n---\n", "no text"),
}
ALL = ZIPS | PDFS | TREES


@pytest.fixture(scope="module", autouse=True)
def one_reader() -> None:
    """The first start of a child reads its libraries from disk: that is not the bomb's time."""
    with Sandbox() as sandbox:
        sandbox.read(".csv", b"a,b\n1,2\n")


@pytest.mark.parametrize("name", [name for name in ALL if name != "front.md"])
def test_rows_22_and_23_a_bomb_is_refused_in_seconds_with_its_cure(name: str) -> None:
    raw, message = ALL[name]
    started, spent = time.monotonic(), _child_seconds()
    with Sandbox() as sandbox, pytest.raises(DamagedError) as refusal:
        sandbox.read(Path(name).suffix, raw)
    assert message in str(refusal.value)
    assert any(
        cure in str(refusal.value) for cure in ("Split", "split", "Save", "Unpack", "Flatten", "Mend", "Convert")
    )
    assert _child_seconds() - spent <= 12
    assert time.monotonic() - started <= 40, "by the clock of a machine that others use too"


def _child_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


@pytest.mark.parametrize("name", sorted(ZIPS))
def test_row_22_an_archive_costs_no_more_than_200_mb(name: str) -> None:
    """A child that may have no more address space than it starts with and 200 MB says the same."""
    with Sandbox(Limits(memory_mb=220 + 200)) as sandbox, pytest.raises(DamagedError) as refusal:
        sandbox.read(Path(name).suffix, ZIPS[name][0])
    assert ZIPS[name][1] in str(refusal.value)


def test_the_run_goes_on_and_each_has_its_line(tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for name, (raw, _) in ALL.items():
        (corpus / name).write_bytes(raw)
    (corpus / "a.md").write_text("# 甲\n\n先读的一段讲编程。\n", "utf-8")
    (corpus / "m.docx").write_bytes(files.word(files.career_word))
    (corpus / "z.csv").write_text("工具,用途\nRay,训练\n", "utf-8")
    settings = IndexSettings(home=tmp_path / "home")
    before = {path for path in tmp_path.rglob("*") if "home" not in path.parts}
    report = build([corpus], settings, FakeEmbedder())
    assert report.added == ("corpus/a.md", "corpus/m.docx", "corpus/z.csv")
    lines = dict(report.skipped)
    assert set(lines) == {f"corpus/{name}" for name in ALL}
    assert [name for name, (_, message) in ALL.items() if message not in lines[f"corpus/{name}"]] == []
    assert {path for path in tmp_path.rglob("*") if "home" not in path.parts} == before, "nothing was unpacked"
    assert not list(Path("/tmp").glob("escaped*"))
    with Generation.current(settings.home) as generation:
        assert [document.id for document in generation.documents()] == ["a", "m-docx", "z-csv"]


@pytest.mark.parametrize("part", ["word/document.xml", "word/styles.xml", "_rels/.rels", "word/footnotes.xml"])
@pytest.mark.parametrize("target", ["file", "relative"])
def test_row_22_xml_reads_no_file_of_the_machine(part: str, target: str, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(SECRET, "utf-8")
    path = str(tmp_path / "secret") if target == "file" else os.path.relpath(tmp_path / "secret", "/")
    xml = bombs.XXE.replace("{path}", path).encode()
    with Sandbox() as sandbox, pytest.raises(DamagedError, match="declares XML entities") as refusal:
        sandbox.read(".docx", bombs.office({"word/document.xml": b"<a/>", part: xml}))
    assert SECRET not in str(refusal.value)


def test_row_20_links_and_names_that_lead_elsewhere(tmp_path: Path) -> None:
    corpus, outside = tmp_path / "corpus", tmp_path / "outside"
    (corpus / "sub").mkdir(parents=True)
    outside.mkdir()
    (outside / "secret.docx").write_bytes(files.word(lambda document: document.add_paragraph(SECRET)))
    (outside / "secret.md").write_text(SECRET, "utf-8")
    (corpus / "a.docx").symlink_to(outside / "secret.docx")
    (corpus / "b.md").symlink_to("../outside/secret.md")
    (corpus / "sub" / "c.md").symlink_to("/etc/passwd")
    (corpus / "d").symlink_to(outside)
    (corpus / "loop").symlink_to(corpus)
    for name in (
        "CON.md",
        "nul.txt",
        "..md",
        "a:b.md",
        "%2e%2e%2fx.md",
        "\u202egnp.md",
        "行\n列.md",
        "-rf.md",
        "$(id).md",
    ):
        (corpus / name).write_text(f"# {name.strip()}\n\n这个名字的文件讲编程: {name!r}。\n", "utf-8")
    report = build([corpus], IndexSettings(home=tmp_path / "home"), FakeEmbedder())
    skipped = dict(report.skipped)
    assert {uri: why for uri, why in skipped.items() if "link" in why} == {
        f"corpus/{name}": "symbolic link out of the folder" for name in ("a.docx", "b.md", "sub/c.md")
    }
    assert len(report.added) == 8
    with Generation.current(tmp_path / "home") as generation:
        assert not any(SECRET in chunk.text or "root:" in chunk.text for chunk in generation.chunks)
        assert all("/" not in info.id and "\n" not in info.id for info in generation.documents())
    written = [path.resolve() for path in (tmp_path / "home").rglob("*")]
    assert all(path.is_relative_to((tmp_path / "home").resolve()) for path in written)
