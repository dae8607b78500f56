"""The only module that calls llama.cpp: a model and a context as two objects that own their native memory.

Neither is safe to use from two threads at once, except `Model.tokenize` and `Context.abort`.
"""

import contextlib
import ctypes
import os
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import llama_cpp as lc
import numpy as np
from numpy.typing import NDArray

from indexes.errors import EngineError
from service.llm import kernels
from service.llm.gguf import GgufInfo, read_gguf

_ABORTED = 2
_FOUR = 4
_GGML_F16, _GGML_Q8_0 = 1, 8
_WARNING, _ERROR = 2, 3
KV_TYPES = {"f16": _GGML_F16, "q8_0": _GGML_Q8_0}


@dataclass(frozen=True, slots=True)
class Row:
    """One token to compute, at a position of a sequence; `wanted` when its logits will be read."""

    token: int
    position: int
    sequence: int
    wanted: bool


class NativeLog:
    """Keeps the last warnings of llama.cpp in place of its chatter on stderr."""

    def __init__(self) -> None:
        self._lines: deque[str] = deque(maxlen=8)
        self._callback = lc.llama_log_callback(self._receive)
        lc.llama_log_set(self._callback, ctypes.c_void_p(0))

    def _receive(self, level: int, text: bytes, _: object) -> None:
        line = text.decode("utf-8", "replace").strip()
        if level in {_WARNING, _ERROR} and line.strip("."):
            self._lines.append(line)

    def last(self) -> str:
        return "; ".join(list(self._lines)[-2:]) or "no reason given"


@cache
def native_log() -> NativeLog:
    """One for the process, and never collected: llama.cpp holds its address."""
    return NativeLog()


class Model:
    """The weights and the vocabulary of a GGUF file.

    Raises:
        ModelMissing, ModelDamaged: see `read_gguf`.
        EngineError: llama.cpp cannot load it; the message holds its reason.
    """

    def __init__(self, path: Path, gpu_layers: int = 0) -> None:
        self.info: GgufInfo = read_gguf(path)
        self.log = native_log()
        lc.llama_backend_init()
        parameters = lc.llama_model_default_params()
        parameters.n_gpu_layers = gpu_layers
        # llama.cpp rearranges most weights into memory of its own; mapping the file as well would keep them there twice
        # (measured with the default model: 1.4 GiB resident instead of 2.0).
        parameters.load_mode = lc.LLAMA_LOAD_MODE_NONE
        self.handle: Any = lc.llama_model_load_from_file(str(path).encode(), parameters)
        if not self.handle:
            raise EngineError(
                f"llama.cpp cannot load {path} ({self.log.last()}). "
                "Choose another GGUF, or install a newer llama-cpp-python."
            )
        self._vocab = lc.llama_model_get_vocab(self.handle)
        self.vocabulary = int(lc.llama_vocab_n_tokens(self._vocab))
        self._bos = int(lc.llama_vocab_bos(self._vocab))
        self._adds_bos = bool(lc.llama_vocab_get_add_bos(self._vocab))

    @property
    def keeps_positions_apart(self) -> bool:
        """Whether computed state is made of cells that stand for one token each, which reuse needs."""
        return not (
            lc.llama_model_is_recurrent(self.handle)
            or lc.llama_model_is_hybrid(self.handle)
            or lc.llama_model_n_swa(self.handle) > 0
        )

    @property
    def turns_halves(self) -> bool:
        """Whether keys are turned as in GPT-NeoX, where value i goes with value i + half, not with its neighbour."""
        return int(lc.llama_model_rope_type(self.handle)) == int(lc.LLAMA_ROPE_TYPE_NEOX)

    def tokenize(self, text: str, *, special: bool = False) -> list[int]:
        data = text.encode("utf-8", "replace")
        room = len(data) + 8
        tokens = (lc.llama_token * room)()
        count = int(lc.llama_tokenize(self._vocab, data, len(data), tokens, room, False, special))
        return list(tokens[:count])

    def with_bos(self, tokens: list[int]) -> list[int]:
        """Prepend the beginning-of-text token where the vocabulary asks for it and the template has not written it."""
        return [self._bos, *tokens] if self._adds_bos and tokens[:1] != [self._bos] else tokens

    def piece(self, token: int) -> bytes:
        """The bytes of an ordinary token; nothing for a special one."""
        size = 64
        buffer = ctypes.create_string_buffer(size)
        count = int(lc.llama_token_to_piece(self._vocab, token, buffer, size, 0, False))
        if count < 0:
            buffer = ctypes.create_string_buffer(-count)
            count = int(lc.llama_token_to_piece(self._vocab, token, buffer, -count, 0, False))
        return buffer.raw[:count]

    def token_text(self, kind: str) -> str:
        """The written form of the `bos` or `eos` token, for the chat template; empty where there is none."""
        token = int(getattr(lc, f"llama_vocab_{kind}")(self._vocab))
        text = lc.llama_vocab_get_text(self._vocab, token) if token >= 0 else None
        return text.decode("utf-8", "replace") if text else ""

    def ends_turn(self, token: int) -> bool:
        return bool(lc.llama_vocab_is_eog(self._vocab, token))

    def close(self) -> None:
        if self.handle:
            lc.llama_model_free(self.handle)
            self.handle = None


