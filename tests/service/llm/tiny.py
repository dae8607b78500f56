"""A GGUF of random weights, half a megabyte: real llama.cpp in milliseconds, for all that is not about words."""

from pathlib import Path

import numpy as np
from gguf import GGUFWriter

CONTEXT = 8192
LAYERS, WIDTH, HEADS, KV_HEADS, INNER = 2, 128, 4, 2, 96
HEAD = WIDTH // HEADS
SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")


def byte_tokens() -> list[str]:
    """GPT-2's printable stand-ins for the 256 bytes (Radford et al. 2019): a text has as many tokens as bytes."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    return [chr(byte if byte in printable else 256 + others.index(byte)) for byte in range(256)]


def write_tiny(path: Path, seed: int = 0) -> Path:
    """A Qwen2 of two layers that says the same nonsense for the same prompt."""
    writer = GGUFWriter(path, "qwen2")
    tokens = [*byte_tokens(), *SPECIAL]
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_rope_freq_base(1e6)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(tokens)
    writer.add_token_types([1] * 256 + [3] * len(SPECIAL))
    writer.add_token_merges(["a b"])
    writer.add_eos_token_id(tokens.index("<|im_end|>"))
    writer.add_bos_token_id(tokens.index("<|endoftext|>"))
    writer.add_add_bos_token(False)
    for name, values in _weights(len(tokens), np.random.default_rng(seed)).items():
        writer.add_tensor(name, values.astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _weights(
    vocabulary: int, random: np.random.Generator
) -> dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float64]]]:
    shapes: dict[str, tuple[int, ...]] = {
        "token_embd.weight": (vocabulary, WIDTH),
        "output.weight": (vocabulary, WIDTH),
    }
    for layer in range(LAYERS):
        block = f"blk.{layer}."
        shapes |= {
            f"{block}attn_q.weight": (WIDTH, WIDTH),
            f"{block}attn_k.weight": (KV_HEADS * HEAD, WIDTH),
            f"{block}attn_v.weight": (KV_HEADS * HEAD, WIDTH),
            f"{block}attn_q.bias": (WIDTH,),
            f"{block}attn_k.bias": (KV_HEADS * HEAD,),
            f"{block}attn_v.bias": (KV_HEADS * HEAD,),
            f"{block}attn_output.weight": (WIDTH, WIDTH),
            f"{block}ffn_gate.weight": (INNER, WIDTH),
            f"{block}ffn_up.weight": (INNER, WIDTH),
            f"{block}ffn_down.weight": (WIDTH, INNER),
        }
    norms = {f"blk.{layer}.{name}_norm.weight": np.ones(WIDTH) for layer in range(LAYERS) for name in ("attn", "ffn")}
    drawn = {name: random.standard_normal(shape) * 3 / shape[-1] ** 0.5 for name, shape in shapes.items()}
    return {**drawn, **norms, "output_norm.weight": np.ones(WIDTH)}
