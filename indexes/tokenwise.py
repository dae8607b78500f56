"""A text's vectors token by token, before pooling, for the models whose tokens are known to mean something."""

from collections import OrderedDict
from typing import Any

import numpy as np

from indexes.direct import DirectGemma
from indexes.token_store import TokenStore
from indexes.types import TokenVectors

KNOWN = frozenset(("gemma3_text",))
"""Model types whose tokens have been tried, in both directions of attention and across languages: EmbeddingGemma's."""
LONGEST = 1000
"""Characters; to read more would keep a sentence waiting."""
REMEMBERED = 20_000
"""Tokens of texts read before: 30 MB of vectors of 768 dimensions at half precision."""


class Tokenwise:
    """Reads texts with a sentence-transformers model and remembers the last; used by one thread at a time."""

    def __init__(self, model: Any, direct: DirectGemma | None, store: TokenStore | None = None) -> None:
        self._model = model
        self._direct = direct
        self._store = store
        self._remembered: OrderedDict[tuple[str, str], TokenVectors] = OrderedDict()
        self._tokens = 0

    @classmethod
    def of(cls, model: Any, direct: DirectGemma | None, store: TokenStore | None = None) -> "Tokenwise | None":
        """None for a model whose tokens are not known, or whose tokeniser does not say where they stand."""
        try:
            known = model[0].auto_model.config.model_type in KNOWN and model.tokenizer.is_fast
        except (AttributeError, IndexError, KeyError, TypeError):
            return None
        return cls(model, direct, store) if known else None

    def read(self, prompt: str, text: str, *, keep: bool = False) -> TokenVectors | None:
        """Tokens of the text alone, each with the vector it has behind the prompt; None where it is too long.

        `keep`: it will be read in later processes, too.
        """
        if len(text) > LONGEST:
            return None
        found = self._remembered.pop((prompt, text), None)
        if found is None:
            found = self._stored(prompt, text) if keep else self._read(prompt, text)
            self._tokens += len(found.spans)
        self._remembered[prompt, text] = found
        while self._tokens > REMEMBERED:
            self._tokens -= len(self._remembered.popitem(last=False)[1].spans)
        return found

    def _stored(self, prompt: str, text: str) -> TokenVectors:
        if self._store is None:
            return self._read(prompt, text)
        found = self._store.get(prompt, text)
        if found is None:
            found = self._read(prompt, text)
            self._store.put(prompt, text, found)
        return found

    def _read(self, prompt: str, text: str) -> TokenVectors:
        places = self._model.tokenizer(prompt + text, return_offsets_mapping=True)["offset_mapping"]
        rows = self._hidden(prompt + text)
        start = len(prompt)
        kept = [at for at, (first, last) in enumerate(places[: len(rows)]) if last > max(first, start)]
        spans = tuple((max(places[at][0] - start, 0), places[at][1] - start) for at in kept)
        vectors = rows[kept] / np.maximum(np.linalg.norm(rows[kept], axis=1, keepdims=True), 1e-6)
        return TokenVectors(spans, vectors.astype(np.float16))

    def _hidden(self, text: str) -> Any:
        hidden = self._direct.hidden(text) if self._direct else None
        if hidden is None:
            hidden = self._model.encode([text], output_value="token_embeddings", show_progress_bar=False)[0]
        return hidden.reshape(-1, hidden.shape[-1]).float().cpu().numpy()
