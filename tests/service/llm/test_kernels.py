"""Our products give what llama.cpp's give, and are used only where they can be."""

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.llm import kernels, kernels_check
from tests.service.llm import native_kernels as native

HERE = kernels.why_not()
runs_here = pytest.mark.skipif(bool(HERE), reason=f"our products do not run here: {HERE}")
NEVER = np.float16(-np.inf)
Q4_HALVES, Q6_HALVES = slice(0, 32), slice(208, 210)


@runs_here
@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 7), st.integers(1, 9), st.integers(1, 5))
def test_interleaved_rows_give_llama_cpps_products(seed: int, blocks: int, tiles: int, fours: int) -> None:
    rng = np.random.default_rng(seed)
    values, rows = blocks * native.BLOCK, fours * 4
    w = native.weights(rng, tiles, blocks, 1152, Q4_HALVES)
    x = rng.normal(0, 1, (rows, values)).astype(np.float32)
    y = native.quads(x)
    args = (w, y, rows)
    expected = native.product(native.theirs().ggml_gemm_q4_K_8x8_q8_K, *args)
    found = native.product(native.ours().ggml_gemm_q4_K_8x8_q8_K, *args)
    assert np.abs(expected).max() > 0.1
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-3)
    one = native.singles(x)[:1]
    alone = native.product(native.ours().ggml_gemv_q4_K_8x8_q8_K, w, one, 1)
    theirs = native.product(native.theirs().ggml_gemv_q4_K_8x8_q8_K, w, one, 1)
    np.testing.assert_allclose(alone, theirs, rtol=1e-4, atol=1e-3)


@runs_here
@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 7), st.integers(1, 40), st.integers(1, 19))
def test_raw_rows_give_llama_cpps_products(seed: int, blocks: int, columns: int, rows: int) -> None:
    rng = np.random.default_rng(seed)
    w = native.weights(rng, columns, blocks, 210, Q6_HALVES)
    y = native.singles(rng.normal(0, 1, (rows, blocks * native.BLOCK)).astype(np.float32))
    found = native.rows6(w, y, blocks)
    np.testing.assert_allclose(found, native.dot6(w, y, blocks * native.BLOCK), rtol=1e-4, atol=2e-3)
    # The same row has the same sums, bit for bit, whoever is computed beside it.
    assert np.array_equal(native.rows6(w, y[:1], blocks)[0], found[0])


@runs_here
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_the_largest_values_overflow_nowhere(sign: float) -> None:
    values = 2 * native.BLOCK
    x = np.full((8, values), sign, np.float32)
    w4 = np.full((1, 2, 1152), 255, np.uint8)
    w4[:, :, Q4_HALVES] = np.full((1, 2, 16), 0.01, np.float16).view(np.uint8)
    args = (w4, native.quads(x), 8)
    expected = native.product(native.theirs().ggml_gemm_q4_K_8x8_q8_K, *args)
    np.testing.assert_allclose(native.product(native.ours().ggml_gemm_q4_K_8x8_q8_K, *args), expected, rtol=1e-4)
    for scale in (127, 128):
        w6 = np.full((3, 2, 210), 255, np.uint8)
        w6[:, :, 192:208] = scale
        w6[:, :, Q6_HALVES] = np.full((3, 2, 1), 0.01, np.float16).view(np.uint8)
        y = native.singles(x)
        np.testing.assert_allclose(native.rows6(w6, y, 2), native.dot6(w6, y, values), rtol=1e-4)


