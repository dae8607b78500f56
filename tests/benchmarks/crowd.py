"""Many askers in one thread, so that the service's time is measured and not that of threads beside each other."""

import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.benchmarks.engine_served import Served


@dataclass(slots=True)
class Crowd:
    """Askers of one question, each of whom comes again `back_after_s` after it was turned away.

    They first come at random moments of `within_s` seconds, 0 for all at the same moment, and ask nothing new after
    `seconds`; who was let in is waited for, but no longer than `give_up_s`. `told(status, seconds)` hears of every
    reply, from before the connection until its last byte.
    """

    served: Served
    request: bytes
    told: Callable[[int, float], None]
    askers: int
    seconds: float
    within_s: float
    back_after_s: float
    give_up_s: float
    statuses: Counter[int] = field(default_factory=Counter)
    errors: list[str] = field(default_factory=list)
    hung: int = 0

    def ask(self) -> "Crowd":
        rng = random.Random(0)
        moments = [rng.uniform(0.0, self.within_s) for _ in range(self.askers)]
        asyncio.run(self._all(moments, time.monotonic() + self.seconds))
        return self

    async def _all(self, moments: list[float], end: float) -> None:
        await asyncio.gather(*(self._one(moment, end) for moment in moments))

    async def _one(self, moment: float, end: float) -> None:
        await asyncio.sleep(moment)
        while (begun := time.monotonic()) < end:
            try:
                status = await asyncio.wait_for(self._exchange(), self.give_up_s)
            except TimeoutError:
                self.hung += 1
            except (OSError, ValueError, asyncio.IncompleteReadError) as error:
                self.errors.append(repr(error))
                await asyncio.sleep(0.1)
            else:
                self.statuses[status] += 1
                self.told(status, time.monotonic() - begun)
                await asyncio.sleep(self.back_after_s if status != 200 else 0.0)

    async def _exchange(self) -> int:
        """The status of the reply, when all of it is here."""
        reader, writer = await asyncio.open_connection(self.served.host, self.served.port)
        try:
            writer.write(self.request)
            status = int((await reader.readuntil(b"\r\n")).split()[1])
            await reader.read()
            return status
        finally:
            writer.close()


def request(served: Served, question: str) -> bytes:
    body = json.dumps({"question": question, "policy": "off"}).encode()
    head = (
        f"POST /api/ask HTTP/1.1\r\nHost: {served.host}:{served.port}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode("ascii") + body
