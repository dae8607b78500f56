"""The build: what is added, changed, removed and taken over, what is embedded, what is refused."""

import multiprocessing
import multiprocessing.synchronize
from dataclasses import asdict
from pathlib import Path

import pytest

from indexes.errors import EmptyCorpus, LockHeld, UsageError
from indexes.generation import Generation, list_generations, writer_lock
from indexes.settings import IndexSettings
from ingest.build import BuildReport, build
from tests.doubles import FakeEmbedder

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def settings(tmp_path: Path) -> IndexSettings:
    return IndexSettings(home=tmp_path / "home")


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    folder = tmp_path / "corpus"
    folder.mkdir()
    (folder / "a.md").write_text("# 甲\n\n第一段讲编程能力。\n\n## 部署\n\n第二段讲模型部署。\n", "utf-8")
    (folder / "b.md").write_text("# 乙\n\n- 学习计算机网络，熟悉负载均衡和协议的细节。\n", "utf-8")
    return folder


def counts(report: BuildReport) -> tuple[tuple[object, ...], tuple[int, ...]]:
    """(generation, written, chunks, units, embedded), then how many are (added, changed, removed, reused)."""
    names = ("generation", "written", "chunks", "units", "embedded")
    lists = ("added", "changed", "removed", "reused")
    values = asdict(report)
    return tuple(values[name] for name in names), tuple(len(values[name]) for name in lists)


def chunk_ids(settings: IndexSettings) -> dict[str, str]:
    with Generation.current(settings.home) as generation:
        return {chunk.text: chunk.id for chunk in generation.chunks}


def test_a_first_build_adds_everything(corpus: Path, settings: IndexSettings) -> None:
    embedder = FakeEmbedder()
    report = build([corpus], settings, embedder)
    assert counts(report) == ((1, True, 3, 3, 5), (2, 0, 0, 0))
    assert report.added == ("corpus/a.md", "corpus/b.md")
    assert embedder.texts == sorted(embedder.texts, key=len)
    assert set(embedder.texts) == {
        "甲\n第一段讲编程能力。",
        "甲 › 部署\n第二段讲模型部署。",
        "乙\n学习计算机网络，熟悉负载均衡和协议的细节。",
        "学习计算机网络",
        "熟悉负载均衡和协议的细节",
    }
    with Generation.current(settings.home) as generation:
        assert [document.title for document in generation.documents()] == ["甲", "乙"]
        assert generation.manifest.meta.embedder == "fake@1"
        assert generation.manifest.meta.chunker == "read-1 clean-1 chunk-2 450"


def test_rows_of_vectors_follow_the_units(corpus: Path, settings: IndexSettings) -> None:
    embedder = FakeEmbedder()
    build([corpus], settings, embedder)
    with Generation.current(settings.home) as generation:
        for row, (unit, _) in enumerate(generation.units):
            expected = embedder.embed_passages([unit.embedding_text])[0]
            assert generation.vectors.vectors([row])[0] == pytest.approx(expected, abs=1e-6)


def test_nothing_changed_means_no_new_generation(corpus: Path, settings: IndexSettings) -> None:
    build([corpus], settings, FakeEmbedder())
    again = FakeEmbedder()
    report = build([corpus], settings, again)
    assert counts(report) == ((1, False, 3, 3, 0), (0, 0, 0, 2))
    assert again.texts == []
    assert [info.number for info in list_generations(settings.home)] == [1]


def test_an_edit_embeds_only_what_it_changed(corpus: Path, settings: IndexSettings) -> None:
    build([corpus], settings, FakeEmbedder())
    before = chunk_ids(settings)
    (corpus / "a.md").write_text("# 甲\n\n第一段改写了，更长。\n\n## 部署\n\n第二段讲模型部署。\n", "utf-8")
    embedder = FakeEmbedder()
    report = build([corpus], settings, embedder)
    assert counts(report) == ((2, True, 3, 3, 1), (0, 1, 0, 1))
    assert embedder.texts == ["甲\n第一段改写了，更长。"]
    after = chunk_ids(settings)
    assert {text: after[text] for text in after if text in before} == {
        text: chunk_id for text, chunk_id in before.items() if text != "第一段讲编程能力。"
    }


