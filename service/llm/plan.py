"""How a prompt's state comes about: what is loaded, what is computed in which sequence, what is moved and joined.

A passage's state is computed behind the base (see `Layout`) in a sequence of its own, saved, then moved to its place
and joined to the sequence of the answer. A first asking and a later one thus join the very same numbers, and answer
alike. What our own code cannot move is moved by llama.cpp, all at once, because it turns every cell of the context.
"""

from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TypeAlias

import numpy as np

from indexes.errors import EngineError
from service.llm.binding import Context, Row
from service.llm.core import Reuse
from service.llm.kvstore import KvStore, state_key
from service.llm.layout import Layout
from service.llm.rotation import Rotation
from service.llm.saved_state import SavedState

RESIDENT_BASES = 4
"""Bases (one for each system prompt) that stay in the context; they take its first sequences."""


@dataclass(slots=True)
class Run:
    """Tokens to compute in a sequence from a position on; `wanted` when the logits after the last one are."""

    sequence: int
    tokens: Sequence[int]
    position: int
    wanted: bool = False
    done: int = 0

    @property
    def left(self) -> int:
        return len(self.tokens) - self.done

    def rows(self, count: int) -> list[Row]:
        """The next `count` tokens, not yet counted as done."""
        last = len(self.tokens) - 1
        return [
            Row(self.tokens[i], self.position + i, self.sequence, self.wanted and i == last)
            for i in range(self.done, self.done + count)
        ]


Step: TypeAlias = Run | Callable[[], None]


@dataclass(slots=True)
class Plan:
    """Steps in order; `sequence` is the answer's; `borrowed` go back to the pool at the end; `cached` tokens were
    loaded and need no computing."""

    sequence: int
    borrowed: list[int]
    steps: deque[Step] = field(default_factory=deque)
    cached: int = 0

    @property
    def left(self) -> int:
        return sum(step.left for step in self.steps if isinstance(step, Run))


@dataclass(slots=True)
class _Placed:
    """A passage on its way to `offset`: fresh when it has no sequence of its own, `there` when it needs no shift."""

    tokens: Sequence[int]
    offset: int
    sequence: int | None
    there: bool = False


