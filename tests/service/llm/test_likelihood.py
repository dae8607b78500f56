"""How likely a text is as a reply: llama.cpp itself on a model of a few hundred kilobytes tells it token by token."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest

from indexes.errors import EngineBusy, EngineError
from service.llm.binding import Context, Row
from service.llm.core import Reuse
from service.llm.desk import QueuedLLM
from service.llm.factory import open_worker
from service.llm.llama import LlamaEngine
from service.llm.llama_config import LlamaConfig
from service.llm.plan import MOST_JUDGED
from service.llm.scheduler import LAST_PIECE_ALONE, PIECE_ALONE
from service.llm.types import Leaning, LikelihoodLLM, Prompt
from tests.service.llm.test_tiny import PASSAGES, PROMPT, SHORT, said, until
from tests.service.llm.tiny import write_tiny


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> LlamaConfig:
    path = write_tiny(tmp_path_factory.mktemp("tiny") / "tiny.gguf")
    return LlamaConfig(path, context_tokens=1024, threads=1, slots=3)


@pytest.fixture
def llm(config: LlamaConfig) -> Iterator[LlamaEngine]:
    llm = LlamaEngine(config, 8)
    yield llm
    llm.close()


def likelihood(llm: QueuedLLM, reply: str, passages: tuple[str, ...] = PASSAGES) -> float:
    (found,) = llm.likelihoods([Prompt("Be brief.", passages, reply)], 20.0) or [math.nan]
    return found


def test_how_likely_a_reply_is_is_told_token_by_token(llm: LlamaEngine) -> None:
    likelihood(llm, "a")  # What is reused from here on differs by a rounding from what was computed first.
    begun = next(iter(llm.generate(replace(PROMPT, request=""), replace(SHORT, watch="a"))))
    assert isinstance(begun, Leaning)
    assert likelihood(llm, "a") == pytest.approx(begun.log_probability, abs=0.002)
    goes_on = [2 * likelihood(llm, f"a{chr(byte)}") - likelihood(llm, "a") for byte in range(32, 127)]
    assert 0.01 < sum(map(math.exp, goes_on)) < 1.0
    assert likelihood(llm, "ab", PASSAGES[:1]) != pytest.approx(likelihood(llm, "ab"), abs=0.0001)


def test_of_a_long_reply_the_end_is_judged_whatever_its_pieces(llm: LlamaEngine, config: LlamaConfig) -> None:
    reply = "".join(chr(97 + at * 7 % 26) for at in range(LAST_PIECE_ALONE + 2 * PIECE_ALONE + 5))
    found = likelihood(llm, reply)
    assert likelihood(llm, reply) == pytest.approx(found, abs=0.002)
    other = LlamaEngine(replace(config, reuse=Reuse.OFF), 8)
    try:
        assert likelihood(other, reply, PASSAGES[:1]) == pytest.approx(likelihood(llm, reply, PASSAGES[:1]), abs=0.002)
        assert other.stats()["generated_tokens"] == 0
    finally:
        other.close()
    ends = [likelihood(llm, reply[:-1] + last) for last in "ab"]
    assert MOST_JUDGED * abs(ends[0] - ends[1]) > 0.001


def test_an_empty_reply_cannot_be_judged_and_judging_takes_no_lesson_of_how_long_answers_take(llm: LlamaEngine) -> None:
    with pytest.raises(EngineError, match="no reply to judge"):
        llm.likelihoods([Prompt("Be brief.", PASSAGES, "")], 20.0)
    assert llm.likelihoods([Prompt("Be brief.", PASSAGES, "What?")], 0.0) is None
    said(llm, PROMPT)
    before = llm._line._service_s
    assert before is not None
    likelihood(llm, "What?")
    assert llm._line._service_s == before


def test_the_process_of_its_own_tells_the_same(llm: LlamaEngine, config: LlamaConfig) -> None:
    worker = open_worker(config, queue_bound=4)
    try:
        assert isinstance(worker, LikelihoodLLM)
        assert likelihood(worker, "Why?") == pytest.approx(likelihood(llm, "Why?"), abs=0.002)
    finally:
        worker.close()


def test_several_replies_are_judged_in_few_batches_as_each_alone(
    llm: LlamaEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    prompts = [Prompt("Be brief.", (passage,), "What is it?") for passage in PASSAGES]
    alone = [likelihood(llm, "What is it?", (passage,)) for passage in PASSAGES]
    sizes: list[int] = []
    decode = Context.decode

    def listen(self: Context, rows: Sequence[Row]) -> bool:
        sizes.append(len(rows))
        return decode(self, rows)

    monkeypatch.setattr(Context, "decode", listen)
    assert llm.likelihoods(prompts, 20.0) == pytest.approx(alone, abs=0.002)
    assert len(set(alone)) == len(PASSAGES)
    assert len(sizes) <= 2


def test_who_cannot_enter_the_line_leaves_no_request_behind(config: LlamaConfig) -> None:
    llm = LlamaEngine(config, 0)
    try:
        prompts = [Prompt("Be brief.", PASSAGES, "What is it?")] * (config.slots + 1)
        with pytest.raises(EngineBusy):
            llm.likelihoods(prompts, 20.0)
        until(lambda: llm.stats()["running"] == 0)
        assert len(llm.likelihoods(prompts[:1], 20.0) or ()) == 1
    finally:
        llm.close()
