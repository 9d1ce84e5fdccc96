"""Asking a venue without ending for somebody else's sake; how long a request waits for its reply is
the gateway's, as its time begins when it leaves, not when it begins to wait for its turn.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

from agents.venues.ccxt_live.errors import CutShort


async def ours(asking: Awaitable[Any]) -> Any:
    """Await; a cancellation that nobody here asked for is an error like others.

    Callers of ccxt share what it loads: where one is out of patience, all are cancelled, and
    a desk that took it for its own end would never look again.
    """
    try:
        return await asking
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        raise CutShort("cancelled together with another request") from error
