"""Moves saved state to other positions: keys are turned and cells renumbered in the bytes themselves.

llama.cpp can shift a sequence as well, but turns the keys of every cell of the context for that, with the next decode,
which must not be interrupted then. Here only the passage is turned. What a state looks like is llama.cpp's own affair:
`find_rotation` tries on this very model and library whether our turning gives what llama.cpp's gives.
"""

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from service.llm.binding import Context, Row
from service.llm.gguf import GgufInfo

_COUNTS_AT, _CELLS_AT = 8, 16
_CELL = np.dtype([("position", "<i4"), ("sequences", "<u4"), ("sequence", "<i4")])
_LAYER_HEAD = 12
_F16 = 1
_TRIED_TOKENS, _TRIED_SHIFT = 6, 123


@dataclass(frozen=True, slots=True)
class Rotation:
    """Rotary position embedding (arXiv 2104.09864) of `size` of the `head` values of each key head.

    `halves`: value i is turned together with value i + size / 2 (GPT-NeoX), else with its neighbour.
    """

    base: float
    size: int
    head: int
    halves: bool

    @classmethod
    def of(cls, info: GgufInfo, *, halves: bool) -> "Rotation":
        return cls(info.rope_base, info.rope_size, info.head_size, halves)

    def moved(self, state: bytes, by: int) -> bytes | bytearray | None:
        """The state of one sequence `by` positions further on; None when it is not laid out as expected."""
        if by == 0:
            return state
        copy = bytearray(state)
        data = np.frombuffer(copy, np.uint8)
        keys = self._keys(data)
        if keys is None:
            return None
        count = keys.shape[1]
        data[_CELLS_AT:][: count * _CELL.itemsize].view(_CELL)["position"] += by
        self._turn(keys, by)
        return copy

    def _keys(self, data: NDArray[np.uint8]) -> NDArray[np.float16] | None:
        """A view of the keys, (layers, tokens, heads, head)."""
        try:
            streams, count = struct.unpack_from("<II", data.data, _COUNTS_AT)
            start = _CELLS_AT + count * _CELL.itemsize
            transposed, layers = struct.unpack_from("<II", data.data, start)
            kind, row = struct.unpack_from("<iQ", data.data, start + 8)
        except struct.error:
            return None
        layer = _LAYER_HEAD + count * row
        known = streams == 1 and transposed == 0 and kind == _F16 and row % (2 * self.head) == 0 and count > 0
        if not known or start + 8 + 2 * layers * layer != data.size:
            return None
        rows = data[start + 8 :][: layers * layer].reshape(layers, layer)[:, _LAYER_HEAD:]
        keys: NDArray[np.float16] = rows.view(np.float16).reshape(layers, count, -1, self.head)
        return keys if np.shares_memory(keys, data) else None

    def _turn(self, keys: NDArray[np.float16], by: int) -> None:
        """A pair of values is a complex number, and to turn it is to multiply it by one of length 1."""
        half = self.size // 2
        turned = keys[..., : self.size]
        first, second = (
            (turned[..., :half], turned[..., half:]) if self.halves else (turned[..., ::2], turned[..., 1::2])
        )
        pairs = np.empty(first.shape, np.complex64)
        pairs.real, pairs.imag = first, second
        pairs *= np.exp(1j * by * self.base ** (-np.arange(half) / half)).astype(np.complex64)
        first[...], second[...] = pairs.real, pairs.imag


def find_rotation(context: Context, info: GgufInfo, *, halves: bool) -> Rotation | None:
    """This model's rotation, if turning a state by it gives what llama.cpp's shift gives; leaves nothing behind."""
    rotation = Rotation.of(info, halves=halves)
    if rotation.size < 2 or rotation.size % 2 or rotation.head < rotation.size:
        return None
    tokens = range(10, 10 + _TRIED_TOKENS)
    context.decode([Row(token, position, 0, False) for position, token in enumerate(tokens)])
    ours = rotation.moved(context.save(0), _TRIED_SHIFT)
    context.shift(0, _TRIED_SHIFT)
    context.decode([Row(tokens[0], 0, 1, True)])
    theirs = context.save(0)
    context.clear()
    return rotation if ours is not None and _alike(rotation, ours, theirs) else None


def _alike(rotation: Rotation, ours: bytes | bytearray, theirs: bytes) -> bool:
    one, other = (np.frombuffer(bytearray(state), np.uint8) for state in (ours, theirs))
    keys, others = rotation._keys(one), rotation._keys(other)
    if keys is None or others is None or keys.shape != others.shape:
        return False
    cells = slice(_CELLS_AT, _CELLS_AT + keys.shape[1] * _CELL.itemsize)
    return bool(
        np.array_equal(one[cells], other[cells])
        and np.allclose(keys.astype(np.float32), others.astype(np.float32), rtol=0.004, atol=0.004)
    )
