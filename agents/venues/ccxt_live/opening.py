"""A desk at a real venue, ready to begin, and what is looked at there before a role starts."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import aiohttp
import structlog

from agents.venues.ccxt_live.credentials import Credentials
from agents.venues.ccxt_live.desk import Desk
from agents.venues.ccxt_live.errors import refuses_keys
from agents.venues.ccxt_live.gateway import CcxtGateway
from agents.venues.ccxt_live.venues import gateway_of
from schemas.clock import monotonic_ns
from schemas.errors import ClockOff, SettingsError, VenueUnavailable
from schemas.frame import NS_PER_S
from schemas.settings import Settings

Connect = Callable[[], aiohttp.ClientSession]
"""Opens a session to the venue, within a running event loop."""

log = structlog.get_logger()

_LOOK_S = 60.0
_AGAIN_S = 2.0


class Opening:
    """How to get at a venue: settings, keys, and a way there."""

    def __init__(self, settings: Settings, credentials: Credentials, connect: Connect) -> None:
        self._settings = settings
        self._credentials = credentials
        self._connect = connect

    def desk(self, run: int, ready: Callable[[], bool]) -> AbstractAsyncContextManager[Desk]:
        """A desk of the run's number, and the session under it; both end with the block."""
        return self._desk(run, ready)

    @asynccontextmanager
    async def _desk(self, run: int, ready: Callable[[], bool]) -> AsyncIterator[Desk]:
        settings = self._settings
        symbols = [key.partition(":")[2] for key in settings.runtime.symbols]
        async with self._connect() as session:
            gateway = gateway_of(settings.live, self._credentials, session)
            desk = Desk(
                gateway, settings.live, account=settings.account.id, symbols=symbols, run=run,
                ready=ready,
            )  # fmt: skip
            try:
                yield desk
            finally:
                await desk.close()

    async def look(self) -> None:
        """Look at the venue, as far as a start depends on it; nothing is changed there.

        A venue that is away is asked again for a minute. Raises :class:`SettingsError` for keys
        that it does not take, or that may withdraw, :class:`ClockOff`, :class:`VenueUnavailable`.
        """
        async with self._connect() as session:
            gateway = gateway_of(self._settings.live, self._credentials, session)
            try:
                await self._look_until(gateway, monotonic_ns() + round(_LOOK_S * NS_PER_S))
            finally:
                await gateway.close()

    async def _look_until(self, gateway: CcxtGateway, end_ns: int) -> None:
        while True:
            try:
                async with asyncio.timeout(_LOOK_S):
                    return await self._look(gateway)
            except TimeoutError:
                venue = self._settings.live.venue
                raise VenueUnavailable(f"{venue} does not answer within {_LOOK_S:g} s") from None
            except VenueUnavailable as error:
                if monotonic_ns() > end_ns:
                    raise
                log.warning("live.start", said=str(error))
            await asyncio.sleep(_AGAIN_S)

    async def _look(self, gateway: CcxtGateway) -> None:
        live = self._settings.live
        symbols = [key.partition(":")[2] for key in self._settings.runtime.symbols]
        try:
            await gateway.load()
            off_ms = await gateway.clock_off_ms()
            rights = await gateway.rights()
            # Whatever the venue says of the account: the keys are good for it.
            await gateway.account(symbols)
        except Exception as error:  # noqa: BLE001 - ccxt's own, and what a broken answer raises
            said = gateway.describe(error)
            if refuses_keys(error):
                raise SettingsError(f"{live.venue} does not take these keys: {said}") from None
            raise VenueUnavailable(f"{live.venue} cannot be looked at: {said}") from None
        if not math.isnan(off_ms) and abs(off_ms) > live.max_clock_off_ms:
            raise ClockOff(
                f"this machine's clock is {off_ms:+.0f} ms off that of {live.venue}, more than "
                f"live.max_clock_off_ms {live.max_clock_off_ms}: synchronise it (NTP)"
            )
        if rights.trade is False:
            raise SettingsError(f"this key may not trade at {live.venue}: allow it there")
        if rights.withdraw:
            raise SettingsError(
                f"this key may withdraw from {live.venue}: make one without that right; whoever "
                "gets hold of it could take everything"
            )
