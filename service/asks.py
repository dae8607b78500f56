"""Answers under way: how many at once, in which threads, what they count, and that every one is closed."""

import asyncio
import json
import math
import time
import zlib
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

from indexes.errors import CareerError, DeadlineExceeded, EngineBusy
from service.access import Buckets
from service.cancelling import AnswerStream
from service.composing import shortened
from service.llm.extractive import NAME as EXTRACTIVE
from service.metrics import Metrics
from service.problems import Json, Problem, of_error, retry_after
from service.runtime import Runtime
from service.serialise import answer_json
from service.sse import Stepper, Tick
from service.telemetry import AskTrace, Telemetry
from service.types import Answer, AnswerEvent, DraftToken, Evidence, Finished, Question, Waiting

GRACE_S = 2.0
"""Time past its deadline in which an engine may still end an answer by itself, with what was checked until then."""


class Asks:
    """Admits at most `limit` answers; one more is turned away at once, before any work is done for it."""

    def __init__(
        self,
        limit: int,
        metrics: Metrics,
        telemetry: Telemetry,
        tokens: Buckets | None = None,
        share: Callable[[str], float] = lambda _: 1.0,
    ) -> None:
        """`tokens` are those of each account; `share(account)` is how much of `limit` it may take for itself."""
        self._limit = limit
        self._share = share
        self._tokens = tokens or Buckets(0, time.monotonic)
        self._telemetry = telemetry
        self._metrics = metrics
        self._open: set[Ask] = set()
        # A thread for each: a waiting asker must never keep a search, or the close of another, from running.
        self._threads = ThreadPoolExecutor(limit + 2, thread_name_prefix="ask")
        self._closing: set[asyncio.Future[None]] = set()
        self._recent: OrderedDict[str, bytes] = OrderedDict()

    @property
    def running(self) -> int:
        return len(self._open)

    def running_before(self, moment: float) -> int:
        """Answers under way that began before `moment` on the monotonic clock; safe from any thread.

        One that is closed is told to nobody any more, though it has its place until the engine lets go of it.
        """
        return sum(ask.started <= moment and not ask.closed for ask in tuple(self._open))

    def open(self, runtime: Runtime, question: Question, account: str = "") -> "Ask":
        """Begin an answer, on the account of whoever asks.

        It counts as under way before a generation is chosen for it, so that no job overlooks it.
        Soon after the question's deadline the asker is told so, whatever the engine is doing.

        Raises:
            EngineBusy: `limit` answers are under way; Problem: the account has had its tokens of this minute, or its
                share of the places.
        """
        self.admit(account)
        self._check_share(account)
        if len(self._open) >= self._limit:
            self._metrics.rejected.labels("queue_full").inc()
            raise EngineBusy(f"{self._limit} questions are being answered: try again in a moment.", 2.0)
        longest_s = (question.deadline_s or math.inf) + GRACE_S
        ask = Ask(self, self._metrics, account, partial(self.spend, account), longest_s)
        self._open.add(ask)
        self._metrics.running.set(len(self._open))
        try:
            model = runtime.llm.name if runtime.llm else EXTRACTIVE
            ask.trace = self._telemetry.ask(question, model, runtime.generation.number)
            ask.stream = runtime.answerer.stream(question)
        except BaseException:
            self.release(ask)
            raise
        ask.stepper = Stepper(ask.stream, self._threads)
        return ask

    def admit(self, account: str) -> None:
        """Raises: Problem: the account has had its tokens of this minute."""
        if wait_s := self._tokens.wait(account, 1):
            self._metrics.rejected.labels("tokens").inc()
            detail = "Too many tokens for one minute: wait and try again."
            raise Problem(429, detail, "tokens_limited", headers=retry_after(wait_s + 0.5))

    def spend(self, account: str, tokens: float) -> None:
        """Charge an account; it may owe what it has spent."""
        self._tokens.spend(account, tokens)

    def _check_share(self, account: str) -> None:
        most = max(1, int(self._limit * self._share(account)))
        if most < self._limit and sum(ask.account == account for ask in self._open) >= most:
            self._metrics.rejected.labels("share").inc()
            detail = f"{most} of your questions are being answered: wait for one of them."
            raise Problem(429, detail, "too_many_at_once", headers=retry_after(2.0))

    def release(self, ask: "Ask") -> None:
        self._open.discard(ask)
        self._metrics.running.set(len(self._open))

    def close_later(self, ask: "Ask") -> None:
        task = asyncio.ensure_future(ask.free())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    def remember(self, answer: Answer) -> None:
        """Keep the last thousand for feedback; they are never written unless somebody votes on one."""
        # Packed: as objects, a thousand answers would keep alive what texts of past generations they quote.
        self._recent[answer.id] = zlib.compress(json.dumps(answer_json(answer)).encode(), 1)
        if len(self._recent) > 1000:
            self._recent.popitem(last=False)

    def recall(self, answer_id: str) -> Json | None:
        packed = self._recent.get(answer_id)
        return json.loads(zlib.decompress(packed)) if packed else None

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


