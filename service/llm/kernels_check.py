"""Tries our products on this very machine against llama.cpp's own: a compiler may get them wrong, as GCC does with AMX.

Standard library only: it runs when llama.cpp has just been installed, as `python -m service.llm.kernels_check`, in a
process that may crash without harm. Ends with 0 when all is well.
"""

import ctypes
import math
import random
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path

from service.llm import kernels

_BLOCK, _BLOCKS, _ROWS, _COLUMNS = 256, 3, 8, 24
_VALUES = _BLOCK * _BLOCKS
_Q4_BYTES, _Q6_BYTES, _Q8_BYTES, _QUAD_BYTES = 1152, 210, 292, 1168
_NONE = ctypes.c_size_t(0)


def _weights(chance: random.Random, count: int, size: int, start: int, end: int) -> ctypes.Array[ctypes.c_char]:
    """Random blocks of which bytes [start, end) are scales in half precision."""
    out = bytearray()
    for _ in range(count):
        block = bytearray(chance.randbytes(size))
        scales = [chance.uniform(0.005, 0.02) for _ in range((end - start) // 2)]
        block[start:end] = struct.pack(f"<{len(scales)}e", *scales)
        out += block
    return ctypes.create_string_buffer(bytes(out), len(out))


def _activations(chance: random.Random) -> "ctypes.Array[ctypes.c_float]":
    return (ctypes.c_float * (_ROWS * _VALUES))(*(chance.gauss(0, 1) for _ in range(_ROWS * _VALUES)))


def _by_fours(theirs: ctypes.CDLL, ours: ctypes.CDLL, chance: random.Random) -> Iterator[tuple[Sequence[float], ...]]:
    w = _weights(chance, _COLUMNS // 8 * _BLOCKS, _Q4_BYTES, 0, 32)
    x = _activations(chance)
    quads = ctypes.create_string_buffer(_ROWS // 4 * _BLOCKS * _QUAD_BYTES)
    single = ctypes.create_string_buffer(_BLOCKS * _Q8_BYTES)
    for quad in range(_ROWS // 4):
        source = ctypes.byref(x, 4 * 4 * quad * _VALUES)
        target = ctypes.byref(quads, quad * _BLOCKS * _QUAD_BYTES)
        theirs.ggml_quantize_mat_q8_K_4x8(source, target, ctypes.c_int64(_VALUES))
    theirs.quantize_row_q8_K(x, single, ctypes.c_int64(_VALUES))
    for name, y, rows in (("gemm", quads, _ROWS), ("gemv", single, 1)):
        found = []
        for library in (theirs, ours):
            out = (ctypes.c_float * (rows * _COLUMNS))()
            function = getattr(library, f"ggml_{name}_q4_K_8x8_q8_K")
            function(_VALUES, out, ctypes.c_size_t(_COLUMNS), w, y, rows, _COLUMNS)
            found.append(list(out))
        yield tuple(found)


def _raw(theirs: ctypes.CDLL, ours: ctypes.CDLL, chance: random.Random) -> tuple[Sequence[float], Sequence[float]]:
    w = _weights(chance, _COLUMNS * _BLOCKS, _Q6_BYTES, 208, 210)
    x = _activations(chance)
    y = ctypes.create_string_buffer(_ROWS * _BLOCKS * _Q8_BYTES)
    for row in range(_ROWS):
        source, target = ctypes.byref(x, 4 * row * _VALUES), ctypes.byref(y, row * _BLOCKS * _Q8_BYTES)
        theirs.quantize_row_q8_K(source, target, ctypes.c_int64(_VALUES))
    expected = []
    for row in range(_ROWS):
        for column in range(_COLUMNS):
            value = ctypes.c_float()
            weights = ctypes.byref(w, column * _BLOCKS * _Q6_BYTES)
            values = ctypes.byref(y, row * _BLOCKS * _Q8_BYTES)
            theirs.ggml_vec_dot_q6_K_q8_K(_VALUES, ctypes.byref(value), _NONE, weights, _NONE, values, _NONE, 1)
            expected.append(value.value)
    out = (ctypes.c_float * (_ROWS * _COLUMNS))()
    ours.career_rows6(w, ctypes.c_int64(_COLUMNS), ctypes.c_int64(_BLOCKS), y, ctypes.c_int64(_ROWS), out)
    return expected, list(out)


def _same(expected: Sequence[float], found: Sequence[float]) -> bool:
    scale = max(map(abs, expected))
    return scale > 0 and all(
        math.isfinite(b) and abs(a - b) <= 1e-4 * scale for a, b in zip(expected, found, strict=True)
    )


def fault(folder: Path) -> str:
    """What is wrong with the library beside llama.cpp's in `folder`; empty when nothing is.

    Raises: OSError: one of the libraries cannot be loaded.
    """
    ctypes.CDLL(str(folder / "libggml-base.so"))
    theirs = ctypes.CDLL(str(folder / "libggml-cpu.so"))
    theirs.ggml_cpu_init()
    ours = ctypes.CDLL(str(kernels.library(folder)))
    chance = random.Random(0)
    if not all(_same(*both) for both in _by_fours(theirs, ours, chance)):
        return "its products by fours are not those of llama.cpp"
    return "" if _same(*_raw(theirs, ours, chance)) else "its products of raw rows are not those of llama.cpp"


def main() -> None:
    reason, folder = kernels.why_not(), kernels.folder_of_llama()
    if not reason and folder is not None:
        raise SystemExit(fault(folder) or 0)


if __name__ == "__main__":
    main()
