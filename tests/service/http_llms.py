"""Engines with bad manners: one that never stops by itself, one that recites its prompt."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count

from service.llm.types import Done, EngineEvent, GenerateOptions, Prompt, Text
from service.types import Usage


@dataclass
class SlowLLM:
    """Says the sentence and then other things until its deadline, as an engine does that keeps to it."""

    sentence: str
    name: str = "slow"
    context_tokens: int = 4096

    def count_tokens(self, texts: Sequence[str], /) -> list[int]:
        return [len(text) for text in texts]

    def generate(self, _: Prompt, options: GenerateOptions) -> Iterator[EngineEvent]:
        end = time.monotonic() + (options.deadline_s or 60)
        yield Text(self.sentence)
        for number in count(1):
            if time.monotonic() >= end:
                break
            yield Text(f"Thought {number} leads on. ")
            time.sleep(0.1)
        yield Done("deadline", Usage(10, 0, 10))

    def close(self) -> None: ...


@dataclass
class Parrot(SlowLLM):
    """The worst model there is: it recites its whole prompt. Remembers every prompt it got."""

    prompts: list[Prompt] = field(default_factory=list)

    def generate(self, prompt: Prompt, options: GenerateOptions) -> Iterator[EngineEvent]:
        self.prompts.append(prompt)
        for line in [*prompt.system.splitlines(), *prompt.passages, prompt.request]:
            yield Text(line + "\n")
        yield Done("stop", Usage(10, 0, 10))
