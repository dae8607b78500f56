"""A state moved in its bytes is the state that would be computed further on; what looks otherwise is left alone."""

import math
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.llm.rotation import Rotation

LAYERS, TOKENS, HEADS, HEAD = 2, 3, 2, 8
KEYS = np.random.default_rng(5).standard_normal((LAYERS, TOKENS, HEADS, HEAD))
VALUES = np.random.default_rng(6).standard_normal((LAYERS, TOKENS, HEADS * HEAD)).astype(np.float16)
START = 40


def turned(rotation: Rotation, position: int, key: list[float]) -> list[float]:
    """A key as a model turns it at a position, pair by pair."""
    out = list(key)
    half = rotation.size // 2
    for i in range(half):
        a, b = (i, i + half) if rotation.halves else (2 * i, 2 * i + 1)
        angle = position / rotation.base ** (2 * i / rotation.size)
        out[a] = key[a] * math.cos(angle) - key[b] * math.sin(angle)
        out[b] = key[a] * math.sin(angle) + key[b] * math.cos(angle)
    return out


def state(rotation: Rotation, start: int, *, kind: int = 1, streams: int = 1, transposed: int = 0) -> bytes:
    """As llama.cpp lays it out: cells, then keys of each layer, then values of each layer."""
    row = HEADS * HEAD * 2
    parts = [struct.pack("<IIII", 0xAF143CD8, 5, streams, TOKENS)]
    parts += [struct.pack("<iIi", start + i, 1, 5) for i in range(TOKENS)]
    parts.append(struct.pack("<II", transposed, LAYERS))
    for layer in KEYS:
        rows = [[turned(rotation, start + i, head.tolist()) for head in token] for i, token in enumerate(layer)]
        parts += [struct.pack("<iQ", kind, row), np.array(rows).astype(np.float16).tobytes()]
    for layer in VALUES:
        parts += [struct.pack("<iQ", kind, row), layer.tobytes()]
    return b"".join(parts)


def keys_of(moved: bytes | bytearray) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    size = TOKENS * HEADS * HEAD * 2
    at = 16 + 12 * TOKENS + 8
    layers = [np.frombuffer(moved, np.float16, size // 2, at + layer * (12 + size) + 12) for layer in range(LAYERS)]
    return np.stack(layers).astype(np.float64)


@pytest.mark.parametrize("halves", [True, False])
@pytest.mark.parametrize("size", [HEAD, HEAD // 2])
@settings(max_examples=30, deadline=None)
@given(by=st.integers(-START, 4000))
def test_moving_is_computing_elsewhere(halves: bool, size: int, by: int) -> None:
    rotation = Rotation(10000.0, size, HEAD, halves)
    moved = rotation.moved(state(rotation, START), by)
    wanted = state(rotation, START + by)
    assert moved is not None
    assert moved[: 16 + 12 * TOKENS + 8] == wanted[: 16 + 12 * TOKENS + 8]
    assert np.allclose(keys_of(moved), keys_of(wanted), atol=0.006)
    assert moved[-LAYERS * (12 + VALUES[0].nbytes) :] == wanted[-LAYERS * (12 + VALUES[0].nbytes) :]


def test_standing_still_changes_nothing() -> None:
    rotation = Rotation(10000.0, HEAD, HEAD, True)
    assert rotation.moved(state(rotation, START), 0) == state(rotation, START)


def test_what_is_laid_out_otherwise_is_left_to_llama() -> None:
    rotation = Rotation(10000.0, HEAD, HEAD, True)
    whole = state(rotation, START)
    others = [whole[:-1], whole + b"\0", b"", whole[:20], whole[:16] + b"\xff" * (len(whole) - 16)]
    others += [state(rotation, START, kind=8), state(rotation, START, streams=2)]
    others += [state(rotation, START, transposed=1)]
    assert [rotation.moved(other, 7) for other in others] == [None] * len(others)
    assert Rotation(10000.0, 6, 6, True).moved(whole, 7) is None
