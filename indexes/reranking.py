"""An optional cross-encoder that reads question and passage together and reorders the best of them; off by default."""

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from indexes.errors import EngineError
from indexes.settings import IndexSettings
from indexes.text import without_surrogates
from indexes.threads import import_sleeping
from indexes.types import PATH_MARK, Chunk

RERANKED = 20
"""Chunks that are read together with the question: each is a forward pass."""


class Reranker(Protocol):
    """Tells how well each text answers a query; higher is better, the scale is its own."""

    def score(self, query: str, texts: Sequence[str], /) -> list[float]: ...


class CrossEncoderReranker:
    """A `Reranker` over sentence-transformers' CrossEncoder; one forward pass at a time."""

    def __init__(self, model: Any, name: str) -> None:
        self._model = model
        self._name = name
        self._lock = threading.Lock()

    def score(self, query: str, texts: Sequence[str], /) -> list[float]:
        """
        Raises:
            EngineError: the model does not give one finite number for each pair.
        """
        pairs = [(without_surrogates(query), without_surrogates(text)) for text in texts]
        with self._lock:
            found = np.asarray(self._model.predict(pairs, show_progress_bar=False) if pairs else [], np.float64)
        if found.shape != (len(pairs),) or not np.isfinite(found).all():
            raise EngineError(f"{self._name} gives no usable scores. Set CAREER_RERANKER to a cross-encoder, or empty.")
        return [float(score) for score in found]


def load_reranker(settings: IndexSettings) -> CrossEncoderReranker | None:
    """The cross-encoder that CAREER_RERANKER names by its path or hub id; None where it names none.

    Raises:
        EngineError: it is not a usable cross-encoder.
    """
    if not settings.reranker:
        return None
    name = str(Path(settings.reranker).expanduser())
    import_sleeping("torch")
    from sentence_transformers import CrossEncoder

    from indexes.embedding import pick_device

    try:
        model = CrossEncoder(name, device=pick_device(settings.device))
    except (OSError, ValueError, KeyError, RuntimeError, ImportError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise EngineError(
            f"{name} is not a usable cross-encoder ({reason}). Set CAREER_RERANKER to a local path or hub id of one, "
            "or leave it empty."
        ) from error
    return CrossEncoderReranker(model, name)


def text_of(chunk: Chunk) -> str:
    """What the cross-encoder reads of a chunk: where it stands, and all of it."""
    return "\n".join([PATH_MARK.join((chunk.document.title, *chunk.heading)), chunk.text])


def reorder(ranked: Sequence[tuple[int, float]], scores: Sequence[float]) -> list[tuple[int, float]]:
    """The first `len(scores)` of (chunk, score) in the reranker's order; the scores stay where they were.

    A score remains a cosine that can be compared with those of other questions; equal ones keep their order.
    """
    order = sorted(range(len(scores)), key=lambda at: -scores[at])
    return [(ranked[at][0], ranked[place][1]) for place, at in enumerate(order)] + list(ranked[len(scores) :])
