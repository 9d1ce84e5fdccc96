"""A client of ccxt.pro for one account: signs, sends, counts against the budget, never retries."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import aiohttp
import ccxt.pro
import structlog

from agents.venues.ccxt_live.budget import LIMITS, Budget
from agents.venues.ccxt_live.credentials import Credentials
from agents.venues.ccxt_live.errors import retry_after_s, text_of
from schemas.clock import now_ns
from schemas.frame import NS_PER_MS
from schemas.live_settings import LiveSettings

log = structlog.get_logger()

_PAUSE_S = 10.0


class CcxtClient:
    """ccxt's ``exchange`` within one budget of requests and one patience for each."""

    def __init__(
        self,
        settings: LiveSettings,
        credentials: Credentials,
        session: aiohttp.ClientSession,
        *,
        adjusts_clock: bool = True,
    ) -> None:
        self.settings = settings
        self._hidden = credentials.hidden()
        self.exchange = self.make(settings, credentials, session, adjusts_clock)
        self.budget = Budget(LIMITS[settings.venue], share=settings.rate_share)
        self._loading = asyncio.Lock()

    def make(
        self,
        settings: LiveSettings,
        credentials: Credentials,
        session: aiohttp.ClientSession,
        adjusts_clock: bool,
    ) -> Any:
        """The ccxt client, with the venue's testnet or demo endpoints where the settings say so."""
        exchange = self.kind()(
            {
                **self.signing(credentials),
                "session": session,
                "enableRateLimit": False,  # one budget for all that is asked for the account
                "timeout": round(settings.timeout_s * 1_000),
                "options": {
                    "maxRetriesOnFailure": 0,
                    "adjustForTimeDifference": adjusts_clock,
                    "recvWindow": settings.recv_window_ms,
                    "warnOnFetchOpenOrdersWithoutSymbol": False,
                    "fetchMargins": False,
                },
            }
        )
        # Streams of orders ask for it, too, and nobody waits for the answer: when it fails, its
        # address is printed, signed.
        exchange.options.setdefault("watchPositions", {})["fetchPositionsSnapshot"] = False
        exchange.has["fetchCurrencies"] = False
        if settings.sandbox and not settings.connect_to:
            self.to_sandbox(exchange)
        return exchange

    def kind(self) -> Any:
        """Class of the client."""
        return getattr(ccxt.pro, self.settings.venue)

    def signing(self, credentials: Credentials) -> dict[str, str]:
        """What ccxt signs with. Raises :class:`SettingsError` for what cannot be such keys."""
        return {
            "apiKey": credentials.key,
            "secret": credentials.secret,
            "password": credentials.password,
        }

    def to_sandbox(self, exchange: Any) -> None:
        """Point a client at the venue's testnet."""
        exchange.set_sandbox_mode(True)

    async def ask(self, asking: Callable[[], Any], weight: float = 1.0) -> Any:
        """Make one request within the budget, and wait for its reply for ``timeout_s``."""
        await self.load()
        await self.budget.take(weight)
        return await self._answer(asking)

    async def ask_first(self, asking: Callable[[], Any], *, patience_s: float) -> Any:
        """The same for what moves orders: it waits behind nothing but a pause of the venue's."""
        await self.load()
        await self.budget.take_first(patience_s=patience_s)
        return await self._answer(asking)

    async def _answer(self, asking: Callable[[], Any]) -> Any:
        try:
            # Not wait_for: that loses a cancellation that comes together with the reply (up to
            # Python 3.11), and who is told to end goes on.
            async with asyncio.timeout(self.settings.timeout_s):
                return await asking()
        except Exception as error:
            self.budget.pause(self.retry_after_s(error))
            raise

    async def load(self) -> None:
        """Load markets once, and the clock's offset where it is corrected.

        Callers of ccxt share what it loads, and one that is out of patience would end it for all:
        so it is loaded before anything is asked, and each of its requests has ``timeout_s``. To
        ccxt an answer that was cut short is a venue without markets, and stays that unless it is
        told to load them again.
        """
        async with self._loading:
            if not self.exchange.markets:
                await self.budget.take(10)
                await self.exchange.load_markets(True)
            if not self.exchange.markets:
                raise ccxt.ExchangeNotAvailable(f"{self.settings.venue} lists no markets")

    async def clock_off_ms(self) -> float:
        """Our clock less the venue's, half of the way there taken off. ``nan`` if it tells none."""
        if not self.exchange.has.get("fetchTime"):
            return float("nan")
        before = now_ns()
        there = await self.ask(self.time_ms)
        return (before + now_ns()) / 2 / NS_PER_MS - float(there)

    async def time_ms(self) -> Any:
        """The venue's clock."""
        return await self.exchange.fetch_time()

    def describe(self, error: BaseException) -> str:
        """An error in one line, without secrets."""
        return text_of(error, self._hidden)

    def retry_after_s(self, error: BaseException) -> float:
        """Seconds for which the venue wants to be left alone after an error."""
        return retry_after_s(self.exchange, error, otherwise=_PAUSE_S)

    async def close(self) -> None:
        """Let go of the streams, for ``timeout_s`` at most; the session stays its owner's."""
        self.exchange.timeout_on_exit = 0
        try:
            async with asyncio.timeout(self.settings.timeout_s):
                await self.exchange.close()
        except TimeoutError:
            log.warning("live.streams_left", said="they end with the process")
