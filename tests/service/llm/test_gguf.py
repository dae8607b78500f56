"""A file that is no sound GGUF is refused from its head alone, with the reason and the cure."""

import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexes.errors import ModelDamaged, ModelMissing
from service.llm.gguf import read_gguf


def string(text: str) -> bytes:
    return struct.pack("<Q", len(text.encode())) + text.encode()


def pair(key: str, kind: int, value: bytes) -> bytes:
    return string(key) + struct.pack("<I", kind) + value


def gguf(
    *,
    architecture: str = "qwen2",
    weights: int = 64,
    version: int = 3,
    vocabulary: bool = True,
    context: int = 2048,
    dimensions: int = 2,
    more: bytes = b"",
) -> bytes:
    """One F32 tensor of 4 x 4 and the metadata a language model must have."""
    pairs = [
        pair("general.architecture", 8, string(architecture)),
        pair(f"{architecture}.context_length", 5, struct.pack("<i", context)),
        pair("tokenizer.chat_template", 8, string("{{ messages }}")),
        pair("tokenizer.ggml.tokens", 9, struct.pack("<IQ", 8, 2) + string("a") + string("词")),
    ]
    if more:
        pairs.append(more)
    if vocabulary:
        pairs.append(pair("tokenizer.ggml.model", 8, string("gpt2")))
    tensor = string("w") + struct.pack("<I", dimensions) + struct.pack("<Q", 4) * dimensions + struct.pack("<IQ", 0, 0)
    head = b"GGUF" + struct.pack("<IQQ", version, 1, len(pairs)) + b"".join(pairs) + tensor
    return head + bytes(-len(head) % 32) + bytes(range(weights))


def nested(depth: int) -> bytes:
    """An array of one array of one array …, with one number inside."""
    return pair("deep", 9, struct.pack("<IQ", 9, 1) * (depth - 1) + struct.pack("<IQB", 0, 1, 7))


def write(folder: Path, data: bytes) -> Path:
    path = folder / "small-model.gguf"
    path.write_bytes(data)
    return path


def test_the_head_is_read(tmp_path: Path) -> None:
    info = read_gguf(write(tmp_path, gguf()))
    assert (info.name, info.architecture, info.context_tokens) == ("small-model", "qwen2", 2048)
    assert info.chat_template == "{{ messages }}"
    assert info.size == len(gguf())


def test_other_weights_have_another_fingerprint(tmp_path: Path) -> None:
    first = read_gguf(write(tmp_path, gguf())).fingerprint
    changed = gguf()[:-1] + b"\xff"
    assert read_gguf(write(tmp_path, gguf())).fingerprint == first
    assert read_gguf(write(tmp_path, changed)).fingerprint != first


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (b"PK\x03\x04 a zip", "begins with"),
        (gguf(version=9), "version 9"),
        (gguf(weights=10), "cut off"),
        (gguf()[:60], "cut off or damaged"),
        (gguf(vocabulary=False), "no language model"),
        (gguf(architecture=""), "no language model"),
        (gguf(context=0), "no language model"),
        (gguf(context=-4096), "no language model"),
        (gguf(more=pair("general.alignment", 4, struct.pack("<I", 0))), "an alignment of 0"),
        (gguf(more=pair("general.alignment", 5, struct.pack("<i", -32))), "an alignment of -32"),
        (gguf(more=nested(5_000)), "arrays in arrays"),
        (gguf(dimensions=20_000), "20000 dimensions"),
    ],
)
def test_anything_else_is_refused_with_reason_and_cure(tmp_path: Path, data: bytes, words: str) -> None:
    with pytest.raises(ModelDamaged, match=words) as caught:
        read_gguf(write(tmp_path, data))
    assert "career models pull" in str(caught.value)


def test_what_is_unusual_but_sound_is_read(tmp_path: Path) -> None:
    data = gguf(more=nested(3), dimensions=2)
    assert read_gguf(write(tmp_path, data)).context_tokens == 2048


def test_a_file_that_may_not_be_read_is_refused_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path, gguf())

    def refused(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "open", refused)  # To root nothing is forbidden.
    with pytest.raises(ModelDamaged, match=r"cannot be read \(Permission denied\)"):
        read_gguf(path)


def test_a_missing_file_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match="career models pull"):
        read_gguf(tmp_path / "none.gguf")


@settings(max_examples=200)
@given(at=st.integers(4, 330), value=st.integers(0, 255), cut=st.integers(0, 400))
def test_no_damage_gets_past_with_another_error(
    tmp_path_factory: pytest.TempPathFactory, at: int, value: int, cut: int
) -> None:
    data = bytearray(gguf())
    data[min(at, len(data) - 1)] = value
    path = write(tmp_path_factory.mktemp("gguf"), bytes(data[: len(data) - cut]))
    try:
        read_gguf(path)
    except ModelDamaged as error:
        said = str(error)
    else:
        return
    assert str(path) in said