def test_added_and_removed_files(corpus: Path, settings: IndexSettings) -> None:
    build([corpus], settings, FakeEmbedder())
    (corpus / "b.md").unlink()
    (corpus / "c.txt").write_text("丙文\n\n新的一段讲监控告警。\n", "utf-8")
    embedder = FakeEmbedder()
    report = build([corpus], settings, embedder)
    assert (report.added, report.changed, report.removed, report.reused) == (
        ("corpus/c.txt",),
        (),
        ("corpus/b.md",),
        ("corpus/a.md",),
    )
    assert (report.generation, report.embedded) == (2, 1)
    with Generation.current(settings.home) as generation:
        assert [document.id for document in generation.documents()] == ["a", "c-txt"]


def test_a_text_that_comes_back_is_not_embedded_again(corpus: Path, settings: IndexSettings) -> None:
    original = (corpus / "b.md").read_bytes()
    build([corpus], settings, FakeEmbedder())
    (corpus / "b.md").unlink()
    build([corpus], settings, FakeEmbedder())
    (corpus / "b.md").write_bytes(original)
    report = build([corpus], settings, FakeEmbedder())
    assert (report.generation, report.added, report.embedded) == (3, ("corpus/b.md",), 0)


def test_another_embedder_embeds_everything_and_keeps_the_chunks(corpus: Path, settings: IndexSettings) -> None:
    build([corpus], settings, FakeEmbedder())
    before = chunk_ids(settings)
    report = build([corpus], settings, FakeEmbedder(name="fake@2"))
    assert (report.generation, len(report.reused), report.embedded) == (2, 2, 5)
    assert chunk_ids(settings) == before


def test_another_chunk_length_cuts_again(corpus: Path, settings: IndexSettings) -> None:
    build([corpus], settings, FakeEmbedder())
    report = build([corpus], settings.model_copy(update={"chunk_chars": 200}), FakeEmbedder())
    assert (report.generation, len(report.changed), report.embedded) == (2, 2, 0)


def test_a_dry_run_tells_and_writes_nothing(corpus: Path, settings: IndexSettings) -> None:
    embedder = FakeEmbedder()
    report = build([corpus], settings, embedder, dry_run=True)
    assert (report.generation, report.written, report.embedded, report.chunks) == (None, False, 5, 3)
    assert report.added == ("corpus/a.md", "corpus/b.md")
    assert embedder.texts == []
    assert not settings.home.exists()


def test_a_file_that_fails_is_a_line_of_the_report(corpus: Path, settings: IndexSettings) -> None:
    (corpus / "copy.md").write_bytes((corpus / "b.md").read_bytes())
    (corpus / "image.md").write_bytes(b"\x89PNG\x00\x00")
    (corpus / "empty.md").write_text("---\ntitle: x\n---\n\n", "utf-8")
    (corpus / "table.bin").write_bytes(b"")
    (corpus / "README.md").write_text("about", "utf-8")
    report = build([corpus], settings, FakeEmbedder())
    assert report.added == ("corpus/a.md", "corpus/b.md")
    assert dict(report.skipped) == {
        "corpus/README.md": "README describes the folder and is not part of the corpus",
        "corpus/copy.md": "same content as corpus/b.md",
        "corpus/empty.md": "no text",
        "corpus/image.md": "is binary, not text. Convert it to Markdown or UTF-8 text.",
        "corpus/table.bin": "no reader for .bin",
    }


def test_nothing_readable_is_an_error_that_says_why(tmp_path: Path, settings: IndexSettings) -> None:
    (tmp_path / "none").mkdir()
    with pytest.raises(EmptyCorpus, match=r"Nothing to read in .*none\. Name a folder of .*\.md"):
        build([tmp_path / "none"], settings, FakeEmbedder())
    (tmp_path / "none" / "x.png").write_bytes(b"")
    with pytest.raises(EmptyCorpus, match=r"Skipped: none/x\.png: no reader for \.png\."):
        build([tmp_path / "none"], settings, FakeEmbedder())
    with pytest.raises(UsageError, match="does not exist"):
        build([tmp_path / "absent"], settings, FakeEmbedder())


