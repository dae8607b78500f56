"""How many rows of a batch are whose: measured on two cores, answers first, pieces of prompts in what is left."""

PIECE_ALONE = 128
LAST_PIECE_ALONE = 192  # A few tokens in a batch of their own cost nearly as much as sixty: they go with those before.
PIECE_IN_COMPANY = 64
# llama.cpp's own products: an eighth row costs as much as three (two cores with AVX-512: 7 rows 147 ms, 8 rows 212).
# Ours: 7 rows 65 ms, 8 rows 61, 16 rows 95.
MOST_ANSWERS, MOST_ANSWERS_BY_FOURS = 7, 16
GUESSES = 3
"""Fills the four rows of one answer (38 ms, one row 30), where products by fours make more rows cheap."""
_MOST_GUESSING = 12
"""Among eight answers four rows more cost 20 ms, a token 10 on average: one guess for each pays if it is sure."""


def most_answers(*, by_fours: bool) -> int:
    """How many answers get a token in one batch."""
    return MOST_ANSWERS_BY_FOURS if by_fours else MOST_ANSWERS


def guesses_each(guesses: int, answers: int) -> int:
    """How many of at most `guesses` are computed for each of so many answers."""
    if answers <= 1:
        return guesses
    return min(guesses, 1) if answers <= _MOST_GUESSING else 0


def by_fours_only(answers: int, guesses: int) -> int:
    """How many of `guesses` to keep, so that with a row for each answer they fill fours: a single row costs two."""
    fours = (answers + guesses) // 4 * 4
    return fours - answers if fours >= answers else guesses


def piece_alone(left: int) -> int:
    """How many of the tokens left of a prompt are computed at once while no answer is being written."""
    return left if left <= LAST_PIECE_ALONE else PIECE_ALONE