class Planner:
    """Owns the sequences of a context and makes plans for layouts."""

    def __init__(
        self,
        context: Context,
        store: KvStore,
        *,
        fingerprint: str,
        sequences: int,
        reuse: Reuse,
        boundary_tokens: int,
        rotation: Rotation | None,
        head: int,
    ) -> None:
        self._context = context
        self._store = store
        self._fingerprint = fingerprint
        self._reuse = reuse
        self._rotation = rotation
        self._head = head
        self._boundary = boundary_tokens if reuse is Reuse.BOUNDARY else 0
        self._bases: OrderedDict[tuple[int, ...], int] = OrderedDict()
        self._free_bases = list(range(RESIDENT_BASES))
        self._free = list(range(RESIDENT_BASES, sequences))
        self.moving = False
        """Whether the next decode will turn keys: to interrupt that would leave them half turned."""

    @property
    def resident_cells(self) -> int:
        return sum(map(len, self._bases))

    @property
    def has_free_sequence(self) -> bool:
        return len(self._free) >= 2

    def answer(self, layout: Layout) -> Plan:
        """Steps to the logits after the last token of a prompt."""
        with self._new_plan() as plan:
            if self._reuse is Reuse.OFF:
                plan.steps.append(Run(plan.sequence, layout.tokens, 0, wanted=True))
                return plan
            base = self._with_base(plan, layout)
            self._add_head(plan, layout, base)
            placed = self._obtain_all(plan, layout, base)
            plan.steps.append(lambda: self._move_all(placed, len(layout.base)))
            self._join_all(plan, layout, placed)
            return plan

    def warm(self, layout: Layout) -> Plan:
        """Steps that compute and save the states of a prompt's passages that are missing."""
        with self._new_plan() as plan:
            missing = [tokens for tokens in layout.passages if not self._store.has(self._key(layout, tokens))]
            if self._reuse is Reuse.OFF or not missing:
                return plan
            base = self._with_base(plan, layout)
            for tokens in missing:
                self._compute(plan, layout, base, _Placed(tokens, len(layout.base), plan.sequence))
                plan.steps.append(lambda: self._context.cut(plan.sequence))
            return plan

    @contextmanager
    def _new_plan(self) -> Iterator[Plan]:
        """An empty plan; what it has borrowed goes back when it cannot be made."""
        sequence = self._free.pop()
        plan = Plan(sequence, [sequence])
        try:
            yield plan
        except BaseException:
            self.release(plan)
            raise

    def release(self, plan: Plan) -> None:
        for sequence in plan.borrowed:
            self._context.cut(sequence)
        self._free += plan.borrowed
        plan.borrowed = []
        plan.steps.clear()

    def forget(self) -> None:
        """The context has been cleared."""
        self._free_bases += self._bases.values()
        self._bases.clear()

    def held(self, sequence: int, position: int) -> tuple[float, ...]:
        """The values of a token (see `Leaning`); empty where they cannot be read, or no sequence is free for it."""
        if not self._head or not self._free:
            return ()
        state = self._context.save_token(sequence, position, self._free[-1])
        saved = SavedState.of(np.frombuffer(state, np.uint8), self._head)
        return saved.told() if saved is not None else ()

    def _borrow(self, plan: Plan) -> int | None:
        if not self._free:
            return None
        plan.borrowed.append(self._free.pop())
        return plan.borrowed[-1]

    def _key(self, layout: Layout, tokens: Sequence[int]) -> str:
        return state_key(self._fingerprint, layout.base, tokens)

    def _with_base(self, plan: Plan, layout: Layout) -> int:
        """A sequence that holds the base when the plan's steps so far are done."""
        base = self._borrow(plan)
        if base is None:
            raise AssertionError("a plan is only made while has_free_sequence")
        if not self._fetch_base(layout.base, base):
            plan.steps += [Run(base, layout.base, 0), lambda: self._keep_base(layout.base, base)]
        return base

    def _fetch_base(self, tokens: tuple[int, ...], into: int) -> bool:
        if tokens in self._bases:
            self._bases.move_to_end(tokens)
            self._context.share(self._bases[tokens], into)
            return True
        state = self._store.get(state_key(self._fingerprint, (), tokens))
        if state is None or not self._context.load(into, state):
            return False
        self._adopt_base(tokens, into)
        return True

    def _keep_base(self, tokens: tuple[int, ...], source: int) -> None:
        self._store.put(state_key(self._fingerprint, (), tokens), self._context.save(source))
        self._adopt_base(tokens, source)

    def _adopt_base(self, tokens: tuple[int, ...], source: int) -> None:
        if tokens in self._bases:
            return
        if not self._free_bases:
            _, oldest = self._bases.popitem(last=False)
            self._context.cut(oldest)
            self._free_bases.append(oldest)
        self._bases[tokens] = self._free_bases.pop()
        self._context.share(source, self._bases[tokens])

    def _add_head(self, plan: Plan, layout: Layout, base: int) -> None:
        shared = layout.shared
        plan.steps.append(lambda: self._context.share(base, plan.sequence, 0, shared))
        if shared < len(layout.head):
            plan.steps.append(Run(plan.sequence, layout.head[shared:], shared))
        if not any(isinstance(step, Run) and step.sequence == base for step in plan.steps):
            plan.cached += shared

    def _obtain_all(self, plan: Plan, layout: Layout, base: int) -> list[_Placed]:
        placed = []
        offset = len(layout.head)
        for i, tokens in enumerate(layout.passages):
            last = i == len(layout.passages) - 1
            fresh = last and self._reuse is Reuse.LAST_FRESH
            sequence = None if fresh else self._borrow(plan)
            placed.append(_Placed(tokens, offset, sequence))
            if sequence is not None:
                self._obtain(plan, layout, base, placed[-1])
            offset += len(tokens)
        return placed

    def _obtain(self, plan: Plan, layout: Layout, base: int, passage: _Placed) -> None:
        state = self._store.get(self._key(layout, passage.tokens))
        if state is not None and self._place(passage, state, len(layout.base)):
            plan.cached += len(passage.tokens)
        else:
            self._compute(plan, layout, base, passage)

    def _place(self, passage: _Placed, state: bytes, start: int) -> bool:
        """Load a state, where it belongs if we can turn its keys; False when llama.cpp refuses it."""
        if passage.sequence is None:
            raise AssertionError("a fresh passage has no state")
        moved = self._rotation.moved(state, passage.offset - start) if self._rotation is not None else None
        passage.there = moved is not None and self._context.load(passage.sequence, moved)
        return passage.there or self._context.load(passage.sequence, state)

    def _compute(self, plan: Plan, layout: Layout, base: int, passage: _Placed) -> None:
        start, tokens, sequence = len(layout.base), passage.tokens, passage.sequence
        if sequence is None:
            raise AssertionError("a fresh passage is computed where it belongs")
        key = self._key(layout, tokens)

        def save() -> None:
            self._context.cut(sequence, 0, start)
            state = self._context.save(sequence)
            self._store.put(key, state)
            if self._rotation is not None and passage.offset != start:
                self._context.cut(sequence)
                if not self._place(passage, state, start):
                    raise EngineError("llama.cpp refuses a state it has just given. Ask again.")

        plan.steps += [lambda: self._context.share(base, sequence), Run(sequence, tokens, start), save]

    def _move_all(self, placed: Sequence[_Placed], start: int) -> None:
        for passage in placed:
            if passage.sequence is not None and passage.offset != start and not passage.there:
                self._context.shift(passage.sequence, passage.offset - start)
                self.moving = True

    def _join_all(self, plan: Plan, layout: Layout, placed: Sequence[_Placed]) -> None:
        fresh: list[int] = []
        for i, passage in enumerate(placed):
            if passage.sequence is None:
                fresh += passage.tokens
                continue
            # The first passage has seen all there is before it, unless there was history.
            redo = 0 if i == 0 and layout.head == layout.base else min(self._boundary, len(passage.tokens))
            if redo:
                plan.steps.append(partial(self._context.cut, passage.sequence, passage.offset, passage.offset + redo))
                fresh += passage.tokens[:redo]
                plan.cached -= min(redo, plan.cached)
            if fresh:
                plan.steps.append(Run(plan.sequence, fresh, passage.offset + redo - len(fresh)))
                fresh = []
            plan.steps.append(partial(self._join, passage.sequence, plan.sequence))
        fresh += layout.tail
        plan.steps.append(Run(plan.sequence, fresh, layout.size - len(fresh), wanted=True))

    def _join(self, source: int, target: int) -> None:
        self._context.share(source, target)
        self._context.cut(source)