def test_an_empty_corpus_leaves_the_old_generation(corpus: Path, settings: IndexSettings, tmp_path: Path) -> None:
    build([corpus], settings, FakeEmbedder())
    (tmp_path / "none").mkdir()
    with pytest.raises(EmptyCorpus):
        build([tmp_path / "none"], settings, FakeEmbedder())
    assert len(chunk_ids(settings)) == 3


def test_dropped_lines_are_counted_by_rule(corpus: Path, settings: IndexSettings) -> None:
    (corpus / "a.md").write_text(
        "Skip to content\n\n" + "正文讲人工智能工程师的能力。" * 20 + "\n\n最新评论\n好！\n", "utf-8"
    )
    assert build([corpus], settings, FakeEmbedder()).dropped_lines == {"navigation": 1, "comments": 2}
    raw = build([corpus], settings.model_copy(update={"clean": False}), FakeEmbedder())
    assert raw.dropped_lines == {}
    assert any("最新评论" in text for text in chunk_ids(settings))


def test_a_damaged_generation_is_built_anew(corpus: Path, settings: IndexSettings) -> None:
    build([corpus], settings, FakeEmbedder())
    path = settings.home / "generations" / "000001" / "chunks.sqlite"
    path.write_bytes(path.read_bytes()[:-1])
    report = build([corpus], settings, FakeEmbedder())
    assert (report.generation, report.added, report.embedded) == (2, ("corpus/a.md", "corpus/b.md"), 0)
    assert len(chunk_ids(settings)) == 3


def test_progress_counts_files_and_texts(corpus: Path, settings: IndexSettings) -> None:
    told: list[tuple[str, int, int]] = []
    build([corpus], settings, FakeEmbedder(), progress=lambda *step: told.append(step))
    assert told == [("reading", 0, 2), ("reading", 1, 2), ("reading", 2, 2), ("embedding", 5, 5)]


def _hold(home: Path, ready: multiprocessing.synchronize.Event, done: multiprocessing.synchronize.Event) -> None:
    with writer_lock(home):
        ready.set()
        done.wait(30)


def test_a_second_writer_is_refused_and_a_dry_run_is_not(corpus: Path, settings: IndexSettings) -> None:
    context = multiprocessing.get_context("spawn")
    ready, done = context.Event(), context.Event()
    other = context.Process(target=_hold, args=(settings.home, ready, done))
    other.start()
    assert ready.wait(30)
    with pytest.raises(LockHeld, match=f"locked by pid {other.pid}"):
        build([corpus], settings, FakeEmbedder())
    assert build([corpus], settings, FakeEmbedder(), dry_run=True).chunks == 3
    done.set()
    other.join()
    assert build([corpus], settings, FakeEmbedder()).generation == 1


def test_the_seeds_become_five_documents(settings: IndexSettings) -> None:
    report = build([ROOT / "seeds"], settings, FakeEmbedder())
    assert report.added == tuple(
        f"seeds/{name}.md"
        for name in (
            "ai-backend-skills",
            "ai-engineer-growth-path",
            "ai-engineer-transition",
            "ai-fullstack-checklist",
            "developer-guide-to-ai-engineering",
        )
    )
    assert report.skipped == (("seeds/README.md", "README describes the folder and is not part of the corpus"),)
    assert report.dropped_lines == {}
    with Generation.current(settings.home) as generation:
        guide = generation.document("developer-guide-to-ai-engineering")
        assert guide is not None
        assert guide.info.url == "https://thenewstack.io/a-developers-guide-to-becoming-an-ai-engineer/"
        assert guide.info.title == "开发者转向 AI 工程的职业指南"
        assert guide.info.lang == "zh"
