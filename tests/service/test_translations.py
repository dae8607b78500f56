"""Translations that ship are those of the shipped documents; what was made here goes before them."""

import json
from pathlib import Path
from typing import Any

import pytest

from indexes.generation import Generation
from ingest.build import build
from service.grounding import Checked
from service.rendering import Renderer, Translator
from service.settings import Settings
from service.translations import SHIPPED, RenderingStore, fingerprint, save_translations, shipped_translations
from service.warming import rows_to_translate, translations
from tests.conftest import chunk_of
from tests.doubles import FakeEmbedder
from tests.service.answering import ScriptedLLM
from tests.service.test_rendering import Translated
from tests.service.test_warming import runtime_with, view_of

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def store(tmp_path: Path) -> RenderingStore:
    return RenderingStore(tmp_path / "renderings.sqlite", {"a": "shipped a", "b": "shipped b"})


def test_what_was_made_here_goes_before_what_ships(store: RenderingStore) -> None:
    store.put("a", "made a")
    assert [store.get(key) for key in ("a", "b", "c")] == ["made a", "shipped b", None]


def test_a_folder_that_cannot_be_written_still_has_what_ships(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store = RenderingStore(tmp_path / "file" / "renderings.sqlite", {"a": "shipped a"})
    store.put("a", "made a")
    assert store.get("a") == "shipped a"


def test_every_row_of_the_shipped_documents_has_its_translation(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    build([ROOT / "seeds"], settings, FakeEmbedder())
    with Generation.current(tmp_path) as generation:
        rows = rows_to_translate(generation.chunks)
    engine = json.loads((ROOT / "service" / "data" / SHIPPED).read_text("utf-8"))["engine"]
    assert engine == settings.llm
    translator = Translator(ScriptedLLM([], name=engine), RenderingStore(tmp_path / "r.sqlite", shipped_translations()))
    assert len(rows) > 300
    assert [unit.text for _, unit in rows if not translator.kept(unit)] == []


def test_what_was_checked_is_kept_for_this_version_of_the_checker(tmp_path: Path) -> None:
    chunk = chunk_of("向量库用于语义搜索。")

    class Counting(Translated):
        def check(self, sentence: str, *args: Any, **more: object) -> Checked:
            checked.append(sentence)
            return super().check(sentence, *args, **more)

    def rendered(version: str) -> str:
        llm = ScriptedLLM(["Stores are for search."])
        store = RenderingStore(tmp_path / "renderings.sqlite")
        renderer = Renderer(Translator(llm, store), Counting(), version)
        return renderer.rendered(chunk, chunk.units[0], None, patient=True).text

    checked: list[str] = []
    assert rendered("one") == "Stores are for search."
    before = len(checked)
    assert before > 0
    assert rendered("one") == "Stores are for search."
    assert len(checked) == before
    rendered("two")
    assert len(checked) > before


def test_the_fingerprint_is_of_the_packages_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def of(texts: dict[str, str]) -> str:
        for name, text in texts.items():
            (tmp_path / name).write_text(text)
        fingerprint.cache_clear()
        return fingerprint()

    monkeypatch.setattr("service.translations.files", lambda package: tmp_path)
    first = of({"a.py": "a = 1", "b.toml": "b = 2", "c.svg": "c"})
    assert of({"c.svg": "d"}) == first
    assert of({"b.toml": "b = 3"}) != first
    assert of({"b.toml": "b = 2"}) == first
    fingerprint.cache_clear()


def test_what_is_exported_is_read_back(tmp_path: Path, store: RenderingStore) -> None:
    chunk = chunk_of("向量库用于语义搜索。缓存用于热数据。")
    runtime = runtime_with(ScriptedLLM([]), home=tmp_path)
    translator = Translator(ScriptedLLM([]), store)
    first, second = chunk.units
    store.put(translator.key(first, told_terms=False), "Stores search.")
    store.put(translator.key(first, told_terms=True), "Stores are for search.")
    view = view_of(chunk, renderer=Renderer(translator, Translated()))
    runtime.holder.show(view)
    texts = translations(runtime)
    assert sorted(texts.values()) == ["Stores are for search.", "Stores search."]
    assert translator.key(second, told_terms=False) not in texts
    save_translations(texts, "scripted", tmp_path / "new" / "r.json")
    assert json.loads((tmp_path / "new" / "r.json").read_text("utf-8"))["texts"] == texts
