"""The same prompts to plain `llama_cpp.Llama` and to `llama_cpp.server`, as their documentation shows them."""

import time
from collections.abc import Sequence
from pathlib import Path

from service.llm.binding import default_threads
from service.llm.gguf import read_gguf
from service.llm.llama_config import LlamaConfig
from service.llm.remote import Address, RemoteLLM
from service.llm.template import ChatTemplate
from service.llm.types import Prompt
from tests.benchmarks.engine_asking import OPTIONS, Answer, Row, ask_together, row
from tests.service.llm.openai_server import openai_server


def plain(config: LlamaConfig, asked: Sequence[Prompt]) -> Row:
    """With our template, our context and our threads."""
    import llama_cpp

    threads = config.threads or default_threads()
    llama = llama_cpp.Llama(
        str(config.path), n_ctx=config.context_tokens, n_threads=threads, n_threads_batch=threads, verbose=False
    )
    template = ChatTemplate(read_gguf(config.path).chat_template)
    answers, begun = [], time.perf_counter()
    for prompt in asked:
        rendered = template.render(prompt)
        head, tail = ("".join(piece.text for piece in pieces) for pieces in (rendered.head, rendered.tail))
        text = head + "".join(prompt.passages) + prompt.request + tail
        start = time.perf_counter()
        pieces = [
            (time.perf_counter() - start, chunk["choices"][0]["text"])
            for chunk in llama.create_completion(text, max_tokens=OPTIONS.max_tokens, temperature=0.0, stream=True)
        ]
        shown = [(at, piece) for at, piece in pieces if piece]
        total = time.perf_counter() - start
        answers.append(Answer(0, shown[0][0], total, len(shown), 0.0, 0.0, "".join(piece for _, piece in shown)))
    seconds = time.perf_counter() - begun
    llama.close()
    return row("llama_cpp.Llama", answers, seconds)


def server(config: LlamaConfig, asked: Sequence[Prompt], askers: Sequence[int]) -> list[Row]:
    """One asker, then several at once; the server takes one at a time."""
    rows = []
    with openai_server(Path(config.path), config.context_tokens) as base:
        llm = RemoteLLM(Address.parse(base), context_tokens=config.context_tokens, at_once=64)
        for count in askers:
            many = [asked[i % len(asked)] for i in range(max(count, len(asked)))]
            rows.append(row(f"llama_cpp.server, {count} at once", *ask_together(llm, many, count)))
        llm.close()
    return rows
