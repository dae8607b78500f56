"""The work that a forward pass on a CPU can be spared: masks that mask nothing, and laying out the same weights again.

`python -m tests.benchmarks.embedding` measures what it saves; vectors are the same to bfloat16 rounding.
"""

from collections import OrderedDict
from functools import partial
from typing import Any

import numpy as np

from indexes.types import Vectors

_ROWS_AT_ONCE = 32
"""Tokens of a short text: what the layout is chosen for; it serves any number."""
_RECENT = 8
"""Texts whose tokens are asked for soon after the text itself: a sentence that is being checked, and its parts."""
_NO_MASKS = {"full_attention": None, "sliding_attention": None}


class DirectGemma:
    """A Gemma 3 embedder's modules in their order, for one text: `encode` without padding, sorting and device moves.

    With nothing padded and the text shorter than the sliding window every mask is full, so none is built.
    """

    def __init__(self, model: Any) -> None:
        self._model = model
        self._encoder = model[0].auto_model
        self._rest = list(model)[1:]
        self._longest = int(self._encoder.config.sliding_window) - 1
        self._recent: OrderedDict[str, Any] = OrderedDict()

    @classmethod
    def of(cls, model: Any) -> "DirectGemma | None":
        """None for a model that is built otherwise, is not on the CPU, adds a prompt of its own, or cuts before its
        window."""
        try:
            config = model[0].auto_model.config
            direct = (
                config.model_type == "gemma3_text"
                and config.use_bidirectional_attention
                and config._attn_implementation == "sdpa"
                and model.device.type == "cpu"
                and model.default_prompt_name is None
                and (model.max_seq_length or 0) >= config.sliding_window
            )
        except (AttributeError, IndexError, KeyError, TypeError):
            return None
        return cls(model) if direct else None

    def encode(self, text: str) -> Vectors | None:
        """(1, dimension), for the prompt and the text in one string; None when it is too long to go without masks."""
        import torch

        hidden = self.hidden(text)
        if hidden is None:
            return None
        with torch.inference_mode():
            features = {"token_embeddings": hidden, "attention_mask": torch.ones(hidden.shape[:2], dtype=torch.int64)}
            for module in self._rest:
                features = module(features)
            return np.asarray(features["sentence_embedding"].float().numpy(), np.float32)

    def hidden(self, text: str) -> Any:
        """(1, tokens, width), the last layer's; None as above. That of the last few texts is kept."""
        import torch

        if text in self._recent:
            return self._recent[text]
        tokens = self._model.tokenizer([text], return_tensors="pt")
        if tokens["input_ids"].shape[1] > self._longest:
            return None
        with torch.inference_mode():
            hidden = self._encoder(
                input_ids=tokens["input_ids"], attention_mask=dict(_NO_MASKS), use_cache=False
            ).last_hidden_state
        self._recent[text] = hidden
        if len(self._recent) > _RECENT:
            self._recent.popitem(last=False)
        return hidden


def pack_linears(model: Any) -> int:
    """Linear layers keep their bfloat16 weights in the blocked layout that oneDNN multiplies in; how many did.

    Left as they are, the weights are laid out anew in each call. The two operations are what `torch.compile` freezes
    a model to; where a build of torch lacks them, nothing changes.
    """
    import torch

    operations = torch.ops.mkldnn
    if not hasattr(operations, "_reorder_linear_weight") or not hasattr(operations, "_linear_pointwise"):
        return 0
    packed = 0
    for layer in model.modules():
        if (
            type(layer) is torch.nn.Linear
            and layer.weight.dtype is torch.bfloat16
            and layer.weight.device.type == "cpu"
        ):
            try:
                weight = operations._reorder_linear_weight(layer.weight.detach(), _ROWS_AT_ONCE)
            except RuntimeError:  # a CPU that oneDNN multiplies no bfloat16 on
                return packed
            layer.register_parameter("weight", None)  # one copy is enough
            setattr(layer, "forward", partial(_multiply, operations._linear_pointwise, weight, layer.bias))  # noqa: B010
            packed += 1
    return packed


def _multiply(operation: Any, weight: Any, bias: Any, rows: Any) -> Any:
    return operation(rows, weight, bias, "none", [], "")
