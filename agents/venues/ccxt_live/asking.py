"""Asking a venue: for as long as the settings say, and without ending for somebody else's sake."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

from agents.venues.ccxt_live.errors import CutShort


async def within(seconds: float, asking: Awaitable[Any]) -> Any:
    """Await a request for so long. Raises :class:`TimeoutError`, :class:`CutShort`, what it did."""
    return await ours(asyncio.wait_for(asking, seconds))


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
