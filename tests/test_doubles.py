"""The doubles behave as the real ones promise."""

import numpy as np
import pytest

from indexes.types import Embedder
from tests.doubles import FakeEmbedder


def test_texts_that_share_words_are_near() -> None:
    embedder = FakeEmbedder()
    assert isinstance(embedder, Embedder)
    query = embedder.embed_queries(["learn databases"])
    passages = embedder.embed_passages(["first learn a database", "向量检索", ""])
    near, far, empty = (passages @ query[0]).tolist()
    assert near > 0.5 > abs(far)
    assert np.linalg.norm(passages, axis=1) == pytest.approx([1, 1, 1])
    assert empty < 0.5
    assert embedder.texts == ["first learn a database", "向量检索", ""]


def test_no_texts_give_no_rows() -> None:
    assert FakeEmbedder(8).embed_queries([]).shape == (0, 8)


def test_two_embedders_agree() -> None:
    assert np.array_equal(FakeEmbedder().embed_queries(["学 Python"]), FakeEmbedder().embed_passages(["学 Python"]))
