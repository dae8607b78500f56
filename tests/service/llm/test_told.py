"""What an engine tells before its first text: how near it was to a beginning, its logits, what its last token holds."""

import math
from dataclasses import replace

import numpy as np
import pytest

from service.llm.binding import Context, Model, Row
from service.llm.core import Reuse
from service.llm.layout import lay_out
from service.llm.llama import LlamaEngine
from service.llm.llama_config import LlamaConfig
from service.llm.saved_state import SavedState
from service.llm.template import ChatTemplate
from service.llm.types import Leaning
from tests.service.llm.test_tiny import PROMPT, SHORT, said
from tests.service.llm.tiny import HEAD, KV_HEADS, SPECIAL

VOCABULARY = 256 + len(SPECIAL)


def test_logits_are_told_with_it_as_many_as_are_asked_for(llm: LlamaEngine) -> None:
    def told(count: int) -> Leaning:
        # One that went on beside the next would be in its batches, and change its roundings.
        with llm.generate(PROMPT, replace(SHORT, watch="q", sample_logits=count)) as events:
            first = next(events)
        assert isinstance(first, Leaning)
        return first

    told(0)  # What is reused from here on differs by a rounding from what was computed first.
    every = told(VOCABULARY).logits
    assert len(every) == VOCABULARY
    assert sum(every) == pytest.approx(0.0, abs=VOCABULARY * 0.0005)
    assert max(every) > 0.0
    odds = math.log(sum(math.exp(value) for value in every))
    assert told(0).log_probability == pytest.approx(every[ord("q")] - odds, abs=0.002)
    assert told(0).logits == ()
    assert told(40).logits == tuple(every[at * VOCABULARY // 40] for at in range(40))


@pytest.mark.parametrize("reuse", [Reuse.ALL, Reuse.OFF])
def test_what_the_prompts_last_token_holds_is_told_with_it(config: LlamaConfig, reuse: Reuse) -> None:
    def told(llm: LlamaEngine, tell: bool) -> tuple[float, ...]:
        with llm.generate(PROMPT, replace(SHORT, watch="q", tell_values=tell)) as events:
            first = next(events)
        assert isinstance(first, Leaning)
        return first.values

    llm = LlamaEngine(replace(config, reuse=reuse), 8)
    first, unasked, second = told(llm, True), told(llm, False), told(llm, True)
    llm.close()
    assert unasked == ()
    assert second == pytest.approx(first, abs=0.002)
    assert len(first) == KV_HEADS * HEAD
    assert max(map(abs, first)) > 0.01
    if reuse is Reuse.OFF:  # Passages that have not seen one another make another state.
        assert first == pytest.approx(computed_in_one_go(config), abs=0.003)


def computed_in_one_go(config: LlamaConfig) -> tuple[float, ...]:
    """Values of the last token of PROMPT in the second of the two layers."""
    model = Model(config.path)
    template = ChatTemplate(model.info.chat_template, model.token_text("bos"), model.token_text("eos"))
    tokens = lay_out(model, template, PROMPT).tokens
    context = Context(model, cells=1024, sequences=1, batch=1024, threads=1, kv_type="f16")
    context.decode([Row(token, at, 0, at == len(tokens) - 1) for at, token in enumerate(tokens)])
    saved = SavedState.of(np.frombuffer(context.save(0), np.uint8), HEAD)
    context.close()
    model.close()
    assert saved is not None
    return tuple(saved.values[1, -1].ravel().tolist())


def test_how_likely_a_beginning_was_is_told_before_the_first_text(llm: LlamaEngine) -> None:
    first, *events = llm.generate(PROMPT, replace(SHORT, watch="q"))
    assert isinstance(first, Leaning)
    assert not any(isinstance(event, Leaning) for event in events)
    told = 0.0
    for byte in range(128):  # Half of the vocabulary: a token for each byte.
        leaning = next(iter(llm.generate(PROMPT, replace(SHORT, watch=chr(byte)))))
        assert isinstance(leaning, Leaning)
        told += math.exp(leaning.log_probability)
    assert 0.01 < told < 1.0
    chosen, _ = said(llm, PROMPT, replace(SHORT, max_tokens=1))
    assert not any(isinstance(event, Leaning) for event in llm.generate(PROMPT, SHORT))
    if chosen:
        likely = next(iter(llm.generate(PROMPT, replace(SHORT, watch=chosen))))
        assert isinstance(likely, Leaning)
        assert likely.log_probability >= first.log_probability