class Ask:
    """One answer under way; `close` may be called more than once."""

    stream: AnswerStream
    stepper: Stepper[AnswerEvent]
    trace: AskTrace

    def __init__(
        self, asks: Asks, metrics: Metrics, account: str, spend: Callable[[float], None], longest_s: float
    ) -> None:
        self._asks = asks
        self._metrics = metrics
        self.account = account
        self._spend = spend
        self._drafted = 0
        self._finished = False
        self._charged = False
        self._waiting = False
        self.closed = False
        self.started = time.monotonic()
        self._wrote: float | None = None
        self._latest = self.started + longest_s

    async def step(self, silence_s: float | None = None) -> AnswerEvent | Tick:
        """The next event.

        Raises:
            Problem: the answer cannot be had; its status is right for a response that has not begun.
        """
        try:
            event = await self._timely(silence_s)
        except CareerError as error:
            self._finished = True
            self._reject(error)
            self.trace.failed(type(error).__name__)
            raise of_error(error) from error
        except Exception as bug:
            self._finished = True
            self.trace.failed(type(bug).__name__)
            raise
        if not isinstance(event, Tick):
            self._observe(event)
        return event

    async def _timely(self, silence_s: float | None) -> AnswerEvent | Tick:
        left_s = max(0.0, self._latest - time.monotonic())
        event = await self.stepper.step(left_s if silence_s is None else min(left_s, silence_s))
        if event is Tick.SILENCE and time.monotonic() >= self._latest:
            raise DeadlineExceeded("The answer took longer than its deadline allows: give more, or ask again.")
        return event

    async def first(self) -> AnswerEvent | Tick:
        """The first event; closes when there is none, whatever the reason."""
        try:
            return await self.step()
        except BaseException:
            await self.close()
            raise

    async def answer(self) -> Answer:
        """Step to the end."""
        while not isinstance(event := await self.step(), Tick):
            if isinstance(event, Finished):
                return event.answer
        raise AssertionError("a stream of events ends with Finished")

    def end(self, text: str) -> Answer:
        """The answer so far, of which only `text` was wanted: it counts as finished, not as left. To be closed next."""
        answer = self.stream.so_far()
        usage = replace(answer.usage, completion_tokens=self._drafted)
        answer = shortened(replace(answer, usage=usage), text)
        self._finish(answer)
        return answer

    async def close(self) -> None:
        if self.closed:
            return
        self.closed = True
        self._wait(False)
        if not self._finished:
            self._metrics.cancelled.inc()
            self.trace.failed("cancelled")
        if time.monotonic() >= self._latest:
            # The engine did not keep to its deadline: nobody waits for it, but its place is taken until it ends.
            self._asks.close_later(self)
            return
        await self.free()

    async def free(self) -> None:
        try:
            await self.stepper.close()
        finally:
            self._asks.release(self)
            if not self._charged:
                self._charge(self.stream.so_far().usage.prompt_tokens + self._drafted)

    def _observe(self, event: AnswerEvent) -> None:
        self._wait(isinstance(event, Waiting) or (self._waiting and not isinstance(event, DraftToken | Finished)))
        if isinstance(event, Evidence):
            self.trace.searched(event.retrieval)
        elif isinstance(event, DraftToken):
            self.trace.wrote()
            self._drafted += 1
            self._tick()
        elif isinstance(event, Finished):
            self._finish(event.answer)

    def _finish(self, answer: Answer) -> None:
        self._finished = True
        self._charge(answer.usage.prompt_tokens + answer.usage.completion_tokens)
        self.trace.finished(answer)
        self._metrics.answered(answer)
        self._asks.remember(answer)

    def _charge(self, tokens: float) -> None:
        self._charged = True
        self._spend(tokens)

    def _tick(self) -> None:
        before, self._wrote = self._wrote, time.monotonic()
        if before is not None:
            self._metrics.inter_token.observe(self._wrote - before)

    def _wait(self, waiting: bool) -> None:
        if waiting != self._waiting:
            self._waiting = waiting
            (self._metrics.waiting.inc if waiting else self._metrics.waiting.dec)()

    def _reject(self, error: CareerError) -> None:
        reasons = {EngineBusy: "queue_full", DeadlineExceeded: "deadline"}
        self._metrics.rejected.labels(reasons.get(type(error), "engine")).inc()
