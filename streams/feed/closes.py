"""When intervals end, by the wall clock."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable

from schemas.clock import now_ns
from schemas.frame import NS_PER_S


async def closes(
    interval_ns: int,
    *,
    clock: Callable[[], int] = now_ns,
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
) -> AsyncGenerator[int, None]:
    """Whole multiples of ``interval_ns`` since 1970, each as soon as it is there, and not before.

    A timer may wake a millisecond early: what is asked then has not ended, and would have to wait
    for the next close. Who comes back late gets the latest close at once, and none twice.
    """
    close_ns = clock() // interval_ns * interval_ns
    while True:
        close_ns = max(close_ns + interval_ns, clock() // interval_ns * interval_ns)
        while (left_ns := close_ns - clock()) > 0:
            await sleep(left_ns / NS_PER_S)
        yield close_ns
