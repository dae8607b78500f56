"""What an engine says of one passage at a time, yes or no: whether it holds the answer to a question.

A cosine tells what a passage is about, and a dozen passages have no words that tell what they lack. A model that reads
question and passage together knows more, though it never generates: the odds of its yes are read off its first token
(pointwise relevance, as in Nogueira et al., "Document Ranking with a Pretrained Sequence-to-Sequence Model", 2020,
https://arxiv.org/abs/2003.06713), and more off all of that token's logits by a probe, as in
`service.probe`. The state of a passage behind this prompt is kept like any other.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from indexes.types import Chunk, Hit, Leg
from service.cancelling import Cancel, closing_iterator
from service.llm.types import LLM, GenerateOptions, Leaning, Prompt
from service.prompt import passage_block
from service.signals import leg_score

READ_ALONE = 2
"""Hits that are read, the nearest ones."""
BEST, MEAN, READER = "read_best", "read_mean", "reader"
"""Names of the signals: the log-odds of the surest yes, and of all of them on average, -1 to 1 for -FURTHEST to
FURTHEST; and what a probe reads off the logits."""
FURTHEST = 8.0
SAMPLED = 3072
"""Logits read: twice as many as the default model has dimensions of its hidden state, of which they are an image.
What it holds past its middle, which tells most of passages on one subject, tells no more than they over all subjects
(ten-fold on 252 questions 0.79 to 0.82, the logits 0.82)."""
YES = "Yes"
SYSTEM = "You judge whether a passage answers a question. Reply with Yes or No only."
_ASKED = "Question: {question}\n\nDoes the passage contain the answer to this question?"


@dataclass(frozen=True, slots=True)
class Reading:
    """What an engine said of single passages: the log-odds of each yes, and the logits of its first tokens, sampled as
    `Leaning` has them, on average. Empty from one that does not tell."""

    odds: tuple[float, ...] = ()
    logits: tuple[float, ...] = ()

    @property
    def signals(self) -> dict[str, float]:
        """BEST and MEAN."""
        near = [max(-FURTHEST, min(FURTHEST, value)) / FURTHEST for value in self.odds]
        return {BEST: max(near), MEAN: sum(near) / len(near)} if near else {}


def prompt_of(question: str, chunk: Chunk) -> Prompt:
    return Prompt(SYSTEM, (passage_block(chunk),), _ASKED.format(question=question))


def read_alone(
    question: str, hits: Sequence[Hit], llm: LLM, deadline_s: float | None = None, cancel: Cancel | None = None
) -> Reading:
    """What an engine says of the hits that are nearest by meaning.

    Raises:
        EngineError: the engine is busy or failed.
    """
    asked = (_told(prompt_of(question, hit.chunk), llm, deadline_s, cancel) for hit in nearest(hits))
    told = [leaning for leaning in asked if leaning is not None]
    logits = [sum(column) / len(told) for column in zip(*(leaning.logits for leaning in told), strict=True)]
    return Reading(tuple(log_odds(leaning.log_probability) for leaning in told), tuple(logits))


def nearest(hits: Sequence[Hit]) -> list[Hit]:
    """The hits that are read: words, which reorder a search as far as there is time, do not choose among them."""
    return sorted(hits, key=lambda hit: -leg_score(hit, Leg.DENSE))[:READ_ALONE]


def was_read(signals: Mapping[str, float]) -> bool:
    """Whether an engine has read the passages of these signals one by one."""
    return BEST in signals


def log_odds(log_probability: float) -> float:
    """Of the probability that this is the logarithm of."""
    return log_probability - math.log(max(-math.expm1(log_probability), 1e-9))


def _told(prompt: Prompt, llm: LLM, deadline_s: float | None, cancel: Cancel | None) -> Leaning | None:
    options = GenerateOptions(max_tokens=1, watch=YES, sample_logits=SAMPLED, deadline_s=deadline_s)
    with closing_iterator(llm.generate(prompt, options)) as events:
        if cancel is not None:
            cancel.watch(events)
        return next((event for event in events if isinstance(event, Leaning)), None)