def reference(q: np.ndarray, k: np.ndarray, v: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Attention by its definition, in double precision; zero for who sees nothing."""
    shared = q.shape[1] // k.shape[1]
    keys, values = (np.repeat(x.astype(np.float64), shared, axis=1) for x in (k, v))
    scores = np.einsum("rhd,chd->rhc", q.astype(np.float64), keys) * q.shape[2] ** -0.5
    scores += mask.astype(np.float64)[:, None, :]
    top = scores.max(axis=2, keepdims=True)
    e = np.where(np.isfinite(scores), np.exp(scores - np.where(np.isfinite(top), top, 0)), 0)
    total = e.sum(axis=2, keepdims=True)
    return np.einsum("rhc,chd->rhd", e / np.where(total > 0, total, 1), values)


@dataclass(frozen=True, slots=True)
class Case:
    seed: int
    width: int
    rows: int
    cells: int
    shared: int
    threads: int
    seen: float


CASES = st.builds(
    Case,
    seed=st.integers(0, 2**32),
    width=st.sampled_from([64, 128]),
    rows=st.integers(1, 9),
    cells=st.integers(1, 150),
    shared=st.sampled_from([1, 2, 6]),
    threads=st.integers(1, 4),
    seen=st.sampled_from([0.0, 0.05, 0.5, 1.0]),
)


@runs_here
@settings(max_examples=40, deadline=None)
@given(CASES)
def test_attention_is_that_of_the_cells_a_row_sees(case: Case) -> None:
    rng = np.random.default_rng(case.seed)
    groups = 2
    q = rng.normal(0, 2, (case.rows, groups * case.shared, case.width)).astype(np.float32)
    k, v = (rng.normal(0, 1, (case.cells, groups, case.width)).astype(np.float16) for _ in range(2))
    mask = np.where(rng.random((case.rows, case.cells)) < case.seen, np.float16(0), NEVER)
    if case.seed % 2:  # as in a prompt: each row sees what the row before it saw, and itself
        before = np.tri(case.rows, case.cells, case.cells - case.rows) > 0
        mask = np.where(before, mask[:1], NEVER).astype(np.float16)
    found = native.attention(q, k, v, np.ascontiguousarray(mask), case.threads)
    np.testing.assert_allclose(found, reference(q, k, v, mask), rtol=2e-4, atol=2e-4)


def test_what_a_processor_can_do_is_read_of_its_first_core() -> None:
    assert kernels.flags_of("processor: 0\nflags\t\t: fpu avx512f f16c\nprocessor: 1\nflags: none\n") == {
        "fpu", "avx512f", "f16c",
    }  # fmt: skip
    assert kernels.flags_of("Features\t: fp asimd\n") == frozenset()


@pytest.mark.parametrize(
    ("system", "machine", "expected"),
    [("linux", "x86_64", True), ("linux", "AMD64", True), ("linux", "aarch64", False), ("darwin", "x86_64", False)],
)
def test_other_machines_are_left_alone(system: str, machine: str, expected: bool) -> None:
    assert kernels.fits(system, machine) is expected


def test_another_release_of_llama_cpp_keeps_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels, "flags_of", lambda _: kernels.NEEDED)
    monkeypatch.setattr(kernels, "fits", lambda *_: True)
    monkeypatch.setattr("importlib.metadata.version", lambda _: "0.3.99")
    assert kernels.why_not() == f"they were written for llama-cpp-python {kernels.RELEASE}, and 0.3.99 is installed"
    assert not kernels.load()


def test_a_processor_without_them_is_told_what_it_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels, "flags_of", lambda _: kernels.NEEDED - {"avx512_vnni"})
    monkeypatch.setattr(kernels, "fits", lambda *_: True)
    assert kernels.why_not() == "this processor lacks avx512_vnni"


def test_a_changed_source_is_compiled_anew() -> None:
    sources = {"kernels.cpp": b"a", "blocks.hpp": b"b"}
    others = ({**sources, "blocks.hpp": b"c"}, {"kernels.cpp": b"b", "blocks.hpp": b"a"})
    keys = {kernels.key(sources, "gcc 12"), kernels.key(sources, "gcc 13")}
    assert len(keys | {kernels.key(other, "gcc 12") for other in others}) == 4


@pytest.mark.skipif(not kernels.fits(sys.platform, "x86_64"), reason="for Linux on x86-64")
def test_what_does_not_compile_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "kernels.cpp").write_text("this is not C++", "ascii")
    with pytest.raises(subprocess.CalledProcessError):
        kernels.compile_into(tmp_path, "c++", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["kernels.cpp"]


@runs_here
@pytest.mark.parametrize(
    ("file", "right", "wrong", "expected"),
    [
        ("q4_k.hpp", "shift = 4 * (part % 2)", "shift = 3 * (part % 2)", "by fours"),
        ("q6_k.hpp", "_mm256_cvtepi8_epi16(scales)), 5)", "_mm256_cvtepi8_epi16(scales)), 4)", "of raw rows"),
        ("q6_k.hpp", "_mm256_cvtepi8_epi16(scales)), 5)", "_mm256_cvtepi8_epi16(scales)),  5)", ""),
        ("attention.hpp", "_mm512_set1_ps(kept[h])", "_mm512_set1_ps(1.0f)", "attention"),
    ],
)
def test_a_library_that_computes_wrongly_is_found_out(
    tmp_path: Path, file: str, right: str, wrong: str, expected: str
) -> None:
    sources = tmp_path / "cpp"
    shutil.copytree(kernels.SOURCES, sources)
    text = (sources / file).read_text("utf-8")
    assert right in text
    (sources / file).write_text(text.replace(right, wrong), "utf-8")
    for name in ("libggml-base.so", "libggml-cpu.so"):
        (tmp_path / name).symlink_to(native.folder() / name)
    kernels.compile_into(tmp_path, "c++", sources)
    assert kernels_check.fault(tmp_path) == {
        "": "",
        "attention": "its attention is not what it should be",
    }.get(expected, f"its products {expected} are not those of llama.cpp")


LOADED_FIRST = """
import sys
from dataclasses import replace
from service.llm import kernels
assert not kernels.active()
assert kernels.load() and kernels.active()
from service.llm import binding
from service.llm.llama import LlamaEngine
from service.llm.llama_config import LlamaConfig
from service.llm.types import Done, GenerateOptions, Prompt, Text
from pathlib import Path
config = LlamaConfig(Path(sys.argv[1]), context_tokens=1024, threads=1, slots=3)
llm = LlamaEngine(replace(config, guesses=0), 8)
options = GenerateOptions(max_tokens=24)
streams = [llm.generate(Prompt("s", (f"passage {n}\\n",), "q" * n), options) for n in (1, 2, 3)]
print("|".join("".join(event.text for event in stream if isinstance(event, Text)) for stream in streams))
assert llm._core._scheduler._context.by_fours
llm.close()
llm = LlamaEngine(config, 8)
assert llm._core._scheduler._guesses == 3
llm.close()
"""


@runs_here
def test_three_answers_filled_up_to_four_rows_are_those_given_alone(config: object) -> None:
    from service.llm.llama import LlamaEngine
    from service.llm.llama_config import LlamaConfig
    from service.llm.types import GenerateOptions, Prompt, Text

    assert isinstance(config, LlamaConfig)
    done = subprocess.run(
        [sys.executable, "-c", LOADED_FIRST, str(config.path)], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    llm = LlamaEngine(config, 8)
    alone = [
        "".join(
            event.text
            for event in llm.generate(Prompt("s", (f"passage {n}\n",), "q" * n), GenerateOptions(max_tokens=24))
            if isinstance(event, Text)
        )
        for n in (1, 2, 3)
    ]
    llm.close()
    assert done.stdout.strip() == "|".join(alone).strip()
