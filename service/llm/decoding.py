"""From tokens to text that may be shown: whole characters only, nothing of a stop string, and the choice of a token."""

import codecs
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

TOP_K = 40
TOP_P = 0.95


class TextStream:
    """Collects the bytes of tokens; gives out text once no byte to come can change or forbid it."""

    def __init__(self, stop: Sequence[str] = ()) -> None:
        self._stop = tuple(text for text in stop if text)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._held = ""
        self.stopped = False

    def feed(self, data: bytes) -> str:
        """Text that is now sure; `stopped` turns true when a stop string has appeared, and nothing follows."""
        if self.stopped:
            return ""
        self._held += self._decoder.decode(data)
        cut = min((at for at in map(self._held.find, self._stop) if at >= 0), default=-1)
        if cut >= 0:
            self.stopped = True
            sure, self._held = self._held[:cut], ""
            return sure
        keep = max((_overlap(self._held, text) for text in self._stop), default=0)
        end = len(self._held) - keep
        sure, self._held = self._held[:end], self._held[end:]
        return sure

    def finish(self) -> str:
        """What was held back as the possible start of a stop string; half a character is dropped."""
        sure, self._held = self._held, ""
        return sure


def log_probability(logits: NDArray[np.float32], token: int) -> float:
    """Of a token, by logits of shape (vocabulary,)."""
    highest = float(logits.max())
    return float(logits[token]) - highest - float(np.log(np.exp(logits - highest).sum()))


def sampled(logits: NDArray[np.float32], count: int) -> tuple[float, ...]:
    """`count` of the logits, of shape (vocabulary,), evenly spaced, less the mean of all; to three decimals.

    All of them are an image of the model's last hidden state, which has far fewer dimensions: as many of them as it has
    hold about what it holds.
    """
    if not count:
        return ()
    places = np.arange(count) * len(logits) // count
    return tuple(np.round(logits[places].astype(np.float64) - float(logits.mean()), 3).tolist())


def _overlap(text: str, stop: str) -> int:
    """Length of the longest end of `text` that begins `stop`."""
    longest = min(len(text), len(stop) - 1)
    return next((size for size in range(longest, 0, -1) if text.endswith(stop[:size])), 0)


class Sampler:
    """Chooses tokens: greedy at temperature 0, else seeded and independent of what else is being generated."""

    def __init__(self, temperature: float, seed: int) -> None:
        self._temperature = temperature
        self._random = np.random.Generator(np.random.PCG64(seed))

    @property
    def greedy(self) -> bool:
        return self._temperature <= 0.0

    def choose(self, logits: NDArray[np.float32]) -> int:
        """A token for logits of shape (vocabulary,)."""
        if self.greedy:
            return int(np.argmax(logits))
        top = np.argpartition(logits, -TOP_K)[-TOP_K:] if logits.size > TOP_K else np.arange(logits.size)
        top = top[np.argsort(-logits[top], kind="stable")]
        scaled = logits[top].astype(np.float64) / self._temperature
        weights = np.exp(scaled - scaled[0])
        weights /= weights.sum()
        # The first whose forerunners together weigh TOP_P is already out; the best one always stays.
        kept = max(int(np.searchsorted(np.cumsum(weights), TOP_P)) + 1, 1)
        weights = weights[:kept] / weights[:kept].sum()
        return int(self._random.choice(top[:kept], p=weights))
