"""Text to unit vectors with a sentence-transformers model.

Vectors of texts are L2-normalised here and nowhere else, those of their tokens in `tokenwise`.
"""

import hashlib
import os
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from indexes.direct import DirectGemma, pack_linears
from indexes.errors import EngineError
from indexes.settings import IndexSettings
from indexes.text import without_surrogates
from indexes.threads import import_sleeping
from indexes.token_store import FILE as TOKENS
from indexes.token_store import TokenStore
from indexes.tokenwise import Tokenwise
from indexes.types import TokenVectors, Vectors

BATCH_TOKENS = 512
"""Padded tokens of one forward pass: larger batches of long texts were slower on two cores, for want of cache."""

_NO_TITLE = "title: none"
"""EmbeddingGemma's document prompt is 'title: none | text: ' (its model card). With titles in their place, not in the
text, the dense leg alone put evidence first for 0.79 instead of 0.76 of the own questions, in the first four for 0.94
instead of 0.93."""

Dtype = Literal["float32", "bfloat16"]


class SentenceTransformerEmbedder:
    """An `Embedder`; one forward pass at a time, so that two callers never fight for the same cores."""

    def __init__(
        self, model: Any, name: str, batch_tokens: int = BATCH_TOKENS, tokens: TokenStore | None = None
    ) -> None:
        """`tokens` keeps what passages are read as, token by token."""
        self._model = model
        self._name = name
        self._batch_tokens = batch_tokens
        self._dimension = int(model.get_embedding_dimension())
        self._limit = int(model.max_seq_length or 512)
        self._lock = threading.Lock()
        self._prompts = dict(model.prompts or {})
        self._takes_title = _NO_TITLE in self._prompts.get("document", "")
        self._direct = DirectGemma.of(model)
        self._tokenwise = Tokenwise.of(model, self._direct, tokens)

    @property
    def name(self) -> str:
        return f"{self._name}/titled" if self._takes_title else self._name

    @property
    def dimension(self) -> int:
        return self._dimension

    def embed_queries(self, texts: Sequence[str], /) -> Vectors:
        """(len(texts), dimension); EngineError when the model gives no direction for a text, which it names."""
        return self._embed(texts, "query" if "query" in self._prompts else None)

    def embed_passages(self, texts: Sequence[str], /) -> Vectors:
        """As `embed_queries`; the first of several lines goes where the model's prompt has a place for a title."""
        if not self._takes_title:
            return self._embed(texts, "document" if "document" in self._prompts else None)
        return self._embed([titled(self._prompts["document"], text) for text in texts], None)

    def embed_tokens(self, text: str, /, *, passage: bool) -> TokenVectors | None:
        """Each token's vector before pooling; None for long texts and for models whose tokens nobody has tried."""
        if self._tokenwise is None:
            return None
        prompt = self._prompts.get("document" if passage else "query", "")
        with self._lock:
            return self._tokenwise.read(prompt, without_surrogates(text), keep=passage)

    def _embed(self, texts: Sequence[str], prompt: str | None) -> Vectors:
        texts = [without_surrogates(text) for text in texts]
        rows = np.zeros((len(texts), self._dimension), np.float32)
        for batch in batches(self._lengths(texts), self._batch_tokens):
            rows[batch] = self._forward([texts[at] for at in batch], prompt)
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        for at in np.flatnonzero(~np.isfinite(lengths[:, 0]) | (lengths[:, 0] == 0))[:1]:
            raise EngineError(f"{self._name} gives no vector for {texts[at][:80]!r}. Try CAREER_DTYPE=float32.")
        return np.asarray(rows / lengths, np.float32)

    def _lengths(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, cut where the model cuts."""
        if len(texts) < 2:
            return [1] * len(texts)
        encoded = self._model.tokenizer(list(texts), add_special_tokens=False, truncation=True, max_length=self._limit)
        return [len(ids) + 8 for ids in encoded["input_ids"]]

    def _forward(self, texts: list[str], prompt: str | None) -> Vectors:
        with self._lock:
            if self._direct and len(texts) == 1:
                direct = self._direct.encode((self._prompts[prompt] if prompt else "") + texts[0])
                if direct is not None:
                    return direct
            found: Vectors = self._model.encode(
                texts, prompt_name=prompt, batch_size=len(texts), convert_to_numpy=True, show_progress_bar=False
            )
        return found


def titled(prompt: str, text: str) -> str:
    """The whole input of a passage, with its first line in the title's place of the prompt if it has several lines."""
    title, line_break, body = text.partition("\n")
    if not line_break:
        return prompt + text
    return prompt.replace(_NO_TITLE, f"title: {title}") + body


def load_embedder(settings: IndexSettings, path: Path | None = None) -> SentenceTransformerEmbedder:
    """The embedder that the settings name, from the model store or from `path`.

    Raises:
        ModelMissing, ModelDamaged: the store does not have it whole; EngineError: it is not an embedding model.
    """
    from indexes.modelstore import ModelStore

    path = path or ModelStore.from_settings(settings).resolve(settings.embedder)
    name = f"{settings.embedder.rstrip('/').rsplit('/', maxsplit=1)[-1]}@{revision(path)}"
    torch = import_sleeping("torch")
    device = pick_device(settings.device)
    torch.set_num_threads(settings.threads or usable_cores())
    dtype = pick_dtype(settings.dtype, device)
    tokens = TokenStore(settings.home / TOKENS, name)
    return SentenceTransformerEmbedder(_load(path, device, dtype), name, tokens=tokens)


def batches(lengths: Sequence[int], budget: int) -> Iterator[list[int]]:
    """Indexes by rising length, in groups whose padded size (longest times number) stays within `budget`."""
    group: list[int] = []
    for at in sorted(range(len(lengths)), key=lambda at: lengths[at]):
        if group and lengths[at] * (len(group) + 1) > budget:
            yield group
            group = []
        group.append(at)
    if group:
        yield group


def revision(path: Path) -> str:
    """Twelve digits that change with the model: the store's pinned digest, else one of names, sizes and small files."""
    from indexes.modelstore import Marker

    if marker := Marker.read(path):
        return marker.sha256[:12]
    digest = hashlib.sha256()
    for file in sorted(found for found in path.rglob("*") if found.is_file()):
        size = file.stat().st_size
        digest.update(f"{file.relative_to(path).as_posix()} {size}\n".encode())
        with file.open("rb") as opened:
            digest.update(opened.read(1 << 20))
            if size > 1 << 21:  # the end of large weights; all of a gigabyte would cost seconds at each start
                opened.seek(-(1 << 20), os.SEEK_END)
                digest.update(opened.read())
    return digest.hexdigest()[:12]


def usable_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def pick_device(wanted: Literal["auto", "cpu", "cuda"]) -> str:
    """
    Raises:
        EngineError: cuda is asked for and there is none.
    """
    import torch

    there = bool(torch.cuda.is_available())
    if wanted == "cuda" and not there:
        raise EngineError(
            "CAREER_DEVICE=cuda, but torch sees no GPU. Set it to auto, or install a CUDA build of torch."
        )
    return "cuda" if there and wanted != "cpu" else "cpu"


def pick_dtype(wanted: Literal["auto", "float32", "bfloat16"], device: str) -> Dtype:
    """bfloat16 where the hardware multiplies it: elsewhere it is emulated, and slower than float32."""
    if wanted != "auto":
        return wanted
    import torch

    if device == "cuda":
        return "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float32"
    fast = {"avx512_bf16", "amx_bf16", "bf16", "svebf16"} & _cpu_flags()
    return "bfloat16" if fast else "float32"


def _cpu_flags(cpuinfo: Path = Path("/proc/cpuinfo")) -> frozenset[str]:
    """Flags of the first core (x86 'flags', Arm 'Features'); none where the system does not tell."""
    try:
        lines = cpuinfo.read_text("utf-8", errors="replace").splitlines()
    except OSError:
        return frozenset()
    flags = next((line for line in lines if line.split(":")[0].strip() in {"flags", "Features"}), "")
    return frozenset(flags.partition(":")[2].split())


def _load(path: Path, device: str, dtype: Dtype) -> Any:
    import torch
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging

    logging.disable_progress_bar()
    try:
        model = SentenceTransformer(
            str(path), device=device, local_files_only=True, model_kwargs={"dtype": getattr(torch, dtype)}
        )
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise EngineError(f"{path} is not a usable embedding model ({reason}). Set CAREER_EMBEDDER to one.") from error
    pack_linears(model)
    return model.eval()
