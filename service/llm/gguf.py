"""Reads the head of a GGUF file without any native code, so that a wrong or cut file is refused before it is loaded.

Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md (versions 2 and 3, little-endian).
"""

import hashlib
import math
import mmap
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from indexes.errors import ModelDamaged, ModelMissing

Value: TypeAlias = int | float | bool | str | None

MAGIC = b"GGUF"
_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9
# ggml type → (elements in a block, bytes of a block); a type that is not here is not checked for its length.
_BLOCKS = {
    0: (1, 4), 1: (1, 2), 2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34), 10: (256, 84),
    11: (256, 110), 12: (256, 144), 13: (256, 176), 14: (256, 210), 15: (256, 292), 24: (1, 1), 25: (1, 2), 26: (1, 4),
    30: (1, 2),
}  # fmt: skip
_SAMPLES, _SAMPLE_BYTES = 64, 4096
_DEEPEST, _MOST_DIMENSIONS = 8, 16  # ggml knows four dimensions, and nobody nests arrays.
_CURE = "Fetch it again (`career models pull`), or name another GGUF file in CAREER_LLM."


@dataclass(frozen=True, slots=True)
class GgufInfo:
    """What the head of a GGUF file says; `fingerprint` is of the head, the size and samples of the weights.

    `head_size` values of a key head, of which `rope_size` are turned by their position, with frequencies from
    `rope_base`.
    """

    path: Path
    name: str
    architecture: str
    context_tokens: int
    chat_template: str | None
    size: int
    fingerprint: str
    head_size: int = 0
    rope_size: int = 0
    rope_base: float = 10000.0


def read_gguf(path: Path) -> GgufInfo:
    """Read and check the head of a file, in about 0.2 s.

    Raises:
        ModelMissing: there is no such file.
        ModelDamaged: it cannot be read, is no GGUF, is cut off, or holds no language model; the message says which and
            the cure.
    """
    try:
        if not path.is_file():
            raise ModelMissing(f"There is no file {path}. `career models pull` fetches the default model.")
        with _mapped(path) as data:
            head = _Head(data, path)
            metadata = head.metadata()
            head.check_tensors(_integer(metadata.get("general.alignment"), 32))
            return _info(path, metadata, data, head.position)
    except OSError as error:
        raise ModelDamaged(f"{path} cannot be read ({error.strerror}). Let this user read it. {_CURE}") from error


@contextmanager
def _mapped(path: Path) -> Iterator[mmap.mmap]:
    with path.open("rb") as file:
        magic = file.read(4)
        if magic != MAGIC:
            kind = "is empty" if not magic else f"begins with {magic!r}, not with {MAGIC!r}"
            raise ModelDamaged(f"{path} is not a GGUF file: it {kind}. {_CURE}")
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            yield data


