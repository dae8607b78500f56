"""Continuous batching: each step computes the next tokens of every running answer and a piece of one prompt, in one
batch. Next to the token that is known stand those that are guessed (see `guessing`).

Requests start in the order they came, as long as there is a slot and there are cells for prompt and longest answer. A
piece is small while answers are running, so that no stream stalls behind somebody's long prompt. What is computed in
the background is set aside as soon as somebody asks.
"""

import time
from collections import deque
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from indexes.errors import CareerError, EngineError
from service.llm.batch_sizes import PIECE_IN_COMPANY, most_answers, piece_alone
from service.llm.binding import Context, Model, Row
from service.llm.core import Cancelled, Failed, Progress, Started, told
from service.llm.decoding import Sampler, TextStream, log_probability, sampled
from service.llm.flight import Flight, Part
from service.llm.guessing import Guesser
from service.llm.plan import Planner, Run
from service.llm.slots import Request, Slot, guessed
from service.llm.types import Done, GenerateOptions, Leaning, Text
from service.types import Usage

# Every so many pieces the request that came first goes on, whatever is left of it: short ones cannot starve it.
_OLDEST_EVERY = 4


class Scheduler:
    """Used by one thread, except `flight`."""

    def __init__(
        self, model: Model, context: Context, planner: Planner, *, slots: int, context_tokens: int, guesses: int
    ) -> None:
        self._model = model
        self._context = context
        self._planner = planner
        self._slots_max = slots
        self._context_tokens = context_tokens
        self._guesses = guesses
        self._waiting: deque[Request] = deque()
        self._background: deque[Request] = deque()
        self._slots: list[Slot] = []
        self._pieces = 0
        self._turn = 0
        self.flight = Flight(context)
        self.computed_tokens = self.generated_tokens = 0
        self.guessed_tokens = self.rightly_guessed_tokens = 0

    @property
    def busy(self) -> bool:
        return bool(self._slots or self._waiting or self._background)

    @property
    def running(self) -> int:
        return len(self._slots)

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    def submit(self, request: Request) -> None:
        if request.options is None:
            self._background.append(request)
            return
        self._waiting.append(request)
        self.flight.asked()

    def cancel(self, number: int) -> None:
        self.flight.cancelled(number)
        for line in (self._waiting, self._background):
            for request in [request for request in line if request.number == number]:
                line.remove(request)
                request.sink(Cancelled())
        for slot in [slot for slot in self._slots if slot.number == number]:
            self._end(slot, Cancelled())

    def fail_all(self, error: CareerError) -> None:
        for slot in list(self._slots):
            self._end(slot, Failed(error))
        for request in (*self._waiting, *self._background):
            request.sink(Failed(error))
        self._waiting.clear()
        self._background.clear()
        self._context.clear()
        self._planner.forget()

    def step(self) -> None:
        """Compute one batch and hand out what came of it."""
        self._end_expired()
        self._start_waiting()
        rows, parts = self._gather()
        if not rows:
            return
        try:
            finished = self._decode(rows, parts)
        except EngineError as error:
            for part in parts:
                self._end(part.slot, Failed(error))
            return
        if finished:
            self._hand_out(rows, parts)
        else:
            for part in parts:
                first = rows[part.start]
                self._context.cut(first.sequence, first.position)

    def _decode(self, rows: Sequence[Row], parts: Sequence[Part]) -> bool:
        """False when the batch was interrupted, perhaps before it began."""
        # Keys that are being turned must not be interrupted half way.
        with self.flight.of(parts, can_be_aborted=not self._planner.moving) as wanted:
            if not wanted or not self._context.decode(rows):
                return False
        self._planner.moving = False
        self.computed_tokens += len(rows)
        return True

    def _end_expired(self) -> None:
        now = time.monotonic()
        for request in [r for r in self._waiting if r.deadline is not None and r.deadline <= now]:
            self._waiting.remove(request)
            request.sink(Done("deadline", Usage()))
        for slot in [s for s in self._slots if s.request.deadline is not None and s.request.deadline <= now]:
            self._finish(slot, "deadline")

    def _start_waiting(self) -> None:
        if self._waiting:
            self._set_background_aside()
        while self._waiting and self._has_room(self._waiting[0]):
            self._start(self._waiting.popleft())
        if self._background and not self._slots and not self._waiting:
            self._start(self._background.popleft())

    def _set_background_aside(self) -> None:
        """It begins again with the passage it was at; those before are saved."""
        for slot in [slot for slot in self._slots if slot.background]:
            self._slots.remove(slot)
            self._planner.release(slot.plan)
            self._background.appendleft(slot.request)

    def _has_room(self, request: Request) -> bool:
        used = sum(slot.cells for slot in self._slots) + self._planner.resident_cells
        return (
            len(self._slots) < self._slots_max
            and self._planner.has_free_sequence
            and (used + self._cells(request) <= self._context.cells or not self._slots)
        )

    def _answer_tokens(self, request: Request) -> int:
        room = self._context_tokens - request.layout.size
        return min(request.options.max_tokens, room) if request.options is not None else 0

    def _cells(self, request: Request) -> int:
        # The base may be there twice for a moment, until it is adopted.
        return request.layout.size + len(request.layout.base) + self._answer_tokens(request)

    def _start(self, request: Request) -> None:
        request.sink(Started())
        options = request.options or GenerateOptions(max_tokens=0)
        try:
            make = self._planner.warm if request.options is None else self._planner.answer
            plan = make(request.layout)
        except Exception as error:  # Whatever it is, it concerns this request alone.
            request.sink(Failed(told(error)))
            return
        slot = Slot(
            request=request,
            plan=plan,
            cells=self._cells(request),
            max_tokens=self._answer_tokens(request),
            sampler=Sampler(options.temperature, options.seed),
            text=TextStream(options.stop),
            position=request.layout.size,
            guesser=Guesser(request.layout.tokens) if self._guesses and request.options is not None else None,
        )
        self._slots.append(slot)
        self._do_actions(slot)

    def _do_actions(self, slot: Slot) -> None:
        """Do what needs no computing, up to the next tokens; a passage may have none."""
        steps = slot.plan.steps
        while steps and not (isinstance(steps[0], Run) and steps[0].left):
            action = steps.popleft()
            if isinstance(action, Run):
                if action.wanted:
                    self._end(slot, Failed(EngineError("The prompt ends with nothing to answer. Ask a question.")))
                continue
            try:
                action()
            except Exception as error:  # Likewise.
                self._end(slot, Failed(told(error)))
        if not steps and slot.background:
            self._end(slot, Done("stop", slot.usage))

    def _gather(self) -> tuple[list[Row], list[Part]]:
        rows: list[Row] = []
        parts: list[Part] = []
        answers = self._next_answers()
        for (slot, token), guesses in zip(answers, guessed([slot for slot, _ in answers], self._guesses), strict=True):
            tokens = (token, *guesses)
            parts.append(Part(slot, None, len(rows), len(tokens)))
            rows += [Row(token, slot.position + i, slot.plan.sequence, True) for i, token in enumerate(tokens)]
        slot_and_run = self._next_run()
        if slot_and_run is not None:
            slot, run = slot_and_run
            count = min(run.left, PIECE_IN_COMPANY) if rows else piece_alone(run.left)
            if self._context.by_fours and count < run.left:
                count -= (len(rows) + count) % 4
            parts.append(Part(slot, run, len(rows), count))
            rows += run.rows(count)
        return rows, parts

    def _next_answers(self) -> list[tuple[Slot, int]]:
        """Answers being written with their last token; more than so many take turns."""
        most = most_answers(by_fours=self._context.by_fours)
        answers = [(slot, slot.pending) for slot in self._slots if slot.pending is not None]
        if len(answers) <= most:
            return answers
        first = self._turn % len(answers)
        self._turn = first + most
        return [*answers[first:], *answers[:first]][:most]

    def _next_run(self) -> tuple[Slot, Run] | None:
        """The prompt with the least left goes first, so that most see their first word soon."""
        prompts = [slot for slot in self._slots if slot.plan.steps]
        if not prompts:
            return None
        self._pieces += 1
        slot = prompts[0] if self._pieces % _OLDEST_EVERY == 0 else min(prompts, key=lambda slot: slot.plan.left)
        run = slot.plan.steps[0]
        return (slot, run) if isinstance(run, Run) else None

    def _hand_out(self, rows: Sequence[Row], parts: Sequence[Part]) -> None:
        for part in parts:
            if part.run is None:
                self._go_on(part.slot, [row.token for row in rows[part.start : part.start + part.count]], part.start)
                continue
            part.run.done += part.count
            if not part.run.left:
                part.slot.plan.steps.popleft()
                self._do_actions(part.slot)
                if part.run.wanted:
                    logits = self._context.logits(part.start + part.count - 1)
                    self._tell_leaning(part.slot, logits)
                    self._accept(part.slot, part.slot.sampler.choose(logits))

    def _go_on(self, slot: Slot, tokens: Sequence[int], row: int) -> None:
        """With what was computed from `row` on: the last token of an answer, and guesses of what follows it."""
        self.guessed_tokens += len(tokens) - 1
        for i, guess in enumerate((*tokens[1:], None)):
            chosen = slot.sampler.choose(self._context.logits(row + i))
            self._accept(slot, chosen)
            if slot not in self._slots:
                return
            if chosen != guess:
                break
            self.rightly_guessed_tokens += 1
        if len(tokens) > 1:
            self._context.cut(slot.plan.sequence, slot.position)

    def _tell_leaning(self, slot: Slot, logits: NDArray[np.float32]) -> None:
        request, options = slot.request, slot.request.options
        if request.watched is not None and options is not None:
            last = request.layout.size - 1
            values = self._planner.held(slot.plan.sequence, last) if options.tell_values else ()
            told = sampled(logits, options.sample_logits)
            slot.emit(Leaning(log_probability(logits, request.watched), told, values))

    def _accept(self, slot: Slot, token: int) -> None:
        if slot.pending is not None:
            slot.position += 1
        if self._model.ends_turn(token):
            self._finish(slot, "stop")
            return
        slot.take(token)
        self.generated_tokens += 1
        text = slot.text.feed(self._model.piece(token))
        if text:
            slot.emit(Text(text))
        if slot.text.stopped:
            self._finish(slot, "stop")
        elif slot.generated >= slot.max_tokens:
            self._finish(slot, "length")

    def _finish(self, slot: Slot, finish: Literal["stop", "length", "deadline"]) -> None:
        rest = slot.text.finish()
        if rest:
            slot.emit(Text(rest))
        self._end(slot, Done(finish, slot.usage))

    def _end(self, slot: Slot, last: Progress) -> None:
        if slot in self._slots:
            self._slots.remove(slot)
            self._planner.release(slot.plan)
            slot.emit(last)
