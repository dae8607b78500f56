"""Our own products and llama.cpp's, called side by side in one process, and blocks of random weights for both."""

import ctypes
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.llm import kernels, kernels_check
from service.llm.kernels_check import Params, Tensor

BLOCK = 256
Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]


def folder() -> Path:
    found = kernels.folder_of_llama()
    assert found is not None
    return found


@cache
def theirs() -> ctypes.CDLL:
    ctypes.CDLL(str(folder() / "libggml-base.so"))
    library = ctypes.CDLL(str(folder() / "libggml-cpu.so"))
    library.ggml_cpu_init()
    return library


@cache
def ours() -> ctypes.CDLL:
    """Not for all to see: the llama.cpp of this process keeps its own functions."""
    return ctypes.CDLL(str(kernels.library(folder())))


def address(values: NDArray[Any]) -> ctypes.c_void_p:
    assert values.flags.c_contiguous
    return ctypes.c_void_p(values.ctypes.data)


def weights(rng: np.random.Generator, rows: int, blocks: int, size: int, halves: slice) -> Bytes:
    """Random blocks of `size` bytes, of which `halves` are scales in half precision."""
    out = np.frombuffer(rng.bytes(rows * blocks * size), np.uint8).reshape(rows, blocks, size).copy()
    scales = out[:, :, halves]
    out[:, :, halves] = rng.normal(0, 0.01, (*scales.shape[:2], scales.shape[2] // 2)).astype(np.float16).view(np.uint8)
    return out


def quads(x: Floats) -> Bytes:
    """Q8_K of rows of activations, four interleaved, as llama.cpp makes them."""
    rows, values = x.shape
    out = np.zeros((rows // 4, values // BLOCK * 1168), np.uint8)
    for i, quad in enumerate(out):
        four = np.ascontiguousarray(x[4 * i : 4 * i + 4])
        theirs().ggml_quantize_mat_q8_K_4x8(address(four), address(quad), ctypes.c_int64(values))
    return out


def singles(x: Floats) -> Bytes:
    rows, values = x.shape
    out = np.zeros((rows, values // BLOCK * 292), np.uint8)
    for row, quantised in zip(np.ascontiguousarray(x), out, strict=True):
        theirs().quantize_row_q8_K(address(row), address(quantised), ctypes.c_int64(values))
    return out


def product(function: Callable[..., Any], w: Bytes, y: Bytes, rows: int) -> Floats:
    """Of `ggml_gemm_q4_K_8x8_q8_K` or `ggml_gemv_q4_K_8x8_q8_K`; eight rows of weights to a tile of `w`."""
    tiles, blocks, _ = w.shape
    out = np.zeros((rows, 8 * tiles), np.float32)
    function(blocks * BLOCK, address(out), ctypes.c_size_t(8 * tiles), address(w), address(y), rows, 8 * tiles)
    return out


def dot6(w: Bytes, y: Bytes, values: int) -> Floats:
    """Products of raw rows by llama.cpp's own function, one by one."""
    out = np.zeros((len(y), len(w)), np.float32)
    none = ctypes.c_size_t(0)
    for i, j in np.ndindex(out.shape):
        found = ctypes.c_float()
        at = ctypes.byref(found)
        theirs().ggml_vec_dot_q6_K_q8_K(values, at, none, address(w[j]), none, address(y[i]), none, 1)
        out[i, j] = found.value
    return out


def rows6(w: Bytes, y: Bytes, blocks: int) -> Floats:
    out = np.zeros((len(y), len(w)), np.float32)
    size, count = ctypes.c_int64(blocks), ctypes.c_int64(len(y))
    ours().career_rows6(address(w), ctypes.c_int64(len(w)), size, address(y), count, address(out))
    return out


def tensor(values: NDArray[Any], kind: int, shape: tuple[int, ...], strides: tuple[int, ...]) -> Tensor:
    return kernels_check.tensor(values.ctypes.data, kind, shape, strides)


def attention(q: Floats, k: NDArray[np.float16], v: NDArray[np.float16], mask: NDArray[np.float16], nth: int) -> Floats:
    """q (rows, heads, width), k and v (cells, groups, width), mask (rows, cells): by ours, thread after thread."""
    rows, heads, width = q.shape
    cells, groups, _ = k.shape
    out = np.full((rows, heads, width), np.nan, np.float32)
    kept = [
        tensor(q, 0, (width, rows, heads, 1), (4, 4 * width * heads, 4 * width, 4 * q.size)),
        tensor(k, 1, (width, cells, groups, 1), (2, 2 * width * groups, 2 * width, 2 * k.size)),
        tensor(v, 1, (width, cells, groups, 1), (2, 2 * width * groups, 2 * width, 2 * v.size)),
        tensor(mask, 1, (cells, rows, 1, 1), (2, 2 * cells, 2 * mask.size, 2 * mask.size)),
    ]
    to = tensor(out, 0, (width, heads, rows, 1), (4, 4 * width, 4 * width * heads, 4 * out.size))
    for i, source in enumerate(kept):
        to.src[i] = ctypes.addressof(source)
    to.op_params[0] = int(np.float32(width**-0.5).view(np.int32))
    for ith in range(nth):
        ours().ggml_compute_forward_flash_attn_ext(ctypes.byref(Params(ith=ith, nth=nth)), ctypes.byref(to))
    return out