def _info(path: Path, metadata: dict[str, Value], data: mmap.mmap, end_of_head: int) -> GgufInfo:
    architecture = str(metadata.get("general.architecture") or "")
    context = _integer(metadata.get(f"{architecture}.context_length"), 0)
    if not architecture or context < 1 or "tokenizer.ggml.model" not in metadata:
        raise ModelDamaged(f"{path} holds no language model (architecture {architecture or 'unnamed'!r}). {_CURE}")
    template = metadata.get("tokenizer.chat_template")
    heads = _integer(metadata.get(f"{architecture}.attention.head_count"), 1) or 1
    width = _integer(metadata.get(f"{architecture}.embedding_length"), 0)
    head_size = _integer(metadata.get(f"{architecture}.attention.key_length"), width // heads)
    base = metadata.get(f"{architecture}.rope.freq_base")
    return GgufInfo(
        path=path,
        name=path.stem,
        architecture=architecture,
        context_tokens=context,
        chat_template=str(template) if template else None,
        size=len(data),
        fingerprint=_fingerprint(data, end_of_head),
        head_size=head_size,
        rope_size=_integer(metadata.get(f"{architecture}.rope.dimension_count"), head_size),
        rope_base=float(base) if isinstance(base, int | float) else 10000.0,
    )


def _integer(value: Value, default: int) -> int:
    return value if isinstance(value, int) else default


def _fingerprint(data: mmap.mmap, head_size: int) -> str:
    digest = hashlib.sha256(len(data).to_bytes(8, "little"))
    digest.update(data[:head_size])
    step = max((len(data) - head_size) // _SAMPLES, 1)
    for start in range(head_size, len(data), step):
        digest.update(data[start : start + _SAMPLE_BYTES])
    return digest.hexdigest()


class _Head:
    """A cursor over the head: every read is checked against the end of the file."""

    def __init__(self, data: mmap.mmap, path: Path) -> None:
        self._data = data
        self._path = path
        self.position = len(MAGIC)
        version = self._scalar("I")
        if version not in {2, 3}:
            raise ModelDamaged(f"{path} is GGUF version {version}; versions 2 and 3 are understood. {_CURE}")
        self._tensors = int(self._scalar("Q"))
        self._pairs = int(self._scalar("Q"))

    def metadata(self) -> dict[str, Value]:
        """Every scalar and string; an array is stepped over and stands as None."""
        found: dict[str, Value] = {}
        for _ in range(self._pairs):
            key = self._string()
            found[key] = self._value(int(self._scalar("I")))
        return found

    def check_tensors(self, alignment: int) -> None:
        if alignment < 1:
            raise self._damaged(f"an alignment of {alignment}")
        ends = [self._tensor_end() for _ in range(self._tensors)]
        start = -(-self.position // alignment) * alignment
        needed = start + max(ends, default=0)
        if not ends or needed > len(self._data):
            raise ModelDamaged(
                f"{self._path} is cut off: it has {len(self._data):,} bytes and its head promises {needed:,}. {_CURE}"
            )

    def _tensor_end(self) -> int:
        self._string()
        dimensions = int(self._scalar("I"))
        if dimensions > _MOST_DIMENSIONS:
            raise self._damaged(f"a tensor of {dimensions} dimensions")
        shape = [int(self._scalar("Q")) for _ in range(dimensions)]
        kind, offset = int(self._scalar("I")), int(self._scalar("Q"))
        block, size = _BLOCKS.get(kind, (1, 0))
        return offset + math.prod(shape) // block * size

    def _value(self, kind: int) -> Value:
        if kind == _STRING:
            return self._string()
        if kind == _ARRAY:
            self._skip_array(_DEEPEST)
            return None
        return self._scalar(self._format(kind))

    def _skip_array(self, depth: int) -> None:
        if depth == 0:
            raise self._damaged(f"arrays in arrays in arrays, {_DEEPEST} deep,")
        kind, count = int(self._scalar("I")), int(self._scalar("Q"))
        if kind == _STRING:
            for _ in range(count):
                self._take(int(self._scalar("Q")))
        elif kind == _ARRAY:
            for _ in range(count):
                self._skip_array(depth - 1)
        else:
            self._take(count * struct.calcsize("<" + self._format(kind)))

    def _format(self, kind: int) -> str:
        if kind not in _SCALARS:
            raise self._damaged(f"unknown value type {kind}")
        return _SCALARS[kind]

    def _damaged(self, found: str) -> ModelDamaged:
        return ModelDamaged(f"{self._path} is damaged: {found} in its head. {_CURE}")

    def _scalar(self, kind: str) -> int | float | bool:
        start = self._take(struct.calcsize("<" + kind))
        value: int | float | bool = struct.unpack_from("<" + kind, self._data, start)[0]
        return value

    def _string(self) -> str:
        size = int(self._scalar("Q"))
        start = self._take(size)
        return self._data[start : start + size].decode("utf-8", "replace")

    def _take(self, size: int) -> int:
        start, self.position = self.position, self.position + size
        if self.position > len(self._data):
            raise ModelDamaged(f"{self._path} is cut off or damaged: its head runs past its end. {_CURE}")
        return start
