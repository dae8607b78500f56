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
_QUERIES, _CELLS, _HEADS, _GROUPS, _WIDTH = 3, 70, 8, 2, 64
_F32, _F16 = 0, 1


class Params(ctypes.Structure):
    """`ggml_compute_params`"""

    _fields_ = (
        ("ith", ctypes.c_int), ("nth", ctypes.c_int), ("work_size", ctypes.c_size_t), ("work", ctypes.c_void_p),
        ("pool", ctypes.c_void_p), ("reference", ctypes.c_bool),
    )  # fmt: skip


class Tensor(ctypes.Structure):
    """`ggml_tensor`, as far as it is read"""

    _fields_ = (
        ("type", ctypes.c_int), ("buffer", ctypes.c_void_p), ("ne", ctypes.c_int64 * 4), ("nb", ctypes.c_size_t * 4),
        ("op", ctypes.c_int), ("op_params", ctypes.c_int32 * 16), ("flags", ctypes.c_int32),
        ("src", ctypes.c_void_p * 10), ("view_src", ctypes.c_void_p), ("view_offset", ctypes.c_size_t),
        ("data", ctypes.c_void_p), ("rest", ctypes.c_uint8 * 128),
    )  # fmt: skip


def tensor(data: int, kind: int, shape: Sequence[int], strides: Sequence[int]) -> Tensor:
    """`shape` and `strides` (in bytes) as ggml counts them: what lies closest comes first."""
    out = Tensor(type=kind, data=data)
    for i, (size, stride) in enumerate(zip(shape, strides, strict=True)):
        out.ne[i], out.nb[i] = size, stride
    return out


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


def _attention(ours: ctypes.CDLL, chance: random.Random) -> tuple[Sequence[float], Sequence[float]]:
    """By its definition, and by ours: each row sees some of the cells."""
    row, cell = _HEADS * _WIDTH, _GROUPS * _WIDTH
    q = [chance.gauss(0, 2) for _ in range(_QUERIES * row)]
    k, v = ([chance.randint(-128, 128) / 64 for _ in range(_CELLS * cell)] for _ in range(2))
    seen = [[c == 0 or chance.random() < 0.6 for c in range(_CELLS)] for _ in range(_QUERIES)]
    mask = [0.0 if sees else -math.inf for line in seen for sees in line]
    out = (ctypes.c_float * len(q))()
    values = (ctypes.c_float * len(q))(*q)
    halves = [ctypes.create_string_buffer(struct.pack(f"<{len(x)}e", *x)) for x in (k, v, mask)]
    cells = (_WIDTH, _CELLS, _GROUPS, 1), (2, 2 * cell, 2 * _WIDTH, 2 * len(k))
    sources = [
        tensor(ctypes.addressof(values), _F32, (_WIDTH, _QUERIES, _HEADS, 1), (4, 4 * row, 4 * _WIDTH, 4 * len(q))),
        *(tensor(ctypes.addressof(x), _F16, *cells) for x in halves[:2]),
        tensor(ctypes.addressof(halves[2]), _F16, (_CELLS, _QUERIES, 1, 1), (2, 2 * _CELLS, *[2 * len(mask)] * 2)),
    ]
    to = tensor(ctypes.addressof(out), _F32, (_WIDTH, _HEADS, _QUERIES, 1), (4, 4 * _WIDTH, 4 * row, 4 * len(q)))
    for i, source in enumerate(sources):
        to.src[i] = ctypes.addressof(source)
    to.op_params[0] = struct.unpack("<i", struct.pack("<f", _WIDTH**-0.5))[0]
    ours.ggml_compute_forward_flash_attn_ext(ctypes.byref(Params(ith=0, nth=1)), ctypes.byref(to))
    expected: list[float] = []
    for at in range(0, len(q), _WIDTH):
        keys = at % row // _WIDTH // (_HEADS // _GROUPS) * _WIDTH
        expected += _attend(q[at : at + _WIDTH], k[keys:], v[keys:], cell, seen[at // row])
    return expected, list(out)


def _attend(q: Sequence[float], k: Sequence[float], v: Sequence[float], step: int, seen: Sequence[bool]) -> list[float]:
    """One query over the cells it sees, `step` values from one to the next."""
    cells = [c * step for c, sees in enumerate(seen) if sees]
    weights = [math.exp(sum(a * b for a, b in zip(q, k[c : c + len(q)], strict=True)) * len(q) ** -0.5) for c in cells]
    return [sum(w * v[c + i] for w, c in zip(weights, cells, strict=True)) / sum(weights) for i in range(len(q))]


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
    if not _same(*_raw(theirs, ours, chance)):
        return "its products of raw rows are not those of llama.cpp"
    return "" if _same(*_attention(ours, chance)) else "its attention is not what it should be"


def main() -> None:
    reason, folder = kernels.why_not(), kernels.folder_of_llama()
    if not reason and folder is not None:
        raise SystemExit(fault(folder) or 0)


if __name__ == "__main__":
    main()
