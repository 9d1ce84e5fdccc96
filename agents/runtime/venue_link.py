"""An account's stage and its real venue: requests go out once durable, reports come in by the log.

It hears for the account while this worker is the active one, and begins when that has become the
ledger's writer: no process before it can store, and so send, an order any more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Protocol

import structlog

from agents.runtime.reports import Reports
from schemas.clock import now_ns
from schemas.errors import VenueUnavailable
from schemas.frame import Message
from schemas.order import Order
from schemas.venue import VenueReport, VenueRequest

if TYPE_CHECKING:
    from agents.venues.ccxt_live.desk import Desk

log = structlog.get_logger()

END_WITHIN_S = 30.0
"""Longest that the end of a desk is waited for: its venue may answer nothing any more."""

OpenDesk = Callable[[int, Callable[[], bool]], AbstractAsyncContextManager["Desk"]]
"""Makes a desk of a run's number, and of what tells whether the account agrees with the venue."""


class Listener(Protocol):
    """The stage, as far as its venue is concerned."""

    def agrees(self) -> bool:
        """Whether the account and the venue agree."""
        ...

    def report_tick_ns(self) -> int:
        """The tick from which a report holds: that of the last step that is known of."""
        ...

    async def log_report(self, report: VenueReport) -> None:
        """Write a report into the log."""
        ...


class VenueLink:
    """The desk of one stage, from when its worker becomes active until another one does.

    ``crash`` ends the role, for what nobody here can mend.
    """

    def __init__(
        self,
        open_desk: OpenDesk,
        *,
        crash: Callable[[BaseException], Awaitable[None]],
    ) -> None:
        self._open_desk = open_desk
        self._crash = crash
        self._desk: Desk | None = None
        self._task: asyncio.Task[None] | None = None
        self._ending: set[asyncio.Task[None]] = set()
        self.reports = Reports()

    def begin(self, listener: Listener, unsettled: Sequence[Order]) -> None:
        """Hear for a stage; of ``unsettled`` orders something may still be heard."""
        assert self._task is None, "begun twice without a stop"
        self._task = asyncio.create_task(self._work(listener, unsettled))

    def take(self, decided: Sequence[Message], *, fresh: bool) -> None:
        """Send the requests of a step that is durable; see :meth:`Desk.take`."""
        for request in decided:
            if isinstance(request, VenueRequest):
                if self._desk is None:
                    # Another worker is the active one by now, and looks for what is stored.
                    log.warning("venue.not_sent", request=request.id)
                    continue
                self._desk.take(request, fresh=fresh)

    def stop(self) -> None:
        """Another worker is the active one, or this one begins anew: hear and send no more."""
        if self._task is not None:
            self._task.cancel()
            self._ending.add(self._task)
            self._task.add_done_callback(self._ending.discard)
        self._task, self._desk = None, None
        self.reports = Reports()

    async def close(self) -> None:
        """The role ends. What was sent stays sent, and what rests at the venue stays there."""
        self.stop()
        if not await self._ended():
            log.warning("venue.not_ended", waited_s=END_WITHIN_S, action="it ends with the process")

    async def _work(self, listener: Listener, unsettled: Sequence[Order]) -> None:
        try:
            if not await self._ended():
                raise VenueUnavailable(
                    f"the desk before this one has not ended within {END_WITHIN_S:.0f} s, and two "
                    "must not hear at a time; start the role again"
                )
            reports = self.reports
            run = reports.begin(now_ns())
            async with self._open_desk(run, listener.agrees) as desk:
                self._desk = desk
                desk.begin(unsettled)
                while True:
                    await desk.heard.wait()
                    tick_ns = listener.report_tick_ns()
                    for report in reports.stamp(desk.drain(), tick_ns):
                        await listener.log_report(report)
        except Exception as error:
            log.exception("venue.failed")
            await self._crash(error)

    async def _ended(self) -> bool:
        """Wait for the desks before this one; whether they have ended."""
        if not self._ending:
            return True
        _, left = await asyncio.wait(set(self._ending), timeout=END_WITHIN_S)
        return not left
