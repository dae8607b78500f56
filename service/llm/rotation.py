"""Moves saved state to other positions: keys are turned and cells renumbered in the bytes themselves.

llama.cpp can shift a sequence as well, but turns the keys of every cell of the context for that, with the next decode,
which must not be interrupted then. Here only the passage is turned. What a state looks like is llama.cpp's own affair:
`find_rotation` tries on this very model and library whether our turning gives what llama.cpp's gives.
"""

from dataclasses import dataclass

import numpy as np

from service.llm.binding import Context, Row
from service.llm.gguf import GgufInfo
from service.llm.saved_state import Halves, SavedState

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
        saved = SavedState.of(np.frombuffer(copy, np.uint8), self.head)
        if saved is None:
            return None
        saved.positions[...] += by
        self._turn(saved.keys, by)
        return copy

    def _turn(self, keys: Halves, by: int) -> None:
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
    one, other = (SavedState.of(np.frombuffer(bytearray(state), np.uint8), rotation.head) for state in (ours, theirs))
    if one is None or other is None or one.keys.shape != other.keys.shape:
        return False
    return bool(
        np.array_equal(one.cells, other.cells)
        and np.allclose(one.keys.astype(np.float32), other.keys.astype(np.float32), rtol=0.004, atol=0.004)
    )