class Context:
    """Cells of computed state, shared by `sequences` sequences; at most `batch` tokens are computed in one call.

    `by_fours` when our own products compute four rows in less time than two: two or three rows are then filled up.

    Raises:
        EngineError: there is not the memory for `cells` cells.
    """

    def __init__(self, model: Model, *, cells: int, sequences: int, batch: int, threads: int, kv_type: str) -> None:
        self.model = model
        self.cells = cells
        self.by_fours = kernels.active()
        self._spare = sequences
        parameters = lc.llama_context_default_params()
        batch += _FOUR * self.by_fours
        parameters.n_ctx, parameters.n_batch, parameters.n_ubatch = cells + _FOUR * self.by_fours, batch, batch
        parameters.n_seq_max = sequences + self.by_fours
        parameters.n_outputs_max = parameters.n_seq_max
        parameters.n_threads = parameters.n_threads_batch = threads
        parameters.type_k = parameters.type_v = KV_TYPES[kv_type]
        # One pool of cells for all: sequences can share a prefix, and passages can be joined to one of them.
        parameters.kv_unified = True
        parameters.no_perf = True
        self._flag = ctypes.create_string_buffer(2)
        self._stop_when_flagged(parameters)
        self.handle: Any = lc.llama_init_from_model(model.handle, parameters)
        if not self.handle:
            raise EngineError(
                f"No memory for a context of {cells} tokens ({model.log.last()}). Lower CAREER_CONTEXT_TOKENS."
            )
        self._memory = lc.llama_get_memory(self.handle)
        self._batch = lc.llama_batch_init(batch, 0, 1)

    def _stop_when_flagged(self, parameters: Any) -> None:
        """llama.cpp asks a callback after every node of its graph whether to stop.

        A Python function would take the interpreter's lock a thousand times a token. `strlen` on two bytes of our own
        is a native function with the very answer: 0 while the first byte is 0, else 1.
        """
        kind = dict(lc.llama_context_params._fields_)["abort_callback"]
        parameters.abort_callback = ctypes.cast(ctypes.CDLL(None).strlen, kind)
        parameters.abort_callback_data = ctypes.cast(self._flag, ctypes.c_void_p)

    def abort(self) -> None:
        """Stop the running `decode`, and every later one until `resume`; may be called from another thread."""
        self._flag[0] = b"\x01"

    def resume(self) -> None:
        self._flag[0] = b"\x00"

    def decode(self, rows: Sequence[Row]) -> bool:
        """Compute rows, in order. False when aborted: what it had done of `rows` is to be cut by the caller.

        Raises:
            EngineError: no room is left, or llama.cpp failed.
        """
        batch = self._batch
        filled = [*rows, *(Row(0, i, self._spare, wanted=False) for i in range(self._missing(len(rows))))]
        batch.n_tokens = len(filled)
        for i, row in enumerate(filled):
            batch.token[i], batch.pos[i], batch.logits[i] = row.token, row.position, row.wanted
            batch.n_seq_id[i], batch.seq_id[i][0] = 1, row.sequence
        result = int(lc.llama_decode(self.handle, batch))
        if len(filled) > len(rows):
            self.cut(self._spare)
        if result not in {0, _ABORTED}:
            raise EngineError(
                f"llama.cpp could not compute {len(rows)} tokens (code {result}, {self.model.log.last()}). Ask again."
            )
        return result == 0

    def _missing(self, rows: int) -> int:
        """Milliseconds for 1 to 8 rows: 30, 41, 52, 38, 47, 56, 65, 61; so one too many is left as it is."""
        return -rows % _FOUR if self.by_fours and rows % _FOUR > 1 else 0

    def logits(self, row: int) -> NDArray[np.float32]:
        """Logits of row `row` of the last decode, shape (vocabulary,): valid until the next one."""
        pointer = lc.llama_get_logits_ith(self.handle, row)
        return np.ctypeslib.as_array(pointer, shape=(self.model.vocabulary,))

    @property
    def can_shift(self) -> bool:
        return bool(lc.llama_memory_can_shift(self._memory))

    def cut(self, sequence: int, start: int = -1, end: int = -1) -> None:
        """Forget positions [start, end) of a sequence; -1 leaves that side open."""
        lc.llama_memory_seq_rm(self._memory, sequence, start, end)

    def shift(self, sequence: int, by: int) -> None:
        """Move a sequence to other positions; computed with the next decode."""
        lc.llama_memory_seq_add(self._memory, sequence, -1, -1, by)

    def share(self, source: int, target: int, start: int = -1, end: int = -1) -> None:
        """Let positions [start, end) of `source` belong to `target` too, without a copy."""
        lc.llama_memory_seq_cp(self._memory, source, target, start, end)

    def save(self, sequence: int) -> bytes:
        size = int(lc.llama_state_seq_get_size(self.handle, sequence))
        buffer = (ctypes.c_uint8 * size)()
        written = int(lc.llama_state_seq_get_data(self.handle, buffer, size, sequence))
        return memoryview(buffer)[:written].tobytes()

    def save_token(self, sequence: int, position: int, spare: int) -> bytes:
        """What `save` gives of one token of a sequence; `spare` is an empty sequence, and is empty again afterwards."""
        self.share(sequence, spare, position, position + 1)
        try:
            return self.save(spare)
        finally:
            self.cut(spare)

    def load(self, sequence: int, state: bytes | bytearray) -> bool:
        """Fill a sequence with saved state; False when llama.cpp refuses it (another version, no room)."""
        if isinstance(state, bytearray):
            source: Any = (ctypes.c_uint8 * len(state)).from_buffer(state)
        else:
            # from_buffer needs a writable object; the native side only reads, so the bytes are lent as they are.
            source = ctypes.cast(ctypes.c_char_p(state), ctypes.POINTER(ctypes.c_uint8))
        return int(lc.llama_state_seq_set_data(self.handle, source, len(state), sequence)) > 0

    def clear(self) -> None:
        lc.llama_memory_clear(self._memory, False)

    def close(self) -> None:
        if self.handle:
            lc.llama_batch_free(self._batch)
            lc.llama_free(self.handle)
            self.handle = None


def library_version() -> str:
    """Saved state is only read by the version that wrote it."""
    return str(lc.__version__)


def offloads_to_gpu() -> bool:
    return bool(lc.llama_supports_gpu_offload())


def default_threads() -> int:
    """Physical cores this process may use: two threads on one core slow each other down."""
    allowed = _allowed_cpus()
    cores = set(_siblings(allowed))
    return max(len(cores) or len(allowed), 1)


def _allowed_cpus() -> set[int]:
    if hasattr(os, "sched_getaffinity"):
        return os.sched_getaffinity(0)
    return set(range(os.cpu_count() or 1))


def _siblings(cpus: set[int]) -> Iterator[str]:
    for cpu in cpus:
        with contextlib.suppress(OSError):
            yield Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list").read_text("ascii").strip()
