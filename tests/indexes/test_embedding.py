"""Batches waste no padding, vectors are unit vectors, trouble is named; the real model finds across languages."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexes.direct import DirectGemma, pack_linears
from indexes.embedding import SentenceTransformerEmbedder, batches, load_embedder, pick_device, pick_dtype, revision
from indexes.errors import EngineError
from indexes.settings import IndexSettings
from indexes.tokenwise import LONGEST, Tokenwise
from indexes.types import Embedder, TokenVectors


class ModelDouble:
    """What is used of a SentenceTransformer: each text becomes (length, prompt length, 0), or what `answers` says."""

    def __init__(self, prompts: dict[str, str] | None = None, answers: dict[str, list[float]] | None = None) -> None:
        self.prompts = prompts
        self.answers = answers or {}
        self.max_seq_length = 32
        self.calls: list[list[str]] = []

    def get_embedding_dimension(self) -> int:
        return 3

    def tokenizer(self, texts: Sequence[str], **options: Any) -> dict[str, list[list[int]]]:
        return {"input_ids": [[0] * min(len(text), options["max_length"]) for text in texts]}

    def encode(self, texts: list[str], *, prompt_name: str | None, **options: Any) -> Any:
        assert options["batch_size"] == len(texts)
        self.calls.append(texts)
        prompt = (self.prompts or {}).get(prompt_name or "", "")
        return np.array([self.answers.get(text, [len(text), len(prompt), 0]) for text in texts], np.float32)


def test_vectors_keep_the_order_of_texts_and_have_length_one() -> None:
    model = ModelDouble(prompts={"query": "q: ", "document": "passage: "})
    embedder = SentenceTransformerEmbedder(model, "double@1", batch_tokens=30)
    found = embedder.embed_passages(["aaaa", "a", "a" * 40, "aa"])
    expected = np.array([[4, 9, 0], [1, 9, 0], [40, 9, 0], [2, 9, 0]], np.float32)
    assert found == pytest.approx(expected / np.linalg.norm(expected, axis=1, keepdims=True))
    assert model.calls == [["a", "aa"], ["aaaa"], ["a" * 40]]
    assert embedder.embed_queries(["aaaa"]) == pytest.approx(np.array([[0.8, 0.6, 0]]))
    assert (embedder.name, embedder.dimension) == ("double@1", 3)


def test_a_title_goes_where_the_prompt_has_a_place_for_it() -> None:
    model = ModelDouble(prompts={"query": "q: ", "document": "title: none | text: "})
    embedder = SentenceTransformerEmbedder(model, "double@1")
    embedder.embed_passages(["Guide › Skills\nlearn SQL\nfirst"])
    embedder.embed_passages(["learn SQL"])
    assert model.calls == [["title: Guide › Skills | text: learn SQL\nfirst"], ["title: none | text: learn SQL"]]
    assert embedder.name == "double@1/titled"


def test_models_without_prompts_are_asked_without() -> None:
    assert SentenceTransformerEmbedder(ModelDouble(), "x").embed_queries(["aa"]) == pytest.approx(np.array([[1, 0, 0]]))


def test_no_texts_give_no_rows() -> None:
    assert SentenceTransformerEmbedder(ModelDouble(), "x").embed_passages([]).shape == (0, 3)


@pytest.mark.parametrize("answer", [[0, 0, 0], [float("nan"), 0, 1], [float("inf"), 0, 0]])
def test_a_text_without_a_direction_is_named(answer: list[float]) -> None:
    embedder = SentenceTransformerEmbedder(ModelDouble(answers={"坏": answer}), "double@1")
    with pytest.raises(EngineError, match="double@1 gives no vector for '坏'"):
        embedder.embed_passages(["好", "坏"])


def test_lone_surrogates_do_not_reach_the_tokenizer() -> None:
    model = ModelDouble()
    SentenceTransformerEmbedder(model, "x").embed_queries(["a\ud800"])
    assert model.calls == [["a?"]]


@given(st.lists(st.integers(1, 700), max_size=60), st.integers(1, 600))
def test_every_text_is_in_one_batch_within_the_budget(lengths: list[int], budget: int) -> None:
    found = list(batches(lengths, budget))
    assert sorted(at for batch in found for at in batch) == list(range(len(lengths)))
    assert all(len(batch) == 1 or max(lengths[at] for at in batch) * len(batch) <= budget for batch in found)
    flat = [lengths[at] for batch in found for at in batch]
    assert flat == sorted(flat)


def test_the_revision_changes_with_the_model(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model.safetensors").write_bytes(bytes(3 << 20))
    first = revision(tmp_path)
    assert len(first) == 12
    assert revision(tmp_path) == first
    (tmp_path / "model.safetensors").write_bytes(bytes((3 << 20) - 1) + b"\x01")
    second = revision(tmp_path)
    (tmp_path / "config.json").write_text("{ }")
    assert len({first, second, revision(tmp_path)}) == 3


def test_dtype_follows_the_cpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for flags, expected in [("fpu avx512_bf16", "bfloat16"), ("fpu avx2 avx512f", "float32"), ("", "float32")]:
        monkeypatch.setattr("indexes.embedding._cpu_flags", lambda flags=flags: frozenset(flags.split()))
        assert pick_dtype("auto", "cpu") == expected
    assert pick_dtype("float32", "cpu") == "float32"
    assert pick_dtype("bfloat16", "cpu") == "bfloat16"


def test_a_gpu_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert pick_device("auto") == "cpu"
    with pytest.raises(EngineError, match="CAREER_DEVICE=cuda"):
        pick_device("cuda")


def test_a_folder_that_is_no_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "readme.txt").write_text("nothing")
    with pytest.raises(EngineError, match=r"not a usable embedding model.*CAREER_EMBEDDER"):
        load_embedder(IndexSettings.load({}), tmp_path)


@pytest.mark.models
def test_the_real_model_finds_across_languages(embedder: Embedder) -> None:
    passages = ["后端工程师应先学习数据库与索引。", "薪资随经验增长。", "The weather in Paris is mild."]
    found = embedder.embed_passages(passages)
    assert np.linalg.norm(found, axis=1) == pytest.approx([1, 1, 1], abs=1e-5)
    for query, best in [
        ("what should a backend engineer learn first?", 0),
        ("how much will I earn", 1),
        ("巴黎天气", 2),
    ]:
        assert int(np.argmax(found @ embedder.embed_queries([query])[0])) == best


@pytest.mark.models
def test_batching_does_not_change_vectors(embedder: Embedder) -> None:
    texts = ["短", "A sentence of middle length about databases.", "长句子。" * 60]
    together = embedder.embed_passages(texts)
    alone = np.concatenate([embedder.embed_passages([text]) for text in texts])
    assert np.sum(together * alone, axis=1) == pytest.approx([1, 1, 1], abs=0.01)


@pytest.mark.models
def test_one_short_text_straight_through_is_what_encode_gives(embedder: SentenceTransformerEmbedder) -> None:
    model = embedder._model
    for text in ["后端开发者应该先学什么？", "What should a backend dev learn first?", "x", "技能。" * 80]:
        expected = model.encode([text], prompt_name="query", convert_to_numpy=True).astype(np.float32)
        expected /= np.linalg.norm(expected)  # normalised in bfloat16 it is not quite
        assert float(embedder.embed_queries([text])[0] @ expected[0]) > 0.9999, text
    direct = DirectGemma.of(model)
    assert direct is not None
    assert direct.encode("task: search result | query: 技能") is not None
    assert direct.encode("技能。" * 400) is None, "past the sliding window a mask is needed"


@pytest.mark.models
def test_tokens_have_their_places_and_find_their_like_across_languages(embedder: SentenceTransformerEmbedder) -> None:
    chinese, english = "Whisper 把语音转文字", "Whisper converts speech to text"
    theirs, ours = embedder.embed_tokens(chinese, passage=True), embedder.embed_tokens(english, passage=False)
    assert theirs is not None
    assert ours is not None
    for text, read in [(chinese, theirs), (english, ours)]:
        assert "".join(text[start:end] for start, end in read.spans).replace(" ", "") == text.replace(" ", "")
        assert np.linalg.norm(read.vectors.astype(np.float32), axis=1) == pytest.approx(1, abs=0.01)
    cosines = ours.vectors.astype(np.float32) @ theirs.vectors.astype(np.float32).T
    for word, like in [("speech", "语音"), ("text", "文字"), ("Whisper", "Whisper")]:
        row = next(at for at, (start, _) in enumerate(ours.spans) if english[start:].strip().startswith(word))
        start, end = theirs.spans[int(np.argmax(cosines[row]))]
        assert set(chinese[start:end].strip()) & set(like), word


@pytest.mark.models
def test_tokens_are_the_same_however_they_were_read(embedder: SentenceTransformerEmbedder) -> None:
    text = "RAG reduces hallucinations."
    embedder.embed_queries([text])  # Reads the same tokens, which are kept.
    read = embedder.embed_tokens(text, passage=False)
    plain = Tokenwise.of(embedder._model, None)
    assert read is not None
    assert plain is not None
    other = plain.read(embedder._prompts["query"], text)
    assert other is not None
    assert other.spans == read.spans
    assert np.sum(other.vectors * read.vectors, axis=1) == pytest.approx(1, abs=0.02)
    assert plain.read("", "技" * (LONGEST + 1)) is None


def test_tokens_read_before_are_kept_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    class Read(Tokenwise):
        def _read(self, prompt: str, text: str) -> TokenVectors:
            read.append(text)
            return TokenVectors(tuple((at, at + 1) for at in range(len(text))), np.zeros((len(text), 2), np.float16))

    monkeypatch.setattr("indexes.tokenwise.REMEMBERED", 10)
    tokenwise = Read(None, None)
    for text in ["aaaa", "bbbb", "aaaa", "cc", "dddd", "aaaa", "bbbb"]:
        assert tokenwise.read("q: ", text) is not None
    # Four and four and two fit; the fourth text takes the place of the one not asked for the longest.
    assert read == ["aaaa", "bbbb", "cc", "dddd", "bbbb"]


def test_a_model_whose_tokens_nobody_has_tried_tells_none() -> None:
    embedder = SentenceTransformerEmbedder(ModelDouble(), "x")
    assert embedder.embed_tokens("aa", passage=False) is None


@pytest.mark.models
def test_weights_in_their_own_layout_give_what_they_gave() -> None:
    torch = pytest.importorskip("torch")
    if not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        pytest.skip("oneDNN multiplies no bfloat16 on this processor")
    layer = torch.nn.Linear(64, 32).to(torch.bfloat16)
    plain = torch.nn.Sequential(layer, torch.nn.Linear(8, 8))
    rows = torch.randn(2, 5, 64, dtype=torch.bfloat16)
    with torch.inference_mode():
        expected = layer(rows)
        assert pack_linears(plain) == 1, "the one in float32 stays"
        assert torch.allclose(plain[0](rows), expected, atol=0.02)
        assert torch.allclose(plain[0](rows[:1, :1]), expected[:1, :1], atol=0.02)
    assert layer.weight is None
