"""A saved state gives its positions, keys and values as views; what is laid out otherwise gives nothing."""

import struct

import numpy as np

from service.llm.rotation import Rotation
from service.llm.saved_state import SavedState
from tests.service.llm.test_rotation import HEAD, HEADS, LAYERS, START, TOKENS, VALUES, state

ROTATION = Rotation(10000.0, HEAD, HEAD, True)


def test_positions_and_values_are_those_that_were_written() -> None:
    data = np.frombuffer(bytearray(state(ROTATION, START)), np.uint8)
    saved = SavedState.of(data, HEAD)
    assert saved is not None
    assert saved.positions.tolist() == [START + i for i in range(TOKENS)]
    assert saved.values.shape == saved.keys.shape == (LAYERS, TOKENS, HEADS, HEAD)
    assert np.array_equal(saved.values.reshape(VALUES.shape), VALUES)
    assert np.shares_memory(saved.keys, data)


def test_told_are_the_values_of_the_last_token_past_the_middle() -> None:
    saved = SavedState.of(np.frombuffer(state(ROTATION, START), np.uint8), HEAD)
    assert saved is not None
    assert saved.told() == tuple(np.round(VALUES[1, -1].astype(np.float64), 3).tolist())


def test_another_layout_is_not_read() -> None:
    others = [state(ROTATION, START, kind=8), state(ROTATION, START, transposed=1), b"", state(ROTATION, START)[:-1]]
    others.append(struct.pack("<IIIIII", 0xAF143CD8, 5, 1, 0, 0, 0) + struct.pack("<iQ", 1, 0))  # Of no token.
    assert [SavedState.of(np.frombuffer(other, np.uint8), HEAD) for other in others] == [None] * 5
